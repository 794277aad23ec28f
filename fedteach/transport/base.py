"""The one seam between a federation and its clients, and a wrapper that shows what it is good for.

Errors of the ways through it:

    TransportError
    └── (each transport adds its own)
"""

import threading
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from typing import Protocol

import numpy as np

from fedteach import checks
from fedteach.messages import ClientInfo, Lost, Task, Update
from fedteach.randomness import rng_for

Memories = Mapping[str, Mapping[str, np.ndarray]]
"""For each client that remembers something between rounds: its named tensors."""


class TransportError(Exception):
    """The way to the clients itself is broken; one lost client is a `Lost`, not an error."""


class Transport(Protocol):
    """The only thing a federation knows about where its clients are."""

    def roster(self) -> Sequence[str]:
        """Return the ids of all clients that may ever take part, in order; it never changes."""

    def clients(self) -> Sequence[ClientInfo]:
        """Return the clients that can be asked now, always in the same order."""

    def exchange(
        self,
        tasks: Sequence[Task],
        deadline_s: float | None = None,
        stop: threading.Event | None = None,
        enough: int | None = None,
    ) -> Generator[Update | Lost]:
        """Give each task to its client; yield what comes back, in the order of the tasks.

        Args:
            tasks: at most one for each client.
            deadline_s: seconds after which who has not answered is lost; None waits.
            stop: when it is set, the exchange ends within a second by raising `engine.Stopped`.
            enough: so many answers end the round; a transport whose clients are slow need not wait for the others.

        Closing the iterator early cancels what was not yielded: those clients forget the round.
        """

    def forget(self, clients: Iterable[str], round: int) -> None:
        """Let clients of this process undo what a round left in their memory: their updates were not used."""

    def memories(self, clients: Iterable[str]) -> Memories:
        """Return what these clients remember, if they live in this process; else nothing."""

    def restore(self, memories: Memories, round: int) -> None:
        """Give clients of this process back what they remembered after `round`."""


class Lossy:
    """Wraps any transport and drops a share of the replies, as phones that leave the room do.

    Args:
        inner: the transport that does the work.
        drop: probability that a reply is lost, 0 <= drop <= 1.
        seed: who is lost in which round follows from it.
    """

    def __init__(self, inner: Transport, drop: float, seed: int):
        self._inner = inner
        self._drop = checks.number("drop", drop, least=0, most=1, hint="try 0.2")
        self._seed = seed

    def roster(self) -> Sequence[str]:
        """Return the roster of the inner transport."""
        return self._inner.roster()

    def clients(self) -> Sequence[ClientInfo]:
        """Return the clients of the inner transport."""
        return self._inner.clients()

    def exchange(
        self,
        tasks: Sequence[Task],
        deadline_s: float | None = None,
        stop: threading.Event | None = None,
        enough: int | None = None,
    ) -> Generator[Update | Lost]:
        """Pass the replies on, but for those that get lost.

        `enough` is not passed on: which of those that answered first get lost, only this wrapper knows.
        """
        kinds = {task.client: task.kind for task in tasks}
        with closing(self._inner.exchange(tasks, deadline_s, stop)) as replies:
            for reply in replies:
                scope = ("drop", kinds[reply.client], reply.round, reply.client)
                dropped = rng_for(self._seed, *scope).random() < self._drop
                yield Lost(reply.client, reply.round, "dropped out before its update arrived") if dropped else reply

    def forget(self, clients: Iterable[str], round: int) -> None:
        """Let clients of the inner transport undo a round."""
        self._inner.forget(clients, round)

    def memories(self, clients: Iterable[str]) -> Memories:
        """Return the memories of the inner transport's clients."""
        return self._inner.memories(clients)

    def restore(self, memories: Memories, round: int) -> None:
        """Restore the inner transport's clients."""
        self._inner.restore(memories, round)
