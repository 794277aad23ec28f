"""Which global names does a function use, also by way of other functions of the same notebook?"""

import dis
import functools
import inspect
import sysconfig
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

from fedteach.lab.asked import attribute

_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
_MOST = 100
"""So many layers of wrappers are looked into: an object may claim to be wrapped without end."""


def functions_used(function: Any) -> dict[str, Any]:
    """Return the functions of the student's that a function calls or may call, by the name it calls them.

    Found in the code without running it: every global name that is read and stands for something with Python code of
    the student's in it, in the function itself and in what was found. What fedteach and the libraries bring along is
    not looked into.
    """
    found: dict[str, Any] = {}
    waiting = [function]
    while waiting:
        for inner in _inside(waiting.pop()):
            for name in _names_read(inner.__code__):
                used = inner.__globals__.get(name)
                if name not in found and next(_inside(used), None) is not None:
                    found[name] = used
                    waiting.append(used)
    return found


def _inside(thing: Any) -> Iterator[FunctionType]:
    """Yield the student's Python functions in what can be called, through decorators, partials, methods and objects."""
    waiting, seen = [thing], dict[int, Any]()  # the things themselves too, or another may get the number of a dead one
    while waiting and len(seen) < _MOST:
        one = waiting.pop()
        if not callable(one) or id(one) in seen:
            continue
        seen[id(one)] = one
        if isinstance(one, FunctionType) and _is_the_students(one):
            yield one
        waiting += _parts(one)


def _parts(thing: Any) -> list[Any]:
    """Return what is directly inside of something that can be called."""
    if isinstance(thing, functools.partial):
        return [thing.func]
    if inspect.ismethod(thing):
        return [thing.__func__]
    if isinstance(thing, type):
        return [getattr(value, "__func__", value) for value in vars(thing).values() if not isinstance(value, type)]
    wrapped = attribute(thing, "__wrapped__")
    if isinstance(thing, FunctionType):
        # A decorator without functools.wraps leaves no trace but what its wrapper remembers.
        return [wrapped, *_remembered(thing)]
    return [wrapped, attribute(type(thing), "__call__")]


def _remembered(function: FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # nothing in it yet
            continue


def _is_the_students(function: FunctionType) -> bool:
    module = function.__module__ if isinstance(function.__module__, str) else ""
    return module.partition(".")[0] != "fedteach" and not function.__code__.co_filename.startswith(_LIBRARIES)


def _names_read(code: CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_read(constant)
