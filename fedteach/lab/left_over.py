"""Code that is written already, with the stub's `raise NotStarted("4.1")` forgotten beside it."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any


def left_over(function: Callable[..., Any]) -> str:
    """Return the line that raises `NotStarted` in a function that holds other code too; "" if there is none.

    Docstrings, imports and `pass` are no code of this kind. It is read from the source; where that cannot be had, as
    for a function that was made by `exec`, the answer is "" too.
    """
    try:
        source = textwrap.dedent(inspect.getsource(function))
        (definition,) = ast.parse(source).body
    except Exception:
        return ""
    if not isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef):
        return ""
    body = definition.body[1:] if ast.get_docstring(definition) is not None else definition.body
    body = [statement for statement in body if not isinstance(statement, ast.Import | ast.ImportFrom | ast.Pass)]
    raising = [statement for statement in body if _is_not_started(statement)]
    if len(raising) == len(body) or not raising:
        return ""
    return ast.get_source_segment(source, raising[-1]) or ""


def _is_not_started(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Raise) or not isinstance(statement.exc, ast.Call):
        return False
    raised = statement.exc.func
    return "NotStarted" in (getattr(raised, "id", ""), getattr(raised, "attr", ""))
