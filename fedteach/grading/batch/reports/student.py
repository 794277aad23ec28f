"""One student's result in words: for the student, and with the hidden questions for the instructor."""

import textwrap
from collections.abc import Iterator

from fedteach.grading.batch.gradebook import Gradebook, Row
from fedteach.grading.batch.reports.pages import render
from fedteach.grading.readable import readable

_MOST_REASONS = 10
_NO_FAULT = "not graded, through no fault of yours"


def page(book: Gradebook, row: Row) -> str:
    """Return the page for the student: public checks one by one, hidden ones only counted."""
    return _page(book, row, for_instructor=False)


def details(book: Gradebook, row: Row) -> str:
    """Return the page for the instructor: the same, with what was asked in secret and the student's own code."""
    return _page(book, row, for_instructor=True)


def _page(book: Gradebook, row: Row, *, for_instructor: bool) -> str:
    shown = {"reasons": reasons(row), "no_fault": _NO_FAULT, "for_instructor": for_instructor}
    return render("student.html", book=book, row=row, **shown)


def text(row: Row) -> str:
    """Return the student's page as plain text."""
    return "\n".join(_lines(row)) + "\n"


def _lines(row: Row) -> Iterator[str]:
    result = row.result
    yield f"{readable(row.name)}: {row.points:g} of {result.of:g} points"
    if row.lateness.says:
        yield row.lateness.says
    yield from (f"note: {readable(note)}" for note in result.notes)
    for mark in result.marks:
        got = _NO_FAULT if mark.points is None else f"{mark.points:g} of {mark.of:g}"
        yield ""
        yield f"{mark.exercise} {mark.title}: {mark.outcome}, {got}"
        if mark.checks:
            yield f"    {mark.checks}"
        yield from textwrap.indent(mark.findings, "    ").splitlines()


def reasons(row: Row) -> list[str]:
    """Return why exercises count as not started, each reason once, where it is another one than an untouched stub."""
    said = [mark.findings for mark in row.result.marks if mark.outcome == "not started"]
    others = dict.fromkeys(text for text in said if text and not text.endswith("is not started yet."))
    return list(others)[:_MOST_REASONS]
