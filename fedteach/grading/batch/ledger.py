"""The results of a class on disk: one file for each student, written as soon as it is graded, and found again.

DIR/students/NAME/result.json   everything about one student; hidden questions included, so for the instructor alone
DIR/students/NAME/report.txt    what the student may read
DIR/grades.csv                  the class
"""

import csv
import hashlib
import io
import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fedteach import __version__
from fedteach.files import write_atomically
from fedteach.grading.batch.intake import HandIn
from fedteach.grading.batch.lanes import Graded
from fedteach.grading.batch.marks import UNGRADED
from fedteach.grading.readable import readable

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Ledger:
    """The results of one grading.

    Args:
        out: its folder.
        settings: all that a result depends on beside the hand-in; with others everything is graded anew.
    """

    def __init__(self, out: Path, settings: Mapping[str, Any]):
        self.out = out
        self._settings = json.dumps({**settings, "fedteach": __version__}, sort_keys=True)

    def digest(self, hand_in: HandIn) -> str:
        """Return what a hand-in is known by: the bytes of its files, their names, and the settings."""
        digest = hashlib.sha256(self._settings.encode())
        for path in sorted(hand_in.folder.iterdir()):
            content = path.read_bytes()
            digest.update(f"|{path.name}|{len(content)}|".encode("utf-8", "surrogateescape") + content)
        return digest.hexdigest()

    def find(self, hand_in: HandIn) -> dict[str, Any] | None:
        """Return the result of this very hand-in, if it was graded before and not by mischance of ours."""
        try:
            result = json.loads((self._folder(hand_in.student) / "result.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        known = isinstance(result, dict) and result.get("digest") == self.digest(hand_in) and not result.get("ungraded")
        return result if known else None

    def enter(self, hand_in: HandIn, graded: Graded, run: str) -> dict[str, Any]:
        """Write down one student's result, and return it."""
        ungraded = [one.exercise for one in graded.marks if one.outcome == UNGRADED]
        result = {
            "student": hand_in.student,
            "name": hand_in.name,
            "received": hand_in.received,
            "late": hand_in.late,
            "notes": hand_in.notes,
            "run": run,
            "graded_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "digest": self.digest(hand_in),
            "points": round(sum(one.points or 0.0 for one in graded.marks), 4),
            "of": round(sum(one.of for one in graded.marks), 4),
            "ungraded": ungraded,
            "seconds": graded.seconds,
            "exercises": [asdict(one) for one in graded.marks],
        }
        folder = self._folder(hand_in.student)
        write_atomically(folder / "result.json", json.dumps(result, indent=1), mode=0o600)
        write_atomically(folder / "report.txt", "\n".join(_report(hand_in, graded)) + "\n")
        return result

    def write_grades(self, results: Iterable[Mapping[str, Any]], exercises: Iterable[str]) -> Path:
        """Write the table of the class; no spreadsheet takes anything in it for a formula."""
        exercises = list(exercises)
        table = io.StringIO()
        writer = csv.writer(table)
        writer.writerow(["student", "name", "received", "late", *exercises, "points", "of", "ungraded", "run"])
        for result in results:
            points = {one["exercise"]: one["points"] for one in result["exercises"]}
            received = result["received"]
            when = "" if received is None else time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(received))
            writer.writerow(
                [
                    cell(result["student"]),
                    cell(result["name"]),
                    when,
                    "late" if result["late"] else "",
                    *("" if points.get(one) is None else points[one] for one in exercises),
                    result["points"],
                    result["of"],
                    " ".join(result["ungraded"]),
                    result["run"],
                ]
            )
        return write_atomically(self.out / "grades.csv", table.getvalue())

    def _folder(self, student: str) -> Path:
        """Return a student's folder: a name that every file system takes, and no two students share."""
        plain = re.sub(r"[^A-Za-z0-9._-]+", "_", student).strip("._")[:40] or "student"
        return self.out / "students" / f"{plain}-{hashlib.sha256(student.encode('utf-8', 'replace')).hexdigest()[:8]}"


def cell(text: str) -> str:
    """Return a text for a cell: on one line, readable, and taken for a text by every spreadsheet.

    Source: OWASP, "CSV Injection": a cell that begins with = + - @ tab or return may be run as a formula.
    """
    shown = " ".join(readable(text).split())
    return f"'{shown}" if shown.startswith(_FORMULA) or text.startswith(_FORMULA) else shown


def _report(hand_in: HandIn, graded: Graded) -> Iterable[str]:
    """Yield the lines that the student may read."""
    points, of = sum(one.points or 0.0 for one in graded.marks), sum(one.of for one in graded.marks)
    yield f"{readable(hand_in.name or hand_in.student)}: {points:g} of {of:g} points"
    yield from (f"note: {readable(note)}" for note in hand_in.notes)
    for one in graded.marks:
        got = "not graded, through no fault of yours" if one.points is None else f"{one.points:g} of {one.of:g}"
        yield ""
        yield f"{one.exercise} {one.title}: {one.outcome}, {got}"
        if one.cases:
            yield f"    {one.counted('public')} public checks, {one.counted('hidden')} hidden checks"
        yield from (f"    {line}" for line in one.message.splitlines()[1:])
