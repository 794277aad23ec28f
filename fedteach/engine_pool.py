"""Replicas of one model, so that several clients train at once in the threads of one process."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

import numpy as np

from fedteach import checks, models
from fedteach.engine import EVALUATION_BATCH, Engine, Never, Stopped
from fedteach.messages import Weights
from fedteach.threads import Threads, available_cores, settle

Item = TypeVar("Item")
Result = TypeVar("Result")


class EnginePool:
    """Replicas of one model, so that several clients can train at once in threads.

    A replica is a model and its compiled loops; results do not depend on which replica did the work, nor
    on how many there are.

    Args:
        make: builds the model; `models.builder(name, shape, n_classes)` or a function of your own.
        seed: seed of the initial weights.
        workers: number of replicas and threads; None takes one for each core this process may use, 4 at most.
        precision: "float32", or "mixed_bfloat16" (faster on processors that know it, a little less exact).
        threads: "one": TensorFlow uses one thread inside an operation, which makes a run repeat bit for bit
            and is the fastest with several clients; "all": as TensorFlow likes, for one client on a big machine.
    """

    def __init__(
        self,
        make: models.Builder,
        *,
        seed: int = 0,
        workers: int | None = None,
        precision: str = "float32",
        threads: Threads = "one",
    ):
        settle(threads)
        self.workers = (
            min(4, available_cores()) if workers is None else checks.whole("workers", workers, least=1, most=64)
        )
        self._make, self._seed, self._precision = make, seed, precision
        first = Engine(models.build(make, seed, precision))
        self.initial_weights = first.weights
        self._built = [first]
        self._free: SimpleQueue[Engine] = SimpleQueue()
        self._free.put(first)
        self._building = threading.Lock()
        self._threads = ThreadPoolExecutor(self.workers, thread_name_prefix="fedteach-client")

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one example as the model takes it."""
        return tuple(self._built[0].model.inputs[0].shape[1:])

    @property
    def n_classes(self) -> int:
        """Number of classes that the model can answer."""
        return int(self._built[0].model.outputs[0].shape[-1])

    @property
    def engines(self) -> list[Engine]:
        """The replicas built so far; more are built when they are needed."""
        return list(self._built)

    def initial_weights_for(self, seed: int) -> Weights:
        """Return the weights that the model would start with under another seed."""
        with self._building:
            return Engine(models.build(self._make, seed, self._precision)).weights

    def map(
        self,
        work: Callable[[Engine, Item], Result],
        items: Iterable[Item],
        abandon: Callable[[], None] = lambda: None,
    ) -> Generator[Result]:
        """Do `work(engine, item)` for each item in parallel; yield the results in the order of the items.

        At most one result more than there are workers waits to be taken, so memory does not grow with the
        number of items. Closing the iterator, or an error or interrupt in it, drops what has not begun, calls
        `abandon` so that what has begun can give up, and waits for that.
        """
        running: deque[Future[Result]] = deque()
        items = iter(items)
        try:
            for item in items:
                running.append(self._threads.submit(self._with_engine, work, item))
                if len(running) > self.workers:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            abandon()
            for future in running:
                future.cancel()
            for future in running:
                if not future.cancelled():
                    future.exception()  # waits

    def evaluate(self, weights: Weights, x: np.ndarray, y: np.ndarray, stop: Never = lambda: False) -> dict[str, float]:
        """Return accuracy (0 to 1) and mean cross-entropy of the weights on examples.

        Args:
            weights: the weights to judge.
            x: examples, float32, shape (n, ...), n >= 1.
            y: class numbers, int32, shape (n,).
            stop: True gives the work up.

        Raises:
            Stopped: if `stop` said so.
        """

        def score(engine: Engine, first: int) -> tuple[int, float]:
            if stop():
                raise Stopped
            engine.load(weights)
            return engine.score(x[first : first + EVALUATION_BATCH], y[first : first + EVALUATION_BATCH])

        right, loss = 0, 0.0
        for part_right, part_loss in self.map(score, range(0, len(x), EVALUATION_BATCH)):
            right, loss = right + part_right, loss + part_loss
        return {"accuracy": right / len(x), "loss": loss / len(x)}

    def check_examples(self, x: np.ndarray, y: np.ndarray, whose: str) -> None:
        """Refuse examples that the model cannot take.

        Args:
            x: examples; their shape must be the model's input.
            y: class numbers; whole numbers from 0 to the model's last class.
            whose: whom to name in the message.

        Raises:
            ValueError: if shape or labels do not fit; says which.
        """
        if tuple(np.shape(x)[1:]) != self.input_shape:
            shape = tuple(np.shape(x)[1:])
            raise ValueError(f"{whose}: the model takes examples of shape {self.input_shape}, got {shape}")
        y = np.asarray(y)
        if len(y) and (y.dtype.kind not in "iu" or y.ndim != 1 or y.min() < 0 or y.max() >= self.n_classes):
            span = f"{y.dtype} of shape {y.shape}, {y.min()} to {y.max()}"
            raise ValueError(f"{whose}: labels must be whole numbers from 0 to {self.n_classes - 1}, got {span}")

    def close(self) -> None:
        """End the threads; the pool cannot be used afterwards."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _with_engine(self, work: Callable[[Engine, Item], Result], item: Item) -> Result:
        engine = self._borrow()
        try:
            return work(engine, item)
        finally:
            self._free.put(engine)

    def _borrow(self) -> Engine:
        """Take a free replica; build one more if all are busy and there may be more."""
        with self._building:
            if self._free.empty() and len(self._built) < self.workers:
                engine = Engine(models.build(self._make, self._seed, self._precision))
                self._built.append(engine)
                return engine
        return self._free.get()
