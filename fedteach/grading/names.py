"""What a statement does to names, found in its syntax tree: which it needs, changes, calls."""

import ast
import symtable
from collections.abc import Iterator
from typing import Literal

CHANGING_METHODS = {
    *("add", "append", "clear", "discard", "extend", "insert", "pop", "remove", "reverse", "setdefault", "sort"),
    "update",
}
"""`names.append("a")` changes `names` as an assignment would."""

CHANGE_NOTHING = {
    *("all any dir enumerate float help id input int len list max min print range repr round set sorted str".split()),
    *("sum tuple type vars zip check display hint lab panel plt progress reset sns use".split()),
}
"""Functions, and objects with functions, that change nothing of what they are given."""

SETTINGS = ("environ", "os.environ", "sys.path")
"""What says where modules are looked for, and how they behave."""

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_OF_NUMBERS = (ast.Constant, ast.Tuple, ast.UnaryOp, ast.BinOp, ast.operator, ast.unaryop, ast.Load)


def kind_of(node: ast.AST) -> Literal["function", "class", "import", ""]:
    """Return what a statement defines, or "" if it is a step of a computation."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return "function"
        case ast.ClassDef():
            return "class"
        case ast.Import() | ast.ImportFrom():
            return "import"
    return ""


def needed(table: symtable.SymbolTable, node: ast.AST) -> Iterator[str]:
    """Yield the names that are looked up outside every function: at once, or when the functions are called.

    Args:
        table: of the statement's names.
        node: the statement.
    """
    own: set[str] = set()
    if table.get_type() == "class":
        bodies = [p for p in ast.walk(node) if isinstance(p, ast.ClassDef) and p.name == table.get_name()]
        own = set.intersection(*map(_own, bodies))
    reads_at_once = table.get_type() in ("module", "class")
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (reads_at_once or symbol.is_global()) and symbol.get_name() not in own:
            yield symbol.get_name()
    for inner in table.get_children():
        yield from needed(inner, node)


def _own(node: ast.AST) -> set[str]:
    """Return the names that the body of a class gives a value before it reads them."""
    own: set[str] = set()
    read: set[str] = set()
    for statement in getattr(node, "body", ()):
        used = [part for part in as_it_runs(statement) if isinstance(part, ast.Name)]
        read |= {name.id for name in used if isinstance(name.ctx, ast.Load)} - own
        simple = isinstance(statement, ast.Assign | ast.With) or getattr(statement, "value", None) or kind_of(statement)
        if simple:  # and not perhaps, as in an `if`
            bound = {name.id for name in used if isinstance(name.ctx, ast.Store)}
            own |= (bound | {getattr(statement, "name", "")}) - read
    return own


def set_later(table: symtable.SymbolTable) -> Iterator[str]:
    """Yield the names that functions declare `global` and give a value."""
    for inner in table.get_children():
        yield from (s.get_name() for s in inner.get_symbols() if s.is_declared_global() and s.is_assigned())
        yield from set_later(inner)


def as_it_runs(node: ast.AST) -> Iterator[ast.AST]:
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


def changed_by(part: ast.AST) -> Iterator[str]:
    """Yield `x` for `x[0]` and `x.rate` where they are written to, and for `x.append(1)`."""
    if target := _written(part):
        yield from _root(target)


def perhaps_changed_by(part: ast.AST) -> Iterator[str]:
    """Yield `x` for `x.fit()` and `fill(x)` where nobody looks at the result, and for `@x.register`."""
    if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        for decorator in part.decorator_list:
            yield from _changed_by_call(decorator if isinstance(decorator, ast.Call) else ast.Call(decorator, [], []))
    value = part.value if isinstance(part, ast.Expr) else None
    value = value.value if isinstance(value, ast.Await) else value
    if isinstance(value, ast.Call):
        yield from _changed_by_call(value)


def _changed_by_call(call: ast.Call) -> Iterator[str]:
    function = call.func
    if CHANGE_NOTHING.intersection(_root(function)):
        return
    if isinstance(function, ast.Attribute):
        yield from _root(function)
    for argument in [*call.args, *(keyword.value for keyword in call.keywords)]:
        yield from (part.id for part in as_it_runs(argument) if isinstance(part, ast.Name))


def called_by(part: ast.AST) -> Iterator[str]:
    """Yield the function that is called by its name, or that is put above another one with an @."""
    if isinstance(part, ast.Call) and isinstance(part.func, ast.Name):
        yield part.func.id
    decorators = getattr(part, "decorator_list", ())
    yield from (decorator.id for decorator in decorators if isinstance(decorator, ast.Name))


def checked_by(part: ast.AST) -> Iterator[str]:
    """Yield "4.1" for `check("4.1", ...)`."""
    if isinstance(part, ast.Call):
        called = part.func.attr if isinstance(part.func, ast.Attribute) else getattr(part.func, "id", "")
        given = [*part.args, *(keyword.value for keyword in part.keywords)] if called == "check" else []
        yield from (str(value.value).strip() for value in given if isinstance(value, ast.Constant))


def sets_up(part: ast.AST) -> bool:
    """Say whether this changes where modules are looked for, or the settings that they read."""
    if isinstance(part, ast.Call) and ast.unparse(part.func) in ("os.putenv", "site.addsitedir"):
        return True
    if isinstance(part, ast.Attribute) and not isinstance(part.ctx, ast.Load):
        return ast.unparse(part) in SETTINGS
    target = _written(part)
    return target is not None and ast.unparse(target).startswith(
        tuple(f"{name}{end}" for name in SETTINGS for end in ".[")
    )


def is_constant(node: ast.AST) -> bool:
    """Say whether a statement only gives names a number or a text."""
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    return value is not None and all(isinstance(part, _OF_NUMBERS) for part in ast.walk(value))


def _written(part: ast.AST) -> ast.AST | None:
    """Return `x[0]` or `x.rate` if it is written to, and `x.append` if it is called."""
    if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr in CHANGING_METHODS:
        return part.func
    written = isinstance(part, ast.Attribute | ast.Subscript) and not isinstance(part.ctx, ast.Load)
    return part if written else None


def _root(part: ast.AST) -> Iterator[str]:
    """Yield `x` for `x.rate[0].first`."""
    while isinstance(part, ast.Attribute | ast.Subscript):
        part = part.value
    if isinstance(part, ast.Name):
        yield part.id
