"""Where the federation stands, in one sentence and a few figures, for everybody who watches or waits."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from fedteach.history import History, RoundRecord
from fedteach.messages import Weights, tensors_to_bytes, weights_to_tensors
from fedteach.transport.http.calls import Call
from fedteach.transport.http.mailbox import Mailbox


class Standing:
    """Keeps the noticeboard true.

    The thread that runs the federation says what it is about; `refresh`, from another thread, counts answers and
    seconds, and puts the board up if anything on it has changed. One of them at a time, from the first figure to the
    last word on the board: else an older board could go up over a newer one, and stay.

    Args:
        mailbox: whose noticeboard it is.
        about: what never changes: protocol, version, experiment, how to join.
        rounds: number of rounds.
    """

    def __init__(self, mailbox: Mailbox, about: Mapping[str, Any], rounds: int):
        self._mailbox, self._about, self._rounds = mailbox, dict(about), rounds
        self._lock = threading.RLock()
        self._phase, self._say = "waiting", "getting ready: loading the data and the model"
        self._ends_at: float | None = None
        self._window_s: float | None = None
        self._round = 0
        self._wish = ""
        self._has_asked = False
        self._up: dict[str, Any] = {}
        self._accuracy: list[float | None] = []
        self._figures: dict[str, dict[str, Any]] = {}
        self._bytes_up = self._bytes_down = 0

    # ---- said by the thread that runs the federation --------------------------------------------------

    def about(self, **more: Any) -> None:
        """Add to what never changes, once it is known."""
        with self._lock:
            self._about |= more

    def waiting(self, say: str, ends_at: float | None = None, window_s: float | None = None) -> None:
        """Say what is waited for between rounds."""
        self._set("waiting", say, ends_at, window_s)

    def paused(self) -> None:
        """Say that the instructor has paused."""
        with self._lock:
            after = f"after round {len(self._accuracy)}" if self._accuracy else "before the first round"
            self._set("paused", f"the instructor has paused the federation {after}")

    def running(self, round: int, window_s: float | None) -> None:
        """Say that a round has begun."""
        with self._lock:
            self._round, self._has_asked = round, False
            self._set("round", "", None, window_s)

    def over(self, phase: str, say: str) -> None:
        """Say that it is over: "finished", "ended" or "failed"; who waits for a task is told."""
        self._set(phase, say)
        self.refresh()
        self._mailbox.store.ring("call")

    def record(self, record: RoundRecord, weights: Weights) -> None:
        """Put up a complete round and its model."""
        model = tensors_to_bytes(weights_to_tensors(weights), {"round": record.round})
        with self._lock:
            self._count(record)
            self._mailbox.noticeboard.put_model(model)
            self._mailbox.noticeboard.put_record(record.round, asdict(record), self._figures_of(record.selected))
            self.refresh()

    def restore(self, history: History, weights: Callable[[], Weights]) -> None:
        """Put up everything that is known, on a noticeboard that is empty.

        Args:
            history: may grow meanwhile; who adds a round to it puts that up itself.
            weights: returns the global model; asked when it is this thread's turn.
        """
        board = self._mailbox.noticeboard
        with self._lock:
            records = list(history)
            self._accuracy, self._figures, self._bytes_up, self._bytes_down = [], {}, 0, 0
            for record in records:
                self._count(record)
                board.put_record(record.round, asdict(record), self._figures_of(record.selected))
            if records:
                self._round = len(records)
                board.put_model(tensors_to_bytes(weights_to_tensors(weights()), {"round": len(records)}))
            self._up = {}
            self.refresh()

    # ---- said by the clock ----------------------------------------------------------------------------

    def refresh(self, wish: str | None = None) -> None:
        """Put the board up if anything on it has changed.

        Args:
            wish: what the instructor wants; None: what it was.
        """
        with self._lock:
            say, ends_at = self._sentence(self._mailbox.calls.current())
            self._wish = self._wish if wish is None else wish
            board = {
                **self._about,
                "phase": self._phase,
                "wish": self._wish,
                "say": say,
                "round": self._round,
                "rounds": self._rounds,
                "ends_at": ends_at,
                "window_s": self._window_s,
                "accuracy": list(self._accuracy),
                "bytes_up": self._bytes_up,
                "bytes_down": self._bytes_down,
            }
            if board != self._up:
                self._mailbox.noticeboard.put_up(board)
                self._up = board

    @property
    def board(self) -> dict[str, Any]:
        """What is up now."""
        with self._lock:
            return dict(self._up)

    def _sentence(self, call: Call | None) -> tuple[str, float | None]:
        if self._phase != "round":
            return self._say + self._seconds_left(self._ends_at), self._ends_at
        head = f"round {self._round} of {self._rounds}: "
        if call is None:
            doing = "averaging the updates and measuring the model" if self._has_asked else "choosing who takes part"
            return head + doing, None
        self._has_asked = True
        n_arrived = sum(self._mailbox.calls.arrived(call).values())
        have = "has" if len(call.clients) == 1 else "have"
        answered = f"{n_arrived} of {counted(len(call.clients), 'client')} {have} answered"
        return head + answered + self._seconds_left(call.ends_at), call.ends_at

    def _seconds_left(self, ends_at: float | None) -> str:
        if ends_at is None:
            return ""
        return f"; waiting {max(0, round(ends_at - self._mailbox.now()))} s more"

    def _set(self, phase: str, say: str, ends_at: float | None = None, window_s: float | None = None) -> None:
        with self._lock:
            self._phase, self._say, self._ends_at, self._window_s = phase, say, ends_at, window_s

    # ---- figures --------------------------------------------------------------------------------------

    def _count(self, record: RoundRecord) -> None:
        if record.round <= len(self._accuracy):
            return  # counted already: the noticeboard was filled anew at the same moment
        share_down = record.bytes_down // max(1, len(record.selected))
        self._accuracy.append(record.server_accuracy)
        self._bytes_up += record.bytes_up
        self._bytes_down += record.bytes_down
        for client in record.selected:
            before = self._figures.get(client, {})
            now = record.clients.get(client, {})
            self._figures[client] = {
                "accuracy": now.get("accuracy", before.get("accuracy")),
                "bytes_up": before.get("bytes_up", 0) + int(now.get("bytes_up", 0)),
                "bytes_down": before.get("bytes_down", 0) + share_down,
                "rounds": before.get("rounds", 0) + (client in record.clients),
                "used": record.round if client in record.clients else before.get("used", 0),
                "detail": record.lost.get(client, ""),
            }

    def _figures_of(self, clients: Sequence[str]) -> dict[str, dict[str, Any]]:
        return {client: dict(self._figures[client]) for client in clients}


def counted(n: int, noun: str) -> str:
    """Return "1 client", "3 clients"."""
    return f"{n} {noun}{'' if n == 1 else 's'}"
