"""Between rounds: who is here, may the next round begin, and what does the instructor want?"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from fedteach import checks
from fedteach.classroom.standing import Standing, counted
from fedteach.engine import Stopped
from fedteach.transport.http.mailbox import Mailbox
from fedteach.transport.http.mailbox_transport import patiently

_LOOK_EVERY_S = 0.5


@dataclass(frozen=True)
class Windows:
    """How long a round waits for whom.

    Attributes:
        min_clients: a round begins at once when so many clients are here.
        start_window_s: seconds that it waits for them, from the moment the first one is here; then it begins
            with those that are.
        update_window_s: seconds that it waits for updates; who is late is told the next round. None: no limit,
            only clients that fall silent are given up.
        update_ratio: share of the chosen clients whose updates are enough.
    """

    min_clients: int = 1
    start_window_s: float = 60.0
    update_window_s: float | None = 300.0
    update_ratio: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        checks.whole("min_clients", self.min_clients, least=1)
        checks.number("start_window_s", self.start_window_s, least=0, hint="60 waits a minute")
        if self.update_window_s is not None:
            hint = "300 waits five minutes; None waits as long as it takes"
            checks.number("update_window_s", self.update_window_s, least=0, open_left=True, hint=hint)
        checks.number("update_ratio", self.update_ratio, least=0, most=1, open_left=True, hint="0.8 is four of five")


class Ended(Exception):
    """The instructor has ended the federation."""


class Lobby:
    """Where clients wait for a round.

    Args:
        mailbox: where clients are known.
        windows: how long to wait for whom.
        standing: told what is waited for.
        stop: ends the waiting.
        clock: unix seconds.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        windows: Windows,
        standing: Standing,
        stop: threading.Event,
        clock: Callable[[], float] = time.time,
    ):
        self._mailbox, self._windows, self._standing, self._stop, self._now = mailbox, windows, standing, stop, clock

    def wait(self) -> None:
        """Wait until a round may begin.

        Raises:
            Ended: if the instructor has ended the federation.
            Stopped: if `stop` was set.
        """
        bell = threading.Event()
        end_listening = self._mailbox.listen(lambda topic: bell.set())
        began: float | None = None
        try:
            while True:
                bell.clear()
                patiently(self._mailbox.check_filled, self._stop)
                wish = patiently(self._mailbox.noticeboard.wished, self._stop)
                if wish == "end":
                    raise Ended
                if self._stop.is_set():
                    raise Stopped
                if wish == "pause":
                    began = None  # who has paused does not want the window to run out meanwhile
                    self._standing.paused()
                else:
                    n_here = len(patiently(self._mailbox.present, self._stop))
                    began = None if n_here == 0 else (began or self._now())
                    if self._may_begin(n_here, began):
                        return
                    self._say_who_is_missing(n_here, began)
                bell.wait(_LOOK_EVERY_S)
        finally:
            end_listening()

    def _may_begin(self, n_here: int, began: float | None) -> bool:
        if n_here >= self._windows.min_clients:
            return True
        return began is not None and self._now() >= began + self._windows.start_window_s

    def _say_who_is_missing(self, n_here: int, began: float | None) -> None:
        wanted = self._windows.min_clients
        if began is None:
            self._standing.waiting(f"nobody has joined yet; a round begins with {counted(wanted, 'client')}")
            return
        ends_at = began + self._windows.start_window_s
        have = "has" if wanted == 1 else "have"
        self._standing.waiting(
            f"{n_here} of {counted(wanted, 'client')} {have} joined", ends_at, self._windows.start_window_s
        )
