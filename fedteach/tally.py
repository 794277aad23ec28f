"""What a round leaves behind, collected while it runs: who answered, who was lost and why, bytes and seconds."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from fedteach.history import RoundRecord
from fedteach.messages import LARGEST_CHANGE, ClientInfo, Lost, Update, Weights, why_unusable


@dataclass(frozen=True)
class Event:
    """Something that just happened, for display while a round runs.

    Attributes:
        kind: "selected" (asked to train), "answered", "lost" or "round" (the round ended).
        round: the round number.
        client: id of the client; "" for "round".
        detail: the reason, for "lost".
    """

    kind: str
    round: int
    client: str = ""
    detail: str = ""


Judge = Callable[[Update], Mapping[str, float]]


class Tally:
    """Collects one round.

    Args:
        round: the round number.
        notify: called with each `Event`, in the thread that runs the round.
    """

    def __init__(self, round: int, notify: Callable[[Event], None]):
        self.round = round
        self.bytes_down = 0
        self.bytes_up = 0
        self.note = ""
        self._notify = notify
        self._selected: tuple[str, ...] = ()
        self._clients: dict[str, dict[str, float]] = {}
        self._lost: dict[str, str] = {}
        self._seconds: dict[str, float] = {}
        self._judging_s = 0.0
        self._began = time.perf_counter()

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Add the seconds that the block takes to a phase."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[phase] = self._seconds.get(phase, 0.0) + time.perf_counter() - began

    def selected(self, clients: Iterable[ClientInfo], message_bytes: int) -> None:
        """Note who is asked to train, and what the weights sent to each of them weigh."""
        self._selected = tuple(client.id for client in clients)
        self.bytes_down += message_bytes * len(self._selected)
        for client in self._selected:
            self._notify(Event("selected", self.round, client))

    def usable(
        self, replies: Iterable[Update | Lost], like: Weights, enough: int | None, judge: Judge | None
    ) -> Iterator[Update]:
        """Pass on the updates that may be averaged, one at a time; note everything else as lost.

        Args:
            replies: what comes back, in the order of the tasks.
            like: the global weights: an update must have their shapes and be finite.
            enough: stop after this many usable updates; the rest is not waited for.
            judge: measures a client's model on the server, or None.
        """
        open_tasks = list(self._selected)
        for reply in replies:
            if reply.round != self.round or reply.client not in open_tasks:
                continue  # an answer nobody asked for (twice, late, a stranger) must not count
            open_tasks.remove(reply.client)
            reason = reply.reason if isinstance(reply, Lost) else _why_refused(reply, like)
            if isinstance(reply, Lost) or reason:
                self._lose(reply.client, reason)
                continue
            judged_from = time.perf_counter()
            figures = judge(reply) if judge else {}
            self._judging_s += time.perf_counter() - judged_from
            sizes = {"n_examples": reply.n_examples, "bytes_up": reply.size_bytes}
            told = self._finite({**reply.metrics, **figures}, f"client {reply.client}")
            self._clients[reply.client] = sizes | told | sizes  # what was counted here stands first, and is not theirs
            self.bytes_up += reply.size_bytes
            self._notify(Event("answered", self.round, reply.client))
            yield reply
            if enough is not None and len(self._clients) >= enough:
                break
        for client in open_tasks:
            not_needed = enough is not None and len(self._clients) >= enough
            self._lose(client, f"not needed: {enough} had answered" if not_needed else "never answered")

    def record(self, server: Mapping[str, float]) -> RoundRecord:
        """Return the round's record.

        Args:
            server: figures of the global model at the end of the round.
        """
        measured = self._finite(server, "the server")
        total = time.perf_counter() - self._began
        # Clients are judged as their updates arrive, inside the phase "clients": those seconds belong elsewhere.
        seconds = {"clients": 0.0, "evaluate": 0.0, **self._seconds}
        seconds["clients"] -= self._judging_s
        seconds["evaluate"] += self._judging_s
        return RoundRecord(
            round=self.round,
            selected=self._selected,
            clients=self._clients,
            lost=self._lost,
            server=measured,
            seconds={**seconds, "total": total},
            bytes_down=self.bytes_down,
            bytes_up=self.bytes_up,
            note=self.note,
        )

    def _finite(self, figures: Mapping[str, float], whose: str) -> dict[str, float]:
        """Leave out what is no number any more, and say so: JSON knows no NaN, and a mean would drown in it."""
        kept = {name: value for name, value in figures.items() if math.isfinite(value)}
        gone = sorted(set(figures) - set(kept))
        if gone and not self.note:
            self.note = (
                f"{gone[0]} of {whose} is no finite number any more: the training diverges; try a smaller learning rate"
            )
        return kept

    @property
    def lost(self) -> list[str]:
        """Ids of the clients whose updates were not used so far."""
        return list(self._lost)

    def _lose(self, client: str, reason: str) -> None:
        self._lost[client] = reason
        self._notify(Event("lost", self.round, client, reason))


def _why_refused(update: Update, like: Weights) -> str:
    if update.n_examples < 1:
        return f"update refused: it reports {update.n_examples} examples, expected at least 1"
    reason = why_unusable(update.delta, like, LARGEST_CHANGE)
    return f"update refused: {reason}" if reason else ""
