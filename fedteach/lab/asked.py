"""What a student asked for: which exercise, which function; and a kind word where that cannot be told."""

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

from fedteach.grading.exercise import Exercise
from fedteach.grading.words import article
from fedteach.lab import box

MISSING: Any = object()
"""Stands for an argument that was not given, which is not the same as None."""


class Misunderstood(ValueError):
    """Something was asked that cannot be answered.

    Args:
        says: what is amiss, a sentence.
        instead: what to write instead, a sentence in which `backticks` mark code; "" if nobody can know.
    """

    def __init__(self, says: str, instead: str = ""):
        super().__init__(" ".join(filter(None, (says, instead))))
        self.says = says
        self.instead = instead

    def _render_traceback_(self) -> list[str]:
        # IPython asks for this: where we noticed it is of no use to anybody.
        return [str(self)]


def exercise_of(given: Any, exercises: Mapping[str, Exercise], call: str = "check", by_name: str = "") -> Exercise:
    """Return the exercise that is meant by "4.1", 4.1, "exercise 4.1" or the function of that name.

    Args:
        given: what the student gave.
        exercises: the catalogue.
        call: what the student called, for an example of how to.
        by_name: name of the function that came with it, which may tell what was meant.

    Raises:
        Misunderstood: if there is no such exercise.
    """
    name = name_of(given) if callable(given) else by_name
    by_function = {exercise.function: exercise for exercise in exercises.values()}
    if callable(given) and name in by_function:
        return by_function[name]
    if given is None or given is MISSING or callable(given):
        raise Misunderstood("Which exercise? Its number comes first, in quotes.", _such_as(exercises, call, name))
    number = number_in(given)
    if number in exercises:
        return exercises[number]
    if name in by_function:
        known = by_function[name]
        instead = f"Your function `{name}` belongs to {known.id}: {_line(call, known)}."
    else:
        instead = _there_are(number.partition(".")[0], exercises)
    named = number or (repr(given) if isinstance(given, str) else f"of type {type(given).__name__}")
    raise Misunderstood(f"There is no exercise {box.cut(named, 40)}.", instead)


def number_in(given: Any) -> str:
    """Return the number of an exercise in what a student wrote, such as "4.1" in 4.1 or "exercise 4,1"; "" for none."""
    try:
        found = re.search(r"\d+\s*[.,]\s*\d+|\d+", str(given)) if isinstance(given, str | int | float) else None
    except ValueError:  # Python writes no number of thousands of digits
        return ""
    return re.sub(r"\s", "", found[0]).replace(",", ".") if found else ""


def _such_as(exercises: Mapping[str, Exercise], call: str, name: str) -> str:
    example = next(iter(exercises.values()), None)
    return f"As in {_line(call, example, name)}." if example else ""


def _line(call: str, exercise: Exercise, name: str = "") -> str:
    arguments = f'"{exercise.id}"' + (f", {name or exercise.function}" if call in ("check", "use") else "")
    return f"`{call}({arguments})`"


def _there_are(step: str, exercises: Mapping[str, Exercise]) -> str:
    here = [f"{exercise.id} (`{exercise.function}`)" for exercise in exercises.values() if exercise.step == step]
    if here:
        return f"Notebook {step} has {', '.join(here)}."
    numbers = list(exercises)
    return f"The numbers go from {numbers[0]} to {numbers[-1]}." if numbers else ""


def in_order(first: Any, second: Any, exercises: Mapping[str, Exercise]) -> tuple[Any, Any]:
    """Return the number and the function, in whichever order they came."""
    return (second, first) if callable(first) and number_in(second) in exercises else (first, second)


def both_of(
    first: Any, second: Any, others: tuple[Any, ...], exercises: Mapping[str, Exercise]
) -> tuple[Exercise, Callable[..., Any]]:
    """Return the exercise and the student's function, in whichever order they came.

    Raises:
        Misunderstood: if either of them is missing or something else.
    """
    first, second = in_order(first, second, exercises)
    exercise = exercise_of(first, exercises, by_name=name_of(second))
    line = _line("check", exercise)
    if second is MISSING:
        came = "Your function is missing" if not callable(first) else "The number is missing"
        raise Misunderstood(f"{came}: a check needs both the number and the function.", f"Write {line}.")
    if others:
        raise Misunderstood("A check calls your function itself, with arguments of its own.", f"Write just {line}.")
    return exercise, _function_of(second, exercise, line)


def _function_of(given: Any, exercise: Exercise, line: str) -> Callable[..., Any]:
    if isinstance(given, type):
        raise Misunderstood(
            f"`{given.__name__}` is a class, and {exercise.id} asks for a function.",
            f"It begins with `def {exercise.function}(`.",
        )
    if not callable(given):
        raise Misunderstood(*_no_function(given, line))
    if is_fedteachs(given):
        raise Misunderstood(
            f"This is fedteach's own `{name_of(given)}`, which would pass of course. Write yours!",
            f"Your function is the one in the cell that begins with `def {exercise.function}(`: run that cell, "
            f"then {line}.",
        )
    return given


def _no_function(given: Any, line: str) -> tuple[str, str]:
    if given is None:
        return "The function is None: the name stands for nothing.", f"Run the cell with its `def`, then {line}."
    if isinstance(given, str):
        return "A name in quotes is only a text.", f"Leave its quotes away: {line}."
    kind = type(given).__name__
    says = f"This is {article(kind)} {kind}, perhaps what your function returned, and not the function itself."
    return says, f"Write {line}: the name alone, without brackets after it."


def is_fedteachs(function: Any) -> bool:
    """Say whether a function comes with fedteach."""
    if isinstance(function, functools.partial):
        function = function.func
    module = attribute(function, "__module__")
    return isinstance(module, str) and (module == "fedteach" or module.startswith("fedteach."))


def name_of(function: Any) -> str:
    """Return a function's name; "" for what has none."""
    name = attribute(function, "__name__")
    return name if isinstance(name, str) and name.isidentifier() else ""


def attribute(thing: Any, name: str) -> Any:
    """Return an attribute of anything; None if it has none, or raises whatever it likes at the question."""
    try:
        return getattr(thing, name, None)
    except Exception:
        return None
