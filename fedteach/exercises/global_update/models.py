"""Models to ask with, as vectors and as lists of arrays, and what an answer that is a model must look like."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fedteach.exercises.common import explaining
from fedteach.grading import expect
from fedteach.grading.ask import Ask, Wrong
from fedteach.grading.plain import kind_of
from fedteach.grading.worker import Reply
from fedteach.messages import Weights

Vector = np.ndarray
"""All numbers of a model in one row, in float64, so that a rule reads as in the book. `model` makes a model of it."""

Causes = Sequence[tuple[Vector, str]]


def model(vector: Any) -> Weights:
    """Return the numbers as a model: eight of them as two tensors, fewer as one."""
    numbers = np.asarray(vector, np.float32)
    return [numbers[:6].reshape(3, 2), numbers[6:]] if len(numbers) == 8 else [numbers]


def exact(vector: Any) -> Vector:
    """Return the numbers as a float32 can hold them."""
    return np.asarray(vector, np.float32).astype(np.float64)


def some_weights(rng: np.random.Generator) -> Vector:
    """Return eight weights between 1 and 3.

    A step of the size of `some_delta` never brings them near 0. A sum near 0 would lose most of its digits, and
    rounding would then look like a mistake.
    """
    return exact(rng.uniform(1, 3, 8))


def some_delta(rng: np.random.Generator) -> Vector:
    """Return eight numbers of both signs, up to 0.25."""
    return exact(rng.uniform(-0.25, 0.25, 8))


def insist(got: Any, want: Vector, says: str, causes: Causes) -> None:
    """Insist on a model with these numbers."""
    with np.errstate(over="ignore"):  # a wrong answer may be beyond float32
        likely = [(model(wrong), cause) for wrong, cause in causes]
    expect.weights(got, model(want), says, likely)


def called(ask: Ask, *arguments: Any) -> Reply:
    """Call the function; where it takes the list of arrays for an array, say so."""
    with explaining(_LIST_AS_ARRAY):
        return ask.reply(*arguments)


_TENSOR_BY_TENSOR = "the weights are a list of arrays; compute array by array, in a loop over `zip(...)`"
_LIST_AS_ARRAY = dict.fromkeys(
    ("can't multiply sequence", "'list' and '", "and 'list'", "bad operand type", "inhomogeneous shape"),
    _TENSOR_BY_TENSOR,
)


def is_model(given: Any, vector: Vector) -> bool:
    """Say whether this is the model with these numbers."""
    try:
        expect.weights(given, model(vector), "another model")
    except Wrong:
        return False
    return True


ONE_ARRAY = "this is one array; a model is a list of arrays, one for each tensor"
JOINED = "`+` puts two lists together; add array by array: `for w, d in zip(weights, delta)`"


def is_joined(given: Any, vector: Vector) -> bool:
    """Say whether this has the length of two such models, put together into one list."""
    return isinstance(given, list) and len(given) == 2 * len(model(vector))


def models_in(answer: Any, names: Sequence[str]) -> list[Any]:
    """Insist on several models, such as new weights and new velocity, and return them."""
    if isinstance(answer, list | tuple) and len(answer) == len(names):
        for name, item in zip(names, answer, strict=True):
            is_array = isinstance(item, np.ndarray) and item.dtype.kind in "biuf"
            expect.true(
                not is_array,
                f"Expected {len(names)} lists of arrays; {name}, which your function returned, is not a list.",
                got=item,
                expected=f"({', '.join(names)})",
                likely=ONE_ARRAY,
            )
    if isinstance(answer, list | tuple) and [type(item) in (list, tuple) for item in answer] == [True] * len(names):
        return list(answer)
    raise Wrong(
        f"Expected {len(names)} things, {', '.join(names[:-1])} and {names[-1]}, each a list of arrays; your function"
        f" returned {kind_of(answer)}.",
        got=answer,
        expected=f"({', '.join(names)})",
        likely="is a `return` missing?" if answer is None else f"`return {', '.join(names)}` returns them all",
    )
