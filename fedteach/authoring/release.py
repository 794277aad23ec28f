"""The student's version of a notebook: cells in, cells out, with a stub in the place of every solution.

A block becomes two lines, a comment with its TODO and `raise NotStarted("4.1")`; the value of a line becomes
`not_started("4.1")`. Both say who they are when they are called, so an unwritten exercise is never taken for a wrong
one. Hidden tests vanish, and so does a cell that is left empty.
"""

import ast
import io
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from fedteach.authoring.cells import AuthoringError, Cell
from fedteach.authoring.marks import Fault
from fedteach.authoring.python import parsed, parsed_or_empty
from fedteach.authoring.regions import Region, line_statement, regions_of


@dataclass(frozen=True)
class Stub:
    """What a student gets of one exercise.

    Attributes:
        exercise: its id.
        function: name of the function with the TODO.
        cell: number of its cell in the student's notebook, from 1.
        text: all that stands in that cell.
    """

    exercise: str
    function: str
    cell: int
    text: str


@dataclass(frozen=True)
class Release:
    """A notebook as students get it.

    Attributes:
        cells: its cells.
        stubs: one for each exercise, in the order of their cells.
    """

    cells: tuple[Cell, ...]
    stubs: tuple[Stub, ...]


def student_version(cells: Sequence[Cell], source: str = "this notebook") -> list[Cell]:
    """Return the cells that students get; those without marks are unchanged. See `release`."""
    return list(release(cells, source).cells)


def release(cells: Sequence[Cell], source: str = "this notebook") -> Release:
    """Make the student's version of a notebook.

    Args:
        cells: all cells of the source.
        source: how to call it in a message, such as "solutions/04_aggregation.py".

    Raises:
        AuthoringError: all that is wrong with its marks, each with cell and line.
    """
    made: list[Cell] = []
    stubs: dict[str, Stub] = {}
    imported: set[str] = set()
    faults = []
    for number, cell in enumerate(cells, start=1):
        try:
            regions = regions_of(cell.text) if cell.kind == "code" else []
            text = stubbed(cell.text, regions)
            imported |= _imported(text) if cell.kind == "code" else set()
            for stub in _stubs(regions, text, len(made) + 1):
                _insist_on_one(regions, stub, stubs)
                stubs[stub.exercise] = stub
            _insist_on_names(regions, imported)
        except Fault as fault:
            faults.append(f"{source}, cell {number}, line {fault.line}: {fault}")
            continue
        if text.strip() or not regions:
            made.append(replace(cell, text=text) if regions else cell)
    if faults:
        raise AuthoringError(*faults)
    return Release(tuple(made), tuple(stubs.values()))


def stubbed(text: str, regions: Sequence[Region]) -> str:
    """Put stubs in the place of a cell's regions.

    Raises:
        Fault: if what comes out is no Python any more.
    """
    lines = text.split("\n")
    tree = parsed(text) if regions else ast.Module([], [])
    for region in reversed(regions):  # from below, so that the numbers of the lines above stay right
        lines[region.first - 1 : region.last] = _stub_lines(region, tree, lines[region.first - 1])
        try:
            parsed("\n".join(lines))
        except SyntaxError as error:
            raise Fault(
                region.first,
                f"what is left for students is not Python ({error.msg}): let the marks enclose whole statements,"
                " and leave something in every block",
            ) from None
    return "\n".join(lines).strip("\n") if regions else text


def _stub_lines(region: Region, tree: ast.Module, line: str) -> list[str]:
    if region.kind == "hidden":
        return []
    indent, id = line.removesuffix(line.lstrip()), region.exercise
    if region.kind == "block":
        return [f"{indent}# TODO {id}: replace the next line by your code", f'{indent}raise NotStarted("{id}")']
    kept = _kept(line_statement(tree, region.first, line), line)
    what = "not_started(...)" if kept else "this line by your code"
    return [f'{indent}{kept}not_started("{id}")  # TODO {id}: replace {what}']


def _kept(statement: ast.stmt, line: str) -> str:
    """Return what stays of a line's statement: `share = ` of an assignment, `return ` of a return, else nothing."""
    match statement:
        case ast.Return(value=ast.expr()):
            return "return "
        case ast.Assign(targets=targets):
            return _up_to_equals(line.lstrip(), len(targets))
        case ast.AnnAssign(value=ast.expr()):
            return _up_to_equals(line.lstrip(), 1)
    return ""


def _up_to_equals(code: str, count: int) -> str:
    """Return a line with its first `=` outside of brackets, or its second, ...: any others are in the value."""
    depth = 0
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        depth += (token.string in "([{") - (token.string in ")]}") if token.type == tokenize.OP else 0
        count -= token.type == tokenize.OP and token.string == "=" and depth == 0
        if not count:
            return f"{code[: token.start[1]].rstrip()} = "
    raise AssertionError(f"an assignment has an equals sign: {code}")


def _stubs(regions: Sequence[Region], text: str, cell: int) -> Iterator[Stub]:
    """Yield one stub for each exercise of a cell, however many regions it has there."""
    functions: dict[str, str] = {}
    for region in regions:
        if region.kind != "hidden":
            functions.setdefault(region.exercise, region.function)
    for exercise, function in functions.items():
        yield Stub(exercise, function, cell, text)


def _insist_on_one(regions: Sequence[Region], stub: Stub, earlier: dict[str, Stub]) -> None:
    """Refuse an exercise in two functions, or in two cells."""
    for region in regions:
        if region.exercise != stub.exercise or region.kind == "hidden":
            continue
        if region.function != stub.function:
            both = f"{stub.function} and {region.function}"
            raise Fault(region.first, f"exercise {stub.exercise} is one function, but there are marks in {both}")
        if stub.exercise in earlier:
            raise Fault(
                region.first, f"exercise {stub.exercise} has a stub in an earlier cell too: give one another id"
            )


def _insist_on_names(regions: Sequence[Region], imported: set[str]) -> None:
    """Refuse a stub that calls what nothing above it imports."""
    for region in regions:
        name = {"block": "NotStarted", "line": "not_started"}.get(region.kind)
        if name and name not in imported:
            raise Fault(
                region.first,
                f"the stub of {region.exercise} uses {name}, which no cell before it imports:"
                f" add `from fedteach import {name}` to the first cell of code",
            )


def _imported(text: str) -> set[str]:
    """Return the names that a cell imports at its top."""
    found = [node for node in parsed_or_empty(text).body if isinstance(node, ast.Import | ast.ImportFrom)]
    return {alias.asname or alias.name for node in found for alias in node.names}
