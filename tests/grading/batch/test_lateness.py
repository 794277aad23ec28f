"""Late hand-ins: how late, by whose deadline, and what it costs."""

from datetime import UTC, datetime

import pytest

from fedteach.grading.batch.lateness import Deadline, LatePolicy
from fedteach.grading.batch.roster import Person, Roster
from tests.grading.batch.books import result

DAY = 86400.0
NOON = datetime(2026, 12, 24, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("policy", "late_s", "kept"),
    [
        ("none", 10 * DAY, 1.0),
        ("zero", 1.0, 0.0),
        ("10%/day", 0.0, 1.0),
        ("10%/day", 1.0, 0.9),
        ("10%/day", DAY, 0.9),
        ("10%/day", DAY + 1, 0.8),
        ("10%/day", 10 * DAY, 0.0),
        ("10%/day", 100 * DAY, 0.0),
        ("2.5% / hour", 3 * 3600, 0.925),
        ("30%/day", 3.5 * DAY, 0.0),
    ],
)
def test_each_unit_that_has_begun_costs_its_share(policy, late_s, kept):
    assert LatePolicy.parse(policy).kept(late_s) == kept


@pytest.mark.parametrize("policy", ["", "10", "10%", "10%/week", "0%/day", "101%/day", "-5%/day", "ZERO", "nan%/day"])
def test_what_is_no_policy_is_refused(policy):
    with pytest.raises(ValueError, match="late_policy must be none, zero, or such as 10%/day"):
        LatePolicy.parse(policy)


def agreed(at="2026-12-24T12:00+00:00", policy="10%/day", roster=None):
    return Deadline.agreed(at, policy, roster)


def test_late_and_in_time():
    assert agreed().lateness(result(received=NOON)).points(40.0) == 40.0
    late = agreed().lateness(result(received=NOON + 90 * 60))
    assert (late.seconds, late.points(40.0)) == (5400.0, 36.0)
    assert late.says == "It came 1 hour and 30 minutes late. 10% of the points is taken off."
    assert agreed(policy="none").lateness(result(received=NOON + 61)).says == (
        "It came 2 minutes late. Nothing is taken off."
    )


def test_what_is_not_known_costs_nothing_and_is_told():
    unknown = agreed().lateness(result(received=None))
    assert unknown.points(40.0) == 40.0
    assert unknown.says == "When it came is not known, so nothing is taken off for lateness."
    assert agreed().lateness(result(received=0.0, marked_late=True)).says.startswith("The platform marks it late. By")
    assert agreed(None, "none").lateness(result(marked_late=True)).says == "The platform marks it late."
    assert agreed(None, "none").lateness(result()).says == ""


def test_where_a_platform_says_late_and_not_by_how_much_the_least_counts():
    late = result("anna", received=None, marked_late=True)
    assert agreed().lateness(late).points(40.0) == 36.0
    assert agreed().lateness(late).says == (
        "The platform marks it late. By how much is not known, so the least counts. 10% of the points is taken off."
    )
    assert agreed(policy="zero").lateness(late).points(40.0) == 0.0
    assert agreed(policy="none").lateness(late).points(40.0) == 40.0
    extended = Roster([Person("anna", "", {"deadline": "2026-12-26 12:00+00:00"})])
    assert agreed(roster=extended).lateness(late).points(40.0) == 40.0, "the platform does not know of the extension"


def test_an_extension_in_the_roster_counts_for_its_student_alone():
    people = [Person("anna", "", {"Deadline": "2026-12-26 12:00+00:00"}), Person("ben", "", {"Deadline": ""})]
    deadline = agreed(roster=Roster(people))
    assert deadline.lateness(result("anna", received=NOON + DAY)).kept == 1.0
    assert deadline.lateness(result("ben", received=NOON + DAY)).kept == 0.9
    assert agreed(None, roster=Roster(people)).lateness(result("ben", received=NOON + DAY)).kept == 1.0


@pytest.mark.parametrize("at", ["tomorrow", "2026-12-24", "", "2026-13-01T00:00", "24.12.2026 12:00", "9999999999"])
def test_a_deadline_has_a_date_and_a_time(at):
    with pytest.raises(ValueError, match="deadline must be a date with a time, such as 2026-12-24T18:00"):
        agreed(at)


def test_a_wrong_extension_names_its_student_and_a_policy_needs_a_deadline():
    with pytest.raises(ValueError, match="the deadline of anna in the roster must be"):
        agreed(roster=Roster([Person("anna", "", {"deadline": "later"})]))
    with pytest.raises(ValueError, match="needs a deadline"):
        agreed(None)


def test_without_a_time_zone_it_is_the_time_of_this_computer(monkeypatch):
    import time

    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert agreed("2026-12-24T12:00").at == NOON + 5 * 3600
    finally:
        monkeypatch.undo()
        time.tzset()


def test_what_the_platform_says_is_in_time_is_whatever_the_file_says():
    assert agreed().lateness(result(received=NOON + DAY, marked_late=False)).kept == 1.0
    assert agreed().lateness(result(received=NOON + DAY, marked_late=True)).kept == 0.9


def test_part_of_a_second_is_not_late_and_a_small_share_is_told_as_it_is():
    assert agreed().lateness(result(received=NOON + 0.4)).seconds == 0
    assert "0.4% of the points" in agreed(policy="0.4%/hour").lateness(result(received=NOON + 60)).says
