"""A computer that stands elsewhere."""

import os
import sys
import time
from dataclasses import dataclass

from fedteach.grading.plain import show

SEOUL = "KST-9"
"""How POSIX writes the time of Seoul, nine hours ahead of UTC."""


class Seconds(float):
    """A number of seconds that knows which time zone was set before it was made."""

    zone_before: str | None = None


@dataclass(frozen=True)
class InSeoul:
    """A recipe for a number of seconds, given to a function whose computer stands in Seoul.

    It stays where it is on Windows, which cannot be told to move.
    """

    seconds: float

    def make(self) -> Seconds:
        """Move the clock on the wall, and return the number."""
        made = Seconds(self.seconds)
        made.zone_before = os.environ.get("TZ")
        set_zone(SEOUL)
        return made

    def aftermath(self, live: Seconds) -> None:
        """Move the clock back."""
        set_zone(live.zone_before)

    def show(self) -> str:
        """Show the number."""
        return show(self.seconds)


def set_zone(zone: str | None) -> None:
    """Set the time zone of this process; None: that of the computer."""
    if sys.platform == "win32":
        return
    if zone is None:
        os.environ.pop("TZ", None)
    else:
        os.environ["TZ"] = zone
    time.tzset()
