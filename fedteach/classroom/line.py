"""The line to the server: requests that are repeated until they are answered, over https that knows its server."""

import hashlib
import os
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from fedteach.randomness import rng_for
from fedteach.transport.base import TransportError

PATIENCE_S = 900.0
"""A server that does not answer for so long is given up."""

_CONNECT_S = 5.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 8.0


class Refused(TransportError):
    """The server has answered no, and would again.

    Attributes:
        status: the HTTP status.
        round: the round that is running, if the answer names one.
    """

    def __init__(self, status: int, detail: str, round: int | None = None):
        super().__init__(detail)
        self.status, self.round = status, round


class GaveUp(TransportError):
    """The server did not answer for a long time."""


class HungUp(TransportError):
    """The client was told to leave while it waited."""


class Line:
    """A line to one server, which may have several addresses.

    Args:
        url: "http://10.0.0.5:8765" or "https://...".
        fingerprint: SHA-256 of the server's certificate, as `fedteach serve --tls` prints it.
        cert_path: file with the certificate of the class, or of who vouches for it.
        patience_s: seconds after which a server that does not answer is given up.
        say: told, in a sentence, what is waited for.
        stop: ends all waiting.

    Raises:
        ValueError: if the address or the fingerprint is none.
    """

    def __init__(
        self,
        url: str,
        *,
        fingerprint: str | None = None,
        cert_path: str | Path | None = None,
        patience_s: float = PATIENCE_S,
        say: Callable[[str], None] = lambda sentence: None,
        stop: threading.Event | None = None,
    ):
        self._urls = [_base_of(url)]
        self._turning = threading.Lock()
        if self._urls[0].startswith("http://") and not (fingerprint is None and cert_path is None):
            raise ValueError(f"a certificate is checked on https:// only, and the address is {self._urls[0]}")
        self._fingerprint = None if fingerprint is None else _digits_of(fingerprint)
        self._cert_path = None if cert_path is None else str(cert_path)
        if self._cert_path is not None and not Path(self._cert_path).is_file():
            raise ValueError(f"cert_path: there is no file {self._cert_path}; expected the class' certificate.pem")
        self._patience_s, self._say, self._stop = patience_s, say, stop or threading.Event()
        self._sessions = threading.local()
        # Thirty laptops that lost the same server must not come back at the same moment: not the experiment's seed.
        self._rng = rng_for(int.from_bytes(os.urandom(6)), "jitter")
        self.token = ""

    def also_at(self, urls: Sequence[str]) -> None:
        """Add addresses under which the same server is reached."""
        with self._turning:
            self._urls += [url for url in map(_base_of, urls) if url not in self._urls]

    @property
    def urls(self) -> tuple[str, ...]:
        """All addresses, the one that is used now first."""
        return tuple(self._urls)

    def _turn_from(self, url: str) -> None:
        """Take another door to the same class, if there is one, and no other thread has done so already."""
        with self._turning:
            if self._urls[0] == url:
                self._urls = [*self._urls[1:], url]

    def told(self, method: str, path: str, **how: Any) -> dict[str, Any]:
        """Ask, and return what is told as JSON.

        Raises:
            Refused: also if that is none: another server listens there, or a network that wants a log-in first.
        """
        answer = self.ask(method, path, **how)
        with suppress(ValueError):
            said = answer.json()
            if isinstance(said, dict):
                return said
        raise Refused(
            answer.status_code,
            f"{self.urls[0]} is no server of a class: it answers with something else; is the address right, and does "
            "this network want you to log in first?",
        )

    def ask(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        data: bytes | None = None,
        token: str | None = None,
        answer_s: float = 30.0,
        retry: bool = True,
    ) -> requests.Response:
        """Send a request until it is answered with yes or no.

        Args:
            method: "GET", "POST", "PUT".
            path: path and query.
            json: body as JSON.
            data: body as bytes.
            token: instead of the client's own token.
            answer_s: seconds in which a single answer must come.
            retry: False: try once.

        Raises:
            Refused: if the answer is no.
            GaveUp: if none came for `patience_s`, or at once without `retry`.
            HungUp: if `stop` was set meanwhile.
        """
        began, pause_s = time.monotonic(), _FIRST_PAUSE_S
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        if data is not None:
            headers["Content-Type"] = "application/vnd.safetensors"
        while True:
            url = self.urls[0]
            try:
                answer = self._session().request(
                    method,
                    url + path,
                    json=json,
                    data=data,
                    headers=headers,
                    timeout=(_CONNECT_S, answer_s),
                    allow_redirects=False,
                )
                if answer.ok and not answer.is_redirect:
                    return answer
                trouble, wait_s = _trouble_of(answer), _retry_after(answer)
            except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
                if isinstance(error, requests.exceptions.SSLError) and not _broke_off(error):
                    raise TransportError(f"{url} is not the server it should be: {_why_untrusted(error)}") from None
                trouble, wait_s = _in_words(error), None
                self._turn_from(url)
            waited_s = time.monotonic() - began
            if not retry or waited_s > self._patience_s:
                raise GaveUp(f"{url} did not answer for {waited_s:.0f} s: {trouble}")
            seconds = wait_s if wait_s is not None else pause_s * self._rng.uniform(0.5, 1.0)
            self._say(f"{trouble}; trying again in {max(1, round(seconds))} s")
            if self._stop.wait(seconds):
                raise HungUp("left while waiting for the server")
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _session(self) -> requests.Session:
        """Return this thread's session: connections are kept, and not shared between threads."""
        if not hasattr(self._sessions, "session"):
            session = requests.Session()
            # A class is in the same room: neither a proxy of the campus nor a password file has a say in it.
            session.trust_env = False
            if self._fingerprint is not None:
                session.verify = False  # not by who signed it, but by the fingerprint that was read aloud
                session.mount("https://", _KnownBy(self._fingerprint))
            elif self._cert_path is not None:
                session.verify = self._cert_path
            self._sessions.session = session
        return self._sessions.session


class _KnownBy(HTTPAdapter):
    """Takes a certificate with this fingerprint, and no other."""

    def __init__(self, fingerprint: str):
        self._fingerprint = fingerprint
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make every connection check the fingerprint."""
        super().init_poolmanager(*args, **kwargs, assert_fingerprint=self._fingerprint)


def _base_of(url: str) -> str:
    parts = urlsplit(url if "//" in url else f"http://{url}")
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
        raise ValueError(f"expected the server's address, such as http://192.168.1.5:8765, got {url!r}")
    return f"{parts.scheme}://{parts.netloc}"


def _digits_of(fingerprint: str) -> str:
    digits = fingerprint.replace(":", "").replace(" ", "").lower()
    if len(digits) != 2 * hashlib.sha256().digest_size or set(digits) - set("0123456789abcdef"):
        raise ValueError(
            f"a fingerprint is 64 hexadecimal digits, as `fedteach serve --tls` prints it, got {fingerprint!r}"
        )
    return digits


def _trouble_of(answer: requests.Response) -> str:
    """Return what is wrong, if trying again may help.

    Raises:
        Refused: if it does not help.
    """
    try:
        said = answer.json()
        detail, round = str(said["detail"]), said.get("round")
    except (ValueError, KeyError, TypeError, AttributeError):
        detail, round = f"the server answered {answer.status_code} {answer.reason}", None
    if answer.status_code in (408, 425, 429) or answer.status_code >= 500:
        return detail
    raise Refused(answer.status_code, detail, round if isinstance(round, int) else None)


def _retry_after(answer: requests.Response) -> float | None:
    text = answer.headers.get("Retry-After", "")
    return min(float(text), 60.0) if text.isdigit() else None


def _broke_off(error: BaseException) -> bool:
    """Say whether a handshake only broke off, as when the server is killed: that says nothing of who it was."""
    causes: list[object] = [error]
    while causes:
        cause = causes.pop()
        if isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError | ConnectionError | TimeoutError):
            return True
        if isinstance(cause, BaseException):
            causes += [*cause.args, getattr(cause, "reason", None), cause.__cause__]
    return False


def _in_words(error: Exception) -> str:
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ReadTimeout):
        return "the server does not answer in time"
    if isinstance(error, requests.exceptions.ConnectionError):  # an SSLError is one as well
        return "the server cannot be reached"
    return f"the connection broke ({type(error).__name__})"


def _why_untrusted(error: Exception) -> str:
    text = str(error)
    if "ingerprint" in text:
        return "its certificate has another fingerprint; compare it with the one that the instructor reads out"
    return (
        "nobody you trust vouches for its certificate; give --fingerprint or --cert-path, as the join line of "
        f"`fedteach serve --tls` does ({text:.200})"
    )
