"""Where a client of a class does its work: its examples, its model, and the last things that it made."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fedteach.client import LocalUpdate, StepError
from fedteach.engine import Stopped
from fedteach.experiment import Experiment
from fedteach.messages import Lost, Task, Update
from fedteach.transport.envelope import reply_to_bytes
from fedteach.transport.in_process import lost_because


@dataclass(frozen=True)
class Made:
    """What came of a task.

    Attributes:
        task: the task's id: the same for the same work.
        reply: what to send, packed.
        seconds: of training or measuring.
        train_loss: mean loss while training, if it was measured.
        failure: why there is no update; "" if there is one.
        error: what the student's own step raised, if it did.
    """

    task: str
    reply: bytes
    seconds: float
    train_loss: float | None = None
    failure: str = ""
    error: StepError | None = None


class Workbench:
    """Does tasks, none of them twice.

    Args:
        experiment: says which examples and which model.
        client: id of the client whose examples these are.
        local_update: step 3 of one's own.

    Raises:
        DataError: if the examples are not on this computer.
        ValueError: if there is no such client, or the model does not take the examples.
    """

    def __init__(self, experiment: Experiment, client: str, local_update: LocalUpdate | None = None):
        self._client = experiment.client(client)
        self._pool = experiment.replace(workers=1).pool()
        self._pool.check_examples(*self._client.arrays, f"client {client}")
        self._local_update = local_update
        # One for each kind: a server that came back may ask for both once more, to choose and then to train.
        self._last: dict[str, Made] = {}

    @property
    def n_examples(self) -> int:
        """Number of training examples that the client holds."""
        return self._client.info.n_examples

    def made(self, task: str) -> Made | None:
        """Return what came of a task, if it was the last one of its kind."""
        return next((made for made in self._last.values() if made.task == task), None)

    def do(self, id: str, task: Task, used: int, given_up: Callable[[], bool]) -> Made:
        """Train or measure, and pack the reply.

        Args:
            id: what the task is known by.
            task: what to do.
            used: the last round in which this client's update was used: what a later one left in memory is undone.
            given_up: asked now and then; True gives the work up.

        Raises:
            Stopped: if it was given up.
        """
        if task.kind == "fit":
            self._client.settle(used)
        began = time.monotonic()
        reply, error = self._answer(task, given_up)
        seconds = time.monotonic() - began
        try:
            packed = reply_to_bytes(reply, task.kind, task.reply_codec)
        except ValueError as cannot:  # the codec carries no NaN, for example
            self._client.forget(task.round)
            reply = lost_because(task, cannot)
            packed = reply_to_bytes(reply, task.kind, task.reply_codec)
        if isinstance(reply, Lost):
            made = Made(id, packed, seconds, failure=reply.reason, error=error)
        else:
            made = Made(id, packed, seconds, reply.metrics.get("train_loss"))
        self._last[task.kind] = made
        return made

    def refused(self, made: Made, task: Task, reason: str) -> Made:
        """Note that the server does not want what was made; return the word to send instead, that there is nothing."""
        self._client.forget(task.round)
        packed = reply_to_bytes(Lost(task.client, task.round, reason), task.kind, task.reply_codec)
        refused = self._last[task.kind] = Made(made.task, packed, made.seconds, failure=reason)
        return refused

    def _answer(self, task: Task, given_up: Callable[[], bool]) -> tuple[Update | Lost, StepError | None]:
        how: dict[str, Any] = {"local_update": self._local_update, "stop": given_up}
        how["own_start"] = self._pool.initial_weights_for
        try:
            weights = task.codec.decode(task.message)
            (update,) = self._pool.map(lambda engine, one: self._client.work(one, weights, engine, **how), [task])
            return update, None
        except Stopped:
            self._client.forget(task.round)
            raise
        except Exception as error:  # whatever breaks here, the server is told, and the round goes on
            self._client.forget(task.round)
            return lost_because(task, error), error if isinstance(error, StepError) else None
