"""Tables for spreadsheets, in which no text can pass for a formula."""

import csv
import io
import re
import time
from collections.abc import Iterable, Sequence
from typing import Any

from fedteach.grading.batch.gradebook import Gradebook, Row
from fedteach.grading.readable import readable

_FORMULA = re.compile(r"(^|[;,|\t]\s*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
"""Where a formula may begin: at the front, or behind what parts cells on somebody else's computer. The last four are
the wide forms, which some spreadsheets take for the same."""


def grades(book: Gradebook) -> str:
    """Return the class as CSV: points of each exercise, in all, what lateness costs, and which rows are fresh."""
    heading = ["student", "name", "received", "late", *book.exercises, "points", "lateness", "total", "of"]
    return table([*heading, "ungraded", "run", "fresh"], (_row(book, row) for row in book.rows))


def _row(book: Gradebook, row: Row) -> list[Any]:
    result = row.result
    points = {mark.exercise: mark.points for mark in result.marks}
    when = "" if result.received is None else time.strftime("%Y-%m-%d %H:%M:%S%z", time.localtime(result.received))
    return [
        result.student,
        result.name,
        when,
        "late" if row.is_late else "",
        *(points.get(one) for one in book.exercises),
        result.points,
        round(row.points - result.points, 4),
        row.points,
        result.of,
        " ".join(result.ungraded),
        result.run,
        "fresh" if row.fresh else "",
    ]


def table(heading: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as CSV (RFC 4180); every text goes through `cell`, numbers stay numbers, None is empty."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(heading)
    writer.writerows([cell(value) if isinstance(value, str) else value for value in row] for row in rows)
    return file.getvalue()


def cell(text: str) -> str:
    """Return a text for a cell: on one line, readable, and taken for a text by every spreadsheet.

    Source: OWASP, "CSV Injection": a cell that begins with = + - @ tab or return may be run as a formula.
    """
    shown = " ".join(readable(text).split())
    shown = _FORMULA.sub(r"\1'", shown)
    return f"'{shown}" if text[:1] in ("\t", "\r") and shown[:1] != "'" else shown
