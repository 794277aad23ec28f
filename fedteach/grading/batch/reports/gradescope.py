"""For Gradescope: a results.json for each student, as an autograder there would have written it.

Source: Gradescope, "Autograder Specifications", section Output format: score, output and tests, each with score,
max_score, name, number, output and visibility. A hidden test has no points, or a student would not see the total.
"""

import json
from pathlib import Path
from typing import Any

from fedteach.files import write_atomically
from fedteach.grading.batch.gradebook import Gradebook, Row
from fedteach.grading.batch.ledger import folder_name
from fedteach.grading.batch.marks import Mark
from fedteach.grading.readable import readable


def write(book: Gradebook, folder: Path) -> Path:
    """Write gradescope/NAME/results.json for each student."""
    for row in book.rows:
        text = json.dumps(results(row), indent=1)
        write_atomically(folder / "gradescope" / folder_name(row.result.student) / "results.json", text)
    return folder / "gradescope"


def results(row: Row) -> dict[str, Any]:
    """Return what stands in a student's results.json."""
    said = [row.lateness.says, *(readable(note) for note in row.result.notes)]
    tests = [test for mark in row.result.marks for test in _tests(mark)]
    return {
        "score": row.points,
        "execution_time": round(row.result.seconds),
        "output": "\n".join(sentence for sentence in said if sentence),
        "output_format": "text",
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def _tests(mark: Mark) -> list[dict[str, Any]]:
    counted = f"\n{mark.checks}" if mark.checks else ""
    shown = {
        "name": mark.title,
        "number": mark.exercise,
        "status": "passed" if mark.outcome == "passed" else "failed",
        "output": f"{mark.message}{counted}",
        "output_format": "text",
        "visibility": "visible",
        "max_score": mark.of,
    }
    if mark.points is not None:
        shown["score"] = mark.points
    if not mark.hidden_message:
        return [shown]
    hidden = {
        "name": f"{mark.title}: hidden checks, for the instructor",
        "number": f"{mark.exercise}h",
        "output": mark.hidden_message,
        "output_format": "text",
        "visibility": "hidden",
    }
    return [shown, hidden]
