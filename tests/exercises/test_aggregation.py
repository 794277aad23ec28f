"""What the exercises of step 4 recognise beyond the mistakes in solutions/mistakes."""

from collections import defaultdict

import numpy as np
import pytest

from fedteach import Update
from fedteach.exercises.aggregation import ACCEPT, EXERCISES, MEAN, MEDIAN, STREAM
from fedteach.exercises.aggregation.updates import mean_of
from fedteach.grading.judging import judge_function
from fedteach.steps import aggregation
from tests.exercises.answers import fails, judging_needs_numpy_only, junk_gets_a_verdict, passes

# ---- right answers, written in other ways ---------------------------------------------------------------------------


def some(updates):
    updates = list(updates)
    if not updates:
        raise ValueError("nobody answered")
    return updates


def mean_with_average(updates):
    updates = some(updates)
    sizes = [u.n_examples for u in updates]
    return [np.average(np.stack(t), axis=0, weights=sizes) for t in zip(*[u.delta for u in updates], strict=True)]


def mean_with_einsum(updates):
    updates = some(updates)
    sizes = np.array([u.n_examples for u in updates], np.float32)
    shares = sizes / sizes.sum()
    return tuple(np.einsum("k,k...->...", shares, np.stack(t)) for t in zip(*[u.delta for u in updates], strict=True))


def mean_as_a_running_sum(updates):
    n, sums = 0, None
    for update in updates:
        n += update.n_examples
        if sums is None:
            sums = [np.zeros(tensor.shape) for tensor in update.delta]
        for total, tensor in zip(sums, update.delta, strict=True):
            total += update.n_examples * tensor
    if sums is None:
        raise ValueError("nobody answered")
    return [total / n for total in sums]


def mean_keeping_the_first(updates):
    updates = iter(updates)
    first = next(updates, None)
    if first is None:
        raise ValueError("nobody answered")
    n, mean = first.n_examples, [tensor.copy() for tensor in first.delta]
    for update in updates:
        n += update.n_examples
        for m, tensor in zip(mean, update.delta, strict=True):
            m += update.n_examples / n * (tensor - m)
    return mean


def accept_by_client(updates, round, like):
    good, refused = {}, {}
    for update in updates:
        shapes = [np.shape(t) for t in update.delta] == [np.shape(t) for t in like]
        finite = shapes and all(np.isfinite(t).all() for t in update.delta)
        late, again, empty = update.round != round, update.client in good, update.n_examples <= 0
        if late or again or empty or not finite:
            refused[update.client] = "no"
        else:
            good[update.client] = update
    return list(good.values()), refused


def median_by_sorting(updates):
    deltas = [u.delta for u in some(updates)]
    n = len(deltas)
    stacks = (np.sort(np.stack(t), axis=0) for t in zip(*deltas, strict=True))
    return [(stack[(n - 1) // 2] + stack[n // 2]) / 2 for stack in stacks]


RIGHT = [
    *((MEAN, f) for f in (mean_with_average, mean_with_einsum, mean_as_a_running_sum, mean_keeping_the_first)),
    *((STREAM, f) for f in (mean_as_a_running_sum, mean_keeping_the_first)),
    (MEAN, aggregation.weighted_mean),
    (STREAM, aggregation.weighted_mean),
    (ACCEPT, accept_by_client),
    (MEDIAN, median_by_sorting),
    (MEDIAN, aggregation.median),
    *((exercise, exercise.reference) for exercise in EXERCISES),
]


@pytest.mark.parametrize(("exercise", "function"), RIGHT, ids=[f"{e.id}-{f.__name__}" for e, f in RIGHT])
def test_a_right_answer_passes_whatever_the_seed(exercise, function):
    passes(exercise, function)


# ---- wrong answers, and the word that names them --------------------------------------------------------------------


def scaled(power=1, divide=lambda sizes: sum(sizes)):
    def rule(updates):
        updates = some(updates)
        sizes = [u.n_examples**power for u in updates]
        deltas = zip(*[u.delta for u in updates], strict=True)
        return [sum(n * t for n, t in zip(sizes, ts, strict=True)) / divide(sizes) for ts in deltas]

    return rule


def one_vector(updates):
    updates = some(updates)
    n = sum(u.n_examples for u in updates)
    return sum(u.n_examples / n * np.concatenate([t.ravel() for t in u.delta]) for u in updates)


def first_tensor_only(updates):
    return mean_with_average(updates)[:1]


def median_over_everything(updates):
    return [np.full_like(t[0], np.median(t)) for t in zip(*[u.delta for u in some(updates)], strict=True)]


WRONG = [
    (MEAN, scaled(power=2), "twice"),
    (MEAN, scaled(divide=lambda sizes: 1), "not divided by the total"),
    (MEAN, scaled(power=0), "each client counts the same"),
    (MEAN, lambda updates: mean_with_average(some(updates)[:-1] or some(updates)), "first update"),
    (MEAN, lambda updates: [t.copy() for t in some(updates)[0].delta], "first update"),
    (MEAN, lambda updates: [t.copy() for t in some(updates)[-1].delta], "last update"),
    (MEAN, one_vector, "list of arrays"),
    (MEAN, first_tensor_only, "Expected a list of 2"),
    (MEAN, lambda updates: [t.tolist() for t in mean_with_average(updates)], "Expected an array"),
    (STREAM, mean_with_average, "updates at once"),
    (MEDIAN, median_over_everything, "`axis=0`"),
    (MEDIAN, lambda updates: mean_with_average(updates), "this is the mean"),
    (ACCEPT, lambda updates, round, like: list(updates), "Expected two things"),
    (ACCEPT, lambda updates, round, like: ([u.client for u in updates], {}), "something else"),
    (ACCEPT, lambda updates, round, like: (list(updates), {"a": 1}), "the reason, a sentence"),
    (ACCEPT, lambda updates, round, like: (list(updates), {}), "averaged in, it spoils all"),
]


@pytest.mark.parametrize(("exercise", "function", "word"), WRONG, ids=[f"{e.id}-{word}" for e, _, word in WRONG])
def test_a_wrong_answer_is_named(exercise, function, word):
    fails(exercise, function, word)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_junk_gets_a_verdict(exercise):
    junk_gets_a_verdict(exercise, more=[([1], {}), ([], {1: "x"}), ([], {"a": ""}), defaultdict(list)])


def test_the_expected_mean_is_that_over_all_examples():
    # 1 example of 1, 2 of 4 and 1 of 7: (1 + 4 + 4 + 7) / 4 = 4
    updates = [Update(str(i), 1, [np.array([x])], n) for i, (x, n) in enumerate([(1.0, 1), (4.0, 2), (7.0, 1)])]
    np.testing.assert_allclose(mean_of(updates)[0], [4])


def test_judging_needs_numpy_only():
    judging_needs_numpy_only("aggregation")


def test_who_looks_once_at_no_updates_is_not_told_of_a_second_time():
    def median_update(updates):
        return [np.median(np.stack(tensor), axis=0) for tensor in zip(*(one.delta for one in updates), strict=True)]

    verdict = judge_function(MEDIAN, median_update)
    assert "must refuse this: no client answered" in verdict.message
    assert "second time" not in verdict.message
