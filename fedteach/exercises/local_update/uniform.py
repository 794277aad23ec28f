"""3.1: the same number of each class."""

import numpy as np

from fedteach.exercises.local_update.splits import (
    AS_LABELS,
    WITHOUT,
    Parts,
    are_labels,
    asked_split,
    class_labels,
    counts_of,
    drawn_with_replacement,
    row,
    seeds_decide,
)
from fedteach.grading.ask import Ask, Wrong
from fedteach.grading.exercise import EXAMPLE, SPECIAL, Exercise


def _expect_uniform(parts: Parts, labels: np.ndarray, per_client: int) -> None:
    counts = counts_of(parts, labels)
    n_classes = counts.shape[1]
    each, rest = divmod(per_client, n_classes)
    wrong = np.flatnonzero((counts.sum(axis=1) != per_client) | (np.ptp(counts, axis=1) > (rest > 0)))
    if not len(wrong):
        return
    one = counts[wrong[0]]
    sorts = f"{n_classes} classes" if n_classes > 1 else "a single class"
    expected = f"{each} of each class" + (f", and one more of {rest} of them" if rest else "")
    says = f"{per_client} examples in {sorts} make {expected} for every client; client {wrong[0]} holds something else."
    raise Wrong(says, got=row(one), expected=expected, likely=_why_not_uniform(parts, labels, one, per_client))


def _why_not_uniform(parts: Parts, labels: np.ndarray, one: np.ndarray, per_client: int) -> str:
    n_classes, total = len(one), int(one.sum())
    if total == 0:
        return "is the number of classes fixed? `np.unique(labels)` says which classes there are"
    if are_labels(parts, labels):
        return AS_LABELS
    if per_client % n_classes and (one == per_client // n_classes).all():
        return "`//` throws the remainder away; some classes must give one example more"
    if (one == per_client).all():
        return "per_client counts a client's examples of all classes together, not of each class"
    if (one == per_client // n_classes + 1).all():
        return "every class gives one more here, and the total is too large; only as many classes as remain over may"
    if total * len(parts) <= per_client:
        return "per_client is what each client holds; it is not to be divided among the clients"
    if (one <= np.bincount(labels)).all() and (one == np.bincount(labels)).any() and total < per_client:
        return WITHOUT
    return "drawn from everything, without a look at the classes" if total == per_client else ""


def _uniform(ask: Ask, rng: np.random.Generator, labels: np.ndarray, n_clients: int, per_client: int) -> None:
    _expect_uniform(asked_split(ask, rng, labels, n_clients, per_client), labels, per_client)


@EXAMPLE
def two_of_each(ask: Ask, rng: np.random.Generator) -> None:
    """Three examples of class 0, three of class 1, four for each of two clients: that is two of each class."""
    _uniform(ask, rng, np.array([0, 0, 0, 1, 1, 1]), 2, 4)


def any_classes(ask: Ask, rng: np.random.Generator) -> None:
    """Any number of classes and clients, however many examples of each class there are."""
    for sizes, n_clients, each in (((30, 5, 80), 4, 7), ((50,) * 10, 6, 12), ((9,), 3, 5), ((20, 2), 1, 40)):
        _uniform(ask, rng, class_labels(rng, *sizes), n_clients, each * len(sizes))


@SPECIAL
def the_rest(ask: Ask, rng: np.random.Generator) -> None:
    """13 examples from 10 classes: one of each class, and one more of three of them."""
    for per_client in (13, 4, 29):
        _uniform(ask, rng, class_labels(rng, *[20] * 10), 3, per_client)


def reference_uniform(labels: np.ndarray, n_clients: int, per_client: int, rng: np.random.Generator) -> Parts:
    """Give every client the same number of each class."""
    from fedteach.data.experiments import experiment_1

    return list(experiment_1(labels, n_clients, per_client, rng).parts)


UNIFORM = Exercise(
    "3.1",
    "split_uniform",
    "the same number of each class",
    hints=(
        "20 examples for a client, 10 classes: how many of each class? And with 23, how many are left to share out?",
        "`np.flatnonzero(labels == 3)` gives the places of all threes. How do you draw two of them with `rng.choice`, "
        "and may the same place come twice?",
        "You have one array of places for each class, and want a single one for the client: what does "
        "`np.concatenate` do?",
    ),
    cases=(two_of_each, any_classes, drawn_with_replacement(3, 120), the_rest, seeds_decide(50)),
    reference=reference_uniform,
    points=2,
)
