"""The student's own functions, taken from the notebooks in which they wrote them, as the steps of a federation.

steps = lab.my_steps()
board = panel(Experiment(split="4"), **steps)
"""

from pathlib import Path
from typing import Any

from fedteach.exercises import catalogue
from fedteach.grading.exercise import Exercise
from fedteach.grading.extract import Missing
from fedteach.grading.not_started import NotStarted
from fedteach.grading.program import Stopped
from fedteach.grading.submission import Submission, SubmissionError
from fedteach.lab import box
from fedteach.lab.box import LOOKS, Box
from fedteach.lab.driving import DRIVING, Drive, arguments

_WHY = {
    "not started": "is not started",
    "failed": "does not pass its check yet",
    "waiting": "waits for another exercise",
}

_SAVED = (
    "Your functions are read from the notebooks in this folder as they were last saved. After a change, save it there \
and run this cell again."
)


def my_steps(folder: str | Path | None = None) -> dict[str, Any]:
    """Return the steps of a federation that you have written, and show which these are.

    A step whose function is not there yet, or does not pass its check, is left to fedteach.

    Args:
        folder: where your notebooks are; None takes the folder of this notebook.

    Returns:
        Keyword arguments for `panel` and for `Experiment.federation`.
    """
    functions, reasons = _functions(Path(folder or "."))
    box.show(_table(functions, reasons))
    return arguments(functions)


def _functions(folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the functions that pass, and for the others why they cannot be used, by exercise."""
    wanted = [number for drive in DRIVING for number in drive.exercises]
    try:
        submission = Submission(folder, catalogue().values())
    except SubmissionError:
        return {}, dict.fromkeys(wanted, "is in no notebook here")
    functions, reasons = {}, {}
    for number in wanted:
        exercise = catalogue().get(number)
        found = _function(submission, exercise) if exercise else "is not part of this course"
        if isinstance(found, str):
            reasons[number] = found
        else:
            functions[number] = found
    return functions, reasons


def _function(submission: Submission, exercise: Exercise) -> Any:
    """Return the student's function if it passes, else why it cannot be used."""
    state = submission.verdict(exercise.id).state
    if state != "passed":
        return _WHY[state]
    try:
        return submission.function(exercise)
    except (Missing, Stopped, NotStarted):
        return "could not be loaded"


def _table(functions: dict[str, Any], reasons: dict[str, str]) -> Box:
    own = [drive for drive in DRIVING if any(number in functions for number in drive.exercises)]
    sentence = f"{len(own)} of {len(DRIVING)} steps are yours." if own else "All steps are fedteach's own so far."
    rows = [(drive.step, _words(drive, functions, reasons)) for drive in DRIVING]
    look = LOOKS["passed" if len(own) == len(DRIVING) else "hint"]
    parts = [box.aligned([(step, box.with_code(words)) for step, words in rows]), box.paragraph(_SAVED)]
    html = box.framed(look, "the five steps of a round", sentence, parts, word="Your steps")
    return Box(html, box.readable("\n".join([sentence, *(f"{step}: {words}" for step, words in rows)])))


def _words(drive: Drive, functions: dict[str, Any], reasons: dict[str, str]) -> str:
    mine = [f"your `{catalogue()[number].function}` ({number})" for number in drive.exercises if number in functions]
    theirs = [f"{number} {reasons[number]}" for number in drive.exercises if number in reasons]
    return "; ".join([*mine, *([f"fedteach's own, because {' and '.join(theirs)}"] if theirs else [])])
