"""Reading the code of a student's notebook: an .ipynb, or a script in the py:percent form.

The notebook is read as data. Nothing of it is run, and nothing but the text of its code cells is believed: no
metadata, no outputs, no positions.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fedteach.grading.magics import parses, without_magics

MOST_BYTES = 100 * 2**20

_MARKER = re.compile(r"# ?%%(?!%)(?P<title>.*)")


class UnreadableNotebook(ValueError):
    """A file that is not a notebook; says what it is instead."""


@dataclass(frozen=True)
class Cell:
    """The Python of one code cell.

    Attributes:
        place: where it is, in words: "04_aggregation.ipynb, cell 7". Only code cells count, so this is also the
            number that Jupyter writes beside the cell when the notebook is run from top to bottom.
        source: its text, without what is not Python; "" if nothing remains.
        first_line: number of its first line, in the cell or (for a script) in the file.
        left_out: the text of a cell that is not for Python, such as one that begins with `%%bash`.
    """

    place: str
    source: str
    first_line: int = 1
    left_out: str = ""


def code_cells(path: Path) -> list[Cell]:
    """Return the code cells of an .ipynb file or a py:percent script, in order.

    Raises:
        UnreadableNotebook: if there is no such file, or it is too long, damaged or something else.
    """
    return cells_in(path.name, content_of(path))


def cells_in(name: str, content: bytes) -> list[Cell]:
    """Return the code cells of a file that was read already; see `code_cells`."""
    text = _text_of(name, content)
    return _cells_of_script(name, text) if name.lower().endswith(".py") else _cells_of_notebook(name, text)


def content_of(path: Path) -> bytes:
    """Return the bytes of a notebook, whatever they are.

    Raises:
        UnreadableNotebook: if there is no such file, or it is too long.
    """
    try:
        if not path.is_file():
            raise UnreadableNotebook(f"{path.name} is not a file; expected a notebook such as 04_aggregation.ipynb")
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UnreadableNotebook(f"{path.name} cannot be read: {error.strerror or error}") from None
    if len(raw) > MOST_BYTES:
        limit = MOST_BYTES // 2**20
        raise UnreadableNotebook(f"{path.name} is longer than {limit} MB; clear its outputs and save it again")
    return raw


def _text_of(name: str, raw: bytes) -> str:
    if not raw.strip():
        raise UnreadableNotebook(f"{name} is empty; save the notebook again")
    if b"\0" in raw:
        raise UnreadableNotebook(f"{name} is damaged: it holds null bytes; save the notebook again")
    try:
        return _lines_end_alike(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UnreadableNotebook(f"{name} is not a text in UTF-8; save the notebook again") from None


def _lines_end_alike(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _cells_of_notebook(name: str, text: str) -> list[Cell]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise UnreadableNotebook(
            f"{name} is not a notebook, or is damaged: expected JSON{where}, and it begins with {text[:30]!r}"
        ) from None
    cells = content.get("cells") if isinstance(content, dict) else None
    if not isinstance(cells, list):
        raise UnreadableNotebook(
            f"{name} is JSON, but not a notebook of today's format: it has no cells. Open it in Jupyter and save it"
        )
    sources = [_source_of(cell) for cell in cells if isinstance(cell, dict) and cell.get("cell_type") == "code"]
    return [_cell(f"{name}, cell {number}", source) for number, source in enumerate(sources, 1)]


def _cell(place: str, source: str, first_line: int = 1) -> Cell:
    python = without_magics(source)
    return Cell(place, python, first_line, left_out="" if python.strip() else source.strip())


def _source_of(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    return _lines_end_alike(source) if isinstance(source, str) else ""


def _cells_of_script(name: str, text: str) -> list[Cell]:
    """Return one cell if all of the script is Python, else one for each `# %%`: a broken one leaves the others be."""
    if parses(text):
        return [Cell(name, text)]
    cells: list[Cell] = []
    first, is_code, lines = 1, True, text.split("\n")
    for number, line in enumerate([*lines, "# %%"], 1):
        if marker := _MARKER.match(line):
            if is_code:
                cells.append(_cell(name, "\n".join(lines[first - 1 : number - 1]), first))
            first, is_code = number + 1, not re.search(r"\[(?:markdown|md|raw)\]", marker["title"])
    return cells
