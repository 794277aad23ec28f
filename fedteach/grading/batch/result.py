"""What came of one student's hand-in, as it is kept on disk; it does not depend on the others, nor on a deadline."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from fedteach.grading.batch.marks import UNGRADED, CaseMark, Mark


@dataclass(frozen=True)
class Result:
    """One student's result.

    Attributes:
        student, name: whose it is, as in `intake.HandIn`.
        account: the platform's own number of the student, or "".
        received: unix seconds at which it came in; None: not known.
        marked_late: whether the platform has marked it late; None: it marks nothing.
        notes: what the instructor should know of the hand-in.
        run: the run that graded it, such as 20261127_120000.
        graded_at: when, in UTC.
        digest: what it is known by: everything that the result depends on.
        marks: one for each exercise.
        code: exercise -> the lines that the student has written for it.
        seconds: how long it took.
    """

    student: str
    name: str
    account: str
    received: float | None
    marked_late: bool | None
    notes: tuple[str, ...]
    run: str
    graded_at: str
    digest: str
    marks: tuple[Mark, ...]
    code: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def points(self) -> float:
        """All points, before any that are taken off for lateness; what could not be graded counts nothing yet."""
        return round(sum(mark.points or 0.0 for mark in self.marks), 4)

    @property
    def of(self) -> float:
        """The points that there were to get."""
        return round(sum(mark.of for mark in self.marks), 4)

    @property
    def ungraded(self) -> tuple[str, ...]:
        """The exercises that could not be graded, through a fault of ours."""
        return tuple(mark.exercise for mark in self.marks if mark.outcome == UNGRADED)

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data for JSON, with what a reader of the file would have to add up."""
        return {**asdict(self), "points": self.points, "of": self.of, "ungraded": self.ungraded}

    @classmethod
    def from_data(cls, data: Any) -> "Result":
        """Return what `as_data` made.

        Raises:
            ValueError: if it did not make this.
        """
        try:
            fields = {name: data[name] for name in cls.__dataclass_fields__}
            marks = tuple(Mark(**{**m, "cases": tuple(CaseMark(**case) for case in m["cases"])}) for m in data["marks"])
            return cls(**{**fields, "marks": marks, "notes": tuple(data["notes"])})
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"this is no result: {type(error).__name__}: {error}") from None
