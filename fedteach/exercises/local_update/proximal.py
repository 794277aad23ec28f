"""3.7: FedProx' pull."""

from collections.abc import Callable

import numpy as np

from fedteach.exercises.local_update.tensors import random_tensors
from fedteach.grading import expect
from fedteach.grading.ask import Ask
from fedteach.grading.exercise import EXAMPLE, SPECIAL, Exercise
from fedteach.messages import Weights


def _each(rule: Callable[..., np.ndarray], *lists: Weights) -> Weights:
    return [rule(*tensors) for tensors in zip(*lists, strict=True)]


def pulled(gradients: Weights, weights: Weights, start: Weights, mu: float) -> Weights:
    """Add FedProx' pull to each gradient."""
    return _each(lambda g, w, s: g + mu * (w - s), gradients, weights, start)


def wrong_pulls(gradients: Weights, weights: Weights, start: Weights, mu: float) -> expect.Likely:
    """List wrong answers with their causes."""
    rules: list[tuple[Callable[..., np.ndarray], str]] = [
        (lambda g, w, s: g - mu * (w - s), "this pushes the weights away: the step goes *against* what you return"),
        (lambda g, w, s: g + (w - s), "mu is missing"),
        (lambda g, w, s: mu * (w - s), "this is the pull alone; add it to the gradient"),
        (lambda g, w, s: g + mu / 2 * (w - s), "mu/2 belongs to the squared distance; its slope has mu, without the 2"),
        (lambda g, w, s: g + mu / 2 * (w - s) ** 2, "this adds the penalty itself; what is wanted is its slope"),
        (lambda g, w, s: g + mu * (w - s) ** 2, "the slope of a square is no square: (w - w_global), not its square"),
        (lambda g, w, s: g + mu * w, "this pulls towards zero (weight decay); pull towards the global weights"),
        (lambda g, w, s: g + mu * np.abs(w - s), "the sign of the difference must stay"),
        (
            lambda g, w, s: g + mu * np.linalg.norm(w - s),
            "this adds the distance, one number; each weight has a pull of its own",
        ),
        (lambda g, w, s: mu * (g + w - s), "mu weakens the gradient here as well; it belongs to the pull alone"),
        (lambda g, w, s: g, "nothing was added"),
        (lambda g, w, s: w + mu * (w - s), "this starts from the weight; start from the gradient"),
    ]
    return [(_each(rule, gradients, weights, start), cause) for rule, cause in rules]


def _expect_pulled(ask: Ask, tensors: tuple[Weights, Weights, Weights], mu: float, says: str) -> None:
    expect.weights(ask(*tensors, mu), pulled(*tensors, mu), says, wrong_pulls(*tensors, mu))


@EXAMPLE
def one_weight(ask: Ask, rng: np.random.Generator) -> None:
    """One weight has moved from 2 to 5. With a gradient of 1 and mu = 0.1 the result is 1.3."""
    one, five, two = ([np.array([x], np.float32)] for x in (1, 5, 2))
    _expect_pulled(ask, (one, five, two), 0.1, "The pull is 0.1 * (5 - 2) = 0.3, and 1 + 0.3 = 1.3.")


def any_tensors(ask: Ask, rng: np.random.Generator) -> None:
    """Any tensors and any mu, on either side of the global weights; nothing is changed in place."""
    for mu in (0.01, 0.5, 3.0):
        tensors = random_tensors(rng), random_tensors(rng, 1.0), random_tensors(rng)
        _expect_pulled(ask, tensors, mu, "Some gradients are not g + mu * (w - w_global).")


@SPECIAL
def no_pull(ask: Ask, rng: np.random.Generator) -> None:
    """With mu = 0, and where the weights have not moved yet, the gradients come back as they were: a copy of them."""
    gradients, weights, start = random_tensors(rng), random_tensors(rng, 1.0), random_tensors(rng)
    for tensors, mu in (((gradients, weights, start), 0.0), ((gradients, start, start), 0.7)):
        _expect_pulled(ask, tensors, mu, "Nothing pulls here, so the gradients stay what they are.")


def reference_proximal(gradients: Weights, weights: Weights, global_weights: Weights, mu: float) -> Weights:
    """Add FedProx' pull towards the global weights to each gradient."""
    return pulled(gradients, weights, global_weights, mu)


PROXIMAL = Exercise(
    "3.7",
    "proximal",
    "FedProx' pull",
    hints=(
        "What is the slope of (mu/2) * d * d, if d is how far a weight has moved?",
        "Each weight has its own gradient and its own global weight. What does `zip(gradients, weights, "
        "global_weights)` go through?",
    ),
    cases=(one_weight, any_tensors, no_pull),
    reference=reference_proximal,
)
