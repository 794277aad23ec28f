"""The catalogue: every exercise of the course, with its hints and the cases that judge it.

One module or package for each notebook, each with its exercises in `EXERCISES`. A new one in this folder is in the
catalogue without further ado. They import numpy only, so that an answer is judged in milliseconds.

`pytest --pyargs fedteach.exercises --submission PATH` judges a student's notebooks.
"""

import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from types import MappingProxyType

from fedteach import checks
from fedteach.grading.exercise import Exercise


@cache
def catalogue() -> Mapping[str, Exercise]:
    """Return every exercise by its number, in the order of the course.

    Raises:
        ValueError: if two exercises share a number or a function's name.
    """
    names = [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("test_")]
    modules = [import_module(f"{__name__}.{name}") for name in names]
    exercises = [exercise for module in modules for exercise in getattr(module, "EXERCISES", ())]
    exercises.sort(key=lambda exercise: [int(part) for part in exercise.id.split(".")])
    for what in ("id", "function"):
        values = [getattr(exercise, what) for exercise in exercises]
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise ValueError(f"exercises share the same {what}: {', '.join(twice)}")
    return MappingProxyType({exercise.id: exercise for exercise in exercises})


def find(exercise: str) -> Exercise:
    """Return the exercise with this number.

    Raises:
        ValueError: if there is none; says which there are.
    """
    return catalogue()[checks.known("exercise", exercise, catalogue())]


def chosen(wanted: Sequence[str] = ()) -> list[Exercise]:
    """Return the exercises of these numbers, in the order of the course: "4.1", or "4" for all of step 4.

    Args:
        wanted: their numbers; none stands for all exercises.

    Raises:
        ValueError: if there is none of that number; says which there are.
    """
    everything = list(catalogue().values())
    found: set[str] = set()
    for number in wanted:
        of_step = {exercise.id for exercise in everything if exercise.step == number}
        found |= of_step or {find(number).id}
    return [exercise for exercise in everything if not wanted or exercise.id in found]
