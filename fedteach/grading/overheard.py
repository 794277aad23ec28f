"""What a student's function prints and warns while it is called, kept for the verdict and kept from the page."""

import contextlib
import io
import sys
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fedteach.grading.plain import shorten

MOST_PRINTED = 2000


class Ear(io.TextIOBase):
    """Stands in for stdout or stderr: keeps what this thread writes, and passes on what others do.

    Keeps only the beginning: a loop that prints for ever must not fill the memory.
    """

    def __init__(self, others: Any):
        self._thread = threading.get_ident()
        self._others = others
        self._kept: list[str] = []
        self._left = 2 * MOST_PRINTED

    def write(self, text: str) -> int:
        """Keep a text, or pass it on if another thread writes it."""
        if threading.get_ident() != self._thread:
            return int(self._others.write(text) or 0)
        self._kept.append(text[: self._left])
        self._left -= len(self._kept[-1])
        return len(text)

    def flush(self) -> None:
        """Flush for the other threads."""
        with contextlib.suppress(AttributeError, ValueError):
            self._others.flush()

    def text(self) -> str:
        """Return what was kept, shortened."""
        return shorten("".join(self._kept).strip("\n"), MOST_PRINTED)


@dataclass(frozen=True)
class Heard:
    """What came while the function was called."""

    ear: Ear
    warnings: dict[str, None] = field(default_factory=dict)


@contextlib.contextmanager
def overheard() -> Iterator[Heard]:
    """Keep what this thread prints and warns; stderr is dropped, for it never costs anything."""
    heard, thread = Heard(Ear(sys.stdout)), threading.get_ident()
    with (
        contextlib.redirect_stdout(heard.ear),
        contextlib.redirect_stderr(Ear(sys.stderr)),
        warnings.catch_warnings(),
    ):
        passed_on = warnings.showwarning

        def show(message: Any, category: type[Warning], *place: Any, **more: Any) -> None:
            if threading.get_ident() == thread:
                heard.warnings[shorten(f"{category.__name__}: {message}")] = None
            else:
                passed_on(message, category, *place, **more)

        warnings.simplefilter("always")
        warnings.showwarning = show
        yield heard
