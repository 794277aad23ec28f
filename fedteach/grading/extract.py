"""From a notebook to the program of one function: only what that function needs, in the notebook's order.

A function is found by its name in the code, wherever its cell has been moved to. Panels, checks and trials at top
level are never run, because no function needs them.
"""

import builtins
import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fedteach.grading.notebooks import code_cells
from fedteach.grading.statements import BrokenCell, Piece, Statement, statements_of
from fedteach.grading.verdict import Finding


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


class Notebook:
    """The code of one notebook.

    Args:
        path: an .ipynb file or a py:percent script.

    Raises:
        UnreadableNotebook: if it is neither.
    """

    def __init__(self, path: Path):
        self.path = path
        self.broken: list[BrokenCell] = []
        self._statements: list[Statement] = []
        for cell in code_cells(path):
            found = statements_of(cell)
            if isinstance(found, BrokenCell):
                self.broken.append(found)
            else:
                self._statements += found

    def has(self, name: str) -> bool:
        """Say whether the notebook gives this name a value."""
        return name in self._binding

    def broken_cell(self, name: str) -> BrokenCell | None:
        """Return the cell that would define this name if it were Python."""
        definition = re.compile(rf"^[ \t]*(?:(?:async[ \t]+)?def|class)[ \t]+{name}\b|^{name}[ \t]*=[^=]", re.MULTILINE)
        return next((broken for broken in self.broken if definition.search(broken.cell.source)), None)

    def near(self, name: str, other_functions: Iterable[str] = ()) -> str:
        """Return a function of a similar name and its place, such as "weigthed_mean, in ...", or ""."""
        pieces = {bound: s.piece for s in self._statements if s.defines for bound in s.binds - {*other_functions}}
        by_lower = {bound.lower(): bound for bound in pieces}
        close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.75)
        return f"{by_lower[close[0]]}, in {pieces[by_lower[close[0]]].place}" if close else ""

    def program(self, name: str, other_functions: Iterable[str] = ()) -> Program:
        """Return what must run so that the function is there.

        Args:
            name: the function's name.
            other_functions: names of other exercises' functions, which are no misspelling of this one.

        Raises:
            Missing: if the notebook gives the name no value, or what it needs stands in a cell that is not Python.
        """
        if not self.has(name):
            raise self._missing(name, other_functions)
        chosen = {number for number, statement in enumerate(self._statements) if statement.star}
        needed: set[str] = set().union(*(self._statements[number].needs for number in chosen))
        waiting = {name}
        while waiting:
            wanted = waiting.pop()
            needed.add(wanted)
            if wanted not in self._binding and not hasattr(builtins, wanted):
                self._refuse_broken(wanted, name)
            for number in self._needed_for(wanted) - chosen:
                chosen.add(number)
                waiting |= self._statements[number].needs - needed
        pieces = tuple(self._statements[number].piece for number in sorted(chosen))
        definition = self._statements[max(self._binding[name])].piece
        return Program(name, pieces, definition, frozenset(needed & self._binding.keys()) - {name})

    def _needed_for(self, name: str) -> set[int]:
        """Return the numbers of the statements that have a say in a name's value."""
        if name in self._binding:
            return self._binding[name] | self._changing.get(name, set())
        # Only a function that declares it `global` gives it a value: then whoever calls that function does.
        setters = {bound for statement in self._statements if name in statement.sets for bound in statement.binds}
        return {number for number, statement in enumerate(self._statements) if statement.calls & setters}

    @cached_property
    def _binding(self) -> dict[str, set[int]]:
        return self._index([statement.binds for statement in self._statements])

    @cached_property
    def _changing(self) -> dict[str, set[int]]:
        # `np.add(...)` changes no numpy: what is imported stays as it is.
        imported = {
            name for s in self._statements if s.piece.source.startswith(("import ", "from ")) for name in s.binds
        }
        return self._index([statement.changes - imported for statement in self._statements])

    @staticmethod
    def _index(names_of_statements: Iterable[frozenset[str]]) -> dict[str, set[int]]:
        index: dict[str, set[int]] = {}
        for number, names in enumerate(names_of_statements):
            for name in names:
                index.setdefault(name, set()).add(number)
        return index

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


def _not_python(broken: BrokenCell, so: str) -> Finding:
    line = f"line {broken.line}: {broken.code}" if broken.line else ""
    says = f"{broken.cell.place} cannot be run, so {so}: {broken.error}."
    return Finding(says, got=line, likely="mend that line; Python reads a cell as a whole before it runs any of it")
