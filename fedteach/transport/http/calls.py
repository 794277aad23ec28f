"""What the clients of a round are asked, and what they have put back so far."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fedteach.transport.http.store import Store


class WrongRound(Exception):
    """A reply to what is not asked, or not asked any more."""


@dataclass(frozen=True)
class Call:
    """One exchange: the same question to some clients.

    Attributes:
        id: different for every exchange, also when a round is repeated.
        task: the same for the same work: who has done it already need not do it again.
        round: round number.
        kind: "fit" or "evaluate".
        clients: who is asked, in order.
        codec: name of the codec of the weights.
        reply_codecs: codecs that a delta may come back in, the preferred one first.
        plan: what to do with the examples, as plain values; None for "evaluate".
        seed: the experiment's seed.
        shapes: shape of each tensor of a delta.
        most_examples: largest number of examples that a client may claim.
        most_bytes: largest reply.
        ends_at: unix seconds at which the window ends; None: open end.
        extras: clients whose task has further tensors.
    """

    id: str
    task: str
    round: int
    kind: str
    clients: tuple[str, ...]
    codec: str
    reply_codecs: tuple[str, ...]
    plan: Mapping[str, Any] | None
    seed: int
    shapes: tuple[tuple[int, ...], ...]
    most_examples: int
    most_bytes: int
    ends_at: float | None = None
    extras: tuple[str, ...] = ()


class Calls:
    """The call that is open now, if any, and the replies to it.

    Args:
        store: where everything is kept.
    """

    def __init__(self, store: Store):
        self._store = store

    # ---- the server's side ----------------------------------------------------------------------------

    def open(self, call: Call, weights: bytes, extras: Mapping[str, bytes]) -> None:
        """Ask: put weights and question where the clients find them."""
        self._store.put(_weights_key(call.round), weights)
        for client, tensors in extras.items():
            self._store.put(_extra_key(call, client), tensors)
        self._store.put("call", json.dumps(asdict(call)).encode())
        self._store.put("call id", call.id.encode())
        self._store.ring("call")

    def close(self, call: Call) -> None:
        """End the question; replies that nobody took, and those that are still on their way, count for nothing."""
        self._store.drop("call id", "call")  # first of all: see `is_waited_for`
        keys = [_reply_key(call, client) for client in call.clients]
        self._store.drop(*keys, *(_extra_key(call, c) for c in call.extras), _arrived(call), _missed(call))
        self._store.drop(_weights_key(call.round))
        self._store.ring("call")

    def take(self, call: Call, client: str) -> bytes | None:
        """Return a client's reply, or None if it has not come; it stays until `taken`."""
        return self._store.get(_reply_key(call, client))

    def taken(self, call: Call, client: str) -> None:
        """Forget the bytes of a reply that was read."""
        self._store.drop(_reply_key(call, client))

    def miss(self, call: Call, client: str, reason: str) -> None:
        """Do not wait for a client any longer."""
        self._store.put_fields(_missed(call), {client: reason.encode()})

    def arrived(self, call: Call) -> dict[str, bool]:
        """Return who has replied; True: with something that can be used."""
        return {client: value == b"1" for client, value in self._store.fields(_arrived(call)).items()}

    def missed(self, call: Call) -> dict[str, str]:
        """Return whom the server does not wait for any longer, and why."""
        return {client: value.decode() for client, value in self._store.fields(_missed(call)).items()}

    # ---- the clients' side ----------------------------------------------------------------------------

    def current(self) -> Call | None:
        """Return the call that is open now."""
        text = self._store.get("call")
        if text is None:
            return None
        data = json.loads(text)
        shapes = tuple(tuple(shape) for shape in data["shapes"])
        names = {name: tuple(data[name]) for name in ("clients", "reply_codecs", "extras")}
        return Call(**{**data, **names, "shapes": shapes})

    def weights(self, round: int) -> bytes | None:
        """Return the weights that a round's clients are sent, as the codec encoded them; None: not asked (any more)."""
        return self._store.get(_weights_key(round))

    def extra(self, call: Call, client: str) -> bytes | None:
        """Return the further tensors of a client's task."""
        return self._store.get(_extra_key(call, client))

    def is_waited_for(self, call: Call, client: str) -> bool:
        """Say whether the server waits for a client's reply to this call."""
        if client not in call.clients or self.has_replied(call, client):
            return False
        if self._store.field(_missed(call), client) is not None:
            return False
        # Asked last: a call that is being closed loses its id before it loses the marks of who has replied.
        return self.is_open(call)

    def is_open(self, call: Call) -> bool:
        """Say whether a call is still the one that is asked."""
        return self._store.get("call id") == call.id.encode()

    def has_replied(self, call: Call, client: str) -> bool:
        """Say whether a client has replied to this call."""
        return self._store.field(_arrived(call), client) is not None

    def put_reply(self, call: Call, client: str, reply: Path, usable: bool) -> bool:
        """Put back a reply; say whether it is the first one to this call, which alone counts.

        Args:
            call: what it replies to.
            client: who replies.
            reply: a file with the reply's bytes; moved away.
            usable: whether it is an update, or only the news that there is none.

        Raises:
            WrongRound: if the call is not open any more, or does not wait for this client.
        """
        if self._store.field(_missed(call), client) is not None:
            raise WrongRound
        is_first = self._store.put_file(_reply_key(call, client), reply)
        if not self.has_replied(call, client):
            self._store.put_fields(_arrived(call), {client: b"1" if usable else b"0"})
        elif is_first:  # the first one was read and dropped already; this is another copy
            self._store.drop(_reply_key(call, client))
            is_first = False
        if not self.is_open(call):
            self._store.drop(_reply_key(call, client), _arrived(call))
            raise WrongRound
        self._store.ring("reply")
        return is_first


def _weights_key(round: int) -> str:
    return f"weights:{round}"


def _reply_key(call: Call, client: str) -> str:
    return f"reply:{call.id}:{client}"


def _extra_key(call: Call, client: str) -> str:
    return f"extra:{call.id}:{client}"


def _arrived(call: Call) -> str:
    return f"arrived:{call.id}"


def _missed(call: Call) -> str:
    return f"missed:{call.id}"
