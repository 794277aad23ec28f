"""Steps by name: "trimmed_mean:0.2" on a command line or in a menu is `trimmed_mean(0.2)` in Python."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from fedteach import checks

Made = TypeVar("Made")


Function = TypeVar("Function", bound=Callable[..., Any])


def named(name: str) -> Callable[[Function], Function]:
    """Give a step that a maker returns the name under which messages speak of it: "krum:1"."""

    def name_it(function: Function) -> Function:
        function.__name__ = name
        return function

    return name_it


def make(what: str, spec: str, makers: Mapping[str, Callable[..., Made]]) -> Made:
    """Call the maker that a short text names, with the numbers that follow the name.

    Args:
        what: what is being made, for messages ("aggregation", "codec").
        spec: `"name"`, `"name:0.1"` or `"name:1,3"`; the numbers are the maker's first arguments.
        makers: the functions that may be named.

    Raises:
        ValueError: if the name is unknown, a number is none, or the maker takes other arguments.
    """
    if not isinstance(spec, str):
        raise ValueError(f"expected the name of a known {what}, such as {next(iter(makers))!r}, got {spec!r}")
    name, colon, numbers = spec.partition(":")
    maker = makers[checks.known(what, name, makers)]
    arguments = [_number(what, spec, text) for text in numbers.split(",")] if colon else []
    takes = inspect.signature(maker)
    try:
        takes.bind(*arguments)
    except TypeError:
        wanted = ", ".join(takes.parameters) or "no numbers"
        raise ValueError(f"{what} {name!r} takes {wanted}; {spec!r} gives {len(arguments)} numbers") from None
    return maker(*arguments)


def _number(what: str, spec: str, text: str) -> int | float:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    raise ValueError(f"{what} {spec!r}: expected numbers after the colon, as in 'name:0.1', got {text!r}")


def name_of(step: Any) -> str:
    """Return what to call a step in a sentence: the name of a function, a codec or a server optimizer."""
    return str(getattr(step, "__name__", None) or getattr(step, "name", type(step).__name__))
