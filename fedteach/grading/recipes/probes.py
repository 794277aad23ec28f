"""A function that listens."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fedteach.grading.plain import to_plain


@dataclass(frozen=True)
class Probe:
    """A function that answers from a list and remembers what it was asked. Its aftermath: each call's arguments."""

    name: str
    answers: tuple[Any, ...]

    def make(self) -> Callable[..., Any]:
        """Return the function; it repeats its last answer when the list is at its end."""
        calls: list[tuple[Any, ...]] = []

        def probe(*arguments: Any) -> Any:
            calls.append(to_plain(arguments))
            return to_plain(self.answers[min(len(calls), len(self.answers)) - 1])

        probe.__name__ = self.name
        probe.calls = calls  # type: ignore[attr-defined]
        return probe

    def aftermath(self, live: Any) -> list[tuple[Any, ...]]:
        """Return the arguments of each call, in order."""
        return list(live.calls)

    def show(self) -> str:
        """Return its name."""
        return self.name
