"""A client: private examples, and what it does with them when the server asks."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from fedteach.engine import Engine, Never
from fedteach.messages import ClientInfo, Task, Update, Weights, weights_from_tensors, weights_to_tensors
from fedteach.randomness import int_seed_for, rng_for
from fedteach.steps.local_update import Plan, privatise

LocalUpdate = Callable[[Any, np.ndarray, np.ndarray, Plan, np.random.Generator], None]
"""A step 3 of one's own: `(model, x, y, plan, rng)` trains the Keras model in place, as `local_update.sgd` does."""

RowsOfRound = Callable[[int], np.ndarray]


class StepError(RuntimeError):
    """A step function that the user wrote failed; the original error is its cause."""


class Client:
    """One participant: holds examples that never leave it, and what it remembers between rounds.

    Args:
        id: the client's name, unique in its federation.
        x: examples, float32, shape (n, ...), values as the model expects them.
        y: class numbers, int, shape (n,).
        rows: which of the examples are this client's: an index array, or a function of the round number
            that returns one (for data that are drawn anew each round); None: all of them. Rows are
            gathered when they are needed, so thousands of clients can share one pair of arrays.
        own_accuracy: also measure the trained model on the client's own examples.
    """

    def __init__(
        self,
        id: str,
        x: np.ndarray,
        y: np.ndarray,
        rows: np.ndarray | RowsOfRound | None = None,
        *,
        own_accuracy: bool = False,
    ):
        if not isinstance(id, str):
            raise ValueError(f"a client's id must be text, got {id!r}; write {str(id)!r}")
        if len(x) != len(y):
            raise ValueError(f"client {id}: expected a label for each example, got {len(x)} examples, {len(y)} labels")
        self.id = id
        self._x, self._y, self._rows = x, y, rows
        self._own_accuracy = own_accuracy
        # What the client knew before round `_round`, and what it knows after it. A round that is given up
        # and repeated starts from the former again.
        self._before: Weights = []
        self._after: Weights = []
        self._round = 0

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """The arrays that the client's rows are taken from; many clients may share them."""
        return self._x, self._y

    @property
    def info(self) -> ClientInfo:
        """What the server may know: id and number of examples (in round 1, where they are drawn anew)."""
        return ClientInfo(self.id, n_examples=len(self._rows_of(1)) if self._rows is not None else len(self._x))

    def examples(self, round: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Return this client's (x, y) of a round."""
        if self._rows is None:
            return self._x, self._y
        rows = self._rows_of(round)
        return self._x[rows], self._y[rows]

    def work(self, task: Task, weights: Weights, engine: Engine, **how: Any) -> Update:
        """Do what the task asks for: `fit`, which takes the further arguments, or `evaluate`."""
        if task.kind == "evaluate":
            return self.evaluate(task, weights, engine)
        return self.fit(task, weights, engine, **how)

    def fit(
        self,
        task: Task,
        weights: Weights,
        engine: Engine,
        *,
        local_update: LocalUpdate | None = None,
        own_start: Callable[[int], Weights] | None = None,
        stop: Never = lambda: False,
    ) -> Update:
        """Train on the client's own examples and return the update.

        Args:
            task: the task, of kind "fit".
            weights: the task's message, decoded.
            engine: a free engine; the client leaves its model in any state.
            local_update: a training step of one's own instead of the compiled loop.
            own_start: gives the weights to start from for a seed; used when the plan says `own_start`.
            stop: True gives the work up.

        Raises:
            Stopped: if `stop` said so.
            StepError: if `local_update` failed.
            ValueError: if the client holds no examples in this round.
        """
        began = time.perf_counter()
        x, y = self.examples(task.round)
        if len(x) == 0:
            raise ValueError("holds no examples")
        rng = rng_for(task.seed, "fit", task.round, self.id)
        start = own_start(int_seed_for(task.seed, "own start", self.id)) if own_start and task.plan.own_start else None
        self._begin(task.round)
        if local_update is None:
            kept = self._before if task.plan.keep_momentum and self._before else None
            delta, loss, velocity = engine.fit(weights, x, y, task.plan, rng, start=start, velocity=kept, stop=stop)
            metrics = {"train_loss": loss}
            self._after = velocity if task.plan.keep_momentum else []
        else:
            delta = _run_own_step(local_update, engine, weights, start, x, y, task, rng)
            metrics = {}
        if self._own_accuracy:
            right, _ = engine.score(x, y)
            metrics["own_accuracy"] = right / len(x)
        delta = privatise(delta, task.plan, rng_for(task.seed, "noise", task.round, self.id))
        metrics["seconds"] = time.perf_counter() - began
        return Update(self.id, task.round, delta, len(x), metrics)

    def evaluate(self, task: Task, weights: Weights, engine: Engine) -> Update:
        """Judge the given weights on the client's own examples; the update carries `loss` and `accuracy` only."""
        x, y = self.examples(task.round)
        if len(x) == 0:
            raise ValueError("holds no examples")
        engine.load(weights)
        right, loss = engine.score(x, y)
        return Update(self.id, task.round, [], len(x), {"accuracy": right / len(x), "loss": loss / len(x)})

    # ---- what the client remembers --------------------------------------------------------------------

    def memory(self) -> dict[str, np.ndarray]:
        """Return what the client remembers between rounds (its momentum), as named tensors; may be empty."""
        return weights_to_tensors(self._after)

    def remember(self, memory: dict[str, np.ndarray], round: int) -> None:
        """Take back what `memory` returned after `round`."""
        self._after, self._before, self._round = weights_from_tensors(memory), [], round

    def forget(self, round: int) -> None:
        """Undo what `round` left in memory: its update was never used."""
        if self._round == round:
            self._after, self._round = self._before, 0

    def settle(self, used: int) -> None:
        """Undo what the last round left in memory, unless that was `used`: the last round whose update was."""
        if self._round > used:
            self.forget(self._round)

    def _begin(self, round: int) -> None:
        if round != self._round:
            self._before, self._round = self._after, round

    def _rows_of(self, round: int) -> np.ndarray:
        return self._rows(round) if callable(self._rows) else np.asarray(self._rows)


def _run_own_step(
    step: LocalUpdate,
    engine: Engine,
    weights: Weights,
    start: Weights | None,
    x: np.ndarray,
    y: np.ndarray,
    task: Task,
    rng: np.random.Generator,
) -> Weights:
    """Call a user's local update on the engine's Keras model and return what it changed."""
    engine.load(weights if start is None else start)
    engine.seed_dropout(rng)
    try:
        step(engine.model, x, y, task.plan, rng)
    except Exception as error:
        name = getattr(step, "__name__", "local_update")
        raise StepError(
            f"{name} failed on client {task.client} in round {task.round}: {type(error).__name__}: {error}"
        ) from error
    return [after - before for after, before in zip(engine.weights, weights, strict=True)]
