"""fedteach's own records in an answer: a student may make one of anything, and a case must not stumble over that."""

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

import numpy as np

from fedteach.grading.plain import RECORDS, Strange, kind_of, show
from fedteach.grading.verdict import Finding
from fedteach.messages import ClientInfo, Update
from fedteach.steps.local_update import Plan


def unsound(answer: Any) -> Finding | None:
    """Return what is wrong with the first record in an answer that holds what it cannot; None if all are sound.

    Args:
        answer: plain data.

    Returns:
        Which field, and what belongs there: the id of a client is no array, say.
    """
    for record in _records_in(answer):
        for name, value in _values_of(record):
            fits, wanted = _WANTED[type(record)][name]
            if not fits(value):
                says = f"{type(record).__name__}.{name} must be {wanted}; in your answer it is {kind_of(value)}."
                return Finding(says, got=show(record), likely=value.likely if isinstance(value, Strange) else "")
    return None


def _records_in(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _records_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _records_in(item)
    elif isinstance(value, RECORDS):
        yield value
        for _, inner in _values_of(value):
            yield from _records_in(inner)


def _values_of(record: Any) -> list[tuple[str, Any]]:
    return [(field.name, getattr(record, field.name)) for field in fields(record)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _are_tensors(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(_is_tensor(item) for item in value)


def _is_tensor(value: Any) -> bool:
    return _is_number(value) or (isinstance(value, np.ndarray) and value.dtype.kind in "biuf")


def _is_by_name(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(name, str) and _is_tensor(value[name]) for name in value)


_Wanted = tuple[Callable[[Any], bool], str]
_TEXT: _Wanted = (lambda value: isinstance(value, str), "a text")
_NUMBER: _Wanted = (_is_number, "a number")
_NUMBER_OR_NONE: _Wanted = (lambda value: value is None or _is_number(value), "a number or None")
_TENSORS: _Wanted = (_are_tensors, "a list of arrays of numbers")
_BY_NAME: _Wanted = (_is_by_name, "a dict of numbers by name")

_WANTED: dict[type, dict[str, _Wanted]] = {
    Update: {
        "client": _TEXT,
        "round": _NUMBER,
        "delta": _TENSORS,
        "n_examples": _NUMBER,
        "metrics": _BY_NAME,
        "extra": _BY_NAME,
        "size_bytes": _NUMBER,
    },
    ClientInfo: {
        "id": _TEXT,
        "n_examples": _NUMBER,
        "idle": _NUMBER,
        "charging": _NUMBER,
        "unmetered": _NUMBER,
    },
    Plan: {
        field.name: _NUMBER_OR_NONE if field.name in ("batch_size", "clip_norm") else _NUMBER for field in fields(Plan)
    },
}
