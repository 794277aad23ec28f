"""How good is the global model? Judged on the server's own test examples."""

import numpy as np

from fedteach import checks
from fedteach.data import Examples
from fedteach.engine import Never
from fedteach.engine_pool import EnginePool
from fedteach.messages import Weights
from fedteach.randomness import rng_for


class Evaluator:
    """Measures weights on a fixed test subset, the same in every round, or on all test examples.

    Args:
        pool: the engines that do the work.
        test: the test examples, or None: then nothing is measured.
        n_examples: size of the subset, >= 1; drawn without replacement, all if there are fewer.
        seed: which examples are in the subset follows from it.
        stop: asked between batches; True gives the work up with `engine.Stopped`.
    """

    def __init__(self, pool: EnginePool, test: Examples | None, n_examples: int, seed: int, stop: Never):
        self._pool, self._test, self._stop = pool, test, stop
        checks.whole("test_examples", n_examples, least=1)
        if test is not None:
            if not len(test):
                raise ValueError("test: expected at least one example, got none; leave test away to measure nothing")
            pool.check_examples(test.x, test.y, "test")
            n = min(n_examples, len(test))
            rows = np.sort(rng_for(seed, "test subset").choice(len(test), n, replace=False))
            self._x, self._y = test.x[rows], test.y[rows]

    @property
    def measures(self) -> bool:
        """Whether there is anything to measure on."""
        return self._test is not None

    def on_subset(self, weights: Weights) -> dict[str, float]:
        """Return `accuracy` (0 to 1) and `loss` (mean cross-entropy) on the subset; empty without test examples."""
        if self._test is None:
            return {}
        return self._pool.evaluate(weights, self._x, self._y, self._stop)

    def on_all(self, weights: Weights) -> dict[str, float]:
        """Return `full_accuracy` and `full_loss` on all test examples; empty without test examples."""
        if self._test is None:
            return {}
        figures = self._pool.evaluate(weights, self._test.x, self._test.y, self._stop)
        return {f"full_{name}": value for name, value in figures.items()}
