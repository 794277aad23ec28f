"""Updates to ask with, and what a rule makes of them, computed in another way than any rule here."""

from collections.abc import Callable, Sequence

import numpy as np

from fedteach.grading.ask import Ask
from fedteach.grading.exercise import CONDUCT
from fedteach.grading.recipes import Stream
from fedteach.messages import Update, Weights

SHAPES = ((3, 2), (2,))
"""Two tensors: one that is a matrix, and one whose shape would be lost if all were thrown into one vector."""


def random_updates(rng: np.random.Generator, n_clients: int) -> list[Update]:
    """Return updates of round 1 with deltas near 1 and clearly different numbers of examples."""
    sizes = rng.permutation(np.arange(1, n_clients + 1) * 7)
    return [
        Update(f"client {i}", 1, [rng.normal(1, 2, shape).astype(np.float32) for shape in SHAPES], int(size))
        for i, size in enumerate(sizes)
    ]


def combined(updates: Sequence[Update], rule: Callable[[np.ndarray], np.ndarray]) -> Weights:
    """Apply a rule to the stack of each tensor, shape (clients, *shape), in float64."""
    tensors = zip(*(update.delta for update in updates), strict=True)
    return [rule(np.stack(tensor).astype(np.float64)).astype(np.float32) for tensor in tensors]


def mean_of(updates: Sequence[Update], sizes: Sequence[int] | None = None) -> Weights:
    """Return the mean delta, each client weighted by its examples (or by `sizes`)."""
    weights = np.array([update.n_examples for update in updates] if sizes is None else sizes, np.float64)
    return combined(updates, lambda stack: np.tensordot(weights / weights.sum(), stack, axes=1))


@CONDUCT
def nobody_answered(ask: Ask, rng: np.random.Generator) -> None:
    """No update at all is refused: there is nothing to average."""
    ask.refusal(Stream(()), because="no client answered, so there is nothing to average")
