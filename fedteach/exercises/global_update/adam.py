"""5.3: Adam on the server."""

from collections.abc import Sequence

import numpy as np

from fedteach.exercises.global_update.models import (
    Causes,
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

Figures = tuple[float, float, float, float]
"""rate, beta1, beta2, tau."""

ADAM_SAYS = (
    "The new m is not beta1 times the old one plus (1 - beta1) times the delta.",
    "The new v is not beta2 times the old one plus (1 - beta2) times the delta squared.",
    "m and v are right, but the weights are not the old ones plus rate * m / (sqrt(v) + tau).",
)
NO_CORRECTION = "this is the bias correction of the original Adam; the server's Adam does without it"


def adam_round(
    ask: Ask, w: Vector, d: Vector, m: Vector, v: Vector, figures: Figures, says: Sequence[str] = ADAM_SAYS
) -> tuple[Vector, Vector, Vector]:
    """Ask for one round, and return what goes into the next. The weights follow from m and v, which come first."""
    rate, beta1, beta2, tau = figures
    answer = called(ask, model(w), model(d), model(m), model(v), *figures).value
    got_w, got_m, got_v = models_in(answer, ("weights", "m", "v"))
    new_m = beta1 * m + (1 - beta1) * d
    new_v = beta2 * v + (1 - beta2) * d**2
    new_w = w + rate * new_m / (np.sqrt(new_v) + tau)
    insist(got_m, new_m, says[0], wrong_m(d, m, beta1, beta2, new_v, new_w))
    insist(got_v, new_v, says[1], wrong_v(d, v, beta1, beta2, new_m))
    insist(got_w, new_w, says[2], wrong_steps(w, d, (m, v), (new_m, new_v), figures))
    return exact(new_w), exact(new_m), exact(new_v)


def wrong_m(d: Vector, m: Vector, beta1: float, beta2: float, new_v: Vector, new_w: Vector) -> Causes:
    """Return known wrong answers for m."""
    return [
        (new_w, "the results are in another order: first the weights, then m, then v"),
        (new_v, "m and v are swapped: first the weights, then m, then v"),
        (m, "the old m is returned: the next round needs the new one"),
        (beta1 * m + d, "this is momentum's rule; in Adam the delta counts 1 - beta1"),
        ((1 - beta1) * m + beta1 * d, "beta1 and 1 - beta1 have changed places"),
        (beta2 * m + (1 - beta2) * d, "m goes with beta1; beta2 is for v"),
        (beta1 * m - (1 - beta1) * d, "the delta is subtracted here; add it"),
        ((beta1 * m + (1 - beta1) * d) / (1 - beta1), NO_CORRECTION),
    ]


def wrong_v(d: Vector, v: Vector, beta1: float, beta2: float, new_m: Vector) -> Causes:
    """Return known wrong answers for v."""
    right = beta2 * v + (1 - beta2) * d**2
    return [
        (v, "the old v is returned: the next round needs the new one"),
        (beta2 * v + (1 - beta2) * d, "the delta is not squared here"),
        (beta2 * v + (1 - beta2) * np.abs(d), "the delta is to be squared"),
        (beta2 * v + (1 - beta2) * new_m**2, "v looks at the square of the delta, not at that of m"),
        (beta2 * v + ((1 - beta2) * d) ** 2, "1 - beta2 is squared along with the delta"),
        (beta2 * v + d**2, "the square counts 1 - beta2, not in full"),
        (v + d**2, "this is Adagrad's rule: nothing is ever forgotten"),
        ((1 - beta2) * v + beta2 * d**2, "beta2 and 1 - beta2 have changed places"),
        (beta1 * v + (1 - beta1) * d**2, "v goes with beta2; beta1 is for m"),
        (right / (1 - beta2), NO_CORRECTION),
        (np.sqrt(right), "this is the root of v; the next round needs v itself"),
    ]


def wrong_steps(
    w: Vector, d: Vector, old: tuple[Vector, Vector], new: tuple[Vector, Vector], figures: Figures
) -> Causes:
    """Return known wrong answers for the weights."""
    rate, beta1, beta2, tau = figures
    (old_m, old_v), (m, v) = old, new

    def step(m: Vector, v: Vector) -> Vector:
        return rate * m / (np.sqrt(v) + tau)

    return [
        (w, "these are the old weights: the model did not move"),
        (w - step(m, v), "the delta points downhill already, unlike a gradient: add the step"),
        (w + rate * m / (v + tau), "the square root of v is missing"),
        (w + rate * m / np.sqrt(v + tau), "tau is inside the root; it is added after the root"),
        (w + rate * m / np.sqrt(v + tau**2), "tau is inside the root; it is added after the root"),
        (w + rate * m / np.sqrt(v), "tau is missing below the line"),
        (w + rate * m / np.sqrt(v) + tau, "brackets are missing: divide by (sqrt(v) + tau)"),
        (w + rate * m, "this step is not divided by the root of v"),
        (w + m / (np.sqrt(v) + tau), "the rate is left out"),
        (w + step(old_m, old_v), "this step uses m and v from before the round"),
        (w + step(old_m, v), "this step uses the m from before the round"),
        (w + step(m, old_v), "this step uses the v from before the round"),
        (w + step(d, v), "this step goes along the delta and not along m"),
        (w + step(m / (1 - beta1), v / (1 - beta2)), NO_CORRECTION),
    ]


@EXAMPLE
def one_weight_by_hand(ask: Ask, rng: np.random.Generator) -> None:
    """With delta 7, rate 6, betas 1/2 and 3/4 and tau 2, m goes from 1 to 4, v from 5 to 16, a weight from 10 to 14."""
    says = (
        "m is 1/2 of 1 and 1/2 of 7: 0.5 + 3.5 = 4.",
        "v is 3/4 of 5 and 1/4 of 7 squared: 3.75 + 12.25 = 16.",
        "The step is 6 * 4 / (sqrt(16) + 2) = 4, so the weight is 10 + 4 = 14.",
    )
    w, d, m, v = (np.array([number]) for number in (10.0, 7.0, 1.0, 5.0))
    adam_round(ask, w, d, m, v, (6.0, 0.5, 0.75, 2.0), says)


def several_adam_rounds(ask: Ask, rng: np.random.Generator) -> None:
    """Several rounds of a larger model from m = 0 and v = tau squared: m and v of one round go into the next."""
    for figures in ((0.1, 0.9, 0.99, 0.02), (0.05, 0.6, 0.8, 0.1)):
        tau = figures[3]
        w, m, v = some_weights(rng), np.zeros(8), exact(np.full(8, tau**2))
        for _ in range(3):
            w, m, v = adam_round(ask, w, some_delta(rng), m, v, figures)


@SPECIAL
def the_dead_pixel(ask: Ask, rng: np.random.Generator) -> None:
    """A weight whose delta, m and v are 0 stays where it is: tau keeps the division from being 0 / 0."""
    zero = np.zeros(2)
    answer = called(ask, model([5, 1]), model([0, 0.2]), model(zero), model(zero), 0.1, 0.9, 0.99, 0.01).value
    # The second weight: m = 0.1 * 0.2 = 0.02, v = 0.01 * 0.04 = 0.0004, step 0.1 * 0.02 / (0.02 + 0.01) = 1/15.
    insist(
        models_in(answer, ("weights", "m", "v"))[0],
        np.array([5, 1 + 1 / 15]),
        "The first weight's delta, m and v are 0, so it stays at 5; the second one goes to about 1.0667.",
        [(np.array([np.nan, 1.1]), "0 / 0 is no number: add tau below the line")],
    )


def reference_adam(
    weights: Weights, delta: Weights, m: Weights, v: Weights, rate: float, beta1: float, beta2: float, tau: float
) -> tuple[Weights, Weights, Weights]:
    """Move each weight by its own step, by how much it moved lately; return weights, m and v."""
    from fedteach.steps.global_update import adam

    moved, state = adam(rate, beta1, beta2, tau).apply(weights, delta, {"m": m, "v": v})
    return moved, state["m"], state["v"]


ADAM = Exercise(
    "5.3",
    "adam_step",
    "Adam on the server",
    hints=(
        "There are three formulas. Which of them needs the results of the other two, and so comes last?",
        "m is momentum's velocity with one thing changed. What does the delta count here?",
        "What is divided by what? Does tau stand under the root, or beside it?",
    ),
    cases=(one_weight_by_hand, several_adam_rounds, the_dead_pixel),
    reference=reference_adam,
    points=3,
)
