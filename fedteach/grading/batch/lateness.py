"""Late hand-ins: how late, by whose deadline, and what it costs. Grading itself knows nothing of it."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from fedteach.grading.batch.result import Result
from fedteach.grading.batch.roster import Roster

_SECONDS = {"hour": 3600.0, "day": 86400.0}
_RATE = re.compile(r"(?P<percent>\d+(?:\.\d+)?)%/(?P<unit>hour|day)")
EXTENSION = "deadline"
"""The column of the roster in which a student's own deadline stands."""


@dataclass(frozen=True)
class LatePolicy:
    """What lateness costs.

    Attributes:
        says: the policy as it was asked for: "none", "zero", "10%/day" or "5%/hour".
        share: of the points, taken off for each unit that has begun.
        unit_s: length of a unit in seconds; 0: any lateness costs the share at once.
    """

    says: str = "none"
    share: float = 0.0
    unit_s: float = 0.0

    @classmethod
    def parse(cls, text: str) -> "LatePolicy":
        """Read a policy.

        Raises:
            ValueError: if it is none; says which there are.
        """
        if text in ("none", "zero"):
            return cls(text, float(text == "zero"))
        found = _RATE.fullmatch(text.replace(" ", ""))
        if not found or not 0 < float(found["percent"]) <= 100:
            raise ValueError(f"late_policy must be none, zero, or such as 10%/day or 5%/hour, got {text}")
        return cls(text, float(found["percent"]) / 100, _SECONDS[found["unit"]])

    def kept(self, late_s: float) -> float:
        """Return the share of the points that is left, from 0 to 1, for what came so many seconds late."""
        if late_s <= 0:
            return 1.0
        units = math.ceil(late_s / self.unit_s) if self.unit_s else 1
        return max(0.0, round(1.0 - units * self.share, 9))


@dataclass(frozen=True)
class Lateness:
    """How late one hand-in was.

    Attributes:
        seconds: by how much; 0 for in time.
        kept: the share of the points that is left.
        says: a sentence for student and instructor; "" if there is nothing to say.
    """

    seconds: float = 0.0
    kept: float = 1.0
    says: str = ""

    def points(self, points: float) -> float:
        """Return what is left of points."""
        return round(points * self.kept, 4)


@dataclass(frozen=True)
class Deadline:
    """When work has to be in.

    Attributes:
        at: unix seconds; None: there is no deadline.
        policy: what lateness costs.
        extensions: student -> a deadline of their own, unix seconds.
    """

    at: float | None = None
    policy: LatePolicy = field(default_factory=LatePolicy)
    extensions: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def agreed(cls, at: str | None, policy: str, roster: Roster | None) -> "Deadline":
        """Return the deadline, with the extensions that stand in the roster's column `deadline`.

        Raises:
            ValueError: if a time or the policy cannot be read, or there is a policy without a deadline.
        """
        own = {
            person.id: _seconds(text, f"the deadline of {person.id} in the roster")
            for person in (roster.people if roster else ())
            if (text := person.column(EXTENSION))
        }
        agreed = cls(None if at is None else _seconds(at, "deadline"), LatePolicy.parse(policy), own)
        if agreed.policy.share and at is None and not own:
            raise ValueError(f"late_policy {policy} needs a deadline, such as 2026-12-24T18:00")
        return agreed

    def lateness(self, result: Result) -> Lateness:
        """Return how late a result's hand-in was."""
        at = self.extensions.get(result.student, self.at)
        flagged = "The platform marks it late." if result.marked_late else ""
        if at is None:
            return Lateness(says=flagged)
        if result.marked_late and result.received is None and result.student not in self.extensions:
            kept = self.policy.kept(1)  # more than nothing, and nobody says how much more
            return Lateness(1, kept, f"{flagged} By how much is not known, so the least counts. {_cost(kept)}")
        if result.received is None or result.marked_late is False:  # a file's time may be that of a download
            unknown = "When it came is not known, so nothing is taken off for lateness."
            return Lateness(says="" if result.marked_late is False else f"{unknown} {flagged}".strip())
        late_s = max(0.0, math.floor(result.received - at))
        if not late_s:
            return Lateness(says=flagged and f"{flagged} By its time it came before the deadline.")
        kept = self.policy.kept(late_s)
        return Lateness(late_s, kept, f"It came {_in_words(late_s)} late. {_cost(kept)}")


def _seconds(text: str, what: str) -> float:
    """Read a date with a time; without a time zone it is this computer's."""
    try:
        if not re.search(r"\d[T ]\d", text):
            raise ValueError("it has no time of day")
        return datetime.fromisoformat(text.strip()).astimezone().timestamp()
    except (ValueError, OverflowError, OSError) as error:
        example = "2026-12-24T18:00 or 2026-12-24T18:00+01:00"
        raise ValueError(f"{what} must be a date with a time, such as {example}, got {text}: {error}") from None


def _cost(kept: float) -> str:
    return f"{round(100 * (1 - kept), 2):g}% of the points is taken off." if kept < 1 else "Nothing is taken off."


def _in_words(seconds: float) -> str:
    minutes = math.ceil(seconds / 60)
    days, minutes = divmod(minutes, 24 * 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(days, "day"), (hours, "hour"), (minutes, "minute")]
    words = [f"{number} {unit}{'s' if number != 1 else ''}" for number, unit in parts if number]
    return " and ".join(words[:2])
