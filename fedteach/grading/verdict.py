"""The verdict on one exercise: plain data, for a notebook, pytest and the command line to show."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from fedteach.grading.exercise import Exercise

State = Literal["passed", "failed", "not started", "waiting"]
"""Of an exercise. "waiting": the function calls another exercise of the student's, which is not there yet."""

Ending = Literal[
    "",
    "import error",
    "time out",
    "out of memory",
    "killed",
    "output limit",
    "not plain data",
    "sandbox error",
]
"""How a failed function ended where it did not just give a wrong answer. "import error": what it needs did not run.
"sandbox error": not the student's fault but ours, so nothing is judged."""

CaseState = Literal["passed", "failed", "waiting"]
"""Of one case. "waiting": not looked at, because an earlier case failed first."""


@dataclass(frozen=True)
class Finding:
    """What is wrong, in the order in which it should be read.

    Attributes:
        says: the teacher's sentence.
        called: the call that went wrong, as text, or "".
        got: what the student's function gave, as text, or "".
        expected: what it should have given, as text, or "".
        likely: the likely cause, or "".
        traceback: where the student's own code stopped, or "".
    """

    says: str
    called: str = ""
    got: str = ""
    expected: str = ""
    likely: str = ""
    traceback: str = ""

    def lines(self) -> list[str]:
        """Return the finding as lines of plain text, without the traceback."""
        parts = (("called", self.called), ("got", self.got), ("expected", self.expected), ("likely cause", self.likely))
        return [self.says, *(f"{name}: {text}" for name, text in parts if text)]


@dataclass(frozen=True)
class CaseResult:
    """How one case went.

    Attributes:
        says: what the case asks for, one sentence.
        state: "passed", "failed" or "waiting".
        finding: what is wrong; None unless it failed.
    """

    says: str
    state: CaseState
    finding: Finding | None = None


@dataclass(frozen=True)
class Verdict:
    """What is to be said about one exercise.

    Attributes:
        exercise: its number, such as "4.1".
        title: what it is about.
        state: see `State`.
        summary: one sentence about the state.
        cases: how each case went, in order; empty if none was asked.
        printed: what the function printed on stdout, shortened; "" for nothing. It costs nothing.
        warned: warnings that the function raised, each once. They cost nothing.
        ended: how the function ended, if not with an answer.
    """

    exercise: str
    title: str
    state: State
    summary: str
    cases: tuple[CaseResult, ...] = ()
    printed: str = ""
    warned: tuple[str, ...] = ()
    ended: Ending = ""

    @property
    def outcome(self) -> str:
        """The state in more detail, for whoever grades: how it ended, where it did not just give a wrong answer."""
        return self.ended or self.state

    @property
    def passed(self) -> bool:
        """Whether every case passed."""
        return self.state == "passed"

    @property
    def finding(self) -> Finding | None:
        """The first thing that is wrong, or None."""
        return next((case.finding for case in self.cases if case.finding), None)

    @property
    def cases_passed(self) -> int:
        """Number of cases that passed."""
        return sum(case.state == "passed" for case in self.cases)

    @property
    def message(self) -> str:
        """The verdict as plain text: what a screen reader, a terminal and pytest show."""
        lines = [f"{self.exercise} {self.title}: {self.state}"]
        finding = self.finding
        lines += finding.lines() if finding else [self.summary]
        waiting = sum(case.state == "waiting" for case in self.cases)
        if finding and waiting:
            lines.append(
                f"{waiting} more {'question waits' if waiting == 1 else 'questions wait'} until this is right."
            )
        if self.printed:
            lines += ["it printed:", self.printed]
        lines += [f"it warned: {warning}" for warning in self.warned]
        return "\n".join(lines)


def not_started(exercise: "Exercise") -> Verdict:
    """Return the verdict on an exercise whose stub is still there."""
    return Verdict(exercise.id, exercise.title, "not started", f"{exercise.function} is not started yet.")


def not_there_yet(exercise: "Exercise", missing: str) -> Verdict:
    """Return the verdict where a stub was called: this exercise's own, or another one's that it builds on.

    Args:
        exercise: the one that is judged.
        missing: number of the exercise whose stub it was.
    """
    return not_started(exercise) if missing == exercise.id else waiting_for(exercise, missing)


def waiting_for(exercise: "Exercise", other: str, why: str = "is not started yet") -> Verdict:
    """Return the verdict on an exercise that needs another one first.

    Args:
        exercise: the one that waits.
        other: the other one, in words: "4.1", or "4.1 (weighted_mean)".
        why: what is amiss with that, as the end of a sentence.
    """
    says = f"{exercise.function} builds on your {other}, which {why}: that one first."
    return Verdict(exercise.id, exercise.title, "waiting", says)
