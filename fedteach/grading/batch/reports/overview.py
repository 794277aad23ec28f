"""The class on one page, for the instructor."""

import statistics
from collections import Counter

from fedteach.grading.batch.gradebook import Gradebook, Row
from fedteach.grading.batch.ledger import folder_name
from fedteach.grading.batch.reports import student
from fedteach.grading.batch.reports.pages import render
from fedteach.grading.batch.statistics import items

_BINS = 10
_SLOWEST = 10


def page(book: Gradebook) -> str:
    """Return the page: distribution, item statistics, states, messages, the slowest, and every student."""
    shares = [row.points / book.of if book.of else 0.0 for row in book.rows]
    return render(
        "overview.html",
        book=book,
        items=items(book.results) if book.rows else [],
        bins=histogram(shares),
        median=statistics.median(row.points for row in book.rows) if book.rows else 0.0,
        mean=statistics.fmean(row.points for row in book.rows) if book.rows else 0.0,
        outcomes=Counter(mark.outcome for result in book.results for mark in result.marks).most_common(),
        slowest=sorted(book.rows, key=lambda row: -row.result.seconds)[:_SLOWEST],
        late=[row for row in book.rows if row.is_late],
        ungraded=[row for row in book.rows if row.result.ungraded],
        noted=[(row, said) for row in book.rows if (said := [*row.result.notes, *_why_nothing(row)])],
        folder=folder_name,
    )


def _why_nothing(row: Row) -> list[str]:
    """Return why nothing of a hand-in could be judged; nothing if anything could."""
    return student.reasons(row)[:1] if all(mark.outcome == "not started" for mark in row.result.marks) else []


def histogram(shares: list[float]) -> list[int]:
    """Return how many students have up to 10 % of the points, up to 20 %, ... and up to all of them."""
    counts = [0] * _BINS
    for share in shares:
        counts[min(int(share * _BINS), _BINS - 1)] += 1
    return counts
