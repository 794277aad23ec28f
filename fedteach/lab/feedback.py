"""What is said below a verdict: how many attempts it took, where there is help, and what comes next."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from fedteach.grading.exercise import Exercise
from fedteach.grading.progress import Standing
from fedteach.grading.verdict import Finding, Verdict
from fedteach.lab.asked import name_of
from fedteach.lab.calls import functions_used

HINT_AFTER = 2
"""From so many attempts in vain on, the hints are mentioned."""

PERSEVERED = 5
"""From so many attempts on, perseverance is praised."""

Exercises = Mapping[str, Exercise]
Standings = Mapping[str, Standing]


def waiting_for_another(
    verdict: Verdict, function: Callable[..., Any], exercises: Exercises, standings: Standings
) -> tuple[Verdict, Finding | None]:
    """Let a verdict wait if the function fails and builds on another exercise that has not passed yet.

    Returns:
        The verdict, and what was wrong meanwhile if it now waits.
    """
    if verdict.state != "failed":
        return verdict, None
    used = functions_used(function)
    for other in exercises.values():
        if other.function in used and other.id != verdict.exercise and not _passed(other, standings):
            summary = (
                f"{verdict.exercise} calls your {other.id} ({other.function}), which has not passed its check yet: "
                "that one first."
            )
            cases = tuple(
                replace(case, state="waiting", finding=None) if case.state == "failed" else case
                for case in verdict.cases
            )
            return replace(verdict, state="waiting", summary=summary, cases=cases), verdict.finding
    return verdict, None


def sentences(
    verdict: Verdict, function: Callable[..., Any], before: Standing, exercises: Exercises, standings: Standings
) -> list[str]:
    """Return what is said below a verdict, sentence by sentence; `backticks` mark code.

    Args:
        verdict: the verdict.
        function: what was judged.
        before: how far the student was before.
        exercises: the catalogue.
        standings: how far the student is now.
    """
    exercise = exercises[verdict.exercise]
    now = standings[exercise.id]
    if verdict.state == "passed":
        return [_praise(before, now), _name(function, exercise), what_next(exercise, exercises, standings)]
    if verdict.state == "failed" and now.attempts >= HINT_AFTER:
        return [f"Attempt {now.attempts}. {_help(exercise, now)}"]
    if verdict.state == "not started":
        return ["Put your code where its TODO is, then run the cell again."]
    return []


def _praise(before: Standing, now: Standing) -> str:
    if before.stage == "passed":
        return "Still right."
    if now.attempts == 1:
        return "Right at the first attempt."
    return f"Right at attempt {now.attempts}." + (" You stayed with it." if now.attempts >= PERSEVERED else "")


def _name(function: Callable[..., Any], exercise: Exercise) -> str:
    """Say which name the function needs to be found when the notebook is graded; "" if it has it."""
    if name_of(function) == exercise.function:
        return ""
    return f"Before you hand it in, name it with `def {exercise.function}(`: by that name it will be found."


def _help(exercise: Exercise, now: Standing) -> str:
    left = len(exercise.hints) - now.hints
    if left <= 0:
        return f'`hint("{exercise.id}")` shows its hints again.'
    of = "1 hint" if len(exercise.hints) == 1 else f"{left} of {len(exercise.hints)} hints"
    return f'`hint("{exercise.id}")` may help: {of} left.'


def what_next(exercise: Exercise, exercises: Exercises, standings: Standings) -> str:
    """Say what comes after an exercise: the next open one of its notebook, of a later one, of any."""
    order = list(exercises.values())
    place = order.index(exercise)
    still_open = [other for other in [*order[place + 1 :], *order[:place]] if not _passed(other, standings)]
    if not still_open:
        return f"That was the last one: all {len(order)} exercises are done. Congratulations!"
    here = [other for other in still_open if other.step == exercise.step]
    following = (here or still_open)[0]
    name = f"{following.id}, {following.title}"
    if here:
        return f"Next: {name}." if order.index(following) > place else f"Still open in this notebook: {name}."
    return f"All exercises of this notebook are done. Next: {name}, in notebook {following.step.zfill(2)}."


def _passed(exercise: Exercise, standings: Standings) -> bool:
    return standings.get(exercise.id, Standing()).stage == "passed"
