"""What the routes share: the way into the mailbox, and what waits for its bell."""

import asyncio
import functools
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Request

from fedteach.transport.http.calls import Call
from fedteach.transport.http.keys import Keys
from fedteach.transport.http.limits import RateLimit
from fedteach.transport.http.mailbox import TOPICS, Mailbox

Result = TypeVar("Result")

HEARTBEAT_S = 5.0
"""A client that trains says so this often."""

LONGEST_POLL_S = 20.0
"""A client that waits for a task is answered after so many seconds at the latest."""

HEARD_OF_WITHIN_S = 15.0
"""A client that says nothing for so long beyond what it promised is lost."""

# What a ring tells that it changed is known until the next ring, and not much longer in case one got lost.
_KNOWN_FOR_S = 1.0
# A ring can get lost with a store that goes away: who waits looks again by itself.
_LOOK_EVERY_S = 5.0


@dataclass(frozen=True)
class Options:
    """What the server says of itself to those who join.

    Attributes:
        experiment: the settings of `Experiment`, as plain values.
        rounds: number of rounds.
        codecs: names of the codecs for the way down and up.
        version: fedteach's version.
        servers: addresses under which the same class is served; empty if this is the only one.
    """

    experiment: dict[str, Any]
    rounds: int
    codecs: tuple[str, str]
    version: str
    servers: tuple[str, ...] = ()


class Face:
    """One process' face of the mailbox: nothing here is worth keeping.

    Args:
        mailbox: what it shows.
        keys: who may see it.
        options: what those who join are told.
    """

    def __init__(self, mailbox: Mailbox, keys: Keys, options: Options):
        self.mailbox, self.keys, self.options = mailbox, keys, options
        self.requests = RateLimit(burst=60, a_second=10)
        # A whole class sits behind one address, and everybody who only watches shares the class token.
        self.class_requests = RateLimit(burst=1000, a_second=100)
        self.failures = RateLimit(burst=60, a_second=1)
        self._spool: tempfile.TemporaryDirectory[str] | None = None
        self._openers = CapacityLimiter(2)
        self._n_uploads = 0
        self.uploading: set[str] = set()
        self._callers = CapacityLimiter(40)
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._rings: Counter[str] = Counter()
        self._known: dict[str, tuple[float, Any]] = {}
        self._lock = threading.Lock()
        self._heard: set[str] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end_listening: Callable[[], None] = lambda: None
        self.closing = False

    # ---- life -----------------------------------------------------------------------------------------

    def open(self) -> None:
        """Begin to listen; called on the event loop."""
        self._loop = asyncio.get_running_loop()
        self._spool = tempfile.TemporaryDirectory(prefix="fedteach-uploads-", ignore_cleanup_errors=True)
        self._end_listening = self.mailbox.listen(self._hear)

    def send_home(self) -> None:
        """Answer everybody who waits, now; called on the event loop."""
        self.closing = True
        self._hear("")
        self._wake()

    def close(self) -> None:
        """End; called on the event loop."""
        self.send_home()
        self._end_listening()
        if self._spool is not None:
            self._spool.cleanup()

    def upload_path(self) -> Path:
        """Return where the next upload may be written."""
        assert self._spool is not None
        self._n_uploads += 1
        return Path(self._spool.name) / str(self._n_uploads)

    # ---- the mailbox ----------------------------------------------------------------------------------

    async def ask(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Do something small with the mailbox: at once if its store is in memory, else in a thread.

        A store that is elsewhere may be slow, or away; that must stop nobody else. For one in memory a thread would
        cost many times what it does.
        """
        if self.mailbox.store.is_quick:
            return work(*arguments)
        call = functools.partial(work, *arguments)
        return await to_thread.run_sync(call, limiter=self._callers, abandon_on_cancel=True)

    async def open_up(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Do something with a whole model, in a thread; few at a time, as each takes memory for a model or two."""
        return await to_thread.run_sync(functools.partial(work, *arguments), limiter=self._openers)

    async def call(self) -> Call | None:
        """Return the open call."""
        return await self._recent("call", self.mailbox.calls.current)

    async def board(self) -> dict[str, Any]:
        """Return where the federation stands."""
        return await self._recent("board", self.mailbox.noticeboard.board)

    async def everything(self) -> dict[str, Any]:
        """Return the board with all cards."""
        return await self._recent("anything", self.mailbox.everything)

    async def _recent(self, topic: str, look: Callable[[], Result]) -> Result:
        """Look something up, once for the thousand clients that a ring wakes at the same moment."""
        rings = self._rings[topic]
        known_at, answer = self._known.get(topic, (float("-inf"), None))
        if time.monotonic() - known_at > _KNOWN_FOR_S:
            answer = await self.ask(look)
            if rings == self._rings[topic]:  # else it is old already
                self._known[topic] = (time.monotonic(), answer)
        return answer

    # ---- the bell -------------------------------------------------------------------------------------

    def _hear(self, topic: str) -> None:
        """Pass a ring on to the event loop; those that come before it gets round to them are passed on together."""
        with self._lock:
            is_first = not self._heard
            self._heard.add(topic)
        if is_first and self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        with self._lock:
            topics, self._heard = self._heard, set()
        for heard in {*(TOPICS if "" in topics else topics), "anything"}:
            self._rings[heard] += 1
            self._known.pop(heard, None)
            for event in self._waiting.get(heard, ()):
                event.set()

    def rings(self, topic: str) -> int:
        """Return how often the bell has rung for a topic; ask before you look, and pass it to `wait`."""
        return self._rings[topic]

    async def wait(self, topic: str, since: int, seconds: float, otherwise: Coroutine[Any, Any, Any] | None) -> None:
        """Wait for a ring, or until it is time to look again anyway.

        Args:
            topic: what to wait for; "anything" hears everything.
            since: what `rings` returned before the caller looked: a ring since then ends the waiting at once.
            seconds: how long at most.
            otherwise: ends the waiting too.
        """
        event = asyncio.Event()
        self._waiting[topic].add(event)
        tasks = [asyncio.ensure_future(event.wait())]
        if otherwise is not None:
            tasks.append(asyncio.ensure_future(otherwise))
        try:
            if self._rings[topic] == since and not self.closing:
                limit_s = max(0.0, min(seconds, _LOOK_EVERY_S))
                await asyncio.wait(tasks, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waiting[topic].discard(event)
            for task in tasks:
                task.cancel()


def face_of(request: Request) -> Face:
    """Return the app's face."""
    return request.app.state.face
