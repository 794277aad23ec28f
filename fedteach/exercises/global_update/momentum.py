"""5.2: momentum on the server."""

import numpy as np

from fedteach.exercises.global_update.models import (
    Vector,
    called,
    exact,
    insist,
    model,
    models_in,
    some_delta,
    some_weights,
)
from fedteach.grading.ask import Ask
from fedteach.grading.exercise import EXAMPLE, SPECIAL, Exercise
from fedteach.messages import Weights


def momentum_round(
    ask: Ask, w: Vector, d: Vector, v: Vector, beta: float, rate: float, says: str = ""
) -> tuple[Vector, Vector]:
    """Ask for one round, and return what goes into the next. The weights follow from the velocity, so it is first."""
    answer = called(ask, model(w), model(d), model(v), beta, rate).value
    got_w, got_v = models_in(answer, ("weights", "velocity"))
    new_v = beta * v + d
    new_w = w + rate * new_v
    wrong_v = [
        (new_w, "the two results are swapped: first the weights, then the velocity"),
        (v, "the old velocity is returned: the next round needs the new one"),
        (d, "nothing of the old velocity is kept; is beta times the velocity in the sum?"),
        (v + d, "all of the old velocity is kept: multiply it by beta"),
        (beta * v + (1 - beta) * d, "here the delta counts only 1 - beta; in this rule it counts in full"),
        (v + beta * d, "beta belongs to the old velocity, not to the delta"),
        (beta * v + rate * d, "the rate belongs to the step of the weights, not to the velocity"),
    ]
    wrong_w = [
        (w, "these are the old weights: the model did not move"),
        (w + rate * v, "this step uses the velocity from before the round"),
        (w + rate * d, "this step goes along the delta and not along the velocity"),
        (w + new_v, "the rate is left out"),
        (w - rate * new_v, "this step goes backwards: add it"),
        (w + rate * (beta * new_v + d), "the velocity is updated twice in one round"),
    ]
    insist(got_v, new_v, says or "The new velocity is not beta times the old one, plus the delta.", wrong_v)
    insist(got_w, new_w, says or "The velocity is right, but the weights do not move by rate times it.", wrong_w)
    return exact(new_w), exact(new_v)


@EXAMPLE
def three_rounds_by_hand(ask: Ask, rng: np.random.Generator) -> None:
    """With beta 1/2 and rate 2, a velocity of 2 and the deltas 5, 1, -4 move a weight from 10 to 22, to 30, to 26."""
    w, v = np.array([10.0]), np.array([2.0])
    for delta, says in (
        (5.0, "Round 1: the velocity is 2 / 2 + 5 = 6, and the weight 10 + 2 * 6 = 22."),
        (1.0, "Round 2: the velocity is 6 / 2 + 1 = 4, and the weight 22 + 2 * 4 = 30."),
        (-4.0, "Round 3: the velocity is 4 / 2 - 4 = -2, and the weight 30 + 2 * (-2) = 26."),
    ):
        w, v = momentum_round(ask, w, np.array([delta]), v, 0.5, 2.0, says)


def several_rounds(ask: Ask, rng: np.random.Generator) -> None:
    """Several rounds of a larger model: the velocity of one round goes into the next."""
    for beta, rate in ((0.9, 0.3), (0.5, 0.7)):
        w, v = some_weights(rng), np.zeros(8)
        for _ in range(3):
            w, v = momentum_round(ask, w, some_delta(rng), v, beta, rate)


@SPECIAL
def without_memory(ask: Ask, rng: np.random.Generator) -> None:
    """With beta 0 and rate 1 nothing is remembered: it is plain adding."""
    momentum_round(ask, some_weights(rng), some_delta(rng), some_delta(rng), 0.0, 1.0)


def reference_momentum(
    weights: Weights, delta: Weights, velocity: Weights, beta: float, rate: float
) -> tuple[Weights, Weights]:
    """Move the weights along a velocity that the delta speeds up; return both."""
    from fedteach.steps.global_update import momentum

    moved, state = momentum(beta, rate).apply(weights, delta, {"v": velocity})
    return moved, state["v"]


MOMENTUM = Exercise(
    "5.2",
    "momentum_step",
    "momentum on the server",
    hints=(
        "Which of the two has to be new before the other can be computed: the velocity or the weights?",
        "How much of the old velocity is left after a round, and what comes on top of it?",
        "How do you go through three lists at once, tensor by tensor: weights, delta and velocity?",
    ),
    cases=(three_rounds_by_hand, several_rounds, without_memory),
    reference=reference_momentum,
    points=2,
)
