"""For Canvas: a file for Grades > Import.

Source: Canvas' own importer asks for the columns Student, ID, SIS User ID, SIS Login ID and Section in this order, then
one for each assignment; a row "Points Possible" may come before the students.
"""

from pathlib import Path

from fedteach.files import write_atomically
from fedteach.grading.batch.gradebook import Gradebook
from fedteach.grading.batch.reports.tables import table

_HEADING = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")


def write(book: Gradebook, folder: Path) -> Path:
    """Write canvas.csv. What is not graded yet stays empty, so that Canvas leaves it as it is."""
    possible = ["    Points Possible", "", "", "", "", book.of]
    rows = (
        [
            row.name,
            row.result.account if book.platform == "Canvas" else "",
            "",
            row.result.student,
            "",
            row.grade,
        ]
        for row in book.rows
    )
    return write_atomically(folder / "canvas.csv", table([*_HEADING, book.course], [possible, *rows]))
