"""Clients in this very process: the fastest way, and the one that lessons start with."""

import threading
import time
from collections import Counter
from collections.abc import Generator, Iterable, Sequence

from fedteach.client import Client, LocalUpdate, StepError
from fedteach.engine import Engine, Never, Stopped
from fedteach.engine_pool import EnginePool
from fedteach.messages import ClientInfo, Lost, Task, Update, Weights
from fedteach.transport.base import Memories


class InProcess:
    """Runs clients in threads of this process, each with a replica of the model.

    Every update still goes through its codec, to bytes and back, so that what a codec loses is lost here
    too and the same federation over a network gives the same numbers.

    Args:
        clients: the clients; ids must differ.
        pool: the engines that do the work.
        local_update: a training step of one's own for all clients, `(model, x, y, plan, rng)`.
    """

    def __init__(self, clients: Sequence[Client], pool: EnginePool, local_update: LocalUpdate | None = None):
        self._clients = {client.id: client for client in clients}
        twice = [id for id, times in Counter(client.id for client in clients).items() if times > 1]
        if twice:
            raise ValueError(f"each client needs an id of its own, but {twice[0]!r} is there more than once")
        _check_arrays(clients, pool)
        self._infos = [client.info for client in clients]
        self._pool = pool
        self._local_update = local_update
        self._message: tuple[bytes, Weights] = (b"", [])
        self._decoding = threading.Lock()

    def roster(self) -> Sequence[str]:
        """Return the ids of all clients, in the order they were given."""
        return [info.id for info in self._infos]

    def clients(self) -> Sequence[ClientInfo]:
        """Return all clients, in the order they were given."""
        return self._infos

    def exchange(
        self,
        tasks: Sequence[Task],
        deadline_s: float | None = None,
        stop: threading.Event | None = None,
        enough: int | None = None,
    ) -> Generator[Update | Lost]:
        """Train the tasks' clients in parallel; yield updates in the order of the tasks.

        `enough` is not needed here: whoever takes the replies closes the iterator, and what has not begun never does.

        Raises:
            Stopped: if `stop` was set.
            StepError: if the user's own `local_update` failed.
        """
        ends = None if deadline_s is None else time.monotonic() + deadline_s
        closed = threading.Event()  # nobody takes the replies any more: stopped, interrupted, or enough had answered
        yielded: set[str] = set()

        def given_up() -> bool:
            called_off = closed.is_set() or (stop is not None and stop.is_set())
            return called_off or (ends is not None and time.monotonic() > ends)

        def work(engine: Engine, task: Task) -> Update | Lost:
            try:
                reply = self._answer(task, engine, given_up)
                if ends is None or time.monotonic() <= ends:
                    return reply
            except Stopped:
                if ends is None or time.monotonic() <= ends:
                    raise
            self._clients[task.client].forget(task.round)
            return Lost(task.client, task.round, f"late: had not answered after {deadline_s:g} s")

        replies = self._pool.map(work, tasks, abandon=closed.set)
        try:
            for reply in replies:
                yielded.add(reply.client)
                yield reply
        finally:
            replies.close()
            self.forget((task.client for task in tasks if task.client not in yielded), tasks[0].round if tasks else 0)

    def forget(self, clients: Iterable[str], round: int) -> None:
        """Let clients undo what a round left in their memory."""
        for id in clients:
            self._clients[id].forget(round)

    def memories(self, clients: Iterable[str]) -> Memories:
        """Return what these clients remember between rounds; those without memory are left out."""
        found = {id: self._clients[id].memory() for id in clients}
        return {id: memory for id, memory in found.items() if memory}

    def restore(self, memories: Memories, round: int) -> None:
        """Give clients back what they remembered after `round`."""
        for id, memory in memories.items():
            self._clients[id].remember(dict(memory), round)

    def _answer(self, task: Task, engine: Engine, given_up: Never) -> Update | Lost:
        client = self._clients[task.client]
        weights = self._decoded(task)
        if given_up():
            raise Stopped
        try:
            update = client.work(
                task,
                weights,
                engine,
                local_update=self._local_update,
                own_start=self._pool.initial_weights_for,
                stop=given_up,
            )
            return _through_codec(update, task)
        except (Stopped, StepError):
            raise
        except Exception as error:  # whatever breaks a client, the round goes on without it
            client.forget(task.round)
            return lost_because(task, error)

    def _decoded(self, task: Task) -> Weights:
        """Decode the round's message once for all its clients."""
        with self._decoding:
            if self._message[0] is not task.message:
                weights = task.codec.decode(task.message)
                for array in weights:
                    array.flags.writeable = False
                self._message = (task.message, weights)
            return self._message[1]


def _check_arrays(clients: Sequence[Client], pool: EnginePool) -> None:
    """Hold the clients' examples against the model at the door, each shared pair of arrays once."""
    seen: set[tuple[int, int]] = set()
    for client in clients:
        x, y = client.arrays
        if (id(x), id(y)) not in seen:
            seen.add((id(x), id(y)))
            pool.check_examples(x, y, f"client {client.id}")


def lost_because(task: Task, error: Exception) -> Lost:
    """Return what a client that failed is for its federation: lost, with the reason in one line."""
    first_line = str(error).partition("\n")[0]  # TensorFlow adds a page about its graph
    return Lost(task.client, task.round, f"{type(error).__name__}: {first_line}")


def _through_codec(update: Update, task: Task) -> Update:
    if task.kind == "evaluate":
        return update  # only figures travel
    message = task.reply_codec.encode(update.delta)
    delta = task.reply_codec.decode(message)
    return Update(update.client, update.round, delta, update.n_examples, update.metrics, update.extra, len(message))
