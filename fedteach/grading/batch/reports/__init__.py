"""Everything that is made from a gradebook, for people and for platforms.

DIR/overview.html               the class, for the instructor
DIR/grades.csv, junit.xml       the same for a spreadsheet, and for programs that read test reports
DIR/students/NAME/details.html  one student, hidden questions included, for the instructor
DIR/feedback/NAME/report.html   one student, for the student; and report.txt, the same as plain text
DIR/plagiarism/NAME/*.py        what a student has written, for tools that compare (JPlag, MOSS, compare50)
DIR/upload/                     what Canvas, Moodle or Gradescope take in
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from fedteach.files import write_atomically
from fedteach.grading.batch.gradebook import Gradebook
from fedteach.grading.batch.ledger import folder_name
from fedteach.grading.batch.reports import canvas, gradescope, junit, moodle, overview, student, tables

FORMATS: Mapping[str, Callable[[Gradebook, Path], object]] = {
    "canvas": canvas.write,
    "moodle": moodle.write,
    "gradescope": gradescope.write,
}
"""Writers for platforms, by name."""

_PRIVATE = 0o600


def write_reports(book: Gradebook, out: Path, formats: Sequence[str] = ()) -> None:
    """Write all reports; those of an earlier run give way to them.

    Args:
        book: the class.
        out: the folder for all of them.
        formats: the platforms, names of `FORMATS`, that get a file of their own.
    """
    for folder in ("feedback", "plagiarism", "upload"):  # of students who are in the class no more
        shutil.rmtree(out / folder, ignore_errors=True)
    for row in book.rows:
        name = folder_name(row.result.student)
        write_atomically(out / "feedback" / name / "report.html", student.page(book, row))
        write_atomically(out / "feedback" / name / "report.txt", student.text(row))
        write_atomically(out / "students" / name / "details.html", student.details(book, row), mode=_PRIVATE)
        for exercise, code in row.result.code.items():
            file = f"{exercise}_{book.functions.get(exercise, 'code')}.py"
            write_atomically(out / "plagiarism" / name / file, code + "\n")
    write_atomically(out / "overview.html", overview.page(book), mode=_PRIVATE)
    write_atomically(out / "grades.csv", tables.grades(book))
    write_atomically(out / "junit.xml", junit.xml(book))
    for name in formats:
        FORMATS[name](book, out / "upload")
