"""The transport of a federation whose clients come to a mailbox for their tasks."""

import hashlib
import json
import math
import secrets
import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import TypeVar

import numpy as np

from fedteach import checks
from fedteach.engine import Stopped
from fedteach.messages import ClientInfo, Lost, MessageError, Task, Update, tensors_to_bytes
from fedteach.steps import broadcast
from fedteach.transport.base import Memories, TransportError
from fedteach.transport.envelope import Limits, reply_from_bytes
from fedteach.transport.http.calls import Call
from fedteach.transport.http.mailbox import Mailbox
from fedteach.transport.http.store import StoreDown

Result = TypeVar("Result")

# A ring can get lost while the store is away, and nobody rings when a client falls silent: look by yourself too.
_LOOK_EVERY_S = 0.25
# A reply is the encoded delta and a little about it; what is much larger is not one.
_ROOM_FOR_THE_REST = 64 * 1024


class MailboxTransport:
    """Reaches clients over a network, through a mailbox; the same federation as in one process, bit for bit.

    Args:
        mailbox: where tasks are put and updates are found.
        most_examples: largest number of examples that a client may claim to have trained on.
        update_ratio: share of the asked clients whose answers end a round, above 0 and at most 1; rounded up.
        stop: ends the waiting for a store that is away.

    What clients remember between rounds (momentum) stays with them: it is neither saved with a run nor restored.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        *,
        most_examples: int,
        update_ratio: float = 1.0,
        stop: threading.Event | None = None,
    ):
        self._mailbox, self._stop = mailbox, stop
        self._most_examples = checks.whole("most_examples", most_examples, least=1)
        self._update_ratio = checks.number(
            "update_ratio", update_ratio, least=0, most=1, open_left=True, hint="0.8 waits for four of five"
        )
        self._open: tuple[Call, bytes, dict[str, bytes]] | None = None

    def roster(self) -> Sequence[str]:
        """Return the ids of all places, taken or not."""
        return self._mailbox.members.roster

    def clients(self) -> Sequence[ClientInfo]:
        """Return who has joined, is ready and was heard of lately, in the order of the places.

        Raises:
            Stopped: if `stop` was set while the store is away.
        """
        infos = [member.info for member in patiently(self._mailbox.present, self._stop)]
        # Who boasts of more than it can have must not be chosen more often for it.
        return [replace(info, n_examples=min(info.n_examples, self._most_examples)) for info in infos]

    def exchange(
        self,
        tasks: Sequence[Task],
        deadline_s: float | None = None,
        stop: threading.Event | None = None,
        enough: int | None = None,
    ) -> Generator[Update | Lost]:
        """Put the tasks into the mailbox; yield what comes back, in the order of the tasks, as soon as it may be.

        A client is lost when the deadline has passed, when it was not heard of any more, or when enough others had
        answered.

        Raises:
            Stopped: if `stop` was set.
            TransportError: if a task cannot be sent over a network.
        """
        if not tasks:
            return
        call = self._call(tasks, deadline_s)
        extras = {task.client: tensors_to_bytes(task.extra, {}) for task in tasks if task.extra}
        needed = min(enough or len(tasks), math.ceil(len(tasks) * self._update_ratio - 1e-9))
        limits = Limits(self._most_examples, call.reply_codecs)
        bell = threading.Event()
        end_listening = self._mailbox.listen(lambda topic: bell.set() if topic in ("reply", "places", "") else None)
        try:
            self._open = (call, tasks[0].message, extras)
            patiently(lambda: self._mailbox.calls.open(call, tasks[0].message, extras), stop)
            for task in tasks:
                yield self._await(task, call, needed, limits, deadline_s, stop, bell)
        finally:
            self._open = None
            end_listening()
            with suppress(StoreDown):  # a reply to a call that nobody closed is refused by its id
                self._mailbox.calls.close(call)

    def put_back(self) -> None:
        """Ask the open question again, after the store came back with nothing in it."""
        if self._open is not None:
            self._mailbox.calls.open(*self._open)

    def forget(self, clients: Iterable[str], round: int) -> None:
        """Do nothing: with its next task each client is told which of its updates was used last."""

    def memories(self, clients: Iterable[str]) -> Memories:
        """Return nothing: what clients remember stays with them."""
        return {}

    def restore(self, memories: Memories, round: int) -> None:
        """Do nothing: clients have kept what they remember."""

    # ---- one exchange ---------------------------------------------------------------------------------

    def _call(self, tasks: Sequence[Task], deadline_s: float | None) -> Call:
        first = tasks[0]
        if any(task.message is not first.message for task in tasks):
            raise TransportError("all clients of a round must be sent the same weights")
        for name in (first.codec.name, first.reply_codec.name):
            _check_named(name)
        weights = first.codec.decode(first.message)
        plan = None if first.plan is None else asdict(first.plan)
        work = [first.round, first.kind, plan, first.seed, first.reply_codec.name]
        fingerprint = hashlib.sha256(json.dumps(work, sort_keys=True).encode() + first.message).hexdigest()
        largest = len(first.reply_codec.encode([np.zeros_like(w) for w in weights]))
        plain = sum(w.nbytes for w in weights)
        return Call(
            id=f"{first.round}-{first.kind}-{secrets.token_hex(8)}",
            task=fingerprint,
            round=first.round,
            kind=first.kind,
            clients=tuple(task.client for task in tasks),
            codec=first.codec.name,
            reply_codecs=tuple(dict.fromkeys([first.reply_codec.name, "float32"])),
            plan=plan,
            seed=first.seed,
            shapes=tuple(w.shape for w in weights),
            most_examples=self._most_examples,
            most_bytes=max(largest, plain) + _ROOM_FOR_THE_REST + sum(_size(task) for task in tasks[:1]),
            ends_at=None if deadline_s is None else self._mailbox.now() + deadline_s,
            extras=tuple(task.client for task in tasks if task.extra),
        )

    def _await(
        self,
        task: Task,
        call: Call,
        needed: int,
        limits: Limits,
        deadline_s: float | None,
        stop: threading.Event | None,
        bell: threading.Event,
    ) -> Update | Lost:
        looked = float("-inf")
        while True:
            bell.clear()
            if stop is not None and stop.is_set():
                raise Stopped
            with suppress(StoreDown):  # without it nothing can be known or told: it must come back first
                reply = self._mailbox.calls.take(call, task.client)
                if reply is not None:
                    self._mailbox.calls.taken(call, task.client)
                    return _opened(reply, task, limits)
                if needed < len(call.clients) or time.monotonic() > looked + _LOOK_EVERY_S:
                    looked = time.monotonic()
                    reason = self._why_not_wait(task, call, needed, deadline_s)
                    if reason:
                        self._mailbox.calls.miss(call, task.client, reason)
                        # One that came in between is still there, and counts.
                        reply = self._mailbox.calls.take(call, task.client)
                        return Lost(task.client, task.round, reason) if reply is None else _opened(reply, task, limits)
            bell.wait(_LOOK_EVERY_S)

    def _why_not_wait(self, task: Task, call: Call, needed: int, deadline_s: float | None) -> str:
        if call.ends_at is not None and self._mailbox.now() > call.ends_at:
            return f"late: had not answered after {deadline_s:g} s"
        self._mailbox.check_filled()
        if not self._mailbox.members.is_here(task.client):
            member = self._mailbox.members.get(task.client)
            return "left" if member is not None and member.left else "gone: it was not heard of any more"
        if needed < len(call.clients) and sum(self._mailbox.calls.arrived(call).values()) >= needed:
            return f"not needed: {needed} had answered"
        return ""


def patiently(work: Callable[[], Result], stop: threading.Event | None = None) -> Result:
    """Do something with the mailbox; while its store is away, try again.

    Raises:
        Stopped: if `stop` was set meanwhile.
    """
    while True:
        try:
            return work()
        except StoreDown:
            if stop is not None and stop.is_set():
                raise Stopped from None
            time.sleep(_LOOK_EVERY_S)


def _opened(reply: bytes, task: Task, limits: Limits) -> Update | Lost:
    """Read a reply; the web app has held it against the call already, so what is wrong with it now is our mistake."""
    try:
        return reply_from_bytes(reply, task.client, limits)[0]
    except (MessageError, ValueError) as error:
        return Lost(task.client, task.round, f"update refused: {error}")


def _check_named(codec: str) -> None:
    try:
        broadcast.codec(codec)
    except ValueError as error:
        raise TransportError(
            f"the codec {codec!r} cannot be used over a network: only its name travels, and the other side must know "
            f"it; take one of {', '.join(broadcast.CODECS)}"
        ) from error


def _size(task: Task) -> int:
    return sum(array.nbytes for array in task.extra.values())
