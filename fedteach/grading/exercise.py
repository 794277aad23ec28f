"""An exercise: what the student writes, the hints, and the cases that judge it."""

import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from fedteach.grading.ask import Ask

Case = Callable[["Ask", np.random.Generator], None]
"""One question or a few about the function. Its docstring's first line says what it asks for, in the words that the
student reads; it raises `Wrong` if the answer is wrong. All random numbers come from the generator."""

MOST_HINTS = 3


@dataclass(frozen=True)
class Group:
    """Cases that are graded together: the group's share of the points is parted evenly among them.

    A group is also the decorator that puts a case into it:

        @SPECIAL
        def nobody_is_free(ask, rng): ...

    Attributes:
        name: what a report calls it.
        weight: its share of the points, relative to the other groups that the exercise has.
    """

    name: str
    weight: float

    def __post_init__(self) -> None:
        """Refuse a group that would be worth nothing."""
        if self.weight <= 0:
            raise ValueError(f"group {self.name!r} must have a weight above 0, got {self.weight}")

    def __call__(self, case: Case) -> Case:
        """Put a case into this group."""
        vars(case)["group"] = self
        return case


RULE = Group("the rule", 6)
"""What the function is about, asked with numbers that are drawn: whatever no other group claims. Who passes none of
these cases gets no points at all, as the others may be passed by a function that does nothing."""

EXAMPLE = Group("the example", 1)
"""What the notebook works out itself, so that the answer is known by heart."""

SPECIAL = Group("special cases", 2)
"""None, one, all the same, zero, a tie: the edges of what can come."""

CONDUCT = Group("conduct", 1)
"""Leaves alone what it is given, repeats itself with the same seed, refuses what makes no sense."""


@dataclass(frozen=True)
class Exercise:
    """One function that a student writes.

    Attributes:
        id: "step.exercise", such as "4.1"; the notebook is the one whose number is the step.
        function: name of the function.
        title: what it is about, a few words.
        hints: one to three, each a question that leads a step further.
        cases: what is asked, the plainest first; the first failure is the one that is told. Each is in a `Group`.
        reference: our own answer, which figures fall back on while the student's is not there yet.
        points: what it is worth where a class is graded; `shares` says how the cases part it.
        uses_tensorflow: whether judging it needs TensorFlow.
        passes_on: whether its result may hold what it was given, as choosing among updates does.
        time_limit_s: seconds that all its cases may take together.
    """

    id: str
    function: str
    title: str
    hints: tuple[str, ...]
    cases: tuple[Case, ...]
    reference: Callable[..., Any]
    points: float = 1.0
    uses_tensorflow: bool = False
    passes_on: bool = False
    time_limit_s: float = 1.5

    def __post_init__(self) -> None:
        """Refuse an exercise that cannot keep its promises."""
        if not 1 <= len(self.hints) <= MOST_HINTS:
            raise ValueError(f"exercise {self.id} must have 1 to {MOST_HINTS} hints, got {len(self.hints)}")
        if not self.cases:
            raise ValueError(f"exercise {self.id} has no case, so any function would pass")
        for case in self.cases:
            says(case)
        if RULE not in map(group_of, self.cases):
            raise ValueError(f"exercise {self.id} has no case of the group {RULE.name!r}, so nobody could get points")

    @property
    def step(self) -> str:
        """The number of the step, and of the notebook."""
        return self.id.partition(".")[0]

    @property
    def shares(self) -> tuple[float, ...]:
        """What each case is worth of the points; together 1. Groups that the exercise does not have take no part."""
        groups = [group_of(case) for case in self.cases]
        total = sum(group.weight for group in set(groups))
        return tuple(group.weight / total / groups.count(group) for group in groups)


def says(case: Case) -> str:
    """Return what a case asks for: the first line of its docstring."""
    text = inspect.getdoc(case)
    if not text:
        raise ValueError(f"case {case.__name__} needs a docstring: its first line is what the student reads")
    return text.splitlines()[0]


def group_of(case: Case) -> Group:
    """Return the group of a case: `RULE`, unless it was put into another one."""
    group: Group = getattr(case, "group", RULE)
    return group


def fingerprint(exercise: Exercise) -> str:
    """Return what tells an exercise from a changed one: its points, its limits, and the source of all its cases."""
    modules = {inspect.getmodule(case) for case in exercise.cases}
    sources = sorted(inspect.getsource(module) for module in modules if module is not None)
    settings = (exercise.function, exercise.points, exercise.shares, exercise.time_limit_s, exercise.passes_on)
    return hashlib.sha256(repr((settings, sources)).encode()).hexdigest()[:16]
