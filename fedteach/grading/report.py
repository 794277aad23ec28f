"""Verdicts on a submission as a table for a terminal, and as data for other programs."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from fedteach.grading.exercise import Exercise
from fedteach.grading.readable import readable
from fedteach.grading.submission import Submission
from fedteach.grading.verdict import Verdict

WIDTH = 100
_MOST_TITLE = 60


def table(submission: Submission, exercises: Sequence[Exercise]) -> Iterator[str]:
    """Yield the lines of the table as the exercises are judged; below it, what to mend first in each."""
    titles = {exercise.id: textwrap.shorten(exercise.title, _MOST_TITLE, placeholder=" ...") for exercise in exercises}
    width = max(map(len, [*titles.values(), "title"]))
    yield f"{'exercise':<10}{'title':<{width}}  {'state':<11}  {'points':>9}"
    for exercise in exercises:
        verdict = submission.verdict(exercise.id)
        points = _points(points_for(exercise, verdict), exercise.points)
        yield f"{exercise.id:<10}{titles[exercise.id]:<{width}}  {verdict.state:<11}  {points:>9}"
    got = sum(points_for(exercise, submission.verdict(exercise.id)) for exercise in exercises)
    yield f"{'total':<10}{'':<{width}}  {'':<11}  {_points(got, sum(e.points for e in exercises)):>9}"
    yield "An exercise gives its points when all of it is right. These are the public checks; where a class is"
    yield "graded, hidden ones ask the same with other numbers after hand-in, and each part counts by itself."
    for exercise in exercises:
        yield from _to_mend(submission.verdict(exercise.id))


def as_data(submission: Submission, exercises: Sequence[Exercise]) -> dict[str, Any]:
    """Return what the table says as plain data, ready for JSON."""
    rows = [_row(exercise, submission.verdict(exercise.id)) for exercise in exercises]
    return {
        "submission": readable(str(submission.path)),
        "points": sum(row["points"] for row in rows),
        "of": sum(row["of"] for row in rows),
        "exercises": rows,
    }


def points_for(exercise: Exercise, verdict: Verdict) -> float:
    """Return the points: all of them or none."""
    return exercise.points if verdict.passed else 0.0


def _row(exercise: Exercise, verdict: Verdict) -> dict[str, Any]:
    finding = verdict.finding
    return {
        "exercise": exercise.id,
        "function": exercise.function,
        "title": exercise.title,
        "state": verdict.state,
        "points": points_for(exercise, verdict),
        "of": exercise.points,
        "summary": readable(verdict.summary),
        "message": readable(verdict.message),
        "finding": {name: readable(text) for name, text in asdict(finding).items()} if finding else None,
    }


def _points(got: float, of: float) -> str:
    return f"{got:g} of {of:g}"


def _to_mend(verdict: Verdict) -> Iterator[str]:
    """Yield the first finding of an exercise; the table itself says which are not started."""
    if verdict.state not in ("failed", "waiting"):
        return
    yield ""
    yield from textwrap.wrap(f"{verdict.exercise} {verdict.title}: {verdict.state}", WIDTH)
    for line in verdict.finding.lines() if verdict.finding else [verdict.summary]:
        yield from textwrap.wrap(readable(line), WIDTH, initial_indent="    ", subsequent_indent="      ")
