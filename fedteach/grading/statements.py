"""The statements of a cell, and the names that each binds and needs: found by looking, nothing is run."""

import ast
import symtable
import warnings
from dataclasses import dataclass
from typing import Literal

from fedteach.grading import names
from fedteach.grading.magics import NOT_PYTHON
from fedteach.grading.notebooks import Cell


@dataclass(frozen=True)
class Piece:
    """A statement as plain data, for another process to run.

    Attributes:
        place: its cell, in words.
        first_line: the number of its first line there.
        source: its text.
        may_fail: whether the program goes on without it.
    """

    place: str
    first_line: int
    source: str
    may_fail: bool = False


@dataclass(frozen=True)
class Statement:
    """One statement at the top level of a cell.

    Attributes:
        piece: its text and place.
        binds: names that it gives a value, also inside its `if`, `for`, `with` and `try`.
        changes: names whose value it changes: `x[0] = 1`, `x.rate = 1`, `x.append(1)`.
        may_change: names whose value it may change: `x.fit()`, `fill(x)`, `@x.register`.
        needs: names of the notebook that it reads, or that the functions in it will read when they are called.
        calls: functions that it calls by their name as it runs.
        sets: names that a function in it declares `global` and gives a value, when it is called.
        fills: names outside of it whose value a function in it changes, when it is called.
        constant: whether all it does is to give names numbers or texts, which no call can change.
        checks: exercises that it checks: "4.1" for `check("4.1", ...)`.
        sets_up: whether it changes where modules are looked for, or the settings that they read.
        imports: whether it imports anything, at once or later.
        kind: "function", "class" or "import" for a definition, "" for a step of a computation.
        star: whether it may bind anything, or changes how what follows is read (`from __future__ import ...`).
    """

    piece: Piece
    binds: frozenset[str]
    changes: frozenset[str]
    may_change: frozenset[str]
    needs: frozenset[str]
    calls: frozenset[str]
    sets: frozenset[str]
    fills: frozenset[str]
    constant: bool
    checks: frozenset[str]
    sets_up: bool
    imports: bool
    kind: Literal["function", "class", "import", ""]
    star: bool


@dataclass(frozen=True)
class BrokenCell:
    """A cell that is not Python.

    Attributes:
        cell: the cell.
        error: what Python says about it.
        line: number of the line, as `Cell.first_line` counts; 0 if Python does not say.
        code: the text of that line.
    """

    cell: Cell
    error: str
    line: int
    code: str


def statements_of(cell: Cell) -> list[Statement] | BrokenCell:
    """Return the statements of a cell, or what is wrong with it."""
    if cell.left_out:
        first = cell.left_out.split("\n", 1)[0]
        return BrokenCell(cell, f"it begins with {first.split()[0]}, and is not for Python", cell.first_line, first)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in a text is no mistake here
            tree = ast.parse(cell.source)
            # What only the compiler notices, such as a `return` outside a function. Notebooks may await at top level.
            compile(tree, cell.place, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
            return _statements(tree, cell)
    except NOT_PYTHON as error:
        return _broken(cell, error)


def _broken(cell: Cell, error: BaseException) -> BrokenCell:
    if not isinstance(error, SyntaxError):
        return BrokenCell(cell, "it is nested too deeply, or holds what is not text", 0, "")
    line = error.lineno or 0
    code = (error.text or "").strip()
    return BrokenCell(cell, error.msg, line and line + cell.first_line - 1, code)


def _statements(tree: ast.Module, cell: Cell) -> list[Statement]:
    found, lines = [], cell.source.split("\n")
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found += [_statement(part, _import(part, cell)) for part in _one_by_one(node)]
        else:
            found.append(_statement(node, _piece(node, cell, lines)))
    return found


def _one_by_one(node: ast.Import | ast.ImportFrom) -> list[ast.Import | ast.ImportFrom]:
    """Take an import apart: who needs `Update` of `from fedteach import Update, panel` needs no panel."""
    if isinstance(node, ast.Import):
        return [ast.copy_location(ast.Import([alias]), alias) for alias in node.names]
    return [ast.copy_location(ast.ImportFrom(node.module, [alias], node.level), alias) for alias in node.names]


def _import(node: ast.Import | ast.ImportFrom, cell: Cell) -> Piece:
    return Piece(cell.place, node.lineno + cell.first_line - 1, ast.unparse(node))


def _statement(node: ast.stmt, piece: Piece) -> Statement:
    table = symtable.symtable(piece.source, piece.place, "exec")
    now, needs = list(names.as_it_runs(node)), frozenset(names.needed(table, node))
    return Statement(
        piece=piece,
        binds=frozenset(s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()),
        changes=frozenset(name for part in now for name in names.changed_by(part)),
        may_change=frozenset(name for part in now for name in names.perhaps_changed_by(part)),
        needs=needs,
        calls=frozenset(name for part in now for name in names.called_by(part)),
        sets=frozenset(names.set_later(table)),
        fills=needs & {name for part in ast.walk(node) for name in names.changed_by(part)},
        constant=names.is_constant(node),
        checks=frozenset(name for part in now for name in names.checked_by(part)),
        sets_up=any(map(names.sets_up, now)),
        imports=any(isinstance(part, ast.Import | ast.ImportFrom) for part in ast.walk(node)),
        kind=names.kind_of(node),
        star=isinstance(node, ast.ImportFrom) and (node.names[0].name == "*" or node.module == "__future__"),
    )


def _piece(node: ast.stmt, cell: Cell, lines: list[str]) -> Piece:
    # Columns count bytes; a decorator stands above its function.
    decorators = getattr(node, "decorator_list", ())
    first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    start, last = 0 if decorators else node.col_offset, node.end_lineno or node.lineno
    text = [line.encode() for line in lines[first - 1 : last]]
    text[-1] = text[-1][: node.end_col_offset]
    text[0] = text[0][start:]
    return Piece(cell.place, first + cell.first_line - 1, b"\n".join(text).decode())
