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
        late: whether the platform has marked it late; None: it marks nothing.
        file: the student's own name for the file, or "" for a folder.
    """

    id: str
    name: str = ""
    late: bool | None = None
    file: str = ""


# "Zoë Müller_1234567_assignsubmission_file_04_aggregation.ipynb", or the same without a file for a folder
_MOODLE = re.compile(r"(?P<name>.+)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)(?:_(?P<file>.*))?")
# "mullerzoe_LATE_12345_678901_04_aggregation-1.ipynb": name, Canvas' id of the student, its id of the upload
_CANVAS = re.compile(r"(?P<name>[^\W\d_]+?)(?P<late>_LATE)?_(?P<id>\d+)_(?P<upload>\d+)_(?P<file>.+)")
# "submission_1234567", beside submission_metadata.yml
_GRADESCOPE = re.compile(r"submission_(?P<id>\d+)")


def moodle(entry: str) -> Owner | None:
    """Return the owner by Moodle's names: person, number of the participant, kind of hand-in, file."""
    found = _MOODLE.fullmatch(entry)
    if not found or entry.count("_assignsubmission_") > 1:  # a person's or file's name that plays another one
        return None
    return Owner(found["id"], found["name"], file=found["file"] or "")


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


def github_classroom(folders: Sequence[str], is_known: Callable[[str], bool]) -> dict[str, Owner] | None:
    """Return the owners by GitHub Classroom's folders, assignment-account; None if these are others.

    Account and assignment may both hold hyphens. What all folders begin with may be the assignment, up to any of its
    hyphens: the one behind which most accounts are known tells, if they are more than half; the others are somebody
    who is not of the class, such as the teacher.

    Args:
        folders: their names.
        is_known: whether an account is one of the class's; only a roster can tell.
    """
    common = _common_beginning(folders) if len(folders) > 1 else ""
    assignments = [common[: place + 1] for place, character in enumerate(common) if character == "-"]
    n_known = {one: sum(is_known(folder.removeprefix(one)) for folder in folders) for one in assignments}
    assignment = max(n_known, key=lambda one: n_known[one], default="")
    if 2 * n_known.get(assignment, 0) <= len(folders):
        return None
    return {folder: Owner(folder.removeprefix(assignment)) for folder in folders}


LAYOUTS: dict[str, Callable[[str], Owner | None]] = {"Moodle": moodle, "Canvas": canvas, "Gradescope": gradescope}
"""Layouts in which each name says by itself whose it is."""


def layout_of(entries: Iterable[str]) -> str:
    """Return the platform whose names most of these are; "" if none."""
    entries = list(entries)
    counts = {name: sum(owner(entry) is not None for entry in entries) for name, owner in LAYOUTS.items()}
    best = max(counts, key=lambda name: counts[name])
    return best if 2 * counts[best] > len(entries) else ""


def _without_version(file: str) -> str:
    """Canvas adds -1, -2 ... to the name of a file that is handed in again."""
    return re.sub(r"-\d+(?=\.\w+$)", "", file)


def _common_beginning(texts: Sequence[str]) -> str:
    shortest, longest = min(texts), max(texts)
    same = next((i for i, pair in enumerate(zip(shortest, longest, strict=False)) if pair[0] != pair[1]), len(shortest))
    return shortest[:same]
