"""From verdicts to marks: what was asked in public, what was asked behind the door, and what it is worth."""

from collections.abc import Sequence
from dataclasses import dataclass

from fedteach.grading.exercise import Exercise
from fedteach.grading.readable import readable
from fedteach.grading.verdict import CaseResult, Verdict

UNGRADED = "sandbox error"
"""The outcome for which nobody but us is to blame: it is done again, and never scored."""


@dataclass(frozen=True)
class CaseMark:
    """How one case went.

    Attributes:
        says: what it asks for.
        public, hidden: "passed", "failed" or "waiting" with the questions that everybody knows, and with the others.
    """

    says: str
    public: str
    hidden: str

    @property
    def passed(self) -> bool:
        """Whether it passed both times."""
        return self.public == self.hidden == "passed"


@dataclass(frozen=True)
class Mark:
    """What one exercise is worth.

    Attributes:
        exercise, title: which one.
        outcome: see `Verdict.outcome`.
        points, of: what it got, and what there was to get; None where it could not be graded.
        cases: how each case went.
        message: the verdict in the words that the student may read: of public questions only.
        hidden_message: the same of the hidden questions, for the instructor alone; "" if all is well.
        seconds: how long it took.
    """

    exercise: str
    title: str
    outcome: str
    points: float | None
    of: float
    cases: tuple[CaseMark, ...]
    message: str
    hidden_message: str
    seconds: float

    def counted(self, which: str) -> str:
        """Return "3 of 4", of the "public" or "hidden" checks."""
        states = [getattr(case, which) for case in self.cases]
        return f"{states.count('passed')} of {len(states)}"


def mark(exercise: Exercise, public: Verdict, hidden: Verdict | None, seconds: float) -> Mark:
    """Return the mark for an exercise.

    Each case is worth its weight of the exercise's points, if it passed with the public and with the hidden questions.
    What was not asked any more, because the function hung or took its process along, gives nothing.

    Args:
        exercise: which one.
        public: the verdict with the seed that everybody knows.
        hidden: the verdict with the secret seed; None where there was nothing to ask.
        seconds: how long it took.
    """
    cases = _cases(exercise, public, hidden)
    ended = next((verdict for verdict in (public, hidden) if verdict and verdict.outcome == UNGRADED), None)
    worst = public if not public.passed or hidden is None else hidden
    return Mark(
        exercise.id,
        exercise.title,
        UNGRADED if ended else worst.outcome,
        None if ended else _points(exercise, cases),
        exercise.points,
        cases,
        readable(_for_the_student(public, hidden)),
        readable(hidden.message) if hidden is not None and not hidden.passed else "",
        round(seconds, 3),
    )


def _cases(exercise: Exercise, public: Verdict, hidden: Verdict | None) -> tuple[CaseMark, ...]:
    if len(public.cases) != len(exercise.cases):  # nothing could be asked
        return ()
    secret: Sequence[CaseResult | None] = [None] * len(public.cases)
    if hidden is not None and len(hidden.cases) == len(public.cases):
        secret = hidden.cases
    return tuple(
        CaseMark(one.says, one.state, other.state if other else "waiting")
        for one, other in zip(public.cases, secret, strict=True)
    )


def _points(exercise: Exercise, cases: Sequence[CaseMark]) -> float:
    weights = exercise.case_weights or (1.0,) * len(exercise.cases)
    got = sum(weight for weight, case in zip(weights, cases, strict=False) if case.passed)
    return round(exercise.points * got / sum(weights), 4)


def _for_the_student(public: Verdict, hidden: Verdict | None) -> str:
    if not public.passed or hidden is None or hidden.passed:
        return public.message
    return (
        f"{public.exercise} {public.title}: {hidden.outcome}\n"
        "All public checks passed. Some of the hidden checks, which ask the same with other numbers, did not: does "
        "your function know a special case, or an order of its inputs?"
    )
