"""5.4: the right model in the right round."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fedteach.exercises.common import counted, several
from fedteach.exercises.global_update.adding import reference_apply
from fedteach.exercises.global_update.models import (
    JOINED,
    ONE_ARRAY,
    Causes,
    Vector,
    called,
    exact,
    insist,
    is_joined,
    is_model,
    model,
    some_delta,
    some_weights,
)
from fedteach.grading import expect
from fedteach.grading.ask import Ask
from fedteach.grading.exercise import EXAMPLE, Exercise
from fedteach.grading.plain import same
from fedteach.grading.recipes import Probe
from fedteach.messages import Weights

Calls = Sequence[tuple[Any, ...]]


def played(ask: Ask, start: Vector, deltas: Sequence[Vector], accuracies: list[float]) -> None:
    """Ask for a whole run, and look at what was asked of `next_delta` and `evaluate`, and in which round."""
    path = [start]
    for delta in deltas:
        path.append(exact(path[-1] + delta))
    trainer = Probe("next_delta", tuple(model(delta) for delta in deltas))
    tester = Probe("evaluate", tuple(accuracies))
    reply = called(ask, model(start), trainer, tester, len(deltas))
    trained_in_order(reply.after[1], path)
    tested_in_order(reply.after[2], path, deltas)
    returned_both(reply.value, path, accuracies)


def trained_in_order(calls: Calls, path: Sequence[Vector]) -> None:
    """Insist on `next_delta(weights, r)` for r = 1, 2, ..., each time with the newest weights."""
    rounds = len(path) - 1
    expect.true(
        len(calls) == rounds,
        f"next_delta(weights, r) is called once in each of {counted(rounds, 'round')}.",
        got=f"called {counted(len(calls), 'time')}",
        expected=f"called {counted(rounds, 'time')}",
    )
    strange = next((call for call in calls if len(call) != 2), ())
    expect.true(not strange, "next_delta takes the weights and the number of the round.", got=strange)
    numbers, wanted = [call[1] for call in calls], list(range(1, rounds + 1))
    expect.true(
        same(numbers, wanted),
        "Rounds are counted from 1, and next_delta is told which one it is.",
        got=numbers,
        expected=wanted,
        likely="`range(1, rounds + 1)` begins with 1" if same(numbers, list(range(rounds))) else "",
    )
    for number, ((given, _), newest) in enumerate(zip(calls, path, strict=False), start=1):
        expect.true(
            is_model(given, newest),
            f"In round {number} the clients have to begin with the newest weights, those after round {number - 1}.",
            got=given,
            expected=model(newest),
            likely=why_other(
                given, newest, [(path[0], "next_delta gets the weights of the very beginning every time")]
            ),
        )


def why_other(given: Any, wanted: Vector, causes: Causes) -> str:
    """Say why this may not be the wanted model; "" if nothing is known."""
    if isinstance(given, np.ndarray):
        return ONE_ARRAY
    if is_joined(given, wanted):
        return JOINED
    return next((cause for other, cause in causes if is_model(given, other)), "")


def tested_in_order(calls: Calls, path: Sequence[Vector], deltas: Sequence[Vector]) -> None:
    """Insist on `evaluate(new weights)`, once in each round."""
    tested, rounds = [call[0] if len(call) == 1 else None for call in calls], len(deltas)
    expect.true(
        len(calls) == rounds,
        "Evaluating takes time, so it is done once in each round, with the new weights.",
        got=f"evaluate was called {counted(len(calls), 'time')} in {counted(rounds, 'round')}",
        expected=f"called {counted(rounds, 'time')}",
        likely=why_so_often(tested, path),
    )
    for number, given in enumerate(tested, start=1):
        causes = (
            (path[number - 1], "this is the model from before the round: move the weights first, then evaluate"),
            (deltas[number - 1], "this is the delta; evaluate the weights"),
            (path[-1], "this is the model of the last round: all rounds are evaluated when everything is over"),
        )
        expect.true(
            is_model(given, path[number]),
            f"Entry {number} of the accuracies must belong to the model after round {number}; your function evaluates"
            " another one.",
            got=given,
            expected=model(path[number]),
            likely=why_other(given, path[number], causes),
        )


def why_so_often(tested: Sequence[Any], path: Sequence[Vector]) -> str:
    """Say why `evaluate` may have been called too often, or not often enough."""
    rounds = len(path) - 1
    if len(tested) == rounds + 1 and is_model(tested[0], path[0]):
        return "the model from before round 1 is evaluated as well; the list begins with round 1"
    if len(tested) == 2 * rounds:
        return "evaluate is called twice in a round; keep its answer in a variable"
    return "is the call inside the loop?" if len(tested) == 1 else ""


def returned_both(answer: Any, path: Sequence[Vector], accuracies: list[float]) -> None:
    """Insist on (last weights, accuracies)."""
    weights, values = several(answer, "weights", "accuracies", are="the last weights and the list of accuracies")
    expect.true(
        not is_model(values, path[-1]),
        "The two results are swapped: first the weights, then the accuracies.",
        got=answer,
        expected="(weights, accuracies)",
    )
    says = "The weights returned are not those after the last round."
    insist(weights, path[-1], says, [(path[0], "these are the weights of the very beginning")])
    expect.equal(
        list(values) if isinstance(values, tuple) else values,
        accuracies,
        "The accuracies are not what evaluate said, round by round.",
        likely=[
            (accuracies[-1:], "only the last round's accuracy is there; does the list begin anew in each round?"),
            (accuracies[-1], "this is the last round's accuracy alone; collect them in a list"),
            (accuracies[::-1], "the rounds are in the reverse order"),
        ],
    )


@EXAMPLE
def three_rounds(ask: Ask, rng: np.random.Generator) -> None:
    """A model of one number that begins with 5 and moves by +1, by +2 and by +4: evaluate the 6, the 8 and the 12."""
    # Three and not two: a list of two accuracies, returned alone, would look like the pair that is asked for.
    played(ask, np.array([5.0]), (np.array([1.0]), np.array([2.0]), np.array([4.0])), [0.5, 0.25, 0.75])


def runs_of_any_length(ask: Ask, rng: np.random.Generator) -> None:
    """Runs of one, three and five rounds of a larger model."""
    for rounds in (1, 3, 5):
        deltas = [some_delta(rng) for _ in range(rounds)]
        played(ask, some_weights(rng), deltas, rng.random(rounds).round(3).tolist())


def reference_play(
    weights: Weights,
    next_delta: Callable[[Weights, int], Weights],
    evaluate: Callable[[Weights], float],
    rounds: int,
) -> tuple[Weights, list[float]]:
    """Play some rounds; return the last weights and the accuracy of the model after each round."""
    accuracies = []
    for number in range(1, rounds + 1):
        weights = reference_apply(weights, next_delta(weights, number))
        accuracies.append(evaluate(weights))
    return weights, accuracies


PLAY = Exercise(
    "5.4",
    "play",
    "the right model in the right round",
    hints=(
        "Three things happen in a round. Which of them needs the result of which other?",
        "After round 1, which model would a user get: the one before or the one after the move? Which one do you test?",
        "What must be there before the loop begins, so that each round can add its accuracy to it?",
    ),
    cases=(three_rounds, runs_of_any_length),
    reference=reference_play,
    passes_on=True,  # memory that came in holds the old numbers, and these are refused with a better reason
    points=2,
)
