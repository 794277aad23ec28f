"""For Moodle: a grading worksheet, and a zip with every student's page.

Source: Moodle's own importer of offline grading worksheets (mod/assign/feedback/offline) asks for the columns
Identifier, Grade and Last modified (grade), and reads a student's number behind "Participant ". Feedback files are
named as the hand-ins were that Moodle packs: name, number, plug-in, file.
"""

from pathlib import Path

from fedteach.files import write_atomically
from fedteach.grading.batch.gradebook import Gradebook, Row
from fedteach.grading.batch.reports import student
from fedteach.grading.batch.reports.tables import table
from fedteach.zips import zipped

_HEADING = ("Identifier", "Full name", "Grade", "Maximum grade", "Last modified (grade)", "Feedback comments")


def write(book: Gradebook, folder: Path) -> Path:
    """Write moodle.csv (View all submissions > Upload grading worksheet) and moodle_feedback.zip."""
    pages = ((_file_name(book, row), student.page(book, row).encode()) for row in book.rows)
    write_atomically(folder / "moodle_feedback.zip", zipped(pages))
    return write_atomically(folder / "moodle.csv", table(_HEADING, (_row(book, row) for row in book.rows)))


def _row(book: Gradebook, row: Row) -> list[object]:
    marks = (f"{mark.exercise}: {mark.checks or mark.outcome}." for mark in row.result.marks)
    comment = " ".join([row.lateness.says, *marks])
    return [f"Participant {_number(book, row)}", row.name, row.grade, book.of, "", comment.strip()]


def _number(book: Gradebook, row: Row) -> str:
    """Return Moodle's number of the student; that of another platform would be somebody else's here."""
    return (row.result.account if book.platform == "Moodle" else "") or row.result.student


def _file_name(book: Gradebook, row: Row) -> str:
    name = "".join(character if character.isalnum() or character in " -" else " " for character in row.name)
    number = "".join(character if character.isalnum() else "-" for character in _number(book, row))
    return f"{name.strip()[:80] or 'Student'}_{number[:80]}_assignsubmission_file_report.html"
