"""What a class tells about its exercises, against the same by hand and by another library."""

import math

import pytest
from scipy.stats import pearsonr

from fedteach.grading.batch.statistics import items
from tests.grading.batch.books import DRAW, MEAN, by_heart, doubled, judged, ours, result, right, untouched


def test_shares_outcomes_and_findings_by_hand():
    first, second = items(
        [
            result("a", right(), untouched(DRAW)),
            result("b", doubled(), judged(DRAW.reference, DRAW)),
            result("c", doubled(), untouched(DRAW)),
            result("d", by_heart(), untouched(DRAW)),
            result("e", untouched(), untouched(DRAW)),
        ]
    )
    assert (first.exercise, second.exercise) == ("4.1", "1.1")
    assert dict(first.outcomes) == {"failed": 3, "passed": 1, "not started": 1}
    wrong, heart = doubled(), by_heart()
    assert first.mean == pytest.approx((2 + 2 * wrong.points + heart.points) / 5 / MEAN.points)
    assert second.mean == pytest.approx(1 / 5)
    for number, case in enumerate(first.cases):
        fails = wrong.cases[number].public == "failed"
        assert case.asked == 4, "who has not begun was not asked"
        assert case.failed_public == 2 * fails / 4
        assert case.failed_hidden == 3 * (wrong.cases[number].hidden == "failed") / 4
    says, count = first.messages[0]
    assert count == 2
    assert "likely cause" not in says
    assert len(first.messages) == 2


def test_discrimination_is_the_correlation_with_all_other_exercises():
    table = [(right(), judged(DRAW.reference, DRAW)), (doubled(), untouched(DRAW)), (by_heart(), untouched(DRAW))]
    table += [(untouched(), judged(DRAW.reference, DRAW))]
    found = items([result(str(n), *marks) for n, marks in enumerate(table)])
    columns = list(zip(*[[mark.points for mark in marks] for marks in table], strict=True))
    expected = pearsonr(*columns).statistic
    assert [item.discrimination for item in found] == pytest.approx([expected, expected])


def test_what_nobody_can_tell_is_nan():
    (one,) = items([result("a", ours())])
    assert math.isnan(one.mean)
    assert math.isnan(one.discrimination)
    assert one.cases == ()
    (same,) = items([result("a", right()), result("b", right())])
    assert math.isnan(same.discrimination)
    assert same.mean == 1.0


def test_points_that_differ_in_their_last_bit_alone_are_the_same():
    results = [result(str(n), right(), judged(DRAW.reference, DRAW)) for n in range(3)]
    assert all(math.isnan(item.discrimination) for item in items(results))
