"""Draws what changes quickly, seldom enough to be looked at, and never without the newest state."""

import threading
import time
from collections.abc import Callable


class Redraw:
    """Calls `draw` after requests: never more often than every `interval_s`, never without the last one.

    Args:
        draw: shows the newest state; errors are its own business.
        interval_s: least time between two drawings.
        quiet_s: also wait until nobody asked for so long.
        threaded: draw in a short-lived thread; False draws in the thread that asks, when it is time.
    """

    def __init__(self, draw: Callable[[], None], interval_s: float = 0.2, quiet_s: float = 0.0, threaded: bool = True):
        self._draw, self._interval_s, self._quiet_s, self._threaded = draw, interval_s, quiet_s, threaded
        self._lock, self._drawing = threading.Lock(), threading.Lock()
        self._asked_at: float | None = None
        self._drawn_at = float("-inf")
        self._thread: threading.Thread | None = None

    def ask(self) -> None:
        """Ask for a drawing; returns at once in a threaded redraw."""
        with self._lock:
            self._asked_at = time.monotonic()
            if self._threaded and self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="fedteach redraw", daemon=True)
                self._thread.start()
        if not self._threaded and time.monotonic() - self._drawn_at >= self._interval_s:
            self._draw_now()

    def finish(self, last: Callable[[], None]) -> None:
        """Wait for a drawing under way, drop what else was asked for, and call `last` in the caller's thread.

        So no older state can be drawn over what `last` shows.
        """
        with self._drawing:
            self._wanted()
            last()

    def join(self) -> None:
        """Wait until everything asked for is drawn."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def _wanted(self) -> bool:
        """Whether anybody asked since the last drawing; from now on nobody has."""
        with self._lock:
            wanted, self._asked_at = self._asked_at is not None, None
            return wanted

    def _draw_now(self) -> None:
        with self._drawing:
            if self._wanted():
                self._draw()
                self._drawn_at = time.monotonic()

    def _serve(self) -> None:
        while True:
            with self._lock:
                if self._asked_at is None:
                    self._thread = None
                    return
                wait = max(self._drawn_at + self._interval_s, self._asked_at + self._quiet_s) - time.monotonic()
            if wait > 0:
                time.sleep(wait)
                continue
            try:
                self._draw_now()
            except BaseException:
                self._thread = None  # whoever asks next gets a new thread
                raise
