"""What a class can tell about its exercises: which case fails how often, and with which words."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fedteach.grading.batch.marks import Mark
from fedteach.grading.batch.result import Result

_MOST_MESSAGES = 5
_SAME = 1e-9  # points; sums of shares differ in their last bits


@dataclass(frozen=True)
class CaseStatistics:
    """How a class did on one case.

    Attributes:
        says: what it asks for.
        asked: number of students whose function could be asked it.
        failed_public, failed_hidden: the share of those who failed it, from 0 to 1; NaN if nobody was asked.
    """

    says: str
    asked: int
    failed_public: float
    failed_hidden: float


@dataclass(frozen=True)
class ItemStatistics:
    """How a class did on one exercise.

    Attributes:
        exercise, title: which one.
        of: points that there were to get.
        mean: the mean share of them, from 0 to 1; NaN if nobody could be graded.
        discrimination: correlation of its points with those of all other exercises; NaN where one of the two is the
            same for everybody. Near 0 or below: it does not tell strong work from weak.
        outcomes: how it ended, and for how many, the most frequent first.
        cases: case by case.
        messages: the most frequent findings, with the number of students.
    """

    exercise: str
    title: str
    of: float
    mean: float
    discrimination: float
    outcomes: tuple[tuple[str, int], ...]
    cases: tuple[CaseStatistics, ...]
    messages: tuple[tuple[str, int], ...]


def items(results: Sequence[Result]) -> list[ItemStatistics]:
    """Return the statistics of each exercise, in the order of the course.

    Args:
        results: all of one grading, so each with the same exercises.
    """
    table = np.array([[np.nan if m.points is None else m.points for m in result.marks] for result in results])
    columns = list(zip(*(result.marks for result in results), strict=True))
    return [_item(marks, table, number) for number, marks in enumerate(columns)]


def _item(marks: Sequence[Mark], table: np.ndarray, number: int) -> ItemStatistics:
    first = marks[0]
    graded = table[:, number][~np.isnan(table[:, number])]
    found = Counter(said for mark in marks if (said := _finding(mark)))
    return ItemStatistics(
        first.exercise,
        first.title,
        first.of,
        float(graded.mean() / first.of) if graded.size and first.of else math.nan,
        _discrimination(table, number),
        tuple(Counter(mark.outcome for mark in marks).most_common()),
        _cases(marks),
        tuple(found.most_common(_MOST_MESSAGES)),
    )


def _discrimination(table: np.ndarray, number: int) -> float:
    """Return Pearson's correlation of one column with the sum of the others, over students graded in full."""
    full = table[~np.isnan(table).any(axis=1)]
    own, others = full[:, number], np.delete(full, number, axis=1).sum(axis=1)
    if len(full) < 2 or np.ptp(own) < _SAME or np.ptp(others) < _SAME:
        return math.nan
    return float(np.corrcoef(own, others)[0, 1])


def _cases(marks: Sequence[Mark]) -> tuple[CaseStatistics, ...]:
    asked = [mark.cases for mark in marks if mark.cases]
    return tuple(
        CaseStatistics(
            case[0].says,
            sum(one.public != "waiting" for one in case),
            _share_failed([one.public for one in case]),
            _share_failed([one.hidden for one in case]),
        )
        for case in zip(*asked, strict=True)
    )


def _share_failed(states: Sequence[str]) -> float:
    asked = [state for state in states if state != "waiting"]
    return asked.count("failed") / len(asked) if asked else math.nan


def _finding(mark: Mark) -> str:
    """Return what is amiss in one line, the same for all who did the same; "" for who passed or has not begun."""
    if mark.outcome in ("passed", "not started"):
        return ""
    lines = mark.findings.splitlines()
    likely = [line.removeprefix("likely cause: ") for line in lines if line.startswith("likely cause: ")]
    return (likely or lines or [mark.outcome])[0]
