"""3.6: how far the clients drift apart."""

from collections.abc import Sequence

import numpy as np

from fedteach.exercises.local_update.tensors import SHAPES, random_tensors
from fedteach.grading import expect
from fedteach.grading.ask import Ask
from fedteach.grading.exercise import EXAMPLE, SPECIAL, Exercise
from fedteach.messages import Weights


def distances(deltas: Sequence[Weights], centre: np.ndarray | None = None) -> np.ndarray:
    """Return how far each delta, laid out as one long vector, is from the centre, or from the mean of all."""
    flat = _flat(deltas)
    return np.linalg.norm(flat - (flat.mean(axis=0) if centre is None else centre), axis=1)


def _flat(deltas: Sequence[Weights]) -> np.ndarray:
    return np.stack([np.concatenate([tensor.ravel() for tensor in delta]) for delta in deltas]).astype(np.float64)


def wrong_drifts(deltas: Sequence[Weights]) -> expect.Likely:
    """List wrong answers with their causes."""
    far, flat = distances(deltas), _flat(deltas)
    each = [distances([[delta[i]] for delta in deltas]) for i in range(len(deltas[0]))]
    wrong = [
        ((far**2).mean(), "the square root is missing: a distance is the root of the sum of squares"),
        (far.sum(), "this adds the clients' distances up; take their mean"),
        (
            np.sum(each, axis=0).mean(),
            "each tensor's distance was taken alone; put the squares of *all* tensors under one root",
        ),
        (np.mean(each), "each tensor's distance was taken alone; put the squares of *all* tensors under one root"),
        (each[0].mean(), "only the first tensor counts here"),
        (each[-1].mean(), "only the last tensor counts here"),
        (distances(deltas, np.zeros(1)).mean(), "this is how long the deltas are; subtract their mean first"),
        (np.linalg.norm(flat.mean(axis=0)), "this is how long the mean is; how far is each client from it?"),
        (distances(deltas, flat[0]).mean(), "this is the distance from the first client; take it from the mean of all"),
        (np.sqrt((far**2).mean()), "this is the root of the mean square; take each client's distance, then their mean"),
        (far.max(), "this is the largest distance; take the mean over the clients"),
        (far[-1], "this is the last client alone; take the mean over all"),
        (abs(flat - flat.mean(axis=0)).mean(), "this is the mean of the absolute numbers; a distance squares and adds"),
        (abs(flat - flat.mean(axis=0)).sum(axis=1).mean(), "absolute values were added; a distance adds *squares*"),
        (far.mean() / np.sqrt(flat.shape[1]), "the mean of the squares was taken where their sum belongs"),
    ]
    return [(float(value), cause) for value, cause in wrong]


def _expect_drift(ask: Ask, deltas: list[Weights], says: str) -> None:
    expect.equal(ask(deltas), float(distances(deltas).mean()), says, wrong_drifts(deltas))


@EXAMPLE
def three_and_four(ask: Ask, rng: np.random.Generator) -> None:
    """Two clients, two tensors of one number each: (4, 4) and (-2, -4). The drift is 5."""
    deltas = [[np.array([a], np.float32), np.array([b], np.float32)] for a, b in ((4, 4), (-2, -4))]
    says = "The mean is (1, 0). Both clients are (3, 4) away from it, which is a distance of 5."
    _expect_drift(ask, deltas, says)


def any_deltas(ask: Ask, rng: np.random.Generator) -> None:
    """Any number of clients, tensors of any shape; what all clients have in common is no drift."""
    for n_clients, middle in ((3, 0.0), (5, 2.0), (2, 0.0), (8, -1.0)):
        deltas = [random_tensors(rng, middle) for _ in range(n_clients)]
        deltas[0] = [3 * tensor for tensor in deltas[0]]
        _expect_drift(ask, deltas, "This is not the mean distance of the clients' deltas from their mean.")


@SPECIAL
def all_agree(ask: Ask, rng: np.random.Generator) -> None:
    """Where all clients send the same, or one client is alone, nothing drifts."""
    # Whole numbers, and four clients: sums and means are exact, so 0 is 0.
    same = [rng.integers(-5, 6, shape).astype(np.float32) for shape in SHAPES]
    for n_clients in (4, 1):
        _expect_drift(ask, [same] * n_clients, "All deltas are the same, so none is away from their mean.")


def reference_drift(deltas: Sequence[Weights]) -> float:
    """Return the mean distance of the clients' deltas from their mean."""
    return float(distances(deltas).mean())


DRIFT = Exercise(
    "3.6",
    "drift",
    "how far the clients drift apart",
    hints=(
        "How do you get the mean delta, tensor by tensor? What does `zip(*deltas)` go through?",
        "The points (1, 2) and (4, 6) are 5 apart. Which three things did you do with the differences 3 and 4?",
        "A delta has several tensors. What comes first: the square root, or the sum over the tensors?",
    ),
    cases=(three_and_four, any_deltas, all_agree),
    reference=reference_drift,
)
