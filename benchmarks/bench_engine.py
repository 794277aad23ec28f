"""The engine against a bare compiled loop of the same arithmetic, and against a cached model's `fit`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.measure import ratio, say, take_turns
from benchmarks.workloads import examples
from fedteach import models
from fedteach.engine_pool import EnginePool
from fedteach.quiet import keras
from fedteach.quiet import tensorflow as tf
from fedteach.randomness import rng_for
from fedteach.steps.local_update import Plan, batches


def bare_loop(model: keras.Model, rate: float) -> Callable[..., Any]:
    """Return the shortest compiled SGD loop that does the same arithmetic: no weights in or out, no stop, no loss."""
    variables = [v.value for v in model.trainable_variables]
    shape = model.inputs[0].shape[1:]
    integers = tf.TensorSpec([None], tf.int32)

    @tf.function(
        input_signature=[tf.TensorSpec([None, *shape], tf.float32), integers, integers, integers, integers],
        autograph=False,
    )
    def loop(x: Any, y: Any, order: Any, begins: Any, ends: Any) -> Any:
        def step(i: Any) -> tuple[Any]:
            rows = order[begins[i] : ends[i]]
            with tf.GradientTape() as tape:
                logits = model(tf.gather(x, rows), training=True)
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(tf.gather(y, rows), logits))
            for variable, slope in zip(variables, tape.gradient(loss, variables), strict=True):
                tf.raw_ops.ResourceApplyGradientDescent(var=variable.handle, alpha=rate, delta=slope)
            return (i + 1,)

        return tf.while_loop(lambda i: i < tf.size(begins), step, (tf.constant(0),), parallel_iterations=1)

    return loop


def compare(
    name: str, shape: tuple[int, ...], n_classes: int, n: int, batch: int, turns: int
) -> dict[str, list[float]]:
    """Time one client's epoch: engine with weights in and out, bare loop, and `fit` with weights in and out."""
    make = models.builder(name, shape, n_classes)
    pool = EnginePool(make, workers=1)
    (engine,) = pool.engines
    weights, plan = pool.initial_weights, Plan(epochs=1, batch_size=batch, learning_rate=0.01)
    x, y = examples(n, shape, n_classes)
    loop = bare_loop(models.build(make, 0), 0.01)
    fitted = models.build(make, 0)
    fitted.compile(keras.optimizers.SGD(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))

    def by_engine() -> None:
        engine.fit(weights, x, y, plan, rng_for(0, "fit"))

    def by_bare_loop() -> None:
        rows = list(batches(n, plan, rng_for(0, "fit")))
        ends = np.cumsum([len(r) for r in rows]).astype(np.int32)
        begins = np.concatenate([[0], ends[:-1]]).astype(np.int32)
        loop(tf.constant(x), tf.constant(y), tf.constant(np.concatenate(rows).astype(np.int32)), begins, ends)

    def by_fit() -> None:
        fitted.set_weights(weights)
        fitted.fit(x, y, batch_size=batch, epochs=1, verbose=0)
        [after - before for after, before in zip(fitted.get_weights(), weights, strict=True)]

    seconds = take_turns({"engine": by_engine, "bare": by_bare_loop, "fit": by_fit}, turns)
    pool.close()
    return seconds


def report(
    what: str, seconds: dict[str, list[float]], n_steps: int, least_gain: float, bare_goal: float | None
) -> None:
    """Print the ratios of one comparison."""
    low, mid, high = ratio(seconds["fit"], seconds["engine"])
    ms = 1000 * sorted(seconds["engine"])[len(seconds["engine"]) // 2] / n_steps
    say(f"`fit` / engine, {what} ({ms:.2f} ms a step)", f"{mid:.1f} ({low:.1f}-{high:.1f})", f"at least {least_gain}")
    low, mid, high = ratio(seconds["engine"], seconds["bare"])
    goal = f"at most {bare_goal:.2f}" if bare_goal else "-"
    say(f"engine / bare compiled loop, {what}", f"{mid:.3f} ({low:.3f}-{high:.3f})", goal)


def main() -> None:
    """Measure the three models of the goals, and bfloat16 on the course CNN."""
    report("course CNN, batch 8", compare("cnn", (28, 28, 1), 10, 600, 8, 21), 75, 1.5, 1.10)
    report("LeNet, batch 32", compare("lenet", (32, 32, 3), 62, 640, 32, 21), 20, 2, None)
    report("logistic regression, 60 examples, batch 10", compare("logistic", (28, 28, 1), 10, 60, 10, 75), 6, 30, None)
    bfloat16()


def bfloat16() -> None:
    """Compare float32 and mixed bfloat16 on the course CNN."""
    make = models.builder("cnn", (28, 28, 1), 10)
    x, y = examples(600, (28, 28, 1), 10)
    candidates = {}
    for precision in ("float32", "mixed_bfloat16"):
        pool = EnginePool(make, workers=1, precision=precision)

        def work(pool: EnginePool = pool) -> None:
            pool.engines[0].fit(pool.initial_weights, x, y, Plan(batch_size=8), rng_for(0, "fit"))

        candidates[precision] = work
    seconds = take_turns(candidates, 7)
    low, mid, high = ratio(seconds["float32"], seconds["mixed_bfloat16"])
    say("float32 / mixed bfloat16, course CNN, batch 8", f"{mid:.2f} ({low:.2f}-{high:.2f})", "about 1.6")


if __name__ == "__main__":
    main()
