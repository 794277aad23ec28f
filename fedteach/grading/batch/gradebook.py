"""A class after grading: every student's result, with what the deadline makes of it; what all reports are made from."""

from dataclasses import dataclass, field

from fedteach.grading.batch.lateness import Lateness
from fedteach.grading.batch.result import Result


@dataclass(frozen=True)
class Row:
    """One student.

    Attributes:
        result: what came of the hand-in.
        lateness: how late it was, and what that costs.
        fresh: whether this very run has graded it; otherwise an earlier one had.
    """

    result: Result
    lateness: Lateness
    fresh: bool

    @property
    def points(self) -> float:
        """The points that count, after what lateness costs."""
        return self.lateness.points(self.result.points)

    @property
    def grade(self) -> float | None:
        """The points for a platform; None while any exercise is not graded yet, so that it leaves its own as it is."""
        return None if self.result.ungraded else self.points

    @property
    def is_late(self) -> bool:
        """Whether it came late, by the deadline or by the platform's mark."""
        return bool(self.lateness.seconds or self.result.marked_late)

    @property
    def name(self) -> str:
        """The person's name, or the id where none is known."""
        return self.result.name or self.result.student


@dataclass(frozen=True)
class Gradebook:
    """A class.

    Attributes:
        course: what was graded, for headings and columns.
        exercises: their numbers, in order.
        functions: the function of each exercise, by number.
        rows: the students, in the order of their ids.
        run: this run, such as 20261127_120000, in UTC.
        platform: whose layout the hand-ins had, or "".
        unclear: what belongs to nobody, or to more than one.
        missing: students of the roster who have handed in nothing.
        fences: what stood between students' code and the computer, a sentence each.
        warning: what an instructor must know of them, or "".
    """

    course: str
    exercises: tuple[str, ...]
    functions: dict[str, str]
    rows: tuple[Row, ...]
    run: str
    platform: str = ""
    unclear: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    fences: tuple[str, ...] = ()
    warning: str = ""
    of: float = field(init=False)

    def __post_init__(self) -> None:
        """All were asked the same, so there is one number of points to get."""
        object.__setattr__(self, "of", self.rows[0].result.of if self.rows else 0.0)

    @property
    def results(self) -> list[Result]:
        """The results alone."""
        return [row.result for row in self.rows]
