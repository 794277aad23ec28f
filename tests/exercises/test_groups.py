"""What the cases of each exercise are worth, and that nobody gets points for nothing."""

import inspect
from pathlib import Path

import pytest

from fedteach.authoring.mistakes import mistakes_in
from fedteach.exercises import catalogue
from fedteach.grading.batch.marks import mark
from fedteach.grading.exercise import RULE, group_of
from fedteach.grading.judging import judge, judge_function
from fedteach.grading.sandbox.orders import ORDERS
from fedteach.grading.sandbox.wire import pack
from fedteach.grading.verdict import not_started
from fedteach.grading.worker import Here

MISTAKES = [
    one
    for path in sorted((Path(__file__).parents[2] / "solutions" / "mistakes").glob("*.py"))
    for one in mistakes_in(path)
]
SECRET_SEED = 12_345
MOST = 0.97
"""What a wrong answer may get at most: the smallest shares are a few hundredths."""

all_exercises = pytest.mark.parametrize(
    "exercise",
    [
        pytest.param(one, id=id, marks=pytest.mark.slow if one.uses_tensorflow else ())
        for id, one in catalogue().items()
    ],
)


def share_of(exercise, function):
    public, hidden = (judge_function(exercise, function, seed=seed, all_cases=True) for seed in (0, SECRET_SEED))
    return mark(exercise, public, hidden, 0.0).points / exercise.points


def junk(exercise):
    """Functions that do nothing: they return a constant, or what they were given."""
    yield from (lambda *arguments, value=value: value for value in (None, 0, 1, True, "", [], {}, ()))
    for place in range(len(inspect.signature(exercise.reference).parameters)):
        yield lambda *arguments, place=place: arguments[place]
    yield lambda *arguments: arguments
    yield lambda *arguments: (arguments[0], {})
    yield lambda *arguments: [arguments[0]] * 3


@all_exercises
def test_the_shares_sum_to_one_and_no_case_outweighs_the_rule(exercise):
    shares = exercise.shares
    assert sum(shares) == pytest.approx(1)
    assert min(shares) > 0
    rule = [share for case, share in zip(exercise.cases, shares, strict=True) if group_of(case) is RULE]
    assert sum(rule) >= max(shares)
    assert mark(exercise, not_started(exercise), None, 0.0).points == 0
    assert share_of(exercise, exercise.reference) == 1


class ByHeart:
    """A worker that knows the answers to what was asked before, and to nothing else."""

    def __init__(self, function):
        self._here, self._known, self.learns = Here(function), {}, True

    def call(self, arguments, limit_s):
        asked = pack(arguments, ORDERS)
        if self.learns:
            self._known[asked] = self._here.call(arguments, limit_s)
        elif asked not in self._known:
            return Here(lambda *anything: None).call(arguments, limit_s)
        return self._known[asked]


@all_exercises
def test_knowing_the_public_answers_by_heart_gives_no_points(exercise):
    worker = ByHeart(exercise.reference)
    public = judge(exercise, worker, seed=0, all_cases=True)
    assert public.passed
    worker.learns = False
    hidden = judge(exercise, worker, seed=SECRET_SEED, all_cases=True)
    assert mark(exercise, public, hidden, 0.0).points == 0


@all_exercises
def test_doing_nothing_gives_no_points(exercise):
    for number, function in enumerate(junk(exercise)):
        assert share_of(exercise, function) == 0, f"junk {number}"


@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param(
            one,
            id=f"{one.exercise} {one.name}",
            marks=pytest.mark.slow if catalogue()[one.exercise].uses_tensorflow else (),
        )
        for one in MISTAKES
    ],
)
def test_a_known_mistake_costs_something(mistake):
    assert share_of(catalogue()[mistake.exercise], mistake.function) <= MOST
