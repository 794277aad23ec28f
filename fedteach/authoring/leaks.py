"""Search the notebooks for lines of a solution.

By construction no line between marks gets into a notebook. What can still give a solution away is the same line in a
text, a comment or a docstring, or a notebook that was run or edited by hand; so the files themselves are searched.
"""

import ast
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fedteach.authoring.cells import Cell
from fedteach.authoring.python import comments, parsed, parsed_or_empty
from fedteach.authoring.regions import regions_of
from fedteach.authoring.sources import Source

MOST_TRIVIAL = 5
"""A line of so few words and signs, such as `return mean` or `total = total + n`, gives nothing away."""

_PIECE = re.compile(r"\w+|[^\w\s]")


def leaks(source: Source, notebook: Path) -> list[str]:
    """Return a sentence for each cell of a notebook that shows a line of a solution of its source.

    A line that stands outside of all marks too, as code, is no secret.
    """
    secrets, no_secret = _secrets(source.cells), _no_secret(source.cells)
    secrets = {line: secret for line, secret in secrets.items() if line not in no_secret}
    found = []
    for number, texts in enumerate(_shown(source, notebook), start=1):
        lines = [_squeezed(line) for text in texts for line in text.split("\n")]
        for squeezed, (exercise, line) in secrets.items():
            if any(squeezed in shown for shown in lines):
                found.append(
                    f"{notebook.name}, cell {number} shows a line of the solution of {exercise}, `{line}`:"
                    f" say it in other words in {source.file}, or put marks around it"
                )
    return found


def _secrets(cells: Sequence[Cell]) -> dict[str, tuple[str, str]]:
    """Return what no notebook may show: a line without its spaces -> its exercise and the line."""
    secrets = {}
    for cell in cells:
        for region in regions_of(cell.text) if cell.kind == "code" else ():
            ends = (region.first, region.last) if region.kind != "line" else ()
            for number, code, comment in _lines(cell.text):
                for part in (code, "" if number in ends or region.kind == "line" else comment):
                    if region.first <= number <= region.last and len(_PIECE.findall(part)) > MOST_TRIVIAL:
                        secrets[_squeezed(part)] = region.exercise, part.strip()
    return secrets


def _no_secret(cells: Sequence[Cell]) -> str:
    """Return all code outside of marks without its spaces; comments and docstrings are text, not code."""
    shown = []
    for cell in cells:
        if cell.kind != "code":
            continue
        hidden = {n for region in regions_of(cell.text) for n in range(region.first, region.last + 1)}
        hidden |= _docstring_lines(cell.text)
        shown += [_squeezed(code) for number, code, _ in _lines(cell.text) if number not in hidden]
    return "\n".join(shown)


def _lines(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield each line of a cell: its number, its code, its comment."""
    try:
        parsed(text)
        remarks = {line: column for line, column, _ in comments(text)}
    except SyntaxError:  # a cell of shell commands
        remarks = {}
    for number, line in enumerate(text.split("\n"), start=1):
        column = remarks.get(number, len(line))
        yield number, line[:column], line[column:].lstrip("# ")


def _docstring_lines(text: str) -> set[int]:
    texts = [
        node
        for node in ast.walk(parsed_or_empty(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    ]
    return {line for node in texts for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}


def _squeezed(line: str) -> str:
    return "".join(line.split())


def _shown(source: Source, notebook: Path) -> list[list[str]]:
    """Return all texts of each cell, as the file on disk has them, outputs included; or as they would be built."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        return [list(_texts(cell)) for cell in cells]
    except (OSError, ValueError, KeyError, TypeError):
        return [[cell.text] for cell in source.release.cells]


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in a piece of JSON; a list of lines is one text."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        yield "".join(value)
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
