"""Plain data as bytes and back: all that ever passes between judge and job.

A message is one safetensors file. Its metadata is JSON that holds the value: None, bools, numbers, texts and lists as
they are, everything else as an object with one key that names its kind. Arrays and bytes stand beside it, and are
only referred to. There is no pickle, no class is looked up by a name that came in, and what comes out is made anew of
Python's own types: `unpack` can be given the bytes of an enemy.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from fedteach.messages import MessageError, tensors_from_bytes, tensors_to_bytes

MOST_TEXT_BYTES = 2**24
"""Of the JSON part of a message: small things made of few letters take many times their length in memory."""

_DTYPE = re.compile(r"[<>|](?:b1|[iu][1248]|f(?:2|4|8|16)|c(?:8|16|32)|[SU]\d{1,6})")
_LARGEST_CODE_POINT = 0x10FFFF


class NotPlain(ValueError):
    """Bytes that are no plain data."""


Records = Mapping[str, type]
"""Dataclasses that may be in a message, by the name that stands for them there."""


def records(*kinds: type) -> Records:
    """Name dataclasses for a message."""
    return MappingProxyType({kind.__name__: kind for kind in kinds})


def pack(value: Any, known: Records) -> bytes:
    """Write a plain value as bytes.

    Args:
        value: plain data (see `grading.plain`), sets of plain data, and records.
        known: the records that may be in it.

    Raises:
        TypeError: if there is something else in it.
    """
    tensors: dict[str, np.ndarray] = {}
    tree = _to_tree(value, known, tensors)
    return tensors_to_bytes(tensors, {"value": tree})


def unpack(message: bytes, known: Records) -> Any:
    """Read what `pack` wrote.

    Raises:
        NotPlain: if it is anything else; says why.
    """
    if len(message) < 8 or int.from_bytes(message[:8], "little") > MOST_TEXT_BYTES:
        raise NotPlain(f"expected a message whose text is at most {MOST_TEXT_BYTES // 2**20} MB long")
    try:
        tensors, metadata = tensors_from_bytes(message)
        return _from_tree(metadata["value"], known, tensors)
    except (MessageError, KeyError, TypeError, ValueError, OverflowError, RecursionError, MemoryError) as error:
        raise NotPlain(f"expected plain data: {error}") from None


# ---- from values ---------------------------------------------------------------------------------------------


def _to_tree(value: Any, known: Records, tensors: dict[str, np.ndarray]) -> Any:
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return _text(value) if kind is str else value
    if kind is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if kind is bytes:
        return {"bytes": _beside(np.frombuffer(value, np.uint8), tensors)}
    if kind is np.ndarray:
        raw = np.frombuffer(np.ascontiguousarray(value).tobytes(), np.uint8)
        return {"array": [_beside(raw, tensors), value.dtype.str, list(value.shape)]}

    def inner(part: Any) -> Any:
        return _to_tree(part, known, tensors)

    if kind is list:
        return [inner(item) for item in value]
    if kind in (tuple, frozenset):
        return {kind.__name__: [inner(item) for item in value]}
    if kind in (dict, MappingProxyType):
        return {"dict": [[inner(key), inner(item)] for key, item in value.items()]}
    if known.get(kind.__name__) is kind and is_dataclass(kind):
        return {"record": [kind.__name__, {f.name: inner(getattr(value, f.name)) for f in fields(kind)}]}
    raise TypeError(f"expected plain data, got {kind.__name__}")


def _text(text: str) -> Any:
    # Half a character can be in a Python text, and in no UTF-8.
    return text if text.isprintable() or _is_utf8(text) else {"text": [ord(character) for character in text]}


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _beside(raw: np.ndarray, tensors: dict[str, np.ndarray]) -> str:
    name = str(len(tensors))
    tensors[name] = raw
    return name


# ---- to values -----------------------------------------------------------------------------------------------


def _from_tree(tree: Any, known: Records, tensors: Mapping[str, np.ndarray]) -> Any:
    if tree is None or isinstance(tree, bool | int | str):
        return tree
    if isinstance(tree, float):
        return _finite(tree)
    if isinstance(tree, list):
        return [_from_tree(item, known, tensors) for item in tree]
    ((kind, content),) = tree.items()
    return _MAKE[kind](content, lambda part: _from_tree(part, known, tensors), known, tensors)


_Inner = Callable[[Any], Any]
_Tensors = Mapping[str, np.ndarray]


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError(f"{number} is no number of JSON")
    return number


def _make_float(content: Any, *_: Any) -> float:
    return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[content]


def _make_text(content: Any, *_: Any) -> str:
    return "".join(map(chr, content))


def _make_bytes(content: Any, inner: _Inner, known: Records, tensors: _Tensors) -> bytes:
    return bytes(_raw(content, tensors))


def _make_array(content: Any, inner: _Inner, known: Records, tensors: _Tensors) -> np.ndarray:
    name, dtype, shape = content
    if not _DTYPE.fullmatch(dtype):
        raise ValueError(f"{dtype!r} is no dtype of numbers or texts")
    if not all(type(length) is int and length >= 0 for length in shape):
        raise ValueError(f"{shape!r} is no shape")
    array = np.frombuffer(_raw(name, tensors).tobytes(), np.dtype(dtype))
    if array.dtype.kind == "U" and (array.view(np.dtype(f"{array.dtype.str[0]}u4")) > _LARGEST_CODE_POINT).any():
        raise ValueError("an array of texts holds what is no text")
    if array.dtype.kind == "b" and (array.view(np.uint8) > 1).any():
        raise ValueError("an array of bools holds what is neither true nor false")
    return array.reshape(shape).copy()


def _raw(name: Any, tensors: _Tensors) -> np.ndarray:
    raw = tensors[name]
    if raw.dtype != np.uint8 or raw.ndim != 1:
        raise ValueError("expected raw bytes")
    return raw


def _make_sequence(make: Callable[[Iterable[Any]], Any]) -> Callable[..., Any]:
    return lambda content, inner, *_: make([inner(item) for item in _listed(content)])


def _make_dict(content: Any, inner: _Inner, *_: Any) -> dict[Any, Any]:
    return {inner(key): inner(item) for key, item in _listed(content)}


def _make_record(content: Any, inner: _Inner, known: Records, tensors: _Tensors) -> Any:
    name, values = content
    kind = known[name]
    made = {key: inner(value) for key, value in values.items()}
    if made.keys() != {f.name for f in fields(kind)}:
        raise ValueError(f"a {name} of other fields")
    return kind(**made)


def _listed(content: Any) -> list[Any]:
    if not isinstance(content, list):
        raise TypeError("expected a list")
    return content


_MAKE: Mapping[str, Callable[..., Any]] = {
    "float": _make_float,
    "text": _make_text,
    "bytes": _make_bytes,
    "array": _make_array,
    "tuple": _make_sequence(tuple),
    "frozenset": _make_sequence(frozenset),
    "dict": _make_dict,
    "record": _make_record,
}
