"""The mailbox between a federation and its clients: the server puts tasks in, clients come and put back updates.

Laptops sit behind routers, so it is always the client that calls. The web app is a stateless face of the mailbox: any
number of processes can show the same one, if its store is one that they share.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

from fedteach.transport.http.calls import Calls
from fedteach.transport.http.members import Member, Members
from fedteach.transport.http.noticeboard import Card, Noticeboard, cards
from fedteach.transport.http.protocol import OVER
from fedteach.transport.http.store import MemoryStore, Store, StoreDown

TOPICS = ("call", "reply", "places", "sightings", "board", "record", "wish")
"""What the bell rings for."""


class Mailbox:
    """Everything that a federation and its clients share; plain calls, from any thread of any process.

    Args:
        roster: ids of the places in the class, in order.
        store: where everything is kept; None keeps it in this process.
        clock: unix seconds.
    """

    def __init__(self, roster: Sequence[str], store: Store | None = None, clock: Callable[[], float] = time.time):
        self.store = MemoryStore() if store is None else store
        self.now = clock
        self.members = Members(self.store, roster, clock)
        self.calls = Calls(self.store)
        self.noticeboard = Noticeboard(self.store)

    def is_filled(self) -> bool:
        """Say whether the server has put its members and its board in; if not, the store is new, or was emptied."""
        return self.store.get("filled") is not None

    def check_filled(self) -> None:
        """Refuse to judge from an empty store who is a member.

        Raises:
            StoreDown: if it is empty.
        """
        if not self.is_filled():
            raise StoreDown("the server is getting its papers in order")

    def present(self) -> list[Member]:
        """Return who can be asked now.

        Raises:
            StoreDown: if the store is away, or was emptied and not filled again yet.
        """
        self.check_filled()
        return self.members.here()

    def fill(self) -> None:
        """Note that everything is in."""
        self.store.put("filled", b"1")
        self.store.ring("call")

    def begin_anew(self) -> None:
        """Forget what a former server of this class was about: its question, its board, and what it was asked for.

        What is complete stays, and so does who holds which place, unless all of them were told that it is over: then
        nobody comes back for it, and the places are free.
        """
        call = self.calls.current()
        if call is not None:
            self.calls.close(call)
        if self.noticeboard.board().get("phase") in OVER:
            self.store.drop("members", "seen")
        self.store.drop("wish", "board")

    def cards(self) -> dict[str, Card]:
        """Return a card for each client."""
        return cards(self.members, self.calls, self.noticeboard, self.now())

    def everything(self) -> dict[str, Any]:
        """Return the board with all cards and the server's clock: all that a dashboard shows."""
        return {**self.noticeboard.board(), "now": self.now(), "cards": self.cards()}

    def listen(self, hear: Callable[[str], None]) -> Callable[[], None]:
        """Call `hear(topic)` whenever something changed, with one of `TOPICS`, or "": anything may have changed.

        Returns what ends it.
        """
        return self.store.listen(hear)

    def close(self) -> None:
        """Give back what the store holds."""
        self.store.close()
