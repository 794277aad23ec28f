"""A class of a few students, without grading anybody: results as grading would have made them."""

from dataclasses import replace

from fedteach.exercises import catalogue
from fedteach.grading.batch.gradebook import Gradebook, Row
from fedteach.grading.batch.lateness import Lateness
from fedteach.grading.batch.marks import UNGRADED, mark, ungraded
from fedteach.grading.batch.result import Result
from fedteach.grading.judging import judge_function
from fedteach.grading.verdict import not_started

MEAN, DRAW = catalogue()["4.1"], catalogue()["1.1"]
SECRET = 77


def judged(function, exercise=MEAN):
    """The mark of a function, with public and hidden questions."""
    public, hidden = (judge_function(exercise, function, seed=seed, all_cases=True) for seed in (0, SECRET))
    return mark(exercise, public, hidden, 0.2)


def untouched(exercise=MEAN):
    return mark(exercise, not_started(exercise), None, 0.0)


def right():
    return judged(MEAN.reference)


def doubled():
    return judged(lambda updates: [2 * tensor for tensor in MEAN.reference(updates)])


def by_heart():
    """Right in public alone: the hidden question's answer is not known."""
    public = judge_function(MEAN, MEAN.reference, all_cases=True)
    hidden = judge_function(MEAN, lambda updates: [2 * t for t in MEAN.reference(updates)], seed=SECRET, all_cases=True)
    return mark(MEAN, public, hidden, 0.2)


def ours():
    one = ungraded(MEAN, "the sandbox failed")
    assert one.outcome == UNGRADED
    return one


def result(student="anna", *marks, name="", **others):
    fields = {
        "account": "",
        "received": 0.0,
        "marked_late": None,
        "notes": (),
        "run": "20261127_120000",
        "graded_at": "2026-11-27T12:00:00Z",
        "digest": "d",
        "code": {},
        "seconds": 1.5,
    }
    return Result(student=student, name=name, marks=marks or (right(),), **(fields | others))


def book(*results, lateness=None, platform="", **others):
    rows = tuple(Row(one, lateness or Lateness(), True) for one in results)
    exercises = tuple(mark.exercise for mark in results[0].marks) if results else ()
    functions = {id: catalogue()[id].function for id in exercises}
    return Gradebook("fedteach", exercises, functions, rows, "20261127_120000", platform, **others)


def with_title(mark, title):
    return replace(mark, title=title)
