"""5.1: adding the delta."""

import numpy as np

from fedteach.exercises.global_update.models import (
    JOINED,
    Vector,
    called,
    insist,
    is_joined,
    model,
    some_delta,
    some_weights,
)
from fedteach.grading import expect
from fedteach.grading.ask import Ask, Wrong
from fedteach.grading.exercise import EXAMPLE, SPECIAL, Exercise
from fedteach.messages import Weights


def added(ask: Ask, w: Vector, d: Vector, says: str) -> None:
    """Ask for weights + delta."""
    reply = called(ask, model(w), model(d))
    answer = reply.value
    if is_joined(answer, w):
        raise Wrong(
            "Your function returned the arrays of both lists, one after the other.",
            got=answer,
            expected=model(w + d),
            likely=JOINED,
        )
    expect.true(
        not reply.shared,
        "Your result is not a copy: it shares its memory with what came in, and who changes the one changes the other.",
        likely="an array was returned as it came in; `w + d` is a new array, also where d is 0",
    )
    causes = [
        (w, "these are the old weights: the model did not move"),
        (d, "this is the delta alone: it is the way to go, not the place to be"),
        (w - d, "the delta is subtracted; it is after minus before, so add it"),
        (d - w, "this is the delta minus the weights; add the two"),
        ((w + d) / 2, "this is the mean of weights and delta; add the two"),
    ]
    insist(answer, w + d, says, causes)
    expect.same_kind(list(answer), model(w + d))


@EXAMPLE
def two_numbers(ask: Ask, rng: np.random.Generator) -> None:
    """A model of two numbers, 1 and 2, and the delta 0.5 and -3: the new model is 1.5 and -1."""
    added(ask, np.array([1.0, 2.0]), np.array([0.5, -3.0]), "1 + 0.5 is 1.5, and 2 - 3 is -1.")


def several_tensors(ask: Ask, rng: np.random.Generator) -> None:
    """Models of several tensors: each tensor moves by its own part of the delta."""
    for _ in range(3):
        added(ask, some_weights(rng), some_delta(rng), "Some of the new weights are not weight + delta.")


@SPECIAL
def nothing_to_add(ask: Ask, rng: np.random.Generator) -> None:
    """A delta of zeros gives the same numbers, in arrays of their own."""
    added(ask, some_weights(rng), np.zeros(8), "With a delta of zeros, the numbers stay as they are.")


def reference_apply(weights: Weights, delta: Weights) -> Weights:
    """Return the weights moved by the delta, in arrays of their own."""
    from fedteach.steps.global_update import add

    return add().apply(weights, delta, {})[0]


APPLY = Exercise(
    "5.1",
    "apply_delta",
    "adding the delta",
    hints=(
        "The weights are a list of arrays, and so is the delta. Which of them belong together?",
        "What does `for w, d in zip(weights, delta)` give you, one pair after another?",
        "After `w += d`, whose array has changed? And after `w + d`?",
    ),
    cases=(two_numbers, several_tensors, nothing_to_add),
    reference=reference_apply,
    passes_on=True,  # it must not, but `weights + delta` does, and has a better answer than the one about memory
)
