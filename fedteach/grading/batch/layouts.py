"""Whose is what: the names that learning platforms give to what they hand over.

Each layout knows one platform. It is asked whether a name is one of its own, and says who the student is. A name that
fits none is a name of the instructor's own making: the student's id, then.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Owner:
    """Whom a file or folder belongs to.

    Attributes:
        id: what the platform knows the student by.
        name: the person's name, or "" where the platform does not tell.
        late: whether the platform has marked it late.
        file: the student's own name for the file, or "" for a folder.
    """

    id: str
    name: str = ""
    late: bool = False
    file: str = ""


# "Zoë Müller_1234567_assignsubmission_file_04_aggregation.ipynb", or the same without a file for a folder
_MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)(?:_(?P<file>.*))?")
# "mullerzoe_LATE_12345_678901_04_aggregation-1.ipynb": name, Canvas' id of the student, its id of the upload
_CANVAS = re.compile(r"(?P<name>[^\W\d_]+?)(?P<late>_LATE)?_(?P<id>\d+)_(?P<upload>\d+)_(?P<file>.+)")
# "submission_1234567", beside submission_metadata.yml
_GRADESCOPE = re.compile(r"submission_(?P<id>\d+)")


def moodle(entry: str) -> Owner | None:
    """Return the owner by Moodle's names: person, number of the participant, kind of hand-in, file."""
    found = _MOODLE.fullmatch(entry)
    return Owner(found["id"], found["name"], file=found["file"] or "") if found else None


def canvas(entry: str) -> Owner | None:
    """Return the owner by Canvas' names: person, LATE, number of the student, number of the upload, file."""
    found = _CANVAS.fullmatch(entry)
    if not found:
        return None
    return Owner(found["id"], found["name"], late=found["late"] is not None, file=_without_version(found["file"]))


def gradescope(entry: str) -> Owner | None:
    """Return the owner by Gradescope's folders; who that is stands in its manifest."""
    found = _GRADESCOPE.fullmatch(entry)
    return Owner(found["id"]) if found else None


def github_classroom(entries: Sequence[str]) -> dict[str, Owner] | None:
    """Return the owners by GitHub Classroom's folders, assignment-account, or None.

    Account and assignment may both hold hyphens: what all folders have in common is the assignment, so two of them are
    needed to know it.
    """
    if len(entries) < 2 or not all("-" in entry for entry in entries):
        return None
    common = _common_beginning(entries)
    assignment = common[: common.rfind("-") + 1]
    if not assignment or any(entry == assignment.rstrip("-") for entry in entries):
        return None
    return {entry: Owner(entry.removeprefix(assignment)) for entry in entries}


LAYOUTS: dict[str, Callable[[str], Owner | None]] = {"Moodle": moodle, "Canvas": canvas, "Gradescope": gradescope}
"""Layouts in which each name says by itself whose it is."""


def layout_of(entries: Iterable[str]) -> str:
    """Return the platform whose names these are, all of them; "" if none."""
    entries = list(entries)
    return next((name for name, owner in LAYOUTS.items() if entries and all(map(owner, entries))), "")


def _without_version(file: str) -> str:
    """Canvas adds -1, -2 ... to the name of a file that is handed in again."""
    return re.sub(r"-\d+(?=\.\w+$)", "", file)


def _common_beginning(texts: Sequence[str]) -> str:
    shortest, longest = min(texts), max(texts)
    same = next((i for i, pair in enumerate(zip(shortest, longest, strict=False)) if pair[0] != pair[1]), len(shortest))
    return shortest[:same]
