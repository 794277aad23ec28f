"""Plain data: all that passes between the judge and the student's function.

A value is plain if it is None, a bool, int, float, str or bytes, an array of numbers, a list, tuple or dict of plain
values, or one of fedteach's own records (`Update`, `ClientInfo`, `Plan`). Exactly these types: a student's own class
could claim to equal everything, so it arrives as `Strange`, a name and a text.

What is not data but can be made from data (a generator of random numbers, a stream, a network) travels as a recipe
(recipes.py) and is made where the function is.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from fedteach.messages import ClientInfo, Update
from fedteach.steps.local_update import Plan

MOST_TEXT = 300
RECORDS = (Update, ClientInfo, Plan)
_CONTAINERS = (list, tuple, dict, *RECORDS)
_ATOMS = (type(None), bool, int, float, str, bytes)
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
    "map": "`map` has not computed anything yet; `list(...)` makes it",
    "filter": "`filter` has not computed anything yet; `list(...)` makes it",
    "function": _NOT_CALLED,
    "method": _NOT_CALLED,
    "builtin_function_or_method": _NOT_CALLED,
}


def to_plain(value: Any, depth: int = 0) -> Any:
    """Return a copy that shares nothing with the value; whatever is not plain becomes `Strange`."""
    kind = type(value)
    if kind in _ATOMS:
        return value
    if depth > _DEEPEST:
        return Strange(kind.__name__, "nested too deeply")
    if kind is np.ndarray and value.dtype.kind in "biufcSU":
        return value.copy()
    if isinstance(value, np.generic) and value.dtype.kind in "biufcSU":
        return value.item()
    if kind is np.ndarray and value.dtype == object:
        return to_plain(value.tolist(), depth)  # `rng.choice(clients)` makes one of a list of clients
    if kind in (list, tuple):
        return kind(to_plain(item, depth + 1) for item in value)
    if kind is dict:
        return {to_plain(key, depth + 1): to_plain(item, depth + 1) for key, item in value.items() if _hashable(key)}
    if kind in RECORDS:
        return kind(**{field.name: to_plain(getattr(value, field.name), depth + 1) for field in fields(value)})
    return Strange(kind.__name__, _safe_repr(value))


def _hashable(key: Any) -> bool:
    return type(key) in _ATOMS or isinstance(key, np.generic) or type(key) is tuple


def _safe_repr(value: Any) -> str:
    try:
        return shorten(repr(value))
    except Exception as error:
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


def arrays_in(value: Any) -> list[np.ndarray]:
    """Return every array inside lists, tuples, dicts and records, in order."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    elif isinstance(value, RECORDS):
        value = [getattr(value, field.name) for field in fields(value)]
    return [array for item in value for array in arrays_in(item)] if isinstance(value, list | tuple) else []


def show(value: Any) -> str:
    """Write a value for a student to read: short, with shapes and dtypes where they matter."""
    if isinstance(value, np.ndarray):
        return shorten(_show_array(value))
    if isinstance(value, Strange):
        return f"{_article(value.kind)} {value.text}" if value.kind not in value.text else value.text
    if isinstance(value, Update):
        examples = f"{value.n_examples} example{'' if value.n_examples == 1 else 's'}"
        return shorten(f"Update(client {value.client!r}, round {value.round}, {examples}, {show(value.delta)})")
    if isinstance(value, Plan):
        changed = [f.name for f in fields(value) if getattr(value, f.name) != f.default]
        return f"Plan({', '.join(f'{name}={show(getattr(value, name))}' for name in changed)})"
    if isinstance(value, ClientInfo):
        return f"client {value.id!r}"
    if isinstance(value, list):
        return shorten(f"[{', '.join(map(show, value))}]")
    if isinstance(value, tuple):
        return shorten(f"({', '.join(map(show, value))}{',' if len(value) == 1 else ''})")
    if isinstance(value, dict):
        return shorten("{" + ", ".join(f"{key!r}: {show(item)}" for key, item in value.items()) + "}")
    if isinstance(value, float):
        return f"{value:.7g}"
    return shorten(repr(value))


def _show_array(array: np.ndarray) -> str:
    if array.ndim == 0:
        return f"{array.item()!r} (an array of shape ())"
    if array.size > 24:
        return f"an array of shape {array.shape}, {array.dtype}"
    # The constructor's own look: its brackets say the shape, so it is not said twice.
    numbers = np.array2string(array, precision=4, separator=", ", suppress_small=True).replace("\n", "")
    return " ".join(numbers.split()).replace("[ ", "[")


def _article(kind: str) -> str:
    return f"{'an' if kind[:1].lower() in 'aeiou' else 'a'} {kind}:"


def kind_of(value: Any) -> str:
    """Name the kind of a value in words: "None", "a list of 3", "an array"."""
    if value is None:
        return "None"
    if isinstance(value, Strange):
        return _article(value.kind)[:-1]
    if isinstance(value, list | tuple):
        length = f" of {len(value)} item{'' if len(value) == 1 else 's'}" if value else ""
        return f"{'a' if value else 'an empty'} {type(value).__name__}{length}"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}, {value.dtype}"
    return _article(type(value).__name__)[:-1]


def shorten(text: str, most: int = MOST_TEXT) -> str:
    """Cut a long text in the middle."""
    if len(text) <= most:
        return text
    half = (most - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"
