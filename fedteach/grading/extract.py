"""From a notebook to the program of one function: only what that function needs, in the notebook's order.

A function is found by its name in the code, wherever its cell has been moved to. Panels, checks and trials at top
level are never run, because no function needs them.
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from fedteach.grading.gathering import Gathering, index
from fedteach.grading.notebooks import UnreadableNotebook, cells_in, content_of
from fedteach.grading.plain import shorten
from fedteach.grading.statements import BrokenCell, Piece, Statement, statements_of
from fedteach.grading.verdict import Finding

MOST_STATEMENTS, MOST_NAMES = 20_000, 200_000
"""What a notebook may hold: the course's own have 200 statements; who writes a hundred times that means no good."""


class Missing(Exception):
    """The notebook holds no such function.

    Args:
        finding: what to say about it.
        begun: whether something is there that was meant to be the function.
    """

    def __init__(self, finding: Finding, begun: bool = True):
        super().__init__(finding.says)
        self.finding = finding
        self.begun = begun


@dataclass(frozen=True)
class Program:
    """What must run so that a function is there; plain data.

    Attributes:
        name: the function's name.
        pieces: the statements to run, in order; the last that binds a name wins, as in a notebook.
        definition: the last of them that binds the function's name.
        uses: names of the notebook that the function refers to, itself or through others.
    """

    name: str
    pieces: tuple[Piece, ...]
    definition: Piece
    uses: frozenset[str]


@dataclass(frozen=True)
class Code:
    """All code of a notebook; plain data.

    Attributes:
        statements: those at top level, in order.
        broken: the cells that are not Python.
    """

    statements: tuple[Statement, ...]
    broken: tuple[BrokenCell, ...]


def code_in(name: str, content: bytes) -> Code:
    """Take a notebook's code apart.

    Args:
        name: its file name.
        content: what is in the file.

    Raises:
        UnreadableNotebook: if it is neither an .ipynb file nor a py:percent script.
    """
    found = [statements_of(cell) for cell in cells_in(name, content)]
    broken = tuple(cell for cell in found if isinstance(cell, BrokenCell))
    return Code(tuple(statement for cell in found if isinstance(cell, list) for statement in cell), broken)


class Notebook:
    """One notebook, in which functions can be found.

    Args:
        path: an .ipynb file or a py:percent script.
        code: its code, if it was taken apart elsewhere already.

    Raises:
        UnreadableNotebook: if it is neither, or too long to be gone through.
    """

    def __init__(self, path: Path, code: Code | None = None):
        self.path = path
        code = code_in(path.name, content_of(path)) if code is None else code
        self.broken, self._statements = code.broken, code.statements
        if len(self._statements) > MOST_STATEMENTS or sum(map(_n_names, self._statements)) > MOST_NAMES:
            raise UnreadableNotebook(
                f"{path.name} is too much to judge: more than {MOST_STATEMENTS:,} statements or {MOST_NAMES:,} names"
            )

    def has(self, name: str) -> bool:
        """Say whether the notebook gives this name a value."""
        return name in self._binding

    def broken_cell(self, name: str) -> BrokenCell | None:
        """Return the cell that would define this name if it were Python."""
        written = rf"^[ \t]*(?:(?:async[ \t]+)?def|class)[ \t]+{name}\b"
        definition = re.compile(rf"{written}|^{name}[ \t]*=[^=]", re.MULTILINE)
        for broken in self.broken:
            if definition.search(broken.cell.source) or re.search(written, broken.cell.left_out, re.MULTILINE):
                return broken
        return None

    def near(self, name: str, other_functions: Iterable[str] = ()) -> str:
        """Return a function of a similar name and its place, such as "weigthed_mean, in ...", or ""."""
        pieces = {bound: s.piece for s in self._statements if s.kind for bound in s.binds - {*other_functions}}
        by_lower = {bound.lower(): bound for bound in pieces}
        close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.75)
        return f"{by_lower[close[0]]}, in {pieces[by_lower[close[0]]].place}" if close else ""

    def program(self, name: str, other_functions: Iterable[str] = (), exercise: str = "") -> Program:
        """Return what must run so that the function is there.

        Args:
            name: the function's name.
            other_functions: names of other exercises' functions, which are no misspelling of this one.
            exercise: its number: values are taken as they were where `check("4.1", ...)` stands last.

        Raises:
            Missing: if the notebook gives the name no value, or what it needs stands in a cell that is not Python.
        """
        if not self.has(name):
            raise self._missing(name, other_functions)
        gathering = Gathering(self._statements, self._last(name, exercise), [name, *other_functions])
        gathering.take(name, lambda wanted: self._refuse_broken(wanted, name))
        pieces = tuple(
            replace(self._statements[number].piece, may_fail=number in gathering.optional)
            for number in sorted(gathering.chosen)
        )
        definition = self._statements[max(gathering.binding[name])].piece
        return Program(name, pieces, definition, frozenset(gathering.uses))

    def _last(self, name: str, exercise: str) -> int:
        """Return the number of the last statement of the cell that checks the function last, else of all."""
        bound = self._binding[name]
        written = max([number for number in bound if self._statements[number].kind], default=min(bound))
        checks = [number for number, s in enumerate(self._statements) if exercise in s.checks and number >= written]
        if not checks or self.path.suffix.lower() == ".py":  # a script is run as a whole
            return checks[-1] if checks else len(self._statements)
        place = self._statements[checks[-1]].piece.place
        return max(number for number, statement in enumerate(self._statements) if statement.piece.place == place)

    @cached_property
    def _binding(self) -> dict[str, set[int]]:
        return index(statement.binds for statement in self._statements)

    def _missing(self, name: str, other_functions: Iterable[str]) -> Missing:
        if broken := self.broken_cell(name):
            return Missing(_not_python(broken, f"{name} is not there"))
        says = f"There is no function {name} in {self.path.name}."
        if near := self.near(name, other_functions):
            return Missing(Finding(says, got=near, likely=f"the name must be {name}"))
        return Missing(Finding(says, expected=f"def {name}(...):"), begun=False)

    def _refuse_broken(self, wanted: str, name: str) -> None:
        if broken := self.broken_cell(wanted):
            raise Missing(_not_python(broken, f"{name} uses {wanted}, which is not there"))


def _n_names(statement: Statement) -> int:
    names = (statement.binds, statement.changes, statement.may_change, statement.needs, statement.calls, statement.sets)
    return sum(map(len, names)) + len(statement.fills)


def _not_python(broken: BrokenCell, so: str) -> Finding:
    line = f"line {broken.line}: {broken.code}" if broken.line else ""
    says = f"{broken.cell.place} cannot be run, so {so}: {broken.error}."
    likely = "mend that line; Python reads a cell as a whole before it runs any of it"
    return Finding(says, got=shorten(line), likely="that line must go" if broken.cell.left_out else likely)
