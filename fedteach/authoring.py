"""From solutions/*.py to notebooks/*.ipynb: `python -m fedteach.authoring build`, or `make notebooks`.

Each notebook has one source, `solutions/NN_topic.py`, in the py:percent form: `# %% [markdown]` begins a cell of
text, `# %%` a cell of code, `# %% A title` a cell of code that begins with that title as a comment. What is built
is the same, byte for byte, on every machine: no outputs, no state of widgets, and cell ids that come from the cells'
own text, so that a changed sentence changes one cell and no other.

A notebook is made by two pure functions: `cells_from` reads the source into cells, `notebook_text` writes cells as a
file. What should differ between the two (stubs for solutions, say) is one function from cells to cells in between.
"""

import argparse
import hashlib
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from fedteach.history import write_atomically

ROOT = Path(__file__).resolve().parent.parent
SOURCE_NAME = re.compile(r"\d\d_[a-z0-9_]+\.py")

# The least that Jupyter needs to know; a live kernel adds its own version, which must not end up in the file.
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class AuthoringError(ValueError):
    """A source of a notebook that cannot be built, with the file and what to change."""


@dataclass(frozen=True)
class Cell:
    """One cell of a notebook.

    Attributes:
        kind: "markdown" or "code" ("raw" is there for completeness).
        text: what stands in it, lines joined by a newline, none at the end.
        metadata: Jupyter's own notes on the cell, such as {"tags": ["hide-input"]}.
    """

    kind: Literal["markdown", "code", "raw"]
    text: str
    metadata: dict[str, Any] = field(default_factory=dict)


def cells_from(source: str) -> list[Cell]:
    """Read the cells of a py:percent source, in order; empty cells are left out."""
    try:
        import jupytext
    except ModuleNotFoundError:
        raise AuthoringError('building notebooks needs jupytext: python -m pip install -e ".[author]"') from None
    notebook = jupytext.reads(source, fmt="py:percent")
    cells = (Cell(c.cell_type, c.source.strip("\n"), _cell_metadata(c.metadata)) for c in notebook.cells)
    return [_with_title(cell) for cell in cells if cell.text.strip()]


def _cell_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    # jupytext keeps notes for its own way back from notebook to script, which we never go.
    return {key: value for key, value in metadata.items() if key not in ("lines_to_next_cell", "cell_marker")}


def _with_title(cell: Cell) -> Cell:
    """Move the title of `# %% A title` to where a student sees it: the first line of the code."""
    if "title" not in cell.metadata or cell.kind != "code":
        return cell
    others = {key: value for key, value in cell.metadata.items() if key != "title"}
    return replace(cell, text=f"# {cell.metadata['title']}\n{cell.text}", metadata=others)


def cell_ids(cells: Sequence[Cell]) -> list[str]:
    """Name each cell by its own text, so that a change elsewhere in the notebook leaves its id alone.

    Returns:
        One id of 12 hexadecimal digits per cell, all different: cells of equal text are counted through.
    """
    seen: Counter[tuple[str, str]] = Counter()
    ids = []
    for cell in cells:
        seen[cell.kind, cell.text] += 1
        digest = hashlib.sha256(f"{cell.kind}\n{seen[cell.kind, cell.text]}\n{cell.text}".encode())
        ids.append(digest.hexdigest()[:12])
    return ids


def notebook_text(cells: Sequence[Cell]) -> str:
    """Write cells as the text of an .ipynb file: sorted keys, a newline at the end, no trace of a run."""
    import nbformat

    entries: list[dict[str, Any]] = []
    for cell, id in zip(cells, cell_ids(cells), strict=True):
        entry: dict[str, Any] = {"cell_type": cell.kind, "id": id, "metadata": cell.metadata, "source": cell.text}
        if cell.kind == "code":
            entry |= {"execution_count": None, "outputs": []}
        entries.append(entry)
    notebook = nbformat.from_dict(
        {"cells": entries, "metadata": NOTEBOOK_METADATA, "nbformat": 4, "nbformat_minor": 5},
    )
    nbformat.validate(notebook)
    return str(nbformat.writes(notebook)).rstrip("\n") + "\n"


def built(solutions: Path) -> dict[str, str]:
    """Build every notebook in memory.

    Returns:
        File name ("00_welcome.ipynb") -> text of the notebook, in the order of the course.

    Raises:
        AuthoringError: if there is no source, or one is badly named or cannot be read as py:percent.
    """
    sources = sorted(solutions.glob("*.py"))
    if not sources:
        raise AuthoringError(f"expected sources such as 00_welcome.py in {solutions}, found none")
    notebooks = {}
    for source in sources:
        if not SOURCE_NAME.fullmatch(source.name):
            raise AuthoringError(f"{source}: expected a name such as 04_aggregation.py: two digits, then small letters")
        cells = cells_from(source.read_text(encoding="utf-8"))
        if not cells:
            raise AuthoringError(f"{source} holds no cell; begin one with # %% or # %% [markdown]")
        notebooks[source.with_suffix(".ipynb").name] = notebook_text(cells)
    return notebooks


def build(solutions: Path, out: Path) -> list[Path]:
    """Write the notebooks that differ from what is in `out`, and return them; the others keep their date."""
    changed = {name: text for name, text in built(solutions).items() if _text_of(out / name) != text}
    return [write_atomically(out / name, text) for name, text in changed.items()]


def check(solutions: Path, notebooks: Path) -> list[str]:
    """Compare the notebooks on disk with their sources.

    Returns:
        A sentence for each notebook that is missing, differs or has no source; empty if all is well.
    """
    wanted = built(solutions)
    complaints = []
    for name, text in wanted.items():
        found = _text_of(notebooks / name)
        source = name.replace(".ipynb", ".py")
        if found is None:
            complaints.append(f"{name} is missing: run make notebooks")
        elif found != text:
            complaints.append(f"{name} differs from solutions/{source}: change the source, then run make notebooks")
    strays = sorted(path.name for path in notebooks.glob("*.ipynb") if path.name not in wanted)
    complaints += [f"{name} has no source in solutions/: delete it, or move it to another folder" for name in strays]
    return complaints


def _text_of(path: Path) -> str | None:
    """Return a file's text with its own line ends, or None if there is no such file."""
    return path.read_bytes().decode("utf-8", errors="replace") if path.is_file() else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `build` or `check` from the command line; return 0 if all is well."""
    parser = argparse.ArgumentParser(
        prog="python -m fedteach.authoring", description="Build notebooks/ from solutions/."
    )
    parser.add_argument("action", choices=("build", "check"), help="write the notebooks, or only compare them")
    parser.add_argument(
        "--solutions", type=Path, default=ROOT / "solutions", metavar="DIR", help="where the sources are"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "notebooks", metavar="DIR", help="where the notebooks are")
    options = parser.parse_args(arguments)
    try:
        if options.action == "check":
            complaints = check(options.solutions, options.out)
            print(
                "\n".join(complaints) or "every notebook is as its source says", file=sys.stderr if complaints else None
            )
            return 1 if complaints else 0
        for path in build(options.solutions, options.out):
            print(f"built {path.name}")
    except (AuthoringError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
