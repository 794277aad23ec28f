"""2.1: weights to one message."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import safetensors.numpy

from fedteach.exercises.broadcast.messages import random_weights
from fedteach.exercises.common import explaining
from fedteach.grading import expect
from fedteach.grading.ask import Ask, Wrong
from fedteach.grading.exercise import EXAMPLE, SPECIAL, Exercise
from fedteach.grading.plain import kind_of
from fedteach.grading.recipes import Views
from fedteach.messages import Weights


@EXAMPLE
def a_kernel_and_a_bias(ask: Ask, rng: np.random.Generator) -> None:
    """Two tensors become the safetensors message that names them "0" and "1"."""
    weights = [np.array([[1, 2], [3, 4]], np.float32), np.array([0.5, -0.5], np.float32)]
    with explaining(_WHY_IT_STOPPED):
        message = ask(weights)
    _same_tensors(_opened(message), weights)


def many_layers(ask: Ask, rng: np.random.Generator) -> None:
    """Models of one tensor up to two dozen, many of the same shape: each tensor travels, in its place."""
    for n_tensors in (1, 6, 13, 24):
        weights = random_weights(rng, n_tensors)
        _same_tensors(_opened(ask(weights)), weights)


@SPECIAL
def a_single_number(ask: Ask, rng: np.random.Generator) -> None:
    """A tensor may be a single number: its shape () arrives too."""
    weights = [rng.normal(size=shape).astype(np.float32) for shape in ((2,), (), (2, 1))]
    _same_tensors(_opened(ask(weights)), weights)


@SPECIAL
def not_in_one_piece(ask: Ask, rng: np.random.Generator) -> None:
    """A transposed array arrives as it looks, not as it happens to lie in the memory."""
    weights = [rng.normal(size=shape).astype(np.float32) for shape in ((2, 3), (4,), ())]
    likely = (
        "safetensors copies the memory as it lies, and a view such as `x.T` or `x[::2]` leaves it as it was; "
        '`np.array(x, order="C")` lays the numbers out in their order'
    )
    _same_tensors(_opened(ask(Views(tuple(weights)))), weights, likely)


def _opened(message: Any) -> Mapping[str, np.ndarray]:
    """Read the message with safetensors itself."""
    if not isinstance(message, bytes):
        raise Wrong(
            f"Expected one message, that is bytes; your function returned {kind_of(message)}.",
            got=message,
            likely=_WHY_NO_BYTES.get(type(message).__name__, "`safetensors.numpy.save` returns bytes"),
        )
    try:
        return safetensors.numpy.load(message)
    except Exception:  # whatever it is, it cannot be read
        raise Wrong(
            "Your message cannot be read as safetensors, so a stranger could not read it either.",
            got=f"{len(message)} bytes that begin with {message[:12]!r}",
            expected="the bytes that `safetensors.numpy.save` returns",
            likely=next((cause for begin, cause in _WHY_NOT_SAFETENSORS if message.startswith(begin)), ""),
        ) from None


_WHY_IT_STOPPED = {
    "object has no attribute 'items'": "`save` takes a dict, with a name for each array: {name: array}",
    "not an instance of 'str'": 'the names are text, not numbers: str(0) makes "0" of 0',
    "not JSON serializable": "JSON knows no arrays, and is no safetensors message; `save` makes one",
    "object has no attribute 'dtype'": "`save` takes arrays as they are, no lists of numbers: leave `tolist` out",
}
_WHY_NO_BYTES = {
    "NoneType": "is a `return` missing?",
    "dict": "the dict is the right idea; `safetensors.numpy.save(tensors)` makes bytes of it",
    "str": "this is text; `safetensors.numpy.save` returns bytes",
    "list": "one message for the whole model, not one for each tensor",
}
_WHY_NOT_SAFETENSORS = (
    (b"\x80", "this is a pickle: it runs whatever code its sender put in, so nobody should open one from a stranger"),
    (b"\x93NUMPY", "this is numpy's own format; use `safetensors.numpy.save`"),
    (b"PK", "this is an npz or zip file; use `safetensors.numpy.save`"),
    (b"[", "this is JSON text; use `safetensors.numpy.save`"),
    (b"{", "this is JSON text; use `safetensors.numpy.save`"),
    (b"", "`tobytes()` keeps neither shapes nor names; `safetensors.numpy.save` keeps both"),
)


def _same_tensors(tensors: Mapping[str, np.ndarray], want: Weights, likely: str = "") -> None:
    """Insist on a message that holds these arrays, each by its place."""
    _same_names(tensors, want)
    for place, wanted in enumerate(want):
        got = tensors[str(place)]
        expect.true(
            got.dtype == wanted.dtype,
            f'Tensor "{place}" holds {got.dtype} in your message; the model\'s numbers are {wanted.dtype}.',
            likely="leave the type as it is: `np.array(x)` keeps it, `np.array(x.tolist())` does not",
        )
        expect.true(
            got.shape == wanted.shape,
            f'Tensor "{place}" has shape {got.shape} in your message; it went in with shape {wanted.shape}.',
            likely='`np.ascontiguousarray` makes (1,) of a single number; `np.array(x, order="C")` keeps the shape'
            if wanted.shape == ()
            else "shapes belong to the message: save the arrays as they are",
        )
        expect.true(
            bool(np.array_equal(got, wanted)),
            f'Tensor "{place}" holds other numbers in your message than the ones that went in.',
            got=got,
            expected=wanted,
            likely=likely or _why_other_numbers(got, want),
        )


def _same_names(tensors: Mapping[str, np.ndarray], want: Weights) -> None:
    wanted, came = [str(place) for place in range(len(want))], sorted(tensors)
    if len(came) < len(wanted):
        raise Wrong(
            f"{len(wanted)} tensors went in, and only {len(came)} {'is' if len(came) == 1 else 'are'} in the message.",
            got=came,
            expected=wanted,
            likely="tensors of the same name: the later one replaces the earlier. No two have the same place in the "
            "list",
        )
    if set(came) == set(wanted):
        return
    likely = "a name such as kernel comes again in every layer; the places 0, 1, ... in the list do not: str(0), str(1)"
    if set(came) == {str(place + 1) for place in range(len(want))}:
        likely = "places are counted from 0, as `enumerate` does"
    elif {name.lstrip("0") or "0" for name in came} == set(wanted):
        likely = 'no zeros in front: the third tensor is "2", also where there are more than ten'
    raise Wrong(
        "The tensors in your message have other names than prescribed.", got=came, expected=wanted, likely=likely
    )


def _why_other_numbers(got: np.ndarray, want: Weights) -> str:
    for place, other in enumerate(want):
        if got.shape == other.shape and np.array_equal(got, other):
            return f"this is the tensor of place {place}: has the order of the list changed?"
    if any(got.shape == x.shape and np.array_equal(got, x.astype(np.float16)) for x in want):
        return "these are the numbers in float16; this message loses nothing"
    return ""


def reference_to_message(weights: Weights) -> bytes:
    """Pack an ordered list of arrays into one safetensors message, each named by its place."""
    from fedteach.messages import tensors_to_bytes, weights_to_tensors

    return tensors_to_bytes(weights_to_tensors(weights), {})


PACK = Exercise(
    "2.1",
    "to_message",
    "weights to one message",
    hints=(
        "Two tensors of a model may have the same name, shape or numbers. What do no two of them share?",
        "`save` takes a dict from names to arrays. Which loop gives you each array together with its place?",
        "`x.T` moves no number in the memory. Which function gives you a copy whose numbers lie in their order, and "
        "leaves a shape of () alone?",
    ),
    cases=(a_kernel_and_a_bias, many_layers, a_single_number, not_in_one_piece),
    reference=reference_to_message,
    points=2,
)
