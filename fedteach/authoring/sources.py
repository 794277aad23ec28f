"""The sources of the course: where they are, and what is read from them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fedteach.authoring.cells import AuthoringError, Cell, cells_from
from fedteach.authoring.release import Release, release

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE_NAME = re.compile(r"\d\d_[a-z0-9_]+\.py")


@dataclass(frozen=True)
class Course:
    """The folders of a course.

    Attributes:
        solutions: the sources, and in `mistakes/` the planted mistakes.
        notebooks: what is built from them.
        stubs: the file that `reset` reads, or None for a build that has none.
    """

    solutions: Path
    notebooks: Path
    stubs: Path | None = None

    @property
    def mistakes(self) -> Path:
        """The folder of the planted mistakes."""
        return self.solutions / "mistakes"


COURSE = Course(ROOT / "solutions", ROOT / "notebooks", ROOT / "fedteach" / "exercises" / "stubs.json")
"""The course itself."""


@dataclass(frozen=True)
class Source:
    """One source.

    Attributes:
        name: of the notebook, without an ending: "04_aggregation".
        cells: all its cells, solutions included.
    """

    name: str
    cells: tuple[Cell, ...]

    @property
    def file(self) -> str:
        """What a message calls it."""
        return f"solutions/{self.name}.py"

    @property
    def step(self) -> str:
        """The number before the point in the ids of its exercises."""
        return step_of(self.name)

    @cached_property
    def release(self) -> Release:
        """What students get.

        Raises:
            AuthoringError: all that is wrong with its marks.
        """
        return release(self.cells, self.file)


def step_of(name: str) -> str:
    """Return the step that a notebook's name begins with: "4" for 04_aggregation."""
    return str(int(name[:2]))


def code_of(cells: Sequence[Cell]) -> list[str]:
    """Return the texts of the cells of code."""
    return [cell.text for cell in cells if cell.kind == "code"]


def read_sources(solutions: Path) -> list[Source]:
    """Read every source, in the order of the course.

    Raises:
        AuthoringError: if there is no source, and for each one that is badly named, empty, or wrongly marked.
    """
    paths = sorted(solutions.glob("*.py"))
    if not paths:
        raise AuthoringError(f"expected sources such as 00_welcome.py in {solutions}, found none")
    sources: list[Source] = []
    wrong: list[str] = []
    for path in paths:
        try:
            source = _read(path)
            _ = source.release
        except AuthoringError as error:
            wrong += error.sentences
        else:
            sources.append(source)
    if wrong:
        raise AuthoringError(*wrong)
    return sources


def _read(path: Path) -> Source:
    if not SOURCE_NAME.fullmatch(path.name):
        raise AuthoringError(f"{path}: expected a name such as 04_aggregation.py: two digits, then small letters")
    cells = cells_from(path.read_text(encoding="utf-8"))
    if not cells:
        raise AuthoringError(f"{path} holds no cell; begin one with # %% or # %% [markdown]")
    return Source(path.stem, tuple(cells))
