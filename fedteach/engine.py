"""The compiled training loop that all clients of one process share.

Building and compiling a Keras model costs a second; training a small client costs a millisecond. So
there is one model and one compiled loop, and only weights move: in at the start of a client's turn, out
at its end. The arithmetic is that of `steps.local_update`, batch for batch.
"""

import math
import time
import weakref
from collections.abc import Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from fedteach.messages import Weights
from fedteach.quiet import tensorflow as tf
from fedteach.steps import local_update
from fedteach.steps.local_update import Plan

if TYPE_CHECKING:
    import keras

Never = Callable[[], bool]

# A running loop is left to look for "stop" about this often; far below the promised second.
_LOOK_EVERY_S = 0.2
# Nothing is known of a client's pace before its first piece: begin with about this many examples.
_FIRST_EXAMPLES = 128
# Test examples in one forward pass. Fixed, so that sums do not depend on how work is spread.
EVALUATION_BATCH = 250


# Models that an engine has made its own: two engines on one model would overwrite each other's weights.
_taken: "weakref.WeakSet[keras.Model]" = weakref.WeakSet()


class Stopped(Exception):
    """The work was given up because it was asked to stop or ran past its deadline."""


class Engine:
    """One Keras model with its compiled loops. Not for two threads at once; see `EnginePool`.

    Args:
        model: the model, as `models.build` made it; from now on the engine's own.
    """

    def __init__(self, model: "keras.Model"):
        self.model = model
        if model in _taken:
            raise ValueError(
                "the model's builder returned a model that is in use already; it must build a new one each time, as in "
                "`def build(): return keras.Sequential([...])`"
            )
        _taken.add(model)
        self._variables = [variable.value for variable in model.weights]
        self._trainable = [variable.value for variable in model.trainable_variables]
        self._trainable_places = [_place(variable, self._variables) for variable in self._trainable]
        self._dropout_seeds = _dropout_seeds(model)
        self._velocity = [tf.Variable(tf.zeros_like(v), trainable=False) for v in self._trainable]
        self._loops: dict[tuple[bool, bool], Any] = {}
        weights = [tf.TensorSpec(v.shape, tf.float32) for v in self._variables]
        load = tf.function(self._load_graph, input_signature=weights, autograph=False)
        self._load = load.get_concrete_function()
        score = tf.function(self._score_graph, input_signature=self._examples_signature(), autograph=False)
        self._score = score.get_concrete_function()
        self._broadcast: tuple[Weights | None, list[Any]] = (None, [])

    @property
    def weights(self) -> Weights:
        """The model's weights now, as float32 copies in model order."""
        return [variable.numpy() for variable in self._variables]

    def load(self, weights: Weights) -> None:
        """Put weights into the model."""
        self._load(*self._tensors_of(weights))

    def _tensors_of(self, weights: Weights) -> list[Any]:
        """Return weights as tensors; all clients of a round get the same list object, which is turned once."""
        known, tensors = self._broadcast
        if known is not weights:
            tensors = [tf.constant(w, tf.float32) for w in weights]
            self._broadcast = (weights, tensors)
        return tensors

    def fit(
        self,
        weights: Weights,
        x: np.ndarray,
        y: np.ndarray,
        plan: Plan,
        rng: np.random.Generator,
        *,
        start: Weights | None = None,
        velocity: Weights | None = None,
        stop: Never = lambda: False,
    ) -> tuple[Weights, float, Weights]:
        """Train on a client's examples in the compiled loop.

        Args:
            weights: the global weights; the delta is taken against them.
            x: the client's examples, float32, shape (n, ...), n >= 1.
            y: class numbers, int32, shape (n,).
            plan: what to do; clipping and noise are the client's business.
            rng: deals the batches and seeds dropout.
            start: weights to start from instead of the global ones.
            velocity: momentum kept from an earlier round, or None for zeros.
            stop: asked about five times a second; True gives the work up.

        Returns:
            The delta (after minus global), the mean training loss per example over all epochs, and the
            momentum at the end (empty without momentum).

        Raises:
            Stopped: if `stop` said so.
        """
        anchor = self._tensors_of(weights)
        if start is not None:
            self._load(*[tf.constant(w, tf.float32) for w in start])
        self.seed_dropout(rng)
        has_momentum = plan.momentum > 0
        if has_momentum:
            self._load_velocity(velocity)
        delta, loss = self._train(x, y, plan, rng, anchor, start is None, stop)
        return delta, loss, [v.numpy() for v in self._velocity] if has_momentum else []

    def score(self, x: np.ndarray, y: np.ndarray) -> tuple[int, float]:
        """Return (number of right answers, sum of cross-entropies) of the loaded weights on examples."""
        right, loss = 0, 0.0
        for first in range(0, len(x), EVALUATION_BATCH):
            part = slice(first, first + EVALUATION_BATCH)
            part_right, part_loss = self._score(tf.constant(x[part], tf.float32), tf.constant(y[part], tf.int32))
            right, loss = right + int(part_right), loss + float(part_loss)
        return right, loss

    # ---- the loop -------------------------------------------------------------------------------------

    def _train(
        self,
        x: np.ndarray,
        y: np.ndarray,
        plan: Plan,
        rng: np.random.Generator,
        anchor: list[Any],
        from_anchor: bool,
        stop: Never,
    ) -> tuple[Weights, float]:
        batches = local_update.batches(len(x), plan, rng)
        rates = tf.constant([plan.learning_rate, plan.momentum, plan.proximal_mu], tf.float32)
        loop = self._loop(plan.momentum > 0, plan.proximal_mu > 0)
        x, y = tf.constant(x, tf.float32), tf.constant(y, tf.int32)
        losses: list[float] = []
        load, pace = from_anchor, max(1, _FIRST_EXAMPLES // (plan.batch_size or len(x)))
        # Cutting the loop into pieces changes no number; it only sets how soon "stop" is heard.
        while piece := list(islice(batches, pace)):
            if stop():
                raise Stopped
            began = time.perf_counter()
            order = np.concatenate(piece, dtype=np.int32, casting="same_kind")
            step_losses, *delta = loop(x, y, order, _bounds(piece), rates, load, *anchor)
            losses += [loss * len(rows) for loss, rows in zip(step_losses.numpy().tolist(), piece, strict=True)]
            seconds_a_step = (time.perf_counter() - began) / len(piece)
            load, pace = False, max(1, int(_LOOK_EVERY_S / seconds_a_step))
        # fsum is exact, so the mean does not depend on how the clock cut the loop either.
        return [d.numpy() for d in delta], math.fsum(losses) / len(x) / plan.epochs

    def _loop(self, has_momentum: bool, is_proximal: bool) -> Any:
        """Return the compiled loop for a kind of plan: rates are inputs, so other rates need no new graph."""
        kind = (has_momentum, is_proximal)
        if kind not in self._loops:

            def loop(x, y, order, bounds, rates, load, *anchor):  # type: ignore[no-untyped-def]
                return self._loop_graph(x, y, order, bounds, rates, load, anchor, has_momentum, is_proximal)

            signature = [
                *self._examples_signature(),
                tf.TensorSpec([None], tf.int32),
                tf.TensorSpec([None, 2], tf.int32),
                tf.TensorSpec([3], tf.float32),
                tf.TensorSpec([], tf.bool),
                *[tf.TensorSpec(v.shape, tf.float32) for v in self._variables],
            ]
            # A concrete function takes any number of examples, never traces again, and is quicker to call.
            self._loops[kind] = tf.function(loop, input_signature=signature, autograph=False).get_concrete_function()
        return self._loops[kind]

    def _loop_graph(
        self,
        x: Any,
        y: Any,
        order: Any,
        bounds: Any,
        rates: Any,
        load: Any,
        anchor: Sequence[Any],
        has_momentum: bool,
        is_proximal: bool,
    ) -> tuple[Any, ...]:
        """Load the anchor if asked to, take a step of SGD for each row of `bounds`, return losses and delta."""
        tf.cond(load, lambda: self._load_graph(*anchor), lambda: None)
        pull = [anchor[i] for i in self._trainable_places] if is_proximal else None

        def step(i: Any, losses: Any) -> tuple[Any, Any]:
            rows = order[bounds[i, 0] : bounds[i, 1]]
            loss, slopes = local_update.gradients(self.model, tf.gather(x, rows), tf.gather(y, rows), rates[2], pull)
            self._descend(slopes, rates[0], rates[1] if has_momentum else None)
            return i + 1, losses.write(i, loss)

        n_steps = tf.shape(bounds)[0]
        begin = (tf.constant(0), tf.TensorArray(tf.float32, size=n_steps, element_shape=[]))
        _, losses = tf.while_loop(lambda i, _: i < n_steps, step, begin, parallel_iterations=1)
        return losses.stack(), *(variable - weight for variable, weight in zip(self._variables, anchor, strict=True))

    def _descend(self, slopes: Sequence[Any], rate: Any, momentum: Any) -> None:
        """Take one step of SGD in place: w -= rate * v, with v = momentum * v + slope, or v = slope."""
        for w, v, g in zip(self._trainable, self._velocity, slopes, strict=True):
            if momentum is None:
                tf.raw_ops.ResourceApplyGradientDescent(var=w.handle, alpha=rate, delta=g)
            else:
                tf.raw_ops.ResourceApplyMomentum(var=w.handle, accum=v.handle, lr=rate, grad=g, momentum=momentum)

    # ---- small graphs ---------------------------------------------------------------------------------

    def _load_graph(self, *weights: Any) -> None:
        for variable, weight in zip(self._variables, weights, strict=True):
            variable.assign(weight, read_value=False)

    def _score_graph(self, x: Any, y: Any) -> tuple[Any, Any]:
        outputs = self.model(x, training=False)
        right = tf.equal(tf.argmax(outputs, axis=-1, output_type=tf.int32), y)
        losses = local_update.cross_entropies(self.model, outputs, y)
        return tf.reduce_sum(tf.cast(right, tf.int32)), tf.reduce_sum(losses)

    def _examples_signature(self) -> list[Any]:
        shape = self.model.inputs[0].shape
        return [tf.TensorSpec([None, *shape[1:]], tf.float32), tf.TensorSpec([None], tf.int32)]

    def _load_velocity(self, velocity: Weights | None) -> None:
        for i, variable in enumerate(self._velocity):
            variable.assign(tf.zeros_like(variable) if velocity is None else velocity[i])

    def seed_dropout(self, rng: np.random.Generator) -> None:
        """Set the seeds of the model's random layers from the client's generator."""
        for state in self._dropout_seeds:
            state.assign(rng.integers(0, 2**31, size=2, dtype=np.uint32))


def _bounds(piece: Sequence[np.ndarray]) -> np.ndarray:
    """Return where each batch begins and ends in the batches put end to end, int32, shape (steps, 2)."""
    ends = np.cumsum([len(rows) for rows in piece], dtype=np.int32)
    return np.stack([np.concatenate([[0], ends[:-1]], dtype=np.int32), ends], axis=1)


def _place(variable: Any, variables: Sequence[Any]) -> int:
    return next(i for i, other in enumerate(variables) if other is variable)


def _dropout_seeds(model: "keras.Model") -> list[Any]:
    """Return the states of the model's random layers: variables that are not weights."""
    weights = {id(variable) for variable in model.weights}
    others = (variable for variable in model.variables if id(variable) not in weights)
    return [variable.value for variable in others if "seed_generator" in variable.path]
