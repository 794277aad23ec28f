"""A time limit for code of the student's, also where it never gives control back."""

import ctypes
import signal
import sys
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


class TimeLimitExceeded(BaseException):
    """The time is up. Not an `Exception`, so that the code in question does not catch it by habit."""

    def __str__(self) -> str:
        return "the time was up here"


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `TimeLimitExceeded` in the body of the `with` once it has taken this many seconds.

    Stops whatever runs Python code now and then; one call into a library that never returns is not stopped. On the
    main thread, where notebook cells run, an alarm signal also ends a `time.sleep` and a loop that catches everything;
    elsewhere, and on Windows, which has no such signal, a second thread raises the exception, and such a loop may go
    on. A timer that somebody else has set goes on afterwards.
    """
    if threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
        with _alarm(seconds):
            yield
    else:
        with _watcher(seconds):
            yield


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    over, swallowed, former_trace = False, False, sys.gettrace()

    def ring(signum: int, frame: FrameType | None) -> None:
        nonlocal swallowed
        if over:
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
    finally:
        over = True
        sys.settrace(former_trace)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former_handler)
        if former_left_s:  # somebody else's timer: at least a moment is left, so that it still rings
            left_s = max(former_left_s - (time.monotonic() - began), 0.001)
            signal.setitimer(signal.ITIMER_REAL, left_s, former_interval_s)


def _raise_at_the_next_line(frame: FrameType | None) -> None:
    """Raise once more at the next line of the student's code: inside the very `except` that swallows the first one."""

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line" and not frame.f_code.co_filename.startswith(_PACKAGE):
            raise TimeLimitExceeded
        return trace

    sys.settrace(trace)
    while frame is not None and not frame.f_code.co_filename.startswith(_PACKAGE):
        frame.f_trace = trace
        frame = frame.f_back


@contextmanager
def _watcher(seconds: float) -> Iterator[None]:
    thread_id = ctypes.c_ulong(threading.get_ident())
    finished, sending = threading.Event(), threading.Lock()

    def send(exception: Any) -> None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(thread_id, exception)

    def watch() -> None:
        wait_s = seconds
        while not finished.wait(wait_s):
            with sending:
                if not finished.is_set():
                    send(ctypes.py_object(TimeLimitExceeded))
            wait_s = AGAIN_S

    threading.Thread(target=watch, daemon=True, name="time limit").start()
    try:
        yield
    finally:
        with sending:
            finished.set()
            send(None)  # what was sent in the last moment must not go off in somebody else's code
