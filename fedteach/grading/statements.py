"""The statements of a cell, and the names that each binds and needs: found by looking, nothing is run."""

import ast
import symtable
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from fedteach.grading.magics import NOT_PYTHON
from fedteach.grading.notebooks import Cell

CHANGING_METHODS = {
    *("add", "append", "clear", "discard", "extend", "insert", "pop", "remove", "reverse", "setdefault", "sort"),
    "update",
}
"""`names.append("a")` changes `names` as an assignment would."""

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True)
class Piece:
    """A statement as plain data, for another process to run.

    Attributes:
        place: its cell, in words.
        first_line: the number of its first line there.
        source: its text.
    """

    place: str
    first_line: int
    source: str


@dataclass(frozen=True)
class Statement:
    """One statement at the top level of a cell.

    Attributes:
        piece: its text and place.
        binds: names that it gives a value, also inside its `if`, `for`, `with` and `try`.
        changes: names whose value it changes: `x[0] = 1`, `x.rate = 1`, `x.append(1)`.
        needs: names of the notebook that it reads, or that the functions in it will read when they are called.
        calls: functions that it calls by their name as it runs.
        sets: names that a function in it declares `global` and gives a value, when it is called.
        defines: whether it is a function, a class or an import, and no step of a computation.
        star: whether it may bind anything, or changes how what follows is read (`from __future__ import ...`).
    """

    piece: Piece
    binds: frozenset[str]
    changes: frozenset[str]
    needs: frozenset[str]
    calls: frozenset[str]
    sets: frozenset[str]
    defines: bool
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
    now = list(_as_it_runs(node))
    return Statement(
        piece=piece,
        binds=frozenset(s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()),
        changes=frozenset(name for part in now for name in _changed_by(part)),
        needs=frozenset(_needs(table)),
        calls=frozenset(n.func.id for n in now if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)),
        sets=frozenset(_sets(table)),
        defines=isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom),
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


def _needs(table: symtable.SymbolTable) -> Iterator[str]:
    """Yield the names that are looked up outside every function: at once, or when the functions are called."""
    reads_at_once = table.get_type() in ("module", "class")
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (reads_at_once or symbol.is_global()):
            yield symbol.get_name()
    for inner in table.get_children():
        yield from _needs(inner)


def _sets(table: symtable.SymbolTable) -> Iterator[str]:
    for inner in table.get_children():
        yield from (s.get_name() for s in inner.get_symbols() if s.is_declared_global() and s.is_assigned())
        yield from _sets(inner)


def _as_it_runs(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of a statement that run with it; the bodies of its functions run later."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        yield part
        inner = list(ast.iter_child_nodes(part))
        if isinstance(part, _FUNCTIONS):
            body = part.body if isinstance(part.body, list) else [part.body]
            inner = [child for child in inner if child not in body]
        waiting += inner


def _changed_by(part: ast.AST) -> Iterator[str]:
    """Yield `x` for `x[0]` and `x.rate` where they are written to, and for `x.append(1)`."""
    written = isinstance(part, ast.Attribute | ast.Subscript) and not isinstance(part.ctx, ast.Load)
    if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr in CHANGING_METHODS:
        part, written = part.func, True
    while written and isinstance(part, ast.Attribute | ast.Subscript):
        part = part.value
    if written and isinstance(part, ast.Name):
        yield part.id
