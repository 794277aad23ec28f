"""Who the student is: an id that gives the checks numbers of the student's own, where a teacher wants that.

It is kept in a small file beside the notebooks. Without one everybody is asked the same.
"""

import os
from typing import Any

from fedteach.files import write_atomically
from fedteach.grading.seeds import ASSIGNMENT, visible_seed
from fedteach.grading.verdict import Verdict
from fedteach.lab import box, kept
from fedteach.lab.verdict_box import notice_box

FILE_NAME = "fedteach_student.txt"
_MOST_CHARACTERS = 100

_known = ""
"""What was said in this kernel, for a folder that cannot be written."""


def my_id(student: Any = None) -> None:
    """Say who you are, once for all notebooks: checks then ask numbers of your own, the same each time.

    Args:
        student: the id by which your teacher knows you, in quotes; "" to be nobody again; nothing to see who you are.
    """
    global _known
    if student is None:
        return box.show(box.line(_who(current())))
    if not isinstance(student, str) or len(student.strip()) > _MOST_CHARACTERS or not student.isprintable():
        says = f"An id is a text of at most {_MOST_CHARACTERS} letters and digits."
        return box.show(notice_box("my_id", says, ['Write it in quotes: `my_id("ab123")`.']))
    _known = student.strip()
    trouble = ""
    try:
        folder = kept.folder()
        if folder is None:
            raise OSError("the folder of this notebook is gone")
        write_atomically(folder / FILE_NAME, _known + "\n")
    except OSError as error:
        trouble = f" It cannot be kept for the other notebooks ({error.strerror or error})."
    return box.show(box.line(_who(_known) + trouble))


def current() -> str:
    """Return the student's id; "" if none was told. FEDTEACH_STUDENT counts before the file."""
    if named := os.environ.get("FEDTEACH_STUDENT", "").strip():
        return named
    folder = kept.folder()
    try:
        text = (folder / FILE_NAME).read_text(encoding="utf-8") if folder else ""
    except (OSError, UnicodeDecodeError):
        return _known
    return text.strip()[:_MOST_CHARACTERS]


def seed_for(exercise: str) -> int:
    """Return the seed with which this student's function is checked."""
    return visible_seed(ASSIGNMENT, exercise, current())


def more_to_come(verdict: Verdict) -> str:
    """Return what a student whose work will be graded should know of a check that passed; "" if there is nothing."""
    if not (verdict.passed and current()):
        return ""
    n = len(verdict.cases)
    return f"That is {n} of {n} public checks; hidden checks, with other numbers, run after hand-in."


def _who(student: str) -> str:
    if not student:
        return "Nobody has said who you are, so the checks ask what they ask everybody."
    return f"You are `{student}`: the checks ask numbers of your own."
