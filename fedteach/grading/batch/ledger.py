"""The results of a class on disk: a file for each student, written as soon as it is graded, and found again.

DIR/students/NAME/result.json   everything about one student; hidden questions included, so for the instructor alone
"""

import hashlib
import json
import re
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fedteach import __version__
from fedteach.files import write_atomically
from fedteach.grading.batch.intake import HandIn
from fedteach.grading.batch.lanes import Graded
from fedteach.grading.batch.result import Result


class Ledger:
    """The results of one grading.

    Args:
        out: its folder; see `workspace`.
        settings: all that a result depends on beside the hand-in; with others everything is graded anew.
    """

    def __init__(self, out: Path, settings: Mapping[str, Any]):
        self._out = out
        self._settings = json.dumps({**settings, "fedteach": __version__}, sort_keys=True)

    def digest(self, hand_in: HandIn) -> str:
        """Return what a hand-in is known by: its student, its files' names and bytes, and the settings."""
        digest = hashlib.sha256(f"{self._settings}|{hand_in.student}".encode("utf-8", "surrogatepass"))
        for path in sorted(hand_in.folder.iterdir()):
            content = path.read_bytes()
            digest.update(f"|{path.name}|{len(content)}|".encode("utf-8", "surrogateescape") + content)
        return digest.hexdigest()

    def find(self, hand_in: HandIn) -> Result | None:
        """Return the result of this very hand-in, if it was graded before and not by mischance of ours."""
        result = _read(self.folder(hand_in.student))
        if result is None or result.ungraded or result.digest != self.digest(hand_in):
            return None
        return _about(hand_in, result)

    def enter(self, hand_in: HandIn, graded: Graded, run: str) -> Result:
        """Write down one student's result, and return it."""
        result = Result(
            student=hand_in.student,
            name=hand_in.name,
            account=hand_in.account,
            received=hand_in.received,
            marked_late=hand_in.late,
            notes=tuple(hand_in.notes),
            run=run,
            graded_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            digest=self.digest(hand_in),
            marks=graded.marks,
            code=graded.code,
            seconds=graded.seconds,
        )
        text = json.dumps(result.as_data(), indent=1)
        write_atomically(self.folder(hand_in.student) / "result.json", text, mode=0o600)
        return result

    def others(self, students: Collection[str]) -> list[str]:
        """Return who was graded here earlier and is none of these."""
        theirs = set(map(folder_name, students))
        folders = sorted(path.parent for path in (self._out / "students").glob("*/result.json"))
        found = (_read(folder) for folder in folders if folder.name not in theirs)
        return [one.student for one in found if one is not None and one.student not in students]

    def folder(self, student: str) -> Path:
        """Return the folder for all that is one student's."""
        return self._out / "students" / folder_name(student)


def _read(folder: Path) -> Result | None:
    """Return the result in a student's folder; None if there is none that can be read."""
    try:
        return Result.from_data(json.loads((folder / "result.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):
        return None


def _about(hand_in: HandIn, result: Result) -> Result:
    """Return a result with what is known of the hand-in now: a name, a time or an account may have been corrected."""
    return replace(
        result,
        name=hand_in.name,
        account=hand_in.account,
        received=hand_in.received,
        marked_late=hand_in.late,
        notes=tuple(hand_in.notes),
    )


def folder_name(student: str) -> str:
    """Return a name that every file system takes, in which the student is recognised, and no two students share."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", student).strip("._")[:40] or "student"
    return f"{plain}-{hashlib.sha256(student.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
