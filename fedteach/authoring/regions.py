"""The regions of a cell: which lines belong to a solution or to hidden tests, and to which exercise."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from fedteach.authoring.marks import Fault, Mark, marks_of, may_hold_marks
from fedteach.authoring.python import EXERCISE, calls, parsed

DEFINITION = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_COMPOUND = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.AsyncFor, ast.While, ast.If, ast.With),
    *(ast.AsyncWith, ast.Try, ast.TryStar, ast.Match),
)


@dataclass(frozen=True)
class Region:
    """Lines that students do not get.

    Attributes:
        kind: "block" between two marks, "line" with a mark behind it, or "hidden" tests.
        exercise: its id.
        first: number of its first line in the cell, from 1; the mark's own line for a block.
        last: number of its last line.
        function: name of the function around it; "" for hidden tests.
    """

    kind: Literal["block", "line", "hidden"]
    exercise: str
    first: int
    last: int
    function: str = ""


def regions_of(text: str) -> list[Region]:
    """Find the regions of a code cell, in order.

    Raises:
        Fault: if marks do not match, or enclose what cannot be replaced by a stub.
    """
    if not may_hold_marks(text):
        return []
    try:
        tree = parsed(text)
    except SyntaxError as error:
        raise Fault(
            error.lineno or 1, f"this is not Python ({error.msg}), so the marks of the cell cannot be read: mend it"
        ) from None
    marks = marks_of(text)
    return [_region(begin, end, tree, text.split("\n")) for begin, end in _pairs(_with_ids(marks, tree))]


def _with_ids(marks: Sequence[Mark], tree: ast.Module) -> Iterator[Mark]:
    """Give each mark without an id the only exercise of its cell."""
    named = {mark.exercise for mark in marks if mark.exercise}
    named |= {id for id, _ in calls(tree, "check", "hint") if EXERCISE.fullmatch(id)}
    for mark in marks:
        # An end without an id belongs to whatever began.
        if mark.exercise is None and mark.kind != "end":
            if len(named) != 1:
                there = f"there are {', '.join(sorted(named))} in this cell" if named else "this cell names none"
                raise Fault(mark.line, f"the mark does not say which exercise it belongs to, and {there}: add the id")
            mark = replace(mark, exercise=named.copy().pop())
        yield mark


def _pairs(marks: Iterator[Mark]) -> Iterator[tuple[Mark, Mark]]:
    """Match beginnings with ends; a mark behind a line is its own end."""
    begun: Mark | None = None
    for mark in marks:
        if mark.kind == "end":
            yield _begin_of(mark, begun), mark
            begun = None
        elif begun is not None:
            raise Fault(
                mark.line,
                f"this mark stands inside the region that began in line {begun.line}; regions do not nest:"
                f" write # END {begun.what} {begun.exercise} before it, or take it out",
            )
        elif mark.kind == "begin":
            begun = mark
        else:
            yield mark, mark
    if begun is not None:
        raise Fault(
            begun.line, f"nothing ends this region: add # END {begun.what} {begun.exercise} after its last line"
        )


def _begin_of(end: Mark, begun: Mark | None) -> Mark:
    if begun is None:
        raise Fault(end.line, "this ends a region that never began: add its BEGIN above, or take this line out")
    if end.what != begun.what or end.exercise not in (None, begun.exercise):
        raise Fault(
            end.line,
            f"this ends {end.what} {end.exercise or ''}".rstrip()
            + f", but line {begun.line} began {begun.what} {begun.exercise}: the two must match",
        )
    return begun


def _region(begin: Mark, end: Mark, tree: ast.Module, lines: list[str]) -> Region:
    if begin.exercise is None:
        raise AssertionError("every beginning has got its id")
    if begin.what == "HIDDEN TESTS":
        return Region("hidden", begin.exercise, begin.line, end.line)
    if begin.kind == "line":
        line_statement(tree, begin.line, lines[begin.line - 1])
        return Region("line", begin.exercise, begin.line, begin.line, _around(tree, begin.line))
    inside = [node for node in statements(tree) if begin.line < node.lineno < end.line]
    if not inside:
        raise Fault(begin.line, "there is no statement in this region: put the marks around the solution")
    indent = _indent(lines[begin.line - 1])
    if inside[0].col_offset != indent or any(node.col_offset < indent for node in inside):
        raise Fault(
            begin.line, "the mark must be indented like the first line of its solution, and the solution no less"
        )
    return Region("block", begin.exercise, begin.line, end.line, _around(tree, inside[0].lineno))


def statements(tree: ast.Module) -> list[ast.stmt]:
    """Return all statements, at any depth, in the order in which they begin."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def line_statement(tree: ast.Module, line: int, text: str) -> ast.stmt:
    """Return the statement that fills one line.

    Raises:
        Fault: if the line is a part of a longer statement, holds several, or defines something.
    """
    there = [node for node in statements(tree) if node.lineno <= line <= (node.end_lineno or node.lineno)]
    begun = [node for node in there if node.lineno == line]
    part = any(not isinstance(node, _COMPOUND) and (node.lineno, node.end_lineno) != (line, line) for node in there)
    if not begun or part or begun[0].end_lineno != line or begun[0].col_offset != _indent(text):
        raise Fault(
            line,
            "this line is only a part of a statement of several lines: put # BEGIN SOLUTION and # END SOLUTION around"
            " the whole statement",
        )
    first = begun[0]
    beside = [node for node in begun if node.col_offset >= (first.end_col_offset or 0)]
    if beside or isinstance(first, DEFINITION):
        what = "there are several statements in this line" if beside else "a function or class cannot be the solution"
        raise Fault(line, f"{what}: give the solution a line of its own, with the mark behind it")
    return first


def _around(tree: ast.Module, line: int) -> str:
    """Return the name of the function (or class) at the top of the cell in which a line stands."""
    for node in tree.body:
        if isinstance(node, DEFINITION) and node.lineno < line <= (node.end_lineno or node.lineno):
            return node.name
    raise Fault(
        line,
        "this solution stands outside of a function, so its stub would stop the notebook here:"
        " make a function of it, with the marks inside",
    )


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
