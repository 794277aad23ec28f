"""Which global names does a function use, also by way of other functions of the same notebook?"""

import dis
import functools
import inspect
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any


def functions_used(function: Any) -> dict[str, Any]:
    """Return the functions of the student's that a function calls or may call, by the name it calls them.

    Found in the code without running it: every global name that is read and stands for a plain Python function, in the
    function itself and in the functions found. What fedteach brings along is not looked into.
    """
    found: dict[str, Any] = {}
    waiting = [_plain(function)]
    while waiting:
        looked_at = waiting.pop()
        if looked_at is None:
            continue
        for name in _names_read(looked_at.__code__):
            used = _plain(looked_at.__globals__.get(name))
            if used is not None and name not in found and not used.__module__.startswith("fedteach."):
                found[name] = used
                waiting.append(used)
    return found


def _plain(function: Any) -> FunctionType | None:
    """Return the Python function inside a partial, a method or a decorator's wrapper; None if there is none."""
    if isinstance(function, functools.partial):
        function = function.func
    if inspect.ismethod(function):
        function = function.__func__
    return function if isinstance(function, FunctionType) and isinstance(function.__module__, str) else None


def _names_read(code: CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_read(constant)
