"""From verdicts to marks: what was asked in public, what was asked behind the door, and what it is worth."""

from collections.abc import Sequence
from dataclasses import dataclass

from fedteach.grading.exercise import RULE, Exercise, group_of
from fedteach.grading.plain import shorten
from fedteach.grading.readable import readable
from fedteach.grading.verdict import CaseResult, Verdict

_MOST_CHARACTERS = 10_000

UNGRADED = "sandbox error"
"""The outcome for which nobody but us is to blame: it is done again, and never scored."""

_OUR_FAULT = "The grader itself failed here, through no fault of yours; nothing is scored yet. Your teacher knows why."


@dataclass(frozen=True)
class CaseMark:
    """How one case went.

    Attributes:
        says: what it asks for.
        public, hidden: "passed", "failed" or "waiting" with the questions that everybody knows, and with the others.
        group: name of its `Group`.
        worth: points that it gives if it passes.
    """

    says: str
    public: str
    hidden: str
    group: str
    worth: float

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

    @property
    def checks(self) -> str:
        """How many checks passed, those that everybody may see and the others kept apart; "" if none was made."""
        if not self.cases:
            return ""
        return f"{self.counted('public')} public checks, {self.counted('hidden')} hidden checks"

    @property
    def findings(self) -> str:
        """The message without its first line, which names the exercise."""
        return "\n".join(self.message.splitlines()[1:])


def mark(exercise: Exercise, public: Verdict, hidden: Verdict | None, seconds: float) -> Mark:
    """Return the mark for an exercise.

    Each case is worth its share of the exercise's points, if it passed with the public and with the hidden questions.
    A function that passes no case of the rule gets nothing for the others: a special case, or leaving its inputs alone,
    may be passed by doing nothing. What was not asked any more, because the function hung or took its process along,
    gives nothing.

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
        _told(_for_the_student(public, hidden)),
        _told(ended.message if ended else hidden.message if hidden and not hidden.passed else ""),
        round(seconds, 3),
    )


def _told(text: str) -> str:
    """Return a text as a report takes it: every part of it was cut short where it came from; all of it is, here."""
    return readable(shorten(text, _MOST_CHARACTERS))


def ungraded(exercise: Exercise, why: str) -> Mark:
    """Return the mark where the grader itself failed, which says nothing about the student.

    Args:
        exercise: which one.
        why: what happened, for the instructor alone: a path or a secret may stand in it.
    """
    why = _told(f"{why[:1].upper()}{why[1:]}. Please report it; nothing is scored.")
    says = f"{exercise.id} {exercise.title}: {UNGRADED}\n{_OUR_FAULT}"
    return Mark(exercise.id, exercise.title, UNGRADED, None, exercise.points, (), says, why, 0.0)


def _cases(exercise: Exercise, public: Verdict, hidden: Verdict | None) -> tuple[CaseMark, ...]:
    if len(public.cases) != len(exercise.cases):  # nothing could be asked
        return ()
    secret: Sequence[CaseResult | None] = [None] * len(public.cases)
    if hidden is not None and len(hidden.cases) == len(public.cases):
        secret = hidden.cases
    return tuple(
        CaseMark(
            one.says,
            one.state,
            other.state if other else "waiting",
            group_of(case).name,
            round(exercise.points * share, 4),
        )
        for case, share, one, other in zip(exercise.cases, exercise.shares, public.cases, secret, strict=True)
    )


def _points(exercise: Exercise, cases: Sequence[CaseMark]) -> float:
    passed = [case for case in cases if case.passed]
    if all(case.group != RULE.name for case in passed):
        return 0.0
    lost = sum(case.worth for case in cases if not case.passed)
    return round(float(exercise.points) - lost, 3)


def _for_the_student(public: Verdict, hidden: Verdict | None) -> str:
    if UNGRADED in (public.outcome, hidden.outcome if hidden else ""):
        return f"{public.exercise} {public.title}: {UNGRADED}\n{_OUR_FAULT}"
    if not public.passed or hidden is None or hidden.passed:
        return public.message
    return (
        f"{public.exercise} {public.title}: {hidden.outcome}\n"
        "All public checks passed. Some of the hidden checks, which ask the same with other numbers, did not: does "
        "your function know a special case, or an order of its inputs?"
    )
