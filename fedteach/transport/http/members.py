"""Who is in the class: places, the people who hold them, and when each was last heard of."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from fedteach.messages import ClientInfo
from fedteach.transport.http.store import Store

PLACE_KEPT_S = 60.0
"""A client that was not heard of for so long gives its place to a newcomer, if all others are taken."""

_GONE_AFTER_HANGING_UP_S = 10.0


class NoPlace(Exception):
    """All places are taken.

    Attributes:
        retry_after_s: when a place may become free, in seconds.
    """

    def __init__(self, reason: str, retry_after_s: float):
        super().__init__(reason)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Member:
    """Somebody who has joined.

    Attributes:
        client: the place, which is the client's id in the federation and decides which examples are its own.
        name: what the person calls the client; comes from a stranger.
        key: made by the client at random; who joins again with it is the same one.
        generation: how often the place was given away.
        codecs: families of codecs that the client knows ("int8").
        n_examples: training examples that it holds; None while it is still loading them.
        conditions: `idle`, `charging` and `unmetered`, as in `ClientInfo`.
        left: it said good-bye.
    """

    client: str
    name: str
    key: str
    generation: int
    codecs: tuple[str, ...] = ()
    n_examples: int | None = None
    conditions: Mapping[str, bool] | None = None
    left: bool = False

    @property
    def holder(self) -> str:
        """Who holds the place, as a token names it: not only which time it was given away, but to whom.

        A server that was killed before it wrote a place down gives it away once more, to somebody else.
        """
        return hashlib.sha256(f"{self.generation} {self.key}".encode()).hexdigest()[:16]

    @property
    def info(self) -> ClientInfo:
        """What client selection may know."""
        return ClientInfo(self.client, self.n_examples or 0, **(self.conditions or {}))


@dataclass(frozen=True)
class Sighting:
    """When a client was heard of.

    Attributes:
        state: what it said it was doing, "waiting" or "training"; or what it was told last, "late" or "over".
        last: unix seconds of its last request.
        due: unix seconds until which it promised to be heard of again.
    """

    state: str = "waiting"
    last: float = 0.0
    due: float = 0.0


class Members:
    """The places of a class.

    Args:
        store: where everything is kept.
        roster: ids of the places, in order.
        clock: unix seconds; all processes of a class must agree on it.
    """

    def __init__(self, store: Store, roster: Sequence[str], clock: Callable[[], float] = time.time):
        self._store, self.roster, self._now = store, tuple(roster), clock

    def all(self) -> list[Member]:
        """Return everybody who holds or held a place, in the order of the places."""
        held = self._store.fields("members")
        return [_member(held[client]) for client in self.roster if client in held]

    def get(self, client: str) -> Member | None:
        """Return who holds or held a place."""
        text = self._store.field("members", client)
        return None if text is None else _member(text)

    def join(self, name: str, key: str, codecs: Sequence[str] = ()) -> Member:
        """Give a place to a newcomer; who comes again with the same key gets the place back.

        Raises:
            NoPlace: if all are taken.
        """
        with self._store.alone("places"):
            held = {member.client: member for member in self.all()}
            mine = next((m for m in held.values() if m.key == key and not m.left), None)
            client = mine.client if mine else self._free_place(held)
            if mine is None:
                before = held.get(client)
                mine = Member(client, name, key, before.generation + 1 if before else 1)
                self._store.drop_fields("seen", client)
            member = replace(mine, name=name, codecs=tuple(codecs))
            self._keep(member)
        self.seen(client, "waiting", within_s=PLACE_KEPT_S)
        self._store.ring("places")
        return member

    def ready(self, member: Member, n_examples: int, conditions: Mapping[str, bool]) -> None:
        """Note that a client has loaded its examples and may be asked; nothing if its place is another's by now."""
        self._change(member, n_examples=n_examples, conditions=dict(conditions))

    def leave(self, member: Member) -> None:
        """Give a place back; nothing if it is another's by now."""
        self._change(member, left=True)

    def seen(self, client: str, state: str | None, within_s: float) -> None:
        """Note that a client was heard of, and when it will be again, or else is lost; no state: the same as before."""
        now = self._now()
        before = self.sighting(client)
        sighting = Sighting(state or before.state, now, now + within_s)
        self._store.put_fields("seen", {client: _json(asdict(sighting))})
        if sighting.state != before.state or before.due < now:
            self._store.ring("sightings")

    def hung_up(self, client: str) -> None:
        """Note that a client's connection broke while it waited: it may be gone."""
        before = self.sighting(client)
        due = min(before.due, self._now() + _GONE_AFTER_HANGING_UP_S)
        self._store.put_fields("seen", {client: _json(asdict(replace(before, due=due)))})

    def sighting(self, client: str) -> Sighting:
        """Return when a client was last heard of."""
        text = self._store.field("seen", client)
        return Sighting() if text is None else Sighting(**json.loads(text))

    def sightings(self) -> dict[str, Sighting]:
        """Return when each client was last heard of."""
        return {client: Sighting(**json.loads(text)) for client, text in self._store.fields("seen").items()}

    def here(self) -> list[Member]:
        """Return who can be asked now: has loaded its examples, has not left, and is not overdue."""
        now, seen = self._now(), self.sightings()
        return [
            member
            for member in self.all()
            if member.n_examples is not None and not member.left and seen.get(member.client, Sighting()).due >= now
        ]

    def is_here(self, client: str) -> bool:
        """Say whether a client is still expected to answer."""
        member = self.get(client)
        return member is not None and not member.left and self.sighting(client).due >= self._now()

    def holds(self, member: Member) -> bool:
        """Say whether somebody still holds the place that was given to it."""
        now = self.get(member.client)
        return now is not None and now.holder == member.holder and not now.left

    # ---- to keep a class over a restart ---------------------------------------------------------------

    def as_data(self) -> list[dict[str, Any]]:
        """Return all members as plain data."""
        return [asdict(member) for member in self.all()]

    def restore(self, members: Sequence[Mapping[str, Any]]) -> None:
        """Take back what `as_data` returned; everybody gets a while to be heard of again."""
        for data in members:
            member = Member(**{**data, "codecs": tuple(data["codecs"])})
            if member.client in self.roster and self.get(member.client) is None:
                self._keep(member)
                self.seen(member.client, "waiting", PLACE_KEPT_S)

    # ---- the places -----------------------------------------------------------------------------------

    def _free_place(self, held: Mapping[str, Member]) -> str:
        for client in self.roster:
            if client not in held or held[client].left:
                return client
        now, seen = self._now(), self.sightings()
        overdue = {client: now - seen.get(client, Sighting()).due for client in self.roster}
        longest_gone = max(self.roster, key=overdue.__getitem__)
        if overdue[longest_gone] > PLACE_KEPT_S:
            return longest_gone
        wait_s = min(max(1.0, PLACE_KEPT_S - overdue[longest_gone]), PLACE_KEPT_S)
        n = len(self.roster)
        places = "the only place is" if n == 1 else f"all {n} places are"
        raise NoPlace(
            f"{places} taken. A place becomes free when a client leaves, or is not heard of for {PLACE_KEPT_S:g} s; "
            f"a larger class needs `fedteach serve --clients {n + 1}` or more",
            wait_s,
        )

    def _change(self, member: Member, **changes: Any) -> None:
        with self._store.alone("places"):
            now = self.get(member.client)
            if now is not None and now.holder == member.holder:
                self._keep(replace(now, **changes))
        self._store.ring("places")

    def _keep(self, member: Member) -> None:
        self._store.put_fields("members", {member.client: _json(asdict(member))})


def _member(text: bytes) -> Member:
    data = json.loads(text)
    return Member(**{**data, "codecs": tuple(data["codecs"])})


def _json(data: Any) -> bytes:
    return json.dumps(data).encode()
