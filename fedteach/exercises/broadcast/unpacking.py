"""2.2: a message to weights."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import safetensors.numpy

from fedteach.exercises.broadcast.messages import random_weights
from fedteach.exercises.common import counted, explaining
from fedteach.grading import expect
from fedteach.grading.ask import Ask, Wrong
from fedteach.grading.exercise import EXAMPLE, Exercise, Group
from fedteach.grading.recipes import Message
from fedteach.messages import Weights

REFUSALS = Group("what is refused", 4)


@EXAMPLE
def three_tensors(ask: Ask, rng: np.random.Generator) -> None:
    """A message of the tensors "0", "1" and "2" becomes a list of these three, in this order."""
    weights = [np.array(numbers, np.float32) for numbers in ([[1, 2], [3, 4]], [5, 6], 7)]
    _same_list(ask(_message(weights, rng)), weights)


def more_than_ten(ask: Ask, rng: np.random.Generator) -> None:
    """With more than ten tensors, "10" still comes after "2"."""
    for n_tensors in (1, 12, 25):
        weights = random_weights(rng, n_tensors)
        _same_list(ask(_message(weights, rng)), weights)


def from_another_program(ask: Ask, rng: np.random.Generator) -> None:
    """Another program wrote its tensors in another order, which is its right: their names say where they belong."""
    weights = random_weights(rng, 14)
    _same_list(ask(_by_another_program(weights, rng)), weights)


@REFUSALS
def no_message(ask: Ask, rng: np.random.Generator) -> None:
    """Bytes that are no message, or only the beginning of one, are refused."""
    whole = _message(random_weights(rng, 4), rng).content
    causes = {
        "SafetensorError": "SafetensorError is no ValueError: catch it, and raise a ValueError of your own",
        _RETURNED: "an error that is caught and not passed on hides what happened: raise a ValueError in its place",
    }
    for bad, because in (
        (b"", "these are no bytes at all"),
        (b"hello", "this is no safetensors message"),
        (b"[[1.0, 2.0], [3.0, 4.0]]", "this is JSON, and no safetensors message"),
        (Message(whole[:-5], "a message without its last 5 bytes"), "the connection broke before the last 5 bytes"),
        (Message(whole[:40], "the first 40 bytes of a message"), "this is only the beginning of a message"),
    ):
        _refused(ask, bad, because, causes)


@REFUSALS
def a_gap(ask: Ask, rng: np.random.Generator) -> None:
    """A message in which a tensor is missing is refused: all after it would land in the wrong layer."""
    first, second, third, fourth = random_weights(rng, 4)
    causes = {
        "KeyError": "KeyError is no ValueError: catch it too (`except (A, B)`: `except A or B` catches A alone), or "
        "compare the names before you look them up",
        _RETURNED: "n tensors make a list without a hole only if their names are 0 to n - 1: compare them",
    }
    for tensors, because in (
        ({"0": first, "1": second, "3": fourth}, 'tensor "2" is missing between "1" and "3"'),
        ({"1": first, "2": second, "3": third}, 'tensor "0" is missing'),
        ({"kernel": first, "bias": second}, '"kernel" and "bias" are no places in a list'),
    ):
        _refused(ask, _named(tensors), because, causes)


@REFUSALS
def names_like_numbers(ask: Ask, rng: np.random.Generator) -> None:
    """A name that only looks like the number is another name: "00" is not "0"."""
    first, second = random_weights(rng, 2)
    causes = {_RETURNED: 'int("00") is 0 too, and int("0_1") is 1: compare the names themselves'}
    _refused(ask, _named({"00": first, "1": second}), '"00" is not the name "0"', causes)
    _refused(ask, _named({"0": first, "0_1": second}), '"0_1" is not the name "1"', causes)


def _named(tensors: Mapping[str, np.ndarray]) -> Message:
    return Message(safetensors.numpy.save(dict(tensors)), f"the message with the tensors {', '.join(tensors)}")


def _message(weights: Weights, rng: np.random.Generator) -> Message:
    """Save the tensors in a random order."""
    content = safetensors.numpy.save({str(place): weights[place] for place in rng.permutation(len(weights))})
    return Message(content, f"the message of {counted(len(weights), 'tensor')}")


def _by_another_program(weights: Weights, rng: np.random.Generator) -> Message:
    """Write a safetensors file by hand: eight bytes for the size of the header, the header, the numbers."""
    header: dict[str, Any] = {}
    numbers = b""
    for place in rng.permutation(len(weights)).tolist():
        end = len(numbers) + weights[place].nbytes
        header[str(place)] = {"dtype": "F32", "shape": weights[place].shape, "data_offsets": [len(numbers), end]}
        numbers += weights[place].tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    content = len(text).to_bytes(8, "little") + text + numbers
    return Message(content, f"another program's message of {len(weights)} tensors")


def _same_list(got: Any, want: Weights) -> None:
    got = list(got) if isinstance(got, tuple) else got
    if isinstance(got, dict):
        raise Wrong(
            f"Expected a list of {len(want)}; your function returned a dict.",
            got=got,
            expected=want,
            likely='the list has the tensor "0" first, then "1", and so on: look them up by name',
        )
    order = _order(got, want)
    if order and order != sorted(order):
        raise Wrong(
            "All tensors are there, but not in the order of the model.",
            got=f"tensors {', '.join(map(str, order))}",
            expected=f"tensors {', '.join(map(str, sorted(order)))}",
            likely=_why_other_order(order),
        )
    expect.equal(got, want, "The tensors are not the ones of the message.")


def _order(got: Any, want: Weights) -> list[int]:
    """Return the place in the model of each array, if these are the model's arrays in some order; else []."""
    if not isinstance(got, list) or not all(isinstance(array, np.ndarray) for array in got):
        return []
    came, model = _bits(got), _bits(want)
    return [model.index(bits) for bits in came] if sorted(came) == sorted(model) else []


def _bits(arrays: Weights) -> list[tuple[str, tuple[int, ...], bytes]]:
    return [(str(array.dtype), array.shape, array.tobytes()) for array in arrays]


def _why_other_order(order: list[int]) -> str:
    if order == sorted(order, key=str):
        return '`sorted` compares text, and as text "10" comes before "2"; count 0, 1, 2, ... and look each name up'
    if len(order) > 3 and order == sorted(order, reverse=True):  # three may be backwards by chance
        return "this is the right order backwards"
    return "the dict that `load` returns has no order to rely on: look each tensor up by its name"


_RETURNED = "must refuse this"
"""A part of the sentence about a function that returned where it should have refused."""


def _refused(ask: Ask, argument: Any, because: str, causes: Mapping[str, str]) -> None:
    """Insist on a ValueError with a text. `causes`: a part of the sentence on what came instead -> the likely cause."""
    with explaining(causes):
        text = ask.refusal(argument, because=because)
    expect.true(
        bool(text.strip()),
        "Your ValueError is right, but it says nothing: whoever gets it would not know what is wrong.",
        expected=f"a ValueError with a text, such as: {because}",
        likely='put a sentence into the brackets: `raise ValueError("...")`',
    )


def reference_from_message(message: bytes) -> Weights:
    """Unpack one safetensors message into the ordered list of its arrays."""
    from fedteach.messages import tensors_from_bytes, weights_from_tensors

    tensors, _ = tensors_from_bytes(message)
    return [np.array(tensor) for tensor in weights_from_tensors(tensors)]


UNPACK = Exercise(
    "2.2",
    "from_message",
    "a message to weights",
    hints=(
        "How many tensors does the message hold, and what must the names of so many tensors be?",
        "In which order does `for place in range(n)` visit the names str(place), and in which order would `sorted` "
        "put them?",
        "What does Python raise when you look up a name that is not in the dict, and how can `try` and `except (..., "
        "...)` turn that and safetensors' own error into a ValueError?",
    ),
    cases=(three_tensors, more_than_ten, from_another_program, no_message, a_gap, names_like_numbers),
    reference=reference_from_message,
    points=2,
)
