"""Plain data: all that passes between the judge and the student's function.

A value is plain if it is None, a bool, int, float, str or bytes, an array of numbers, a list, tuple or dict of plain
values, or one of fedteach's own records (`Update`, `ClientInfo`, `Plan`); Python's own relatives of list, tuple and
dict become these. A student's own class could claim to equal everything, so it arrives as `Strange`, a name and a text.

What is not data but can be made from data (a generator of random numbers, a stream, a network) travels as a recipe
(recipes.py) and is made where the function is.
"""

import itertools
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from fedteach.grading.time_limit import TimeLimitExceeded
from fedteach.grading.words import article
from fedteach.messages import ClientInfo, Update
from fedteach.steps.local_update import Plan

MOST_TEXT = 300
RECORDS = (Update, ClientInfo, Plan)
_CONTAINERS = (list, tuple, dict, *RECORDS)
MOST_VALUES = 200_000
_ATOMS = (type(None), bool, int, float, str, bytes)
_LISTS = (list, tuple, deque)
_DICTS = (dict, defaultdict, OrderedDict, Counter)
_NUMBERS = "biufcSU"
_DEEPEST = 20


@dataclass(frozen=True)
class Strange:
    """Something that is not plain data, as far as the judge can know it.

    Attributes:
        kind: name of its type, such as "generator".
        text: its repr, shortened.
    """

    kind: str
    text: str

    @property
    def likely(self) -> str:
        """The likely reason why it came instead of data, or ""."""
        return _WHY_STRANGE.get(self.kind, "")


_NOT_CALLED = "a function was returned without calling it: are its brackets missing?"
_WHY_STRANGE = {
    "generator": "there is a `yield` in it where a `return` belongs",
    "EagerTensor": "a TensorFlow tensor; `.numpy()` makes an array of it",
    "ndarray": "an array of objects is no array of numbers: arrays of different shapes belong into a list",
    "map": "`map` has not computed anything yet; `list(...)` makes it",
    "filter": "`filter` has not computed anything yet; `list(...)` makes it",
    "function": _NOT_CALLED,
    "method": _NOT_CALLED,
    "builtin_function_or_method": _NOT_CALLED,
}


class TooMuch(Exception):
    """More values than anybody could look at."""


def to_plain(value: Any) -> Any:
    """Return a copy that shares nothing with the value; whatever is not plain becomes `Strange`."""
    try:
        return _copied(value, 0, itertools.count())
    except TooMuch:
        return Strange(type(value).__name__, f"holds more than {MOST_VALUES:,} values, too many to look at")


def _copied(value: Any, depth: int, counter: Iterator[int]) -> Any:
    kind = type(value)
    if kind in _ATOMS:
        return value
    if depth > _DEEPEST:
        return Strange(kind.__name__, "nested too deeply")
    if next(counter) > MOST_VALUES:
        raise TooMuch
    if kind is np.ndarray:
        return _copied_array(value, depth, counter)
    if isinstance(value, np.generic) and value.dtype.kind in _NUMBERS:
        return value.item()
    if kind in _LISTS or hasattr(kind, "_fields"):
        items = [_copied(item, depth + 1, counter) for item in _few(value)]
        return items if kind in (list, deque) else tuple(items)
    if kind in _DICTS:
        pairs = ((key, item) for key, item in _few(value.items()) if _hashable(key))
        return {_copied(key, depth + 1, counter): _copied(item, depth + 1, counter) for key, item in pairs}
    if kind in RECORDS:
        return kind(**{f.name: _copied(getattr(value, f.name), depth + 1, counter) for f in fields(value)})
    return Strange(kind.__name__, _safe_repr(value))


def _copied_array(value: np.ndarray, depth: int, counter: Iterator[int]) -> Any:
    if value.dtype.kind in _NUMBERS:
        return value.copy()
    if value.dtype == object and value.ndim == 1 and all(type(item) in RECORDS for item in value):
        return [_copied(item, depth + 1, counter) for item in value]  # as `rng.choice(clients)` makes them
    return Strange("ndarray", f"an array of {value.dtype}")


def _few(values: Any) -> Any:
    if len(values) > MOST_VALUES:
        raise TooMuch
    return values


def _hashable(key: Any) -> bool:
    return type(key) in _ATOMS or isinstance(key, np.generic) or type(key) is tuple


def _safe_repr(value: Any) -> str:
    try:
        return shorten(repr(value))
    except (KeyboardInterrupt, TimeLimitExceeded):
        raise
    except BaseException as error:
        return f"(its repr raises {type(error).__name__})"


@dataclass(frozen=True)
class Difference:
    """The first place where two plain values differ: where it is, and what stands there in each."""

    where: str
    one: Any
    other: Any


def same(one: Any, other: Any) -> bool:
    """Say whether two plain values are the same to the last bit, in type, dtype and shape too; NaN equals NaN."""
    return difference(one, other) is None


def difference(
    one: Any, other: Any, where: str = "", alike: Callable[[Any, Any], bool] | None = None
) -> Difference | None:
    """Find the first place where two plain values differ, or None.

    Args:
        one: a plain value.
        other: the value to hold against it.
        where: what to call the whole.
        alike: compares two single values or arrays; None: the same to the last bit.
    """
    if type(one) is not type(other):
        return Difference(where, one, other)
    if isinstance(one, _CONTAINERS):
        mine, theirs = _parts(one), _parts(other)
        if list(mine) != list(theirs):
            return Difference(where, one, other)
        found = (difference(mine[k], theirs[k], f"{where}, {k}" if where else k, alike) for k in mine)
        return next(filter(None, found), None)
    return None if (alike or _same_bits)(one, other) else Difference(where, one, other)


def _parts(value: Any) -> dict[str, Any]:
    """Name the parts of a list, tuple, dict or record."""
    if isinstance(value, dict):
        return {f"key {key!r}": item for key, item in value.items()}
    if isinstance(value, RECORDS):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return {f"item {place}": item for place, item in enumerate(value)}


def _same_bits(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
    return bool(one == other) or (isinstance(one, float) and one != one and other != other)


def arrays_in(value: Any, depth: int = 0) -> list[np.ndarray]:
    """Return every array inside lists, tuples, dicts and records, in order, as deep as `to_plain` looks."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    elif isinstance(value, RECORDS):
        value = [getattr(value, field.name) for field in fields(value)]
    if not isinstance(value, list | tuple) or depth > _DEEPEST:
        return []
    return [array for item in value for array in arrays_in(item, depth + 1)]


def show(value: Any) -> str:
    """Write a value for a student to read: short, with shapes and dtypes where they matter."""
    if isinstance(value, np.ndarray):
        return shorten(_show_array(value))
    if isinstance(value, Strange):
        return f"{article(value.kind)} {value.kind}: {value.text}" if value.kind not in value.text else value.text
    if isinstance(value, Update):
        is_one = type(value.n_examples) is int and value.n_examples == 1  # it may be anything, an array too
        examples = f"{show(value.n_examples)} example{'' if is_one else 's'}"
        return shorten(f"Update(client {value.client!r}, round {value.round}, {examples}, {show(value.delta)})")
    if isinstance(value, Plan):
        changed = [f.name for f in fields(value) if difference(getattr(value, f.name), f.default)]
        return f"Plan({', '.join(f'{name}={show(getattr(value, name))}' for name in changed)})"
    if isinstance(value, ClientInfo):
        return f"client {value.id!r}"
    if isinstance(value, list):
        return shorten(f"[{_listed(value)}]")
    if isinstance(value, tuple):
        return shorten(f"({_listed(value)}{',' if len(value) == 1 else ''})")
    if isinstance(value, dict):
        return shorten("{" + ", ".join(f"{key!r}: {show(item)}" for key, item in value.items()) + "}")
    if isinstance(value, float):
        return f"{value:.7g}"
    return shorten(repr(value))


def _listed(values: Any) -> str:
    if len(values) > MOST_TEXT:  # the middle would be cut out all the same
        return f"{_listed(values[: MOST_TEXT // 2])}, ..., {_listed(values[-MOST_TEXT // 2 :])}"
    return ", ".join(map(show, values))


def _show_array(array: np.ndarray) -> str:
    if array.ndim == 0:
        return f"array({array.item()!r})"
    if array.size > 24:
        return f"an array of shape {array.shape}, {array.dtype}"
    numbers = np.array2string(array, precision=4, separator=", ", suppress_small=True).replace("\n", "")
    return f"array({' '.join(numbers.split()).replace('[ ', '[')})"


def kind_of(value: Any) -> str:
    """Name the kind of a value in words: "None", "a list of 3", "an array"."""
    if value is None:
        return "None"
    if isinstance(value, Strange):
        return f"{article(value.kind)} {value.kind}"
    if isinstance(value, list | tuple):
        length = f" of {len(value)} item{'' if len(value) == 1 else 's'}" if value else ""
        return f"{'a' if value else 'an empty'} {type(value).__name__}{length}"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}, {value.dtype}"
    return f"{article(type(value).__name__)} {type(value).__name__}"


def shorten(text: str, most: int = MOST_TEXT) -> str:
    """Cut a long text in the middle."""
    if len(text) <= most:
        return text
    half = (most - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"
