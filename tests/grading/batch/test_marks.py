"""From verdicts to points, and which words go to whom."""

from dataclasses import replace

import pytest

from fedteach.exercises import catalogue
from fedteach.grading.batch.marks import UNGRADED, mark
from fedteach.grading.judging import judge_function
from fedteach.grading.submission import cannot_be_had
from fedteach.grading.verdict import Finding, not_started

MEAN = catalogue()["4.1"]


def by_heart(updates):
    """Right for the numbers that everybody knows, and for what has no numbers."""
    updates = list(updates)
    known = [one.n_examples for one in updates] == [1, 3]
    return [updates[0].delta[0] * 0 + 5] if known else MEAN.reference(updates[:1])


def judged(function, seed=0):
    return judge_function(MEAN, function, seed=seed, all_cases=True)


def test_all_right_is_all_points():
    one = mark(MEAN, judged(MEAN.reference), judged(MEAN.reference, 7), 0.5)
    assert (one.points, one.of, one.outcome, one.hidden_message) == (MEAN.points, MEAN.points, "passed", "")
    assert (one.counted("public"), one.counted("hidden")) == ("5 of 5", "5 of 5")


def test_each_case_that_passes_both_times_gives_its_share():
    public, hidden = judged(by_heart), judged(by_heart, 7)
    one = mark(MEAN, public, hidden, 0.0)
    passed = sum(case.passed for case in one.cases)
    assert 0 < passed < len(one.cases)
    assert one.points == round(MEAN.points * passed / len(one.cases), 4)
    heavy = replace(MEAN, case_weights=tuple(10.0 if case.passed else 1.0 for case in one.cases))
    expected = MEAN.points * 10 * passed / (10 * passed + len(one.cases) - passed)
    assert mark(heavy, public, hidden, 0.0).points == round(expected, 4)


def test_what_passes_in_public_alone_is_told_without_the_hidden_question():
    public = judged(MEAN.reference)
    hidden = judged(lambda updates: [tensor * 2 for tensor in MEAN.reference(updates)], 7)
    one = mark(MEAN, public, hidden, 0.0)
    assert one.outcome == "failed"
    assert one.points < MEAN.points
    assert "Some of the hidden checks" in one.message
    finding = hidden.finding
    assert finding.got in one.hidden_message
    assert finding.got not in one.message
    assert finding.expected not in one.message


def test_who_has_not_begun_gets_nothing_and_a_fault_of_ours_is_never_scored():
    assert mark(MEAN, not_started(MEAN), None, 0.0).points == 0
    ours = cannot_be_had(MEAN, Finding("The sandbox failed."), UNGRADED)
    for verdicts in ((ours, None), (judged(MEAN.reference), ours)):
        one = mark(MEAN, *verdicts, 0.0)
        assert (one.points, one.outcome) == (None, UNGRADED)


@pytest.mark.parametrize("weights", [(1.0,), (1.0, 1.0, 1.0, 1.0, 0.0), (1.0, 1.0, 1.0, 1.0, -1.0)])
def test_weights_are_one_for_each_case(weights):
    with pytest.raises(ValueError, match="5 cases: expected as many weights, each above 0"):
        replace(MEAN, case_weights=weights)
