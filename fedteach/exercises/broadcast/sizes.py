"""2.3: the bytes of a round."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import safetensors.numpy

from fedteach.exercises.common import explaining
from fedteach.grading import expect
from fedteach.grading.ask import Ask, Wrong
from fedteach.grading.exercise import EXAMPLE, Exercise
from fedteach.messages import Weights

_BYTES = {"float32": 4, "float16": 2, "int8": 1}


@EXAMPLE
def five_numbers(ask: Ask, rng: np.random.Generator) -> None:
    """One client, five numbers: as JSON they are [[1.0, 0.5, 2.0, 4.0, 8.0]], 27 characters, once down and once up."""
    weights = [np.array([1, 0.5, 2, 4, 8], np.float32)]
    with explaining({"not JSON serializable": "JSON knows no arrays: `tolist` makes nested lists of each tensor"}):
        answer = ask(weights, 1)
    _same_bytes(answer, {"JSON": 54, "float32": 40, "float16": 20, "int8": 10}, weights, 1)


def whole_models(ask: Ask, rng: np.random.Generator) -> None:
    """Models of several tensors, one to ten clients."""
    for n_clients, shapes in ((1, [(3, 2), (2,)]), (3, [(4, 1, 5), ()]), (10, [(7, 3), (3,), (3, 11), (11,)])):
        weights = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
        numbers = sum(tensor.size for tensor in weights)
        want = {name: 2 * n_clients * width * numbers for name, width in _BYTES.items()}
        want["JSON"] = 2 * n_clients * len(_json(weights))
        _same_bytes(ask(weights, n_clients), want, weights, n_clients)


def _json(weights: Weights, **how: Any) -> str:
    return json.dumps([tensor.tolist() for tensor in weights], **how)


def _same_bytes(got: Any, want: dict[str, int], weights: Weights, n_clients: int) -> None:
    # As floats, because "whole numbers do for floats", and a float that is whole does for a number of bytes.
    expect.same_kind(got, {name: float(n_bytes) for name, n_bytes in want.items()})
    for name in ("float32", "float16", "int8", "JSON"):
        if got[name] != want[name]:
            wrong = _wrong_bytes(name, weights, n_clients)
            likely = next((cause for n_bytes, cause in wrong if got[name] == n_bytes), "")
            raise Wrong(
                f'The number of bytes for "{name}" is not the right one.',
                got=got,
                expected={key: want[key] for key in got},
                likely=likely,
            )


def _wrong_bytes(name: str, weights: Weights, n_clients: int) -> Iterator[tuple[float, str]]:
    """Yield wrong numbers of bytes with what causes them."""
    text = _json(weights)
    numbers = sum(tensor.size for tensor in weights)
    message = len(text) if name == "JSON" else _BYTES[name] * numbers
    yield n_clients * message, "this is one way only: what goes down to the clients comes up again"
    yield 2 * message, "this is a single client; the server sends to each of them, and each answers"
    yield message, "this is a single message; a round has one down and one up for every client"
    yield 2 * n_clients * message * 8, "these are bits; a byte has 8 of them"
    if name == "JSON":
        flat = json.dumps([tensor.ravel().tolist() for tensor in weights])
        single = [len(json.dumps(tensor.tolist())) for tensor in weights]
        bases = [
            (sys.getsizeof(text), "`sys.getsizeof` adds what Python itself needs; `len` of the text is what travels"),
            (len(_json(weights, separators=(",", ":"))), "leave `json.dumps` as it is: a space follows each comma"),
            (sum(single), "one text for the whole list: the brackets around it and the commas in it travel too"),
            (len(flat), "nested lists, please: `tolist` alone keeps the shape"),
        ]
    else:
        whole = safetensors.numpy.save({str(place): tensor for place, tensor in enumerate(weights)})
        rows = sum(len(np.atleast_1d(tensor)) for tensor in weights)
        bases = [
            (len(whole), "this is the length of a whole message; leave its header out and count the numbers alone"),
            (_BYTES[name] * len(weights), "this counts the tensors; `size` says how many numbers are in one"),
            (_BYTES[name] * rows, "`len` counts the rows of a matrix, `size` all its numbers"),
            (_BYTES[name] * weights[0].size, "this is the first tensor alone"),
            (numbers, "this counts the numbers; how many bytes does each of them take?"),
        ]
    yield from ((2 * n_clients * base, cause) for base, cause in bases)


def reference_round_bytes(weights: Weights, n_clients: int) -> dict[str, int]:
    """Count the bytes of numbers that one round moves, down and up."""
    from fedteach.steps.broadcast import json_size_bytes

    numbers = sum(tensor.size for tensor in weights)
    messages = 2 * n_clients
    return {"JSON": messages * json_size_bytes(weights)} | {
        name: messages * width * numbers for name, width in _BYTES.items()
    }


COUNT = Exercise(
    "2.3",
    "round_bytes",
    "the bytes of a round",
    hints=(
        "How many messages travel in a round with one client? And with ten?",
        "A matrix of shape (512, 64) holds how many numbers? Which attribute of an array tells you?",
        "`tensor.tolist()` makes nested lists of an array. What do you get if you do that to each tensor of the list, "
        "and give the result to `json.dumps`?",
    ),
    cases=(five_numbers, whole_models),
    reference=reference_round_bytes,
)
