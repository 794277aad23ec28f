"""5.6: the name of a log."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from fedteach.grading import expect
from fedteach.grading.ask import Ask
from fedteach.grading.exercise import EXAMPLE, SPECIAL, Exercise
from fedteach.grading.recipes import InSeoul

FORM = "%Y%m%d_%H%M%S.json"
WRONG_FORMS = {
    "%Y%m%d_%H%M%S": "the ending .json is missing",
    "%y%m%d_%H%M%S.json": "%y gives two digits of the year, %Y gives all four",
    "%y%m%d_%I%M%S.json": "two letters are others: %Y gives four digits of the year, and %H counts the hours to 23",
    "%Y%m%d_%H%m%S.json": "%m is the month and %M the minute",
    "%Y%M%d_%H%m%S.json": "%m is the month and %M the minute",
    "%Y%m%d_%I%M%S.json": "%I counts to 12 and begins again; %H counts to 23",
    "%Y%d%m_%H%M%S.json": "the month comes before the day, so that names sort by time",
    "%Y%m%d%H%M%S.json": "an underscore stands between the day and the time",
    "%Y-%m-%d_%H-%M-%S.json": "there is nothing between the digits but one underscore",
    "%Y-%m-%dT%H:%M:%S.json": "there is nothing between the digits but one underscore",
}
MOST_SHIFT = timedelta(hours=14)
"""No clock on earth is further away from UTC."""
MOST_DELAY = timedelta(minutes=1)


def named(ask: Ask, moment: datetime, says: str = "", fraction: float = 0.0, abroad: bool = False) -> None:
    """Ask for the name of a log at a moment in UTC."""
    seconds = moment.timestamp() + fraction
    likely = [(moment.strftime(form), cause) for form, cause in WRONG_FORMS.items()]
    answer = ask(InSeoul(seconds) if abroad else seconds)
    if is_the_present(answer):
        likely += [(answer, "this is the time at which you ask; make the date of the seconds in `now`")]
    elif is_another_clock(answer, moment):
        likely += [(answer, "this is the time of another place; `tz=UTC` belongs to where the seconds become a date")]
    want = moment.strftime(FORM)
    expect.equal(answer, want, says or f"At {moment:%d %B %Y, %H:%M:%S} UTC the name is {want}.", likely)


def is_another_clock(answer: Any, moment: datetime) -> bool:
    """Say whether this is what a clock of another time zone shows: off by quarters of an hour."""
    try:
        off = datetime.strptime(answer, FORM).replace(tzinfo=UTC) - moment
    except (TypeError, ValueError):
        return False
    return bool(off) and abs(off) <= MOST_SHIFT and not off % timedelta(minutes=15)


def is_the_present(answer: Any) -> bool:
    """Say whether this is the time of the check itself, in UTC or on the clock on the wall."""
    try:
        shown = datetime.strptime(answer, FORM).replace(tzinfo=UTC)
    except (TypeError, ValueError):
        return False
    now = datetime.now(UTC)
    return any(abs(shown - clock) < MOST_DELAY for clock in (now, now.astimezone().replace(tzinfo=UTC)))


@EXAMPLE
def the_first_second(ask: Ask, rng: np.random.Generator) -> None:
    """Second 0 is the beginning of 1970 in UTC: 19700101_000000.json."""
    named(ask, datetime(1970, 1, 1, tzinfo=UTC), "The count of seconds begins on 1 January 1970, at midnight in UTC.")


@SPECIAL
def small_numbers(ask: Ask, rng: np.random.Generator) -> None:
    """Months, days and hours below ten get a zero in front; parts of a second are left out."""
    named(ask, datetime(2022, 3, 4, 5, 6, 7, tzinfo=UTC))
    named(ask, datetime(2022, 3, 4, 5, 6, 7, tzinfo=UTC), fraction=0.25)


@SPECIAL
def in_seoul(ask: Ask, rng: np.random.Generator) -> None:
    """On a computer in Seoul, where the clock on the wall is nine hours ahead, the name is the same."""
    moment = datetime(2022, 3, 4, 5, 6, 7, tzinfo=UTC)
    named(ask, moment, "The name is in UTC on a computer in Seoul, too: 20220304_050607.json.", abroad=True)


def any_moment(ask: Ask, rng: np.random.Generator) -> None:
    """Any moment, afternoons and ends of years included."""
    named(ask, datetime(2024, 12, 31, 23, 59, 58, tzinfo=UTC))
    for second in rng.integers(1_000_000_000, 2_000_000_000, 5):
        named(ask, datetime.fromtimestamp(int(second), tz=UTC))


def reference_name(now: float) -> str:
    """Return the name of a log begun at this moment, seconds since 1970."""
    return datetime.fromtimestamp(now, tz=UTC).strftime(FORM)


NAME = Exercise(
    "5.6",
    "log_name",
    "the name of a log",
    hints=(
        "Which clock do a student in Seoul and one in Lisbon have in common?",
        "`datetime.fromtimestamp` takes seconds. What else do you have to tell it, so that it does not ask your"
        " computer where it stands?",
        "Which letters of the table give the year in four digits, the month, and the minute?",
    ),
    cases=(the_first_second, small_numbers, in_seoul, any_moment),
    reference=reference_name,
)
