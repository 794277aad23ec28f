"""Step 2, broadcast: what travels between server and clients, and in how many bytes?

A codec turns weights into one binary message and back. The same codecs serve both ways: down, where
the message holds the global weights, and up, where it holds a client's delta. `float32` loses
nothing; the others trade accuracy for bytes and say in their docstrings how much.

Every message names its codec, so that bytes are never read as what they are not. Decoding gives
fresh float32 arrays that may be written to. Encoding never changes what it is given.
"""

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fedteach import checks
from fedteach.messages import (
    Codec,
    MessageError,
    Weights,
    tensors_from_bytes,
    tensors_to_bytes,
    weights_from_tensors,
    weights_to_tensors,
)
from fedteach.steps import specs

LARGEST_FLOAT16 = 65504.0

MOST_NUMBERS = 2**32
"""`top_k` counts places in uint32."""

Quantise = Callable[[np.ndarray], tuple[np.ndarray, float, float]]
Dequantise = Callable[[np.ndarray, float, float], np.ndarray]


def float32() -> Codec:
    """Send every number as it is, in 4 bytes.

    The default, and the one to compare with: the weights arrive bit for bit, NaN included.
    """

    def encode(weights: Weights) -> bytes:
        return _pack("float32", weights_to_tensors(_float32_arrays(weights)))

    def decode(message: bytes) -> Weights:
        tensors, _ = _unpack("float32", message)
        return _as_float32(_in_order(tensors, np.float32))

    return Codec("float32", encode, decode)


def float16() -> Codec:
    """Send every number in 2 bytes, with 11 significant bits instead of 24.

    Half the bytes for three decimal digits: mostly harmless for a model's weights.

    Returns:
        A codec. Numbers beyond +-65504, the largest that float16 holds, arrive as +-65504. Within,
        a number x arrives as x' with |x' - x| <= 2**-11 * |x|, or, for |x| < 2**-14 = 0.000061,
        |x' - x| <= 2**-25. So deltas far below one millionth vanish.

    Raises:
        ValueError: on encoding NaN or infinite numbers.

    Source:
        IEEE 754-2008, binary16.
    """

    def encode(weights: Weights) -> bytes:
        arrays = _finite_arrays("float16", weights)
        halves = [np.clip(array, -LARGEST_FLOAT16, LARGEST_FLOAT16).astype(np.float16) for array in arrays]
        return _pack("float16", weights_to_tensors(halves))

    def decode(message: bytes) -> Weights:
        tensors, _ = _unpack("float16", message)
        return _checked_finite("float16", _as_float32(_in_order(tensors, np.float16)))

    return Codec("float16", encode, decode)


def int8() -> Codec:
    """Send every number in 1 byte, as one of 256 levels between its tensor's minimum and maximum.

    A quarter of the bytes. One outlier in a tensor widens the levels for all its neighbours: look
    for it when accuracy drops.

    Returns:
        A codec. With scale = (max - min) / 255 for each tensor, x is sent as the whole number
        q = round((x - min) / scale) and arrives as x' = min + scale * q, so that
        |x' - x| <= scale / 2, plus one float32 rounding of x'. A tensor of equal numbers arrives
        exactly. Stored unsigned, 0 to 255, with float64 minimum and scale: 16 bytes for each tensor.

    Raises:
        ValueError: on encoding NaN or infinite numbers, which have no place between two others.

    Source:
        Jacob et al. (2018), arXiv:1712.05877, section 2.1, affine quantisation. Theirs shifts the
        levels so that 0.0 is one of them; ours start at the minimum.
    """
    return from_functions("int8", _quantise, _dequantise)


def _quantise(tensor: np.ndarray) -> tuple[np.ndarray, float, float]:
    low, high = float(tensor.min()), float(tensor.max())
    scale = (high - low) / 255
    return np.rint((tensor.astype(np.float64) - low) / (scale or 1.0)).astype(np.uint8), low, scale


def _dequantise(levels: np.ndarray, low: float, scale: float) -> np.ndarray:
    return np.asarray(low + scale * levels)


def from_functions(name: str, quantise: Quantise, dequantise: Dequantise) -> Codec:
    """Make a codec of two functions, one that turns a tensor into 256 levels and one that turns it back.

    With it a learner's own two functions carry a federation's weights.

    Args:
        name: the codec's name; a message is only read by a codec of the same name.
        quantise: `tensor -> (levels, low, scale)`; levels are uint8 of the tensor's shape, low and scale are finite
            numbers, scale >= 0. It gets a copy of each tensor that holds at least one number.
        dequantise: `(levels, low, scale) -> tensor`, of the same shape.

    Returns:
        A codec. It stores low and scale as float64, 16 bytes for each tensor.

    Raises:
        ValueError: on encoding NaN or infinite numbers, and on encoding or decoding when a function returns
            something else.
    """

    def encode(weights: Weights) -> bytes:
        parts = [_quantised(name, quantise, array) for array in _finite_arrays(name, weights)]
        tensors = weights_to_tensors([levels for levels, _, _ in parts])
        lows, scales = (np.array([part[i] for part in parts], dtype=np.float64) for i in (1, 2))
        return _pack(name, {**tensors, "low": lows, "scale": scales})

    def decode(message: bytes) -> Weights:
        tensors, _ = _unpack(name, message)
        lows, scales = _vector(tensors, "low", np.float64), _vector(tensors, "scale", np.float64)
        levels = _in_order(tensors, np.uint8)
        if not len(levels) == len(lows) == len(scales):
            raise MessageError(
                f"{name} message of {len(levels)} tensors with {len(lows)} minima and {len(scales)} scales"
            )
        if not (np.isfinite(lows).all() and np.isfinite(scales).all() and (scales >= 0).all()):
            raise MessageError(f"{name} message with a minimum or scale that is NaN, infinite or negative")
        parts = zip(levels, lows.tolist(), scales.tolist(), strict=True)
        return _checked_finite(name, [_dequantised(name, dequantise, *part) for part in parts])

    return Codec(name, encode, decode)


def _quantised(name: str, quantise: Quantise, array: np.ndarray) -> tuple[np.ndarray, float, float]:
    if not array.size:
        return np.zeros(array.shape, np.uint8), 0.0, 0.0
    came = quantise(array.copy())
    if not isinstance(came, tuple | list) or len(came) != 3:
        raise ValueError(f"{name}: quantise must return (levels, low, scale), got {came!r:.80}")
    levels = np.asarray(came[0])
    if levels.dtype != np.uint8 or levels.shape != array.shape:
        raise ValueError(
            f"{name}: quantise must return uint8 levels of shape {array.shape}, got {levels.dtype} of {levels.shape}"
        )
    return levels, checks.number(f"{name}: low", came[1]), checks.number(f"{name}: scale", came[2], least=0)


def _dequantised(name: str, dequantise: Dequantise, levels: np.ndarray, low: float, scale: float) -> np.ndarray:
    if not levels.size:
        return np.zeros(levels.shape, np.float32)
    with np.errstate(over="ignore"):  # what is too large becomes infinite and is refused
        array = np.array(dequantise(levels, low, scale), dtype=np.float32)
    if array.shape != levels.shape:
        raise ValueError(f"{name}: dequantise must keep the shape {levels.shape}, got {array.shape}")
    return array


def top_k(share: float) -> Codec:
    """Send only the numbers of largest magnitude, each with its place; the others arrive as zero.

    Meant for the way up: a delta is mostly small numbers, and leaving them out means "unchanged".
    On the way down it would prune the model itself: the weights left out are zero for the clients.
    Each kept number costs 8 bytes, so that from `share=0.5` on `float32` is the smaller message.

    Args:
        share: share of numbers to keep, above 0 and at most 1. Of the n numbers of all tensors
            together, max(1, round(share * n)) are kept; of equal magnitudes those that come first.

    Returns:
        A codec. What is kept arrives bit for bit.

    Raises:
        ValueError: if the share lies outside, and on encoding NaN or infinite numbers.

    Source:
        Aji & Heafield (2017), arXiv:1704.05021, with one threshold for all tensors, and
        Stich et al. (2018), arXiv:1809.07599. Both add what was left out to the next round's
        update; this codec has no memory, which a client needs in order to do so.
    """
    share = checks.number("share", share, least=0, most=1, open_left=True, hint="try 0.1 to keep a tenth")
    name = f"top_k:{share!r}"

    def encode(weights: Weights) -> bytes:
        arrays = _finite_arrays(name, weights)
        flat = np.concatenate([np.zeros(0, np.float32), *(array.ravel() for array in arrays)])
        places = _largest(flat, _n_kept(share, flat.size))
        kept = {"places": places.astype(np.uint32), "values": flat[places]}
        return _pack(name, kept, shapes=[array.shape for array in arrays])

    def decode(message: bytes) -> Weights:
        tensors, details = _unpack(name, message)
        places, values = _vector(tensors, "places", np.uint32), _vector(tensors, "values", np.float32)
        shapes = _shapes(name, details.get("shapes"))
        total = sum(math.prod(shape) for shape in shapes)
        # Before anything is allocated: a few bytes must not claim a model of a trillion numbers.
        if total > MOST_NUMBERS or not len(places) == len(values) == _n_kept(share, total):
            raise MessageError(f"{name} message with {len(values)} values and {len(places)} places of {total} numbers")
        if len(places) and not (places[-1] < total and (places[1:] > places[:-1]).all()):
            raise MessageError(f"{name} message with places out of order or beyond its {total} numbers")
        flat = np.zeros(total, np.float32)
        flat[places] = values
        return _checked_finite(name, _cut(name, flat, shapes))

    return Codec(name, encode, decode)


CODECS: dict[str, Callable[..., Codec]] = {"float32": float32, "float16": float16, "int8": int8, "top_k": top_k}
"""The makers by name, for `codec`."""


def codec(spec: str) -> Codec:
    """Make the codec that a text names: `codec("float16")`, `codec("top_k:0.1")`.

    A codec's own name is such a text, so `codec(c.name)` is the same codec on the other side.

    Raises:
        ValueError: if there is no such codec.
    """
    return specs.make("codec", spec, CODECS)


def json_size_bytes(weights: Weights) -> int:
    """Count the bytes of the same weights as nested lists in JSON text.

    For comparison: text takes about five times the bytes of float32, and the time to write and
    read it. The original of this course sent its weights so.
    """
    return len(json.dumps([array.tolist() for array in _float32_arrays(weights)]).encode())


def _pack(name: str, tensors: dict[str, np.ndarray], **details: Any) -> bytes:
    # One entry: safetensors writes several in any order, and the same weights should give the same bytes.
    return tensors_to_bytes(tensors, {"weights": {"codec": name, **details}})


def _unpack(name: str, message: bytes) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    tensors, metadata = tensors_from_bytes(message)
    details = metadata.get("weights")
    details = details if isinstance(details, dict) else {}
    came = details.get("codec")
    if came != name:
        raise MessageError(f"expected weights encoded as {name!r}, got {came!r:.40}; both sides must agree")
    return tensors, details


def _float32_arrays(weights: Weights) -> Weights:
    if not isinstance(weights, list | tuple):
        raise ValueError(f"weights must be a list of arrays, got {type(weights).__name__}")
    return [np.asarray(array, dtype=np.float32) for array in weights]


def _finite_arrays(name: str, weights: Weights) -> Weights:
    arrays = _float32_arrays(weights)
    for i, array in enumerate(arrays):
        if not np.isfinite(array).all():
            raise ValueError(f"{name} cannot carry NaN or infinite numbers, got some in tensor {i}; try float32")
    return arrays


def _checked_finite(name: str, weights: Weights) -> Weights:
    if not all(np.isfinite(array).all() for array in weights):
        raise MessageError(f"{name} message with NaN or infinite numbers")
    return weights


def _in_order(tensors: dict[str, np.ndarray], dtype: type[np.generic]) -> list[np.ndarray]:
    """Take the numbered tensors in model order, as they are stored."""
    arrays = weights_from_tensors(tensors)
    for place, array in enumerate(arrays):
        if array.dtype != dtype:
            raise MessageError(f"tensor {place}: expected {np.dtype(dtype)}, got {array.dtype}")
    return arrays


def _as_float32(arrays: list[np.ndarray]) -> Weights:
    """Fresh float32 arrays that share no memory with the message."""
    return [np.array(array, dtype=np.float32) for array in arrays]


def _vector(tensors: dict[str, np.ndarray], name: str, dtype: type[np.generic]) -> np.ndarray:
    """Take the one-dimensional tensor of that name out of `tensors`."""
    vector = tensors.pop(name, None)
    if vector is None or vector.ndim != 1 or vector.dtype != dtype:
        came = "nothing" if vector is None else f"{vector.dtype} of shape {vector.shape}"
        raise MessageError(f"expected a {np.dtype(dtype)} vector named {name!r}, got {came}")
    return vector


def _shapes(name: str, shapes: Any) -> list[list[int]]:
    is_list = isinstance(shapes, list) and all(isinstance(shape, list) and len(shape) <= 64 for shape in shapes)
    if not is_list or not all(type(n) is int and 0 <= n <= MOST_NUMBERS for shape in shapes for n in shape):
        raise MessageError(f"{name} message without usable shapes of its tensors")
    return list(shapes)


def _cut(name: str, flat: np.ndarray, shapes: list[list[int]]) -> Weights:
    """Cut one long vector into fresh tensors of these shapes."""
    start, arrays = 0, []
    for shape in shapes:
        end = start + math.prod(shape)
        try:
            arrays.append(flat[start:end].reshape(shape).copy())
        except ValueError as error:  # an empty tensor of shape (0, huge, huge)
            raise MessageError(f"{name} message with a tensor of impossible shape {shape}") from error
        start = end
    return arrays


def _n_kept(share: float, n: int) -> int:
    return min(n, max(1, round(share * n)))


def _largest(flat: np.ndarray, k: int) -> np.ndarray:
    """Places of the k numbers of largest magnitude, in order; of equal magnitudes the first ones."""
    magnitudes = np.abs(flat)
    threshold = np.partition(magnitudes, flat.size - k)[flat.size - k] if k else np.inf
    above = np.flatnonzero(magnitudes > threshold)
    tied = np.flatnonzero(magnitudes == threshold)[: k - above.size]
    return np.sort(np.concatenate([above, tied]))
