"""What a stranger may cost the server: requests a second, bytes, headers, and the time to send them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_SMALL_BODY = 64 * 1024
"""Bytes that a request other than an upload may have; the uploads have limits of their own."""

SMALL_BODY_S = 20.0
"""Seconds in which a small body must be there."""

SLOWEST_UPLOAD = 20_000
"""Bytes a second below which an upload is given up: 4.8 MB in four minutes."""

LARGEST_HEADERS = 16 * 1024
"""Bytes of a request's address and headers."""

HEADERS_S = 20.0
"""Seconds in which a new connection must have sent its first request's headers."""


_HANG_UP = {"Connection": "close"}


class TooLarge(HTTPException):
    """413: a body of more bytes than are taken.

    Args:
        most: how many are taken.
    """

    def __init__(self, most: int):
        super().__init__(413, f"the body is larger than the {most:,} bytes that are taken here", _HANG_UP)


class TooSlow(HTTPException):
    """408: a body that does not come in time."""

    def __init__(self) -> None:
        super().__init__(408, "the body did not come in time", _HANG_UP)


@dataclass
class _Bucket:
    tokens: float
    last: float


class RateLimit:
    """Lets everybody have `burst` requests at once, and `a_second` for ever.

    Args:
        burst: requests that may come at once.
        a_second: requests a second in the long run.
        clock: seconds, from anywhere.
    """

    def __init__(self, burst: int, a_second: float, clock: Callable[[], float] = time.monotonic):
        self._burst, self._a_second, self._now = burst, a_second, clock
        self._buckets: dict[str, _Bucket] = {}

    def wait_s(self, who: str) -> float:
        """Count a request; return 0.0 if it may be served, else the seconds after which the next one may."""
        now = self._now()
        bucket = self._buckets.setdefault(who, _Bucket(self._burst, now))
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.last) * self._a_second)
        bucket.last = now
        if len(self._buckets) > 10_000:
            self._forget_the_quiet(now)
        if bucket.tokens < 1:
            return (1 - bucket.tokens) / self._a_second
        bucket.tokens -= 1
        return 0.0

    def _forget_the_quiet(self, now: float) -> None:
        full_s = self._burst / self._a_second
        self._buckets = {who: bucket for who, bucket in self._buckets.items() if now - bucket.last < full_s}


class SmallBodies:
    """ASGI middleware: refuses bodies that are larger or slower than those of this API ever are.

    Args:
        app: the app behind it.
        uploads: path prefixes whose requests look after their bodies themselves.
    """

    def __init__(self, app: ASGIApp, uploads: tuple[str, ...]):
        self._app, self._uploads = app, uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"].startswith(self._uploads):
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        taken = 0
        has_body_left = True

        async def checked() -> Message:
            nonlocal taken, has_body_left
            if not has_body_left:
                return await receive()  # waits until the other side hangs up
            try:
                message = await asyncio.wait_for(receive(), max(0.0, began + SMALL_BODY_S - time.monotonic()))
            except TimeoutError:
                raise TooSlow() from None
            taken += len(message.get("body", b""))
            if taken > LARGEST_SMALL_BODY:
                raise TooLarge(LARGEST_SMALL_BODY)
            has_body_left = message.get("more_body", False)
            return message

        if content_length(scope) > LARGEST_SMALL_BODY:
            refusal = TooLarge(LARGEST_SMALL_BODY)
            answer = JSONResponse({"detail": refusal.detail}, refusal.status_code, refusal.headers)
            await answer(scope, receive, send)
            return
        await self._app(scope, checked, send)


def content_length(scope: Scope) -> int:
    """Return what a request says of the size of its body; 0 if nothing."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


async def limited(body: AsyncIterator[bytes], most: int) -> AsyncIterator[bytes]:
    """Pass the pieces of an upload on.

    Raises:
        TooLarge: as soon as there are more bytes than `most`.
        TooSlow: if less than `SLOWEST_UPLOAD` bytes a second arrive.
    """
    taken, began = 0, time.monotonic()
    pieces = aiter(body)
    while True:
        allowed_s = SMALL_BODY_S + taken / SLOWEST_UPLOAD
        try:
            piece = await asyncio.wait_for(anext(pieces), max(0.0, began + allowed_s - time.monotonic()))
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise TooSlow() from None
        taken += len(piece)
        if taken > most:
            raise TooLarge(most)
        yield piece


class PatientOnlyForAWhile(HttpToolsProtocol):
    """HTTP/1.1 that hangs up on a connection whose next request does not come whole, and refuses huge headers."""

    _headers_due: asyncio.TimerHandle | None = None
    _n_waiting = 0  # bytes of a request whose headers are not complete
    _n_headers = 0

    def connection_made(self, transport: Any) -> None:
        """Wait for the first request, but not for ever."""
        super().connection_made(transport)
        self._wait_for_headers()

    def data_received(self, data: bytes) -> None:
        """Read on; headers that come in drips do not get more time with each drip."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._n_waiting = 0
            self._stop_waiting()
            return
        self._n_waiting += len(data)
        if self._n_waiting > LARGEST_HEADERS:
            self.transport.close()
        elif self._headers_due is None:
            self._wait_for_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_waiting()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Count the bytes of each request's headers from nothing."""
        self._n_headers = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def _count(self, n_bytes: int) -> None:
        self._n_headers += n_bytes
        if self._n_headers > LARGEST_HEADERS:
            raise ValueError(f"headers of more than {LARGEST_HEADERS} bytes")  # becomes a 400

    def _wait_for_headers(self) -> None:
        self._headers_due = self.loop.call_later(HEADERS_S, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None
