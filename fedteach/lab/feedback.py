"""What is said below a verdict: how many attempts it took, where there is help, and what comes next."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from fedteach.grading.exercise import Exercise
from fedteach.grading.judging import judge_function
from fedteach.grading.progress import Standing
from fedteach.grading.verdict import Finding, Verdict
from fedteach.lab.asked import name_of
from fedteach.lab.calls import functions_used
from fedteach.lab.left_over import left_over

HINT_AFTER = 2
"""From so many attempts in vain on, the hints are mentioned."""

PERSEVERED = 5
"""From so many attempts on, perseverance is praised."""

Exercises = Mapping[str, Exercise]
Standings = Mapping[str, Standing]


def waiting_for_another(
    verdict: Verdict, function: Callable[..., Any], exercises: Exercises, standings: Standings
) -> tuple[Verdict, Finding | None]:
    """Let a verdict wait if the function fails and builds on another exercise that is not right yet.

    What it builds on is judged then and there, as `fedteach check` does it: its cell may not have been checked, or
    have changed since. What uses TensorFlow takes seconds; of that, the record tells.

    Returns:
        The verdict, and what was wrong meanwhile if it now waits.
    """
    if verdict.state != "failed":
        return verdict, None
    this = exercises[verdict.exercise]
    for other, its_function in _built_on(this, function, exercises):
        if why := _why_not_right(other, its_function, standings):
            summary = f"{this.id} calls your {other.id} ({other.function}), which {why}: that one first."
            cases = tuple(
                replace(case, state="waiting", finding=None) if case.state == "failed" else case
                for case in verdict.cases
            )
            return replace(verdict, state="waiting", summary=summary, cases=cases), verdict.finding
    return verdict, None


def _built_on(
    exercise: Exercise, function: Callable[..., Any], exercises: Exercises
) -> Iterator[tuple[Exercise, Callable[..., Any]]]:
    """Yield the other exercises that a function calls, each with the student's function for it.

    Of two that call each other only the earlier one builds on the other; else both would wait for ever.
    """
    used, order = functions_used(function), list(exercises.values())
    for other in order:
        its_function = used.get(other.function)
        if its_function is None or other is exercise:
            continue
        is_earlier = order.index(other) < order.index(exercise)
        if not (is_earlier and exercise.function in functions_used(its_function)):
            yield other, its_function


def _why_not_right(exercise: Exercise, function: Any, standings: Standings) -> str:
    """Say why a function is not right, as the end of a sentence; "" if it is."""
    try:
        state = "" if exercise.uses_tensorflow else judge_function(exercise, function).state
    except Exception:  # a fault of ours
        state = ""
    if not state:
        return "" if _passed(exercise, standings) else "has not passed its check yet"
    return {"passed": "", "not started": "is not started yet"}.get(state, "is not right yet")


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
    if verdict.state == "failed" and now.has_passed:
        return [f"It passed before: what has changed since? {_help(exercise, now)}"]
    if verdict.state == "failed" and now.attempts >= HINT_AFTER:
        return [f"Attempt {now.attempts}. {_help(exercise, now)}"]
    if verdict.state == "not started":
        return [_where_to_write(function, exercise)]
    return []


def _where_to_write(function: Callable[..., Any], exercise: Exercise) -> str:
    if line := left_over(function):
        return f"Your code is there; now delete the line `{line}`, then run the cell again."
    return "Put your code where its TODO is, then run the cell again."


def _praise(before: Standing, now: Standing) -> str:
    if before.has_passed:
        return "Still right." if before.stage == "passed" else "Right again."
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
    later = [other for other in still_open if order.index(other) > place]
    following = (here or later or still_open)[0]
    name = f"{following.id}, {following.title}"
    if here:
        return f"Next: {name}." if order.index(following) > place else f"Still open in this notebook: {name}."
    says = f"in notebook {following.step.zfill(2)}."
    return f"All exercises of this notebook are done. {'Next' if later else 'Still open'}: {name}, {says}"


def _passed(exercise: Exercise, standings: Standings) -> bool:
    return standings.get(exercise.id, Standing()).stage == "passed"
