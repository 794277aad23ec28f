"""From verdicts to points, and which words go to whom."""

from dataclasses import replace

import pytest

from fedteach.exercises import catalogue
from fedteach.grading.batch.marks import UNGRADED, mark
from fedteach.grading.exercise import RULE, Group, fingerprint, group_of
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


def zeros_for_nobody(updates):
    updates = list(updates)
    return MEAN.reference(updates) if updates else []


def test_each_case_that_passes_both_times_gives_its_share():
    one = mark(MEAN, judged(zeros_for_nobody), judged(zeros_for_nobody, 7), 0.0)
    assert [case.group for case in one.cases] == ["the example", "the rule", "conduct", "special cases", "conduct"]
    assert [case.passed for case in one.cases] == [True, True, True, True, False]
    # The groups weigh 1 + 6 + 2 + 1 = 10; of the last one, conduct, one of two cases is lost.
    assert one.points == MEAN.points * 0.95


def test_whoever_passes_no_case_of_the_rule_gets_nothing():
    one = mark(MEAN, judged(by_heart), judged(by_heart, 7), 0.0)
    assert {case.group for case in one.cases if case.passed} == {"the example", "special cases", "conduct"}
    assert one.points == 0


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


def a_case(ask, rng):
    """It does what it should."""


def test_a_group_parts_its_share_evenly_and_absent_groups_take_no_part():
    kind = Group("kind", 3)
    two = [kind(lambda ask, rng: None) for _ in range(2)]
    for case in two:
        case.__doc__ = "It is kind."
    # 6 + 3: the rule is alone, the others share a third.
    assert replace(MEAN, cases=(a_case, *two)).shares == pytest.approx((2 / 3, 1 / 6, 1 / 6))
    assert replace(MEAN, cases=(a_case,)).shares == (1,)


@pytest.mark.parametrize("weight", [0, -1])
def test_no_group_is_worth_nothing(weight):
    with pytest.raises(ValueError, match="must have a weight above 0"):
        Group("nothing", weight)


def test_an_exercise_without_the_rule_is_refused():
    with pytest.raises(ValueError, match="exercise 4.1 has no case of the group 'the rule'"):
        replace(MEAN, cases=tuple(case for case in MEAN.cases if group_of(case) is not RULE))


def test_an_exercise_is_told_from_a_changed_one():
    assert fingerprint(MEAN) == fingerprint(MEAN)
    others = (
        replace(MEAN, points=MEAN.points + 1),
        replace(MEAN, cases=MEAN.cases[:-1]),
        replace(MEAN, time_limit_s=9),
    )
    assert len({fingerprint(MEAN), *map(fingerprint, others)}) == 4
