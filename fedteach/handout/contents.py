"""The notebooks as students get them: from their sources, or as they were built from them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fedteach import checks
from fedteach.authoring.cells import Cell
from fedteach.authoring.notebook import notebook_text
from fedteach.authoring.release import Stub
from fedteach.authoring.sources import Course, read_sources
from fedteach.exercises import stubs

_HOW = 'install jupytext (python -m pip install -e ".[author]"), and it is made from its source'


@dataclass(frozen=True)
class Notebook:
    """A notebook of the hand-out.

    Attributes:
        name: without an ending: "04_aggregation".
        cells: its cells, with stubs in the place of solutions.
        stubs: one for each exercise; `Stub.cell` counts from 1.
    """

    name: str
    cells: tuple[Cell, ...]
    stubs: tuple[Stub, ...]

    @property
    def file(self) -> str:
        """Its name on the disk."""
        return f"{self.name}.ipynb"

    def text(self) -> str:
        """Return it as the text of an .ipynb file, without outputs."""
        return notebook_text(self.cells)


def notebooks(course: Course, wanted: Sequence[str] = ()) -> list[Notebook]:
    """Return the notebooks of a course in its order, those of these names or all.

    They are made from their sources if jupytext is there; else those are taken that were built, as long as each of
    their exercises is still as students should get it.

    Raises:
        ValueError: if there is no course, no notebook of that name, or an answer in one that was built.
    """
    every = list(_from_sources(course) if _has_sources(course) else _as_built(course))
    if not every:
        raise ValueError(
            f"there are no notebooks in {course.notebooks}: call fedteach release in a checkout of the course, the"
            " folder with notebooks/ and solutions/ in it, where fedteach is installed with python -m pip install -e ."
        )
    for name in wanted:
        checks.known("notebook", name, [notebook.name for notebook in every])
    return [notebook for notebook in every if not wanted or notebook.name in wanted]


def _has_sources(course: Course) -> bool:
    return find_spec("jupytext") is not None and any(course.solutions.glob("*.py"))


def _from_sources(course: Course) -> Iterator[Notebook]:
    for source in read_sources(course.solutions):
        yield Notebook(source.name, source.release.cells, source.release.stubs)


def _as_built(course: Course) -> Iterator[Notebook]:
    for path in sorted(course.notebooks.glob("[0-9][0-9]_*.ipynb")):
        cells = _cells(path)
        yield Notebook(path.stem, cells, tuple(_stubs(path, cells)))


def _cells(path: Path) -> tuple[Cell, ...]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return tuple(Cell(entry["cell_type"], _joined(entry["source"]), entry["metadata"]) for entry in entries)
    except (OSError, ValueError, LookupError, TypeError):
        raise ValueError(f"{path} cannot be read as a notebook: {_HOW}") from None


def _joined(source: Any) -> str:
    return source if isinstance(source, str) else "".join(source)


def _stubs(path: Path, cells: Sequence[Cell]) -> Iterator[Stub]:
    """Find the cell of each stub; a cell that was filled in would give an answer away."""
    texts = [cell.text for cell in cells]
    for id, stub in stubs.stubs().items():
        if stub.notebook != path.stem:
            continue
        if stub.text not in texts:
            raise ValueError(f"{path}: the cell of {id} is not as students should get it; undo that, or {_HOW}")
        yield Stub(id, stub.function, texts.index(stub.text) + 1, stub.text)
