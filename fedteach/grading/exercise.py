"""An exercise: what the student writes, the hints, and the cases that judge it."""

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
class Exercise:
    """One function that a student writes.

    Attributes:
        id: "step.exercise", such as "4.1"; the notebook is the one whose number is the step.
        function: name of the function.
        title: what it is about, a few words.
        hints: one to three, each a question that leads a step further.
        cases: what is asked, the plainest first; the first failure is the one that is told.
        reference: our own answer, which figures fall back on while the student's is not there yet.
        points: what it is worth.
        case_weights: what each case is worth of it, relative to the others, where a class is graded; empty: the same.
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
    case_weights: tuple[float, ...] = ()
    uses_tensorflow: bool = False
    passes_on: bool = False
    time_limit_s: float = 1.5

    def __post_init__(self) -> None:
        """Refuse an exercise that cannot keep its promises."""
        if not 1 <= len(self.hints) <= MOST_HINTS:
            raise ValueError(f"exercise {self.id} must have 1 to {MOST_HINTS} hints, got {len(self.hints)}")
        if not self.cases:
            raise ValueError(f"exercise {self.id} has no case, so any function would pass")
        if self.case_weights and (len(self.case_weights) != len(self.cases) or min(self.case_weights) <= 0):
            raise ValueError(f"exercise {self.id} has {len(self.cases)} cases: expected as many weights, each above 0")
        for case in self.cases:
            says(case)

    @property
    def step(self) -> str:
        """The number of the step, and of the notebook."""
        return self.id.partition(".")[0]


def says(case: Case) -> str:
    """Return what a case asks for: the first line of its docstring."""
    text = inspect.getdoc(case)
    if not text:
        raise ValueError(f"case {case.__name__} needs a docstring: its first line is what the student reads")
    return text.splitlines()[0]
