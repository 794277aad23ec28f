"""A time limit for code of the student's, also where it never gives control back."""

import contextlib
import signal
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

AGAIN_S = 0.05
"""A student's `except:` may swallow the first exception, so there is another one, again and again."""

_PACKAGE = str(Path(__file__).parent.parent)
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


class TimeLimitExceeded(BaseException):
    """The time is up. Not an `Exception`, so that the code in question does not catch it by habit."""

    def __str__(self) -> str:
        return "the time was up here"


def is_students(filename: str) -> bool:
    """Say whether code is the student's own: neither fedteach's nor a library's."""
    return not filename.startswith((_PACKAGE, *_LIBRARIES, "<frozen"))


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `TimeLimitExceeded` in the body of the `with` once it has taken this many seconds.

    On the main thread, where notebook cells run, an alarm signal ends whatever runs Python code now and then, a
    `time.sleep` and a loop that catches everything included; one call into a library that never returns is not
    stopped. Elsewhere, and on Windows, which has no such signal, the clock is read at every line of the student's
    functions that are called in the body; a sleep is waited for there, and a loop that catches everything goes on. A
    timer that somebody else has set goes on afterwards.
    """
    if threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
        with _alarm(seconds):
            yield
    else:
        with _clock_at_every_line(seconds):
            yield


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    over, swallowed, former_trace = False, False, sys.gettrace()

    def ring(signum: int, frame: FrameType | None) -> None:
        nonlocal swallowed
        if over or _tidies_up(frame):
            return
        if swallowed:
            _raise_at_the_next_line(frame)
        swallowed = True
        raise TimeLimitExceeded

    began = time.monotonic()
    former_handler = signal.signal(signal.SIGALRM, ring)
    former_left_s, former_interval_s = signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_S)
    try:
        yield
    finally:  # whole, because `ring` raises nothing in here
        over = True
        sys.settrace(former_trace)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former_handler)
        if former_left_s:  # somebody else's timer: at least a moment is left, so that it still rings
            left_s = max(former_left_s - (time.monotonic() - began), 0.001)
            signal.setitimer(signal.ITIMER_REAL, left_s, former_interval_s)


def _tidies_up(frame: FrameType | None) -> bool:
    """Say whether the body of the `with` is left already: an exception here would skip the tidying up."""
    return frame is not None and frame.f_code.co_filename in (__file__, contextlib.__file__)


def _raise_at_the_next_line(frame: FrameType | None) -> None:
    """Raise once more at the next line of the student's code: inside the very `except` that swallows the first one."""

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line" and is_students(frame.f_code.co_filename):
            raise TimeLimitExceeded
        return trace

    sys.settrace(trace)
    while frame is not None and is_students(frame.f_code.co_filename):
        frame.f_trace = trace
        frame = frame.f_back


@contextmanager
def _clock_at_every_line(seconds: float) -> Iterator[None]:
    deadline, former_trace = time.monotonic() + seconds, sys.gettrace()

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if not is_students(frame.f_code.co_filename):
            return None
        if event == "line" and time.monotonic() > deadline:
            raise TimeLimitExceeded
        return trace

    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(former_trace)
