"""The rule of 7.3, and the rules that students write instead: told apart by what they answer to many questions."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fedteach.messages import Update

FAR, NORMAL = 3.5, 0.6745
"""A modified z-score above this is far; of numbers from a bell curve, the MAD is this many standard deviations."""

Rows = Sequence[np.ndarray]
"""For each tensor of the model, the numbers of all clients, float64, shape (clients, numbers)."""

Measure = Callable[[Rows], np.ndarray]
Score = Callable[[np.ndarray], np.ndarray]


def rows_of(updates: Sequence[Update]) -> Rows:
    """Return the numbers of the deltas, tensor by tensor."""
    tensors = zip(*(update.delta for update in updates), strict=True)
    return [np.array([one.ravel() for one in tensor], np.float64) for tensor in tensors]


def scores(distances: np.ndarray) -> np.ndarray:
    """Return the modified z-score of each distance; infinite beyond the usual one where there is no spread at all."""
    away = distances - np.median(distances)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(away == 0, 0.0, NORMAL * away / np.median(np.abs(away)))


def distances(rows: Rows) -> np.ndarray:
    """Return how far each client is from the median of all, as one number for the whole model."""
    return _from(np.median, np.hstack(rows))


def far(rows: Rows, measure: Measure = distances, score: Score = scores) -> np.ndarray:
    """Apply the rule, or one with something else in the place of a part of it: True for each client that is far."""
    return np.asarray(score(measure(rows)) > FAR)


def suspicious(updates: Sequence[Update], **parts: Any) -> list[str]:
    """Name the clients that are far; the arguments are those of `far`."""
    told = far(rows_of(updates), **parts)
    return [update.client for update, is_far in zip(updates, told, strict=True) if is_far]


def is_close_call(rows: Rows) -> bool:
    """Say whether a score is so near to 3.5 that rounding would decide."""
    return bool((np.abs(scores(distances(rows)) - FAR) < 1e-3).any())


def _from(middle: Callable[..., Any], rows: np.ndarray) -> np.ndarray:
    return np.linalg.norm(rows - middle(rows, axis=0), axis=1)


def _by_spread(spread: Callable[[np.ndarray], Any]) -> Score:
    return lambda x: np.asarray(NORMAL * (x - np.median(x)) / (spread(x) or np.inf))


FAULTS: Sequence[tuple[dict[str, Any], str]] = (
    (
        {"score": _by_spread(lambda x: np.mean(np.abs(x - np.median(x))))},
        "the spread is a *mean* of the differences, and the liar makes it large; take their median",
    ),
    (
        {"score": _by_spread(np.median)},
        "the spread is the median of the distances themselves; take that of their differences from the usual one",
    ),
    (
        {"measure": lambda rows: np.linalg.norm(np.hstack(rows), axis=1)},
        "this looks at the length of an update alone; measure its distance from the middle",
    ),
    (
        {"measure": lambda rows: _from(np.mean, np.hstack(rows))},
        "the middle is a mean, and liars pull it towards them; take the median of each number, as in 4.4",
    ),
    (
        {"score": lambda x: np.abs(scores(x))},
        "an update that is *nearer* to the middle than usual is no suspect: no `abs` around the score",
    ),
    ({"score": lambda x: scores(x) / NORMAL}, "the factor 0.6745 is missing"),
    ({"score": lambda x: scores(x) / NORMAL**2}, "multiply by 0.6745, do not divide by it"),
    ({"measure": lambda rows: distances(rows) ** 2}, "these are squared distances: the root is missing"),
    (
        {"measure": lambda rows: np.sum([distances([one]) for one in rows], axis=0)},
        "one distance for the whole model: the root is taken once, of the squares of all tensors together",
    ),
    ({"measure": lambda rows: distances(rows[:1])}, "only the first tensor is looked at"),
    ({"measure": lambda rows: distances(rows[-1:])}, "only the last tensor is looked at"),
    (
        {"measure": lambda rows: np.abs(np.hstack(rows) - np.median(np.hstack(rows), axis=0)).max(axis=1)},
        "this is the largest single difference; the distance is the root of the sum of all squares",
    ),
    (
        {"measure": lambda rows: np.abs(np.hstack(rows) - np.median(np.hstack(rows), axis=0)).sum(axis=1)},
        "these are sums of absolute differences; the distance is the root of the sum of squares",
    ),
    (
        {"measure": lambda rows: np.linalg.norm(np.hstack(rows) - np.median(np.hstack(rows)), axis=1)},
        "the middle is a single number here; `axis=0` takes the median of each number over the clients",
    ),
)
"""Other rules, with what is wrong about them."""
