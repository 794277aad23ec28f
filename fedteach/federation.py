"""The loop: five steps, round after round, and nothing else."""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import Any

from fedteach import checks, parts
from fedteach.client import Client, LocalUpdate
from fedteach.data import Examples
from fedteach.engine import Stopped
from fedteach.engine_pool import EnginePool
from fedteach.evaluation import Evaluator
from fedteach.history import History, RoundRecord
from fedteach.messages import ClientInfo, Codec, Task, Update, Weights
from fedteach.models import Builder
from fedteach.randomness import rng_for
from fedteach.run_folder import Checkpoint, ResumeError, RunFolder, SaveError
from fedteach.steps import aggregation, selection
from fedteach.steps.local_update import Plan
from fedteach.tally import Event, Tally
from fedteach.transport.base import Transport

Aggregate = Callable[[Iterable[Update]], Weights]

MAY_CHANGE = ("rounds", "workers")
"""Settings that a resumed run may have otherwise than before: no result depends on them."""


class Federation:
    """A global model and the clients that train it together, in rounds of five steps.

    Args:
        clients: `Client`s of this process, or a `Transport` that reaches clients elsewhere.
        model: a model's name, a function that builds a Keras model, or an `EnginePool` (which also says how
            many clients train at once, and at which precision).
        test: the server's test examples; without them nothing is measured on the server.
        select: step 1, `(clients, rng) -> clients`; None takes everybody.
        broadcast: step 2 downwards, a `Codec`; None sends float32.
        upload: step 2 upwards, a `Codec`; None sends float32.
        local_update: step 3, `(model, x, y, plan, rng)` trains in place; None takes the compiled loop.
            With a transport, give it to the transport instead.
        aggregate: step 4, `updates -> mean delta`.
        global_update: step 5, a `ServerOptimizer` or a function `(weights, delta) -> weights`; None adds.
        plan: what clients do with their examples.
        seed: the same seed gives the same run, bit for bit.
        common_init: False lets every client start round 1 from random weights of its own.
        deadline_s: seconds a round waits for its clients; None waits as long as it takes.
        test_examples: size of the fixed, seeded test subset that every round is judged on.
        client_accuracy: also judge each client's model on that subset.
        out: folder for log and checkpoints, or None to keep nothing.
        resume: folder of an earlier run to go on with, in that folder.
        stop: set it, and the run ends within a second, after the last complete round.
        on_event: called with each `Event`, in the running thread.
        settings: how the run was set up, for the log.

    Raises:
        ValueError: if an argument is out of range or the parts do not fit together.
        SaveError: if `out` cannot be written.
        ResumeError: if `resume` holds no usable run, or one of another model, seed or set of clients.
    """

    def __init__(
        self,
        clients: Iterable[Client] | Transport,
        model: str | Builder | EnginePool,
        *,
        test: Examples | None = None,
        select: selection.SelectionStep | None = None,
        broadcast: Codec | None = None,
        upload: Codec | None = None,
        local_update: LocalUpdate | None = None,
        aggregate: Aggregate = aggregation.weighted_mean,
        global_update: parts.GlobalUpdate | None = None,
        plan: Plan | None = None,
        seed: int = 0,
        common_init: bool = True,
        deadline_s: float | None = None,
        test_examples: int = 1000,
        client_accuracy: bool = True,
        out: str | Path | None = None,
        resume: str | Path | None = None,
        stop: threading.Event | None = None,
        on_event: Callable[[Event], None] = lambda event: None,
        settings: Mapping[str, Any] | None = None,
    ):
        self._seed = checks.whole("seed", seed)
        if deadline_s is not None:
            checks.number("deadline_s", deadline_s, least=0, open_left=True, hint="None waits as long as it takes")
        self.stop = stop or threading.Event()
        theirs = list(clients) if isinstance(clients, Iterable) else clients
        self._pool = parts.pool_of(model, theirs, test, self._seed)
        self._transport = parts.transport_of(theirs, self._pool, local_update)
        self._select = select or selection.fraction(1.0)
        self._codec, self._reply_codec = parts.codec_of(broadcast), parts.codec_of(upload)
        self._aggregate = aggregate
        self._global_update = parts.server_optimizer_of(global_update)
        self._plan, self._common_init = Plan() if plan is None else plan, common_init
        functions = {"select": self._select, "aggregate": aggregate, "on_event": on_event}
        parts.check_kinds(self._plan, (self._codec, self._reply_codec), functions)
        self._deadline_s = deadline_s
        self._evaluator = Evaluator(self._pool, test, test_examples, self._seed, self.stop.is_set)
        self._client_accuracy = client_accuracy
        self._notify = on_event
        self.weights = self._pool.initial_weights
        self._server_state = self._global_update.init(self.weights)
        self.history = History(self._transport.roster(), {**self._own_settings(), **(settings or {})})
        self.folder = self._open_folder(out, resume)

    def run(self, rounds: int) -> History:
        """Run this many further rounds, or fewer if `stop` is set; return the whole history.

        Raises:
            StepError: if a step function failed or returned what cannot be used; says which and why.
            SaveError: if the run could not be written; the rounds before are safe.
        """
        for _ in self.rounds(rounds):
            pass
        return self.history

    def rounds(self, n: int) -> Generator[RoundRecord]:
        """Run n further rounds and yield the record of each as it ends; see `run`."""
        last = len(self.history) + checks.whole("rounds", n, least=1)
        with self._saved_at_the_end():
            while len(self.history) < last and not self.stop.is_set():
                yield self._run_round(len(self.history) + 1, last)

    def _run_round(self, number: int, last: int) -> RoundRecord:
        """Choose clients, send the weights, let them train, average their updates, move the model."""
        tally = Tally(number, self._notify)
        with tally.timed("broadcast"):
            message = self._codec.encode(self.weights)

        # 1. client selection
        with tally.timed("select"), parts.blame(self._select, number):
            cohort = self._choose(number, message, tally)

        # 2. broadcast: the same message for all of them
        tasks = [self._fit_task(client, number, message) for client in self._in_order(cohort, number)]
        tally.selected(cohort.clients, len(message))

        # 3. local update, by the clients, and 4. aggregation, as their updates arrive
        with tally.timed("clients"):
            with closing(self._transport.exchange(tasks, self._deadline_s, self.stop, cohort.enough)) as replies:
                updates = tally.usable(replies, self.weights, cohort.enough, self._judge_of(message))
                delta = self._mean_of(updates, tally)
            self._transport.forget(tally.lost, number)

        # 5. global update
        weights, state = self.weights, self._server_state
        if delta is not None:
            with tally.timed("global_update"), parts.blame(self._global_update, number):
                weights, state = self._global_update.apply(weights, delta, state)
                weights = parts.usable(weights, self.weights, "new weights")

        return self._complete(tally, weights, state, is_last=number == last)

    def _own_settings(self) -> dict[str, Any]:
        """Return what a resumed run must have in common with its beginning, as plain values."""
        return {
            "seed": self._seed,
            **{f"plan {name}": value for name, value in asdict(self._plan).items()},
            "codecs": [self._codec.name, self._reply_codec.name],
            "server optimizer": self._global_update.name,
        }

    # ---- the parts of a round -------------------------------------------------------------------------

    def _choose(self, number: int, message: bytes, tally: Tally) -> selection.Cohort:
        def losses(asked: Sequence[ClientInfo]) -> dict[str, float]:
            tally.bytes_down += len(message) * len(asked)
            tasks = [replace(self._fit_task(client, number, message), kind="evaluate", plan=None) for client in asked]
            replies = self._transport.exchange(tasks, self._deadline_s, self.stop)
            return {reply.client: reply.metrics["loss"] for reply in replies if isinstance(reply, Update)}

        rng = rng_for(self._seed, "select", number)
        return selection.run_selection(self._select, self._transport.clients(), rng, losses)

    def _in_order(self, cohort: selection.Cohort, number: int) -> Sequence[ClientInfo]:
        """Return the clients as they are asked: shuffled if not all are waited for, so that none is always last."""
        if cohort.enough is None:
            return cohort.clients
        order = rng_for(self._seed, "arrival", number).permutation(len(cohort.clients))
        return [cohort.clients[i] for i in order]

    def _fit_task(self, client: ClientInfo, number: int, message: bytes) -> Task:
        plan = replace(self._plan, own_start=True) if number == 1 and not self._common_init else self._plan
        return Task(client.id, number, "fit", message, self._codec, self._reply_codec, plan, self._seed)

    def _judge_of(self, message: bytes) -> Callable[[Update], Mapping[str, float]] | None:
        """Return what measures a client's model: the weights it was sent, plus its delta."""
        if not self._client_accuracy or not self._evaluator.measures:
            return None
        sent = self._codec.decode(message)
        return lambda update: self._evaluator.on_subset([w + d for w, d in zip(sent, update.delta, strict=True)])

    def _mean_of(self, updates: Iterator[Update], tally: Tally) -> Weights | None:
        """Aggregate the updates as they arrive; None, with a note, if there are none or too few."""
        first = next(updates, None)
        if first is None:
            tally.note = "no client answered, so the global model stayed as it was"
            return None
        arriving = chain([first], updates)
        with parts.blame(self._aggregate, tally.round):
            try:
                delta = self._aggregate(arriving)
            except aggregation.TooFewUpdates as error:
                tally.note = f"{error}; the global model stayed as it was"
                return None
            for _ in arriving:  # a rule that does not want all updates still sees the round to its end
                pass
            return parts.usable(delta, self.weights, "a delta")

    def _complete(self, tally: Tally, weights: Weights, state: dict[str, Weights], is_last: bool) -> RoundRecord:
        """Measure the new model, write the round, and only then make it the federation's own."""
        with tally.timed("evaluate"):
            server = self._evaluator.on_subset(weights)
            server |= self._evaluator.on_all(weights) if is_last else {}
        record = tally.record(server)
        if self.folder:
            memories = self._transport.memories(record.answered)
            self.folder.save_round(record, Checkpoint(record.round, weights, state, memories))
        self.weights, self._server_state = weights, state
        self.history.append(record)
        if self.folder:
            self.folder.save_log_now_and_then(self.history)
        self._notify(Event("round", record.round))
        return record

    @contextmanager
    def _saved_at_the_end(self) -> Iterator[None]:
        """Write the log however the rounds end; a round that was stopped is given up, and a resumed run repeats it."""
        if self.folder:
            self.folder.save_settings(self.history)
        try:
            yield
        except Stopped:
            pass
        except BaseException:
            with suppress(SaveError):  # the first trouble is the one to tell
                self.save_log()
            raise
        self.save_log()

    def save_log(self) -> None:
        """Write the final log, if anything is kept; the rounds do so at their end.

        Raises:
            SaveError: if it cannot be written.
        """
        if self.folder:
            self.folder.save_log(self.history, self.weights)

    @staticmethod
    def _fingerprint(history: History, weights: Weights) -> dict[str, Any]:
        shapes = [w.shape for w in weights]
        return {**history.settings, "clients' names": history.client_ids, "weight shapes": shapes}

    def _open_folder(self, out: str | Path | None, resume: str | Path | None) -> RunFolder | None:
        if resume is not None:
            if out is not None and Path(out) != Path(resume):
                raise ValueError(f"a resumed run goes on in its own folder, {resume}; leave out={out!s} away")
            return self._resume(RunFolder.find(resume))
        if out is None:
            return None
        folder = RunFolder(out)
        folder.start(self.history, Checkpoint(0, self.weights, self._server_state, {}))
        return folder

    def _resume(self, folder: RunFolder) -> RunFolder:
        history, checkpoint = folder.load()
        now = self._fingerprint(self.history, self.weights)
        then = {
            **history.settings,
            "clients' names": history.client_ids,
            "weight shapes": [w.shape for w in checkpoint.weights],
        }
        for name in now:
            if name not in MAY_CHANGE and now[name] != then.get(name):
                raise ResumeError(f"the run in {folder.out} had other {name}: {then.get(name)}, not {now[name]}")
        history.settings |= {name: now[name] for name in MAY_CHANGE if name in now}
        self.history, self.weights, self._server_state = history, checkpoint.weights, dict(checkpoint.server_state)
        self._transport.restore(checkpoint.memories, checkpoint.round)
        return folder
