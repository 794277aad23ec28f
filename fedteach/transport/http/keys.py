"""The keys of a class: one token for everybody, one for the instructor, and a token of its own for each client.

A client's token carries a signature instead of being looked up, so that every server process can check it alone. It is
worth something only as long as the client holds its place.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

TOKEN_LASTS_S = 7 * 24 * 3600.0
"""A client's token is good for a week: longer than any class, shorter than a term."""


class UnknownToken(Exception):
    """A token that this class did not give out, or that is worth nothing any more; the message says which."""


@dataclass(frozen=True)
class Keys:
    """The secrets of a class.

    Attributes:
        class_token: lets clients join and anybody watch.
        instructor_token: lets its holder pause, resume and end the federation too.
        signing_key: signs the clients' own tokens.
    """

    class_token: str = field(repr=False)
    instructor_token: str = field(repr=False)
    signing_key: str = field(repr=False)

    @classmethod
    def fresh(cls) -> "Keys":
        """Return new keys; the class token is short enough to be typed from a projector."""
        return cls(_typeable(), secrets.token_urlsafe(24), secrets.token_urlsafe(32))

    @property
    def name(self) -> str:
        """A name for the class that gives nothing away; the same as long as the keys are."""
        return hashlib.sha256(b"name" + self.signing_key.encode()).hexdigest()[:16]

    def as_data(self) -> dict[str, str]:
        """Return the keys as plain data, to be kept where only the instructor can read."""
        return {name: getattr(self, name) for name in ("class_token", "instructor_token", "signing_key")}

    @classmethod
    def from_data(cls, data: Mapping[str, str]) -> "Keys":
        """Return the keys that `as_data` returned."""
        return cls(str(data["class_token"]), str(data["instructor_token"]), str(data["signing_key"]))

    def is_class(self, token: str) -> bool:
        """Say whether this is the class token; takes the same time for every wrong one."""
        return _same(token, self.class_token)

    def is_instructor(self, token: str) -> bool:
        """Say whether this is the instructor's token."""
        return _same(token, self.instructor_token)

    def client_token(self, client: str, holder: str, now: float | None = None) -> str:
        """Return the token of who holds a place: `Member.holder`."""
        expires = int((time.time() if now is None else now) + TOKEN_LASTS_S)
        body = f"{client}.{holder}.{expires}"
        return f"{body}.{self._signature(body)}"

    def client_of(self, token: str, now: float | None = None) -> tuple[str, str]:
        """Return the place and the holder that a client's token speaks for.

        Raises:
            UnknownToken: if it was not given out here, or has expired.
        """
        body, _, signature = token.rpartition(".")
        if not _same(signature, self._signature(body)):
            raise UnknownToken("this token was not given out by this class; join again")
        client, holder, expires = body.rsplit(".", 2)
        if int(expires) < (time.time() if now is None else now):
            raise UnknownToken("this token has expired; join again")
        return client, holder

    def _signature(self, body: str) -> str:
        return hmac.new(self.signing_key.encode(), body.encode(), hashlib.sha256).hexdigest()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _typeable() -> str:
    """Return 75 random bits as fifteen letters and digits that nobody mistakes for each other."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    word = "".join(secrets.choice(letters) for _ in range(15))
    return "-".join(word[i : i + 5] for i in (0, 5, 10))
