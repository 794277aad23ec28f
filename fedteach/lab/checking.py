"""What a student calls in a notebook: `check`, `hint`, `progress`, `reset` and `use`.

    check("4.1", weighted_mean)    # what is right, or the first thing that is not
    hint("4.1")                    # the next hint
    progress()                     # what is done
    reset("4.1")                   # the exercise as it was at the beginning
    aggregate = use("4.1", weighted_mean)    # the student's function, or fedteach's while that is not right

None of them ends a cell with an error because of what the student wrote: the answer is always words in a box.
"""

import time
import traceback
from collections.abc import Callable
from typing import Any

from fedteach.exercises import catalogue
from fedteach.grading.exercise import Exercise
from fedteach.grading.judging import judge_function
from fedteach.grading.progress import Event, Standing, checked
from fedteach.lab import asked, box, feedback, frontend, identity, kept
from fedteach.lab.asked import MISSING, Misunderstood
from fedteach.lab.verdict_box import hint_box, notice_box, verdict_box


def check(exercise: Any = None, function: Any = MISSING, *others: Any) -> None:
    """Judge your function and show what is right, or the first thing that is not.

    Args:
        exercise: its number, "4.1".
        function: your function, its name alone: `weighted_mean`, not `weighted_mean(updates)`.
        *others: not needed; a check brings arguments of its own.
    """
    try:
        wanted, judged = asked.both_of(exercise, function, others, catalogue())
    except Misunderstood as error:
        return _say("check", error)
    record = kept.record()
    began = time.perf_counter()
    try:
        verdict = judge_function(wanted, judged, seed=identity.seed_for(wanted.id))
    except Exception:
        return box.show(_our_fault(wanted))
    seconds = time.perf_counter() - began
    standings, trouble = record.standings()
    verdict, aside = feedback.waiting_for_another(verdict, judged, catalogue(), standings)
    before = standings.get(wanted.id, Standing())
    standings[wanted.id], new_trouble = record.happened(checked(verdict, seconds), before)
    below = feedback.sentences(verdict, judged, before, catalogue(), standings)
    return box.show(verdict_box(verdict, [*below, identity.more_to_come(verdict), trouble or new_trouble], aside))


def hint(exercise: Any = None, *others: Any) -> None:
    """Show the next hint; after the last one all of them again. Hints cost nothing.

    Args:
        exercise: its number, "4.1".
        *others: not needed.
    """
    try:
        wanted = asked.exercise_of(exercise, catalogue(), "hint")
    except Misunderstood as error:
        return _say("hint", error)
    record = kept.record()
    before = record.standings()[0].get(wanted.id, Standing())
    number = before.hints + 1
    if number <= len(wanted.hints):
        record.happened(Event("hint", wanted.id, hint=number), before)
    return box.show(hint_box(wanted, number))


def progress(*others: Any) -> None:
    """Draw which exercises are done, and how many attempts and hints they took.

    Args:
        *others: not needed; all exercises are in the picture.
    """
    from fedteach.lab.plots import progress as draw

    standings, trouble = kept.record().standings()
    box.show(draw(list(catalogue().values()), standings))
    if trouble:
        box.show(box.line(trouble))


def reset(exercise: Any = None, *others: Any) -> None:
    """Give back the exercise as it was at the beginning, in a new cell; it then counts as not started.

    Args:
        exercise: its number, "4.1".
        *others: not needed.
    """
    try:
        wanted = asked.exercise_of(exercise, catalogue(), "reset")
        stub = _stub(wanted)
    except Misunderstood as error:
        return _say("reset", error)
    record = kept.record()
    before = record.standings()[0].get(wanted.id, Standing())
    _, trouble = record.happened(Event("reset", wanted.id), before)
    heading, says = f"{wanted.id} {wanted.title}", f"{wanted.id} counts as not started again."
    if frontend.headless():
        return box.show(notice_box(heading, says, [trouble], look="hint", word="Reset", code=stub))
    frontend.shell().set_next_input(stub, replace=False)
    below = [
        "The cell as it was at the beginning is below. Your own is still there too: what runs last counts.",
        trouble,
    ]
    return box.show(notice_box(heading, says, below, look="hint", word="Reset"))


def use(exercise: Any = None, function: Any = MISSING, *others: Any) -> Callable[..., Any]:
    """Return your function if it passes its check; else fedteach's own, and say so. This is no attempt.

    It is judged anew each time: what it calls may have changed since, even where the function itself has not.

    Args:
        exercise: its number, "4.1".
        function: your function.
        *others: not needed.

    Raises:
        ValueError: if there is no such exercise; a notebook shows its sentence alone.
    """
    exercise, function = asked.in_order(exercise, function, catalogue())
    wanted = asked.exercise_of(exercise, catalogue(), "use", asked.name_of(function))
    why = f'is missing in `use("{wanted.id}", {wanted.function})`' if function is MISSING else why_not(wanted, function)
    if not why:
        return function
    instead = "fedteach's own is used here. Run this cell again when yours is ready."
    box.show(box.line(f"{wanted.id} (`{wanted.function}`) {why}: {instead}"))
    return wanted.reference


def why_not(exercise: Exercise, function: Any) -> str:
    """Say why a function cannot be used, as the end of a sentence that begins with its name; "" if it can."""
    if not callable(function) or isinstance(function, type):
        return "is no function"
    try:
        state = judge_function(exercise, function, seed=identity.seed_for(exercise.id)).state
    except Exception:
        return "could not be checked"
    reasons = {"passed": "", "not started": "is not started", "waiting": "waits for another exercise"}
    return reasons.get(state, "does not pass its check yet")


def _stub(exercise: Exercise) -> str:
    from fedteach.exercises import stubs

    try:
        return stubs.stub(exercise.id)
    except (LookupError, OSError, ValueError):
        raise Misunderstood(
            f"There is no stub of {exercise.id} here.", "Take it from a fresh copy of the notebook."
        ) from None


def _say(call: str, error: Misunderstood) -> None:
    box.show(notice_box(call, error.says, [error.instead]))


def _our_fault(exercise: Exercise) -> box.Box:
    says = f"The check of {exercise.id} itself went wrong. That is fedteach's fault and not yours."
    below = ["You can go on with the next exercise. Please show this to your teacher."]
    return notice_box(
        f"{exercise.id} {exercise.title}", says, below, word="Our fault", traceback=traceback.format_exc()
    )
