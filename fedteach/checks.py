"""Checks at the door: each says what was expected, what came and what to try."""

import difflib
import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any


def known(what: str, name: Any, options: Iterable[str]) -> str:
    """Return `name` if it is one of `options`, else refuse it and suggest the nearest.

    Args:
        what: what the name is for, as the user calls it ("data set", "model").
        name: what the user gave.
        options: the names that exist.

    Raises:
        ValueError: if the name is not among the options.
    """
    options = list(options)
    if name in options:
        return str(name)
    near = difflib.get_close_matches(str(name), options, n=1, cutoff=0.5)
    guess = f", did you mean {near[0]!r}? Known" if near else "; known"
    raise ValueError(f"unknown {what} {name!r}{guess}: {', '.join(options)}")


def whole(name: str, value: Any, least: int = 0, most: int | None = None, hint: str = "") -> int:
    """Return `value` as an int if it is a whole number in [least, most].

    Raises:
        ValueError: if it is not a whole number or lies outside.
    """
    span = f"of at least {least}" if most is None else f"from {least} to {most}"
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ValueError(_sentence(f"{name} must be a whole number {span}, got {value!r}", hint))
    value = int(value)
    if value < least or (most is not None and value > most):
        raise ValueError(_sentence(f"{name} must be a whole number {span}, got {value}", hint))
    return value


def number(
    name: str,
    value: Any,
    least: float = -math.inf,
    most: float = math.inf,
    *,
    open_left: bool = False,
    open_right: bool = False,
    hint: str = "",
) -> float:
    """Return `value` as a float if it is a finite number in the interval.

    Args:
        name: the argument's name, for the message.
        value: what came.
        least: lower end of the interval.
        most: upper end of the interval.
        open_left: leave the lower end itself out.
        open_right: leave the upper end itself out.
        hint: what to try instead, added to the message.

    Raises:
        ValueError: if it is not a finite real number or lies outside.
    """
    wanted = _interval(least, most, open_left, open_right)
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise ValueError(_sentence(f"{name} must be a number{wanted}, got {value!r}", hint))
    value = float(value)
    outside = value < least or value > most
    at_open_end = (open_left and value == least) or (open_right and value == most)
    if outside or at_open_end:
        raise ValueError(_sentence(f"{name} must be a number{wanted}, got {value}", hint))
    return value


def _interval(least: float, most: float, open_left: bool, open_right: bool) -> str:
    parts = []
    if least > -math.inf:
        parts.append(f"{'above' if open_left else 'of at least'} {least:g}")
    if most < math.inf:
        parts.append(f"{'below' if open_right else 'at most'} {most:g}")
    return " " + " and ".join(parts) if parts else ""


def _sentence(text: str, hint: str) -> str:
    return f"{text}; {hint}" if hint else text
