"""Exercises 3.1 to 3.4, the splits: likely causes are told, right answers pass whatever they look like."""

import numpy as np
import pytest

from fedteach.exercises.local_update import EXERCISES, RANDOM, SIZES, SKEWED, UNIFORM
from fedteach.exercises.local_update.sizes import SHRINKS
from tests.exercises.answers import fails, judging_needs_numpy_only, junk_gets_a_verdict, passes


def members(labels, label):
    return np.flatnonzero(labels == label)


def drawn(labels, wanted, rng):
    return np.concatenate([rng.choice(members(labels, label), size=n) for label, n in enumerate(wanted)])


def n_classes(labels):
    return labels.max() + 1


# ---- what is right passes, however it is written --------------------------------------------------------------------


def deals_the_classes_in_turn(labels, n_clients, per_client, rng):
    classes = np.resize(np.unique(labels), per_client)
    return tuple([int(rng.choice(members(labels, label))) for label in classes] for _ in range(n_clients))


def sorts_first(labels, n_clients, per_client, rng):
    order, counts = np.argsort(labels), np.bincount(labels)
    starts = np.cumsum(counts) - counts
    parts = []
    for _ in range(n_clients):
        label = rng.permutation(np.arange(per_client) % len(counts))
        parts.append(order[starts[label] + (rng.random(per_client) * counts[label]).astype(int)])
    return parts


def makes_a_matrix(labels, n_clients, per_client, rng):
    return rng.integers(len(labels), size=(n_clients, per_client))


def chooses_places(labels, n_clients, per_client, rng):
    return [rng.choice(np.arange(len(labels)), per_client).tolist() for _ in range(n_clients)]


def draws_all_totals_first(labels, n_clients, per_client, rng):
    totals = 1 + np.floor(per_client * rng.random(n_clients)).astype(int)
    return [rng.choice(len(labels), size=n) for n in totals]


def draws_one_by_one(labels, n_clients, rng):
    parts = []
    for _ in range(n_clients):
        dominating = {int(rng.choice(n_classes(labels))) for _ in range(int(rng.integers(9)) + 1)}
        part = []
        for label in range(n_classes(labels)):
            n = rng.integers(60, 109, endpoint=True) if label in dominating else rng.integers(1, 9, endpoint=True)
            own = members(labels, label)
            part += own[rng.integers(len(own), size=n)].tolist()
        parts.append(part)
    return parts


RIGHT = [
    (UNIFORM, UNIFORM.reference),
    (UNIFORM, deals_the_classes_in_turn),
    (UNIFORM, sorts_first),
    (RANDOM, RANDOM.reference),
    (RANDOM, makes_a_matrix),
    (RANDOM, chooses_places),
    (SIZES, SIZES.reference),
    (SIZES, draws_all_totals_first),
    (SKEWED, SKEWED.reference),
    (SKEWED, draws_one_by_one),
]


@pytest.mark.parametrize(("exercise", "answer"), RIGHT, ids=[f"{e.id}-{f.__name__}" for e, f in RIGHT])
def test_a_right_answer_passes_with_every_seed(exercise, answer):
    passes(exercise, answer)


# ---- likely causes --------------------------------------------------------------------------------------------------


def split(counts_of_one, shared=False):
    """Make a split of a function `(labels, *sizes, rng) -> counts of each class`."""

    def attempt(labels, n_clients, *rest):
        rng = rest[-1]
        if shared:
            return [drawn(labels, counts_of_one(labels, *rest), rng)] * n_clients
        return [drawn(labels, counts_of_one(labels, *rest), rng) for _ in range(n_clients)]

    return attempt


def even(labels, per_client, rng):
    counts = np.full(n_classes(labels), per_client // n_classes(labels))
    counts[: per_client % n_classes(labels)] += 1
    return counts


def skewed(low=1, high=10, many=(60, 110), draws=None, replace=True, on_top=False, classes=None):
    """Make the counts of 3.4, right unless told otherwise."""

    def counts_of_one(labels, rng):
        k = n_classes(labels)
        size = rng.integers(1, 10) if draws is None else draws(rng)
        places = rng.choice(
            k if classes is None else max(1, k + classes), size=size if replace else min(size, k), replace=replace
        )
        dominating = np.unique(places)
        wanted = rng.integers(low, high, size=k)
        more = rng.integers(*many, size=len(dominating))
        wanted[dominating] = more + (wanted[dominating] if on_top else 0)
        return wanted

    return split(counts_of_one)


WRONG_SPLITS = [
    (UNIFORM, lambda *args: None, "is a `return` missing?"),
    (UNIFORM, lambda *args: split(even)(*args)[:1], "does `return` stand inside the loop"),
    (UNIFORM, lambda *args: np.concatenate(split(even)(*args)).tolist(), "`append` each client's array"),
    (UNIFORM, lambda labels, n, size, rng: [[members(labels, 0), members(labels, 1)]] * n, "np.concatenate"),
    (UNIFORM, lambda labels, n, size, rng: [labels == 0] * n, "`np.flatnonzero` gives the places"),
    (UNIFORM, lambda *args: [part.astype(float) for part in split(even)(*args)], "astype(int)"),
    (UNIFORM, lambda *args: [np.append(part, len(args[0])) for part in split(even)(*args)], "too high by one"),
    (
        UNIFORM,
        split(lambda labels, size, rng: even(labels, size, rng) * 0 + size // n_classes(labels) + 1),
        "gives one more",
    ),
    (
        UNIFORM,
        lambda labels, n, size, rng: split(even)(labels, n, size // n, rng),
        "not to be divided among the clients",
    ),
    (
        UNIFORM,
        lambda labels, n, size, rng: list(rng.integers(len(labels), size=(n, size))),
        "without a look at the classes",
    ),
    (UNIFORM, lambda labels, n, size, rng: [drawn(labels, [size // 10] * 10, rng)] * n, "np.unique"),
    (UNIFORM, split(even, shared=True), "drawn once, before the loop"),
    (UNIFORM, lambda labels, n, size, rng: split(even)(labels, n, size, np.random.default_rng(0)), "`rng` is not used"),
    (UNIFORM, lambda labels, n, size, rng: [np.sort(labels.argsort())[:size]] * n, "holds something else"),
    (RANDOM, lambda labels, n, size, rng: makes_a_matrix(labels, n, size // n, rng), "not to be divided"),
    (
        RANDOM,
        lambda labels, n, size, rng: [rng.integers(len(labels), size=size + i) for i in range(n)],
        "the totals differ",
    ),
    (
        RANDOM,
        lambda labels, n, size, rng: [labels[part] for part in makes_a_matrix(labels, n, size, rng)],
        "like labels",
    ),
    (RANDOM, lambda labels, n, size, rng: rng.integers(1, len(labels), size=(n, size)), "places begin at 0"),
    (RANDOM, lambda labels, n, size, rng: rng.integers(len(labels) + 1, size=(n, size)), "too high by one"),
    (RANDOM, lambda labels, n, size, rng: np.random.default_rng().integers(len(labels), size=(n, size)), "np.random"),
    (
        SIZES,
        lambda labels, n, size, rng: [rng.permutation(len(labels))[: rng.integers(1, size + 1)] for _ in range(n)],
        "without",
    ),
    (
        SIZES,
        lambda labels, n, size, rng: [rng.integers(len(labels), size=rng.integers(1, size + 2)) for _ in range(n)],
        "too high",
    ),
    (
        SIZES,
        lambda labels, n, size, rng: [rng.integers(len(labels), size=rng.integers(1, max(2, size))) for _ in range(n)],
        "leaves 10 out",
    ),
    (
        SIZES,
        lambda labels, n, size, rng: [5 + rng.integers(3, size=rng.integers(1, size + 1)) for _ in range(n)],
        "same few",
    ),
    (SKEWED, skewed(low=0), "may give 0"),
    (SKEWED, skewed(high=11), "the upper end is too high by one"),
    (SKEWED, skewed(many=(60, 111)), "the upper end is too high by one"),
    (SKEWED, skewed(high=9), "`rng.integers(low, high)` leaves out `high`"),
    (SKEWED, skewed(on_top=True), "on top"),
    (SKEWED, skewed(draws=lambda rng: rng.integers(9)), "is the number of draws sometimes 0?"),
    (SKEWED, skewed(draws=lambda rng: 3), "the number of draws is always the same"),
    (SKEWED, skewed(draws=lambda rng: 1), "the number of draws is always the same"),
    (SKEWED, skewed(replace=False), "drawn without replacement"),
    (SKEWED, skewed(classes=-1), "is the upper end of a draw too low by one?"),
    (SKEWED, lambda labels, n, rng: [labels[part] for part in skewed()(labels, n, rng)], "like labels"),
]


@pytest.mark.parametrize(
    ("exercise", "attempt", "word"), WRONG_SPLITS, ids=[f"{w[0].id}: {w[2]}" for w in WRONG_SPLITS]
)
def test_a_wrong_split_is_told_its_cause(exercise, attempt, word):
    for seed in range(3):
        fails(exercise, attempt, word, seed)


def test_a_limit_that_shrinks_from_client_to_client_is_caught_with_every_seed():
    def shrinks(labels, n_clients, per_client, rng):
        parts = []
        for _ in range(n_clients):
            per_client = int(rng.integers(1, per_client, endpoint=True))
            parts.append(rng.integers(len(labels), size=per_client))
        return parts

    for seed in range(21):
        fails(SIZES, shrinks, SHRINKS, seed)


# ---- junk -----------------------------------------------------------------------------------------------------------

JUNK = [
    [[], []], ["a"] * 5, [{}], [[-1, 2]] * 2, [[10**30]] * 2, [np.array([], int)] * 2, [True, False], [float("inf")],
    np.zeros((2, 3)), np.zeros((0, 3), int), [np.zeros((2, 2))] * 2,
]  # fmt: skip


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_junk_is_answered_with_a_verdict(exercise):
    junk_gets_a_verdict(exercise, JUNK)


def test_judging_needs_no_tensorflow_but_for_the_training_loop():
    judging_needs_numpy_only("local_update")
    assert [exercise.id for exercise in EXERCISES if exercise.uses_tensorflow] == ["3.5"]
