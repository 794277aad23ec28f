"""Local SGD once more, in numpy alone: the right way, and the wrong ones that have a known cause."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from fedteach.messages import Weights
from fedteach.steps.local_update import Plan

Deal = Callable[[int, Plan, np.random.Generator], Iterator[np.ndarray]]


def deal(
    n: int,
    plan: Plan,
    rng: np.random.Generator,
    order: Callable[[np.random.Generator, int, np.ndarray], np.ndarray] = lambda rng, n, last: rng.permutation(n),
    more_epochs: int = 0,
    at_least: int = 1,
    most_batches: int | None = None,
) -> Iterator[np.ndarray]:
    """Yield the rows of each batch: per epoch one new order, cut into batches. Other arguments deal wrongly."""
    size, rows = plan.batch_size or n, np.arange(n)
    for _ in range(plan.epochs + more_epochs):
        rows = order(rng, n, rows)
        batches = [rows[first : first + size] for first in range(0, n, size)]
        yield from [batch for batch in batches if len(batch) >= min(at_least, size)][:most_batches]


def one_order(n: int, plan: Plan, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Deal wrongly: the order of the first epoch again and again."""
    order = rng.permutation(n)
    return deal(n, plan, rng, lambda *_: order)


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _right_ones(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.asarray(np.eye(logits.shape[1])[y])


def mean_errors(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the gradient of the mean loss by the logits: (softmax - right ones) / n."""
    return (_softmax(logits) - _right_ones(logits, y)) / len(y)


def errors_of_two_softmaxes(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the gradient where a loss for logits is given probabilities."""
    p = _softmax(logits)
    outer = mean_errors(p, y)
    return np.asarray(p * (outer - (outer * p).sum(axis=1, keepdims=True)))


def errors_of_no_softmax(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the gradient where a loss for probabilities is given logits, which Keras cuts to 0 and 1 first."""
    cut = np.clip(logits, 1e-7, 1 - 1e-7)
    return np.where(cut == logits, mean_errors(np.log(cut), y) / cut, 0.0)


def trained(
    start: Weights,
    x: np.ndarray,
    y: np.ndarray,
    plan: Plan,
    rng: np.random.Generator,
    errors: Callable[[np.ndarray, np.ndarray], np.ndarray] = mean_errors,
    deal: Deal = deal,
    momentum: float = 0.0,
) -> Weights:
    """Train softmax regression by plain SGD, in float64: logits = x W + b."""
    weights = [tensor.astype(np.float64) for tensor in start]
    velocity = [np.zeros_like(tensor) for tensor in weights]
    flat = x.reshape(len(x), -1).astype(np.float64)
    for rows in deal(len(x), plan, rng):
        error = errors(flat[rows] @ weights[0] + weights[1], y[rows])
        slopes = [flat[rows].T @ error, error.sum(axis=0)]
        velocity = [momentum * v + slope for v, slope in zip(velocity, slopes, strict=True)]
        weights = [w - plan.learning_rate * v for w, v in zip(weights, velocity, strict=True)]
    return weights


def known_wrong(plan: Plan) -> list[tuple[dict[str, Any], str]]:
    """List wrong ways of training, as arguments of `trained`, with their causes."""
    every = replace(plan, batch_size=None)
    full = plan.batch_size or 1
    return [
        (
            {"errors": lambda z, y: mean_errors(z, y) * len(y)},
            "the losses of a batch are added up here; `tf.reduce_mean` takes their mean",
        ),
        (
            {"errors": lambda z, y: mean_errors(z, y) * len(y) / (plan.batch_size or len(y))},
            "the sum is divided by batch_size; the last batch is shorter, so take the mean of what it has",
        ),
        (
            {"errors": lambda z, y: -mean_errors(z, y)},
            "this climbs: the step goes *against* the gradient, w - rate * g",
        ),
        (
            {"errors": errors_of_two_softmaxes},
            "two softmaxes, one after the other: the loss for logits has its own, so give it the logits as they are",
        ),
        ({"errors": errors_of_no_softmax}, NO_SOFTMAX),
        ({"deal": one_order}, "the order is the same in every epoch: draw a new one inside the loop over the epochs"),
        (
            {"deal": partial(deal, order=lambda rng, n, last: np.arange(n))},
            "the examples come in the order in which they lie: `rng.permutation(len(x))` gives a new one",
        ),
        (
            {"deal": partial(deal, order=lambda rng, n, last: rng.permutation(last))},
            "the old order is shuffled on; that is fair too, but here each epoch begins with `rng.permutation(len(x))`",
        ),
        ({"deal": partial(deal, at_least=full)}, "the last batch is left out because it is shorter; it counts too"),
        ({"deal": partial(deal, most_batches=1)}, "only the first batch of each epoch is used"),
        (
            {"deal": lambda n, plan, rng: deal(n, replace(plan, epochs=1), rng)},
            "this is one epoch, whatever the plan says",
        ),
        ({"deal": partial(deal, more_epochs=1)}, "this is one epoch too many"),
        ({"deal": partial(deal, more_epochs=-1)}, "this is one epoch too few"),
        (
            {"deal": lambda n, plan, rng: deal(n, every, rng)},
            "all examples are taken at once here, whatever batch_size is",
        ),
        ({"momentum": 0.9}, "this has momentum; plain SGD forgets the last step"),
        ({"plan": replace(plan, learning_rate=0.01)}, "the learning rate is always 0.01; take `plan.learning_rate`"),
        ({"plan": replace(plan, learning_rate=1.0)}, "the gradient is not multiplied by `plan.learning_rate`"),
    ]


NO_SOFTMAX = "the loss takes the logits for probabilities: in Keras it needs `from_logits=True`"
