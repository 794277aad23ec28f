"""The four data experiments of the course; they draw with replacement, so an example may be used twice.

Each client draws after the one before it from the same generator: with more clients, the first ones
keep what they had.
"""

from typing import Any

import numpy as np

from fedteach import checks
from fedteach.data.partition import Partition, check_labels, make

_DOMINANT = (60, 110)
_OTHER = (1, 10)


def experiment_1(
    labels: Any, n_clients: int, per_client: int, rng: np.random.Generator, n_classes: int | None = None
) -> Partition:
    """Give every client the same number of each class.

    The easy case: all clients have the same total and the same mix, so their models agree.

    Args:
        labels: class of each example, whole numbers >= 0, shape (n,).
        n_clients: number of clients, >= 1.
        per_client: number of examples of each client, >= 1. Where it is not a multiple of the number
            of classes, the rest goes to different classes, one each, drawn anew for each client.
        rng: generator from `randomness.rng_for`.
        n_classes: number of classes; by default the largest label + 1.

    Returns:
        One index array for each client, shape (per_client,), drawn with replacement.

    Raises:
        ValueError: if a class has no example, or an argument is out of range.

    Source:
        Experiment 1 of the course's first edition (`num_samples // 10` per class, which lost the rest).
    """
    labels, n_classes = _door(labels, n_clients, n_classes)
    checks.whole("per_client", per_client, least=1)
    members = _members(labels, n_classes)
    parts = []
    for _ in range(n_clients):
        wanted = np.full(n_classes, per_client // n_classes)
        wanted[rng.choice(n_classes, size=per_client % n_classes, replace=False)] += 1
        parts.append(_draw(members, wanted, rng))
    return make(parts, "1")


def experiment_2(labels: Any, n_clients: int, per_client: int, rng: np.random.Generator) -> Partition:
    """Give every client the same number of examples, drawn at random from everything.

    Totals are equal, class counts differ by chance: nearly the easy case.

    Args:
        labels: class of each example, whole numbers >= 0, shape (n,).
        n_clients: number of clients, >= 1.
        per_client: number of examples of each client, >= 1.
        rng: generator from `randomness.rng_for`.

    Returns:
        One index array for each client, shape (per_client,), drawn with replacement.

    Raises:
        ValueError: if an argument is out of range.

    Source:
        Experiment 2 of the course's first edition.
    """
    labels, _ = _door(labels, n_clients)
    checks.whole("per_client", per_client, least=1)
    return make([rng.integers(len(labels), size=per_client) for _ in range(n_clients)], "2")


def experiment_3(labels: Any, n_clients: int, per_client: int, rng: np.random.Generator) -> Partition:
    """Give clients different numbers of examples, drawn at random from everything.

    Now it matters that aggregation weighs each client by its number of examples.

    Args:
        labels: class of each example, whole numbers >= 0, shape (n,).
        n_clients: number of clients, >= 1.
        per_client: the most examples that a client can have, >= 1; totals are uniform from 1 to it.
        rng: generator from `randomness.rng_for`.

    Returns:
        One index array for each client, shapes (n_k,), 1 <= n_k <= per_client, drawn with replacement.

    Raises:
        ValueError: if an argument is out of range.

    Source:
        Experiment 3 of the course's first edition. There each round's limit was the last round's
        total, so that the data shrank until the draw failed; here the limit never changes.
    """
    labels, _ = _door(labels, n_clients)
    checks.whole("per_client", per_client, least=1)
    parts = []
    for _ in range(n_clients):
        total = rng.integers(1, per_client, endpoint=True)
        parts.append(rng.integers(len(labels), size=total))
    return make(parts, "3")


def experiment_4(labels: Any, n_clients: int, rng: np.random.Generator, n_classes: int | None = None) -> Partition:
    """Let a few classes dominate at each client, others at another.

    The hard case: each client's model leans to its own classes, and the mean must put that right.
    For each client, 1 to 9 draws with replacement name the dominant classes. Each of these gets 60 to
    109 examples, every other class 1 to 9.

    Args:
        labels: class of each example, whole numbers >= 0, shape (n,).
        n_clients: number of clients, >= 1.
        rng: generator from `randomness.rng_for`.
        n_classes: number of classes; by default the largest label + 1.

    Returns:
        One index array for each client, drawn with replacement.

    Raises:
        ValueError: if a class has no example, or an argument is out of range.

    Source:
        Experiment 4 of the course's first edition.
    """
    labels, n_classes = _door(labels, n_clients, n_classes)
    members = _members(labels, n_classes)
    parts = []
    for _ in range(n_clients):
        wanted = rng.integers(*_OTHER, size=n_classes)
        dominant = np.unique(rng.integers(n_classes, size=rng.integers(1, 10)))
        wanted[dominant] = rng.integers(*_DOMINANT, size=len(dominant))
        parts.append(_draw(members, wanted, rng))
    return make(parts, "4")


def _door(labels: Any, n_clients: int, n_classes: int | None = None) -> tuple[np.ndarray, int]:
    """Check what all experiments are given; return labels and the number of classes."""
    checks.whole("n_clients", n_clients, least=1)
    if n_classes is not None:
        checks.whole("n_classes", n_classes, least=1)
    labels = check_labels(labels, n_classes)
    return labels, int(labels.max()) + 1 if n_classes is None else n_classes


def _members(labels: np.ndarray, n_classes: int) -> list[np.ndarray]:
    """Return the places of each class's examples; refuse a class without any."""
    counts = np.bincount(labels, minlength=n_classes)
    absent = np.flatnonzero(counts == 0)
    if len(absent):
        some = ", ".join(str(label) for label in absent[:5]) + (", ..." if len(absent) > 5 else "")
        raise ValueError(
            f"this split gives every client some of each class, but {len(absent)} of {n_classes} classes "
            f"have no example ({some}); take experiment 2 or 3, or more data"
        )
    return np.split(np.argsort(labels, kind="stable"), np.cumsum(counts)[:-1])


def _draw(members: list[np.ndarray], wanted: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw `wanted[c]` examples of each class c with replacement."""
    return np.concatenate([own[rng.integers(len(own), size=n)] for own, n in zip(members, wanted, strict=True)])
