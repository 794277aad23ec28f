"""3.5: the training loop."""

from dataclasses import replace
from typing import Any

import numpy as np

from fedteach.exercises.local_update.training import NO_SOFTMAX, known_wrong, trained
from fedteach.grading.ask import Ask, Wrong
from fedteach.grading.exercise import EXAMPLE, Exercise
from fedteach.grading.recipes import Network, Rng
from fedteach.messages import Weights
from fedteach.steps.local_update import Plan


def _alike(got: Any, want: Weights) -> bool:
    # float32 and another order of summing: a few millionths over a few steps. Mistakes are far larger.
    return all(np.allclose(one, other, rtol=1e-4, atol=1e-5) for one, other in zip(got, want, strict=True))


def _expect_trained(ask: Ask, start: Weights, x: np.ndarray, y: np.ndarray, plan: Plan, seed: int, says: str) -> None:
    got = _after_training(ask, Network("logistic", x.shape[1:], start[1].size, start), x, y, plan, Rng(seed))
    want = trained(start, x, y, plan, Rng(seed).make())
    if _alike(got, want):
        return
    shown = {"got": got, "expected": [tensor.astype(np.float32) for tensor in want]}
    if not all(np.isfinite(tensor).all() for tensor in got):
        raise Wrong("The weights are no finite numbers any more.", **shown, likely=NO_SOFTMAX)
    if _alike(got, start):
        raise Wrong("The model's weights are what they were before.", **shown, likely=_WHY_STILL)
    for way, text in known_wrong(plan):
        if _alike(got, trained(start, x, y, rng=Rng(seed).make(), **({"plan": plan} | way))):
            raise Wrong(says, **shown, likely=text)
    raise Wrong(says, **shown)


def _after_training(ask: Ask, network: Network, *arguments: Any) -> Any:
    try:
        return ask.reply(network, *arguments).after[0]
    except Wrong as wrong:
        if "new optimizer" in wrong.finding.says:  # Keras refuses to go on with another model's memories
            wrong.finding = replace(wrong.finding, says=_OLD_OPTIMIZER, likely="it is made outside; make it inside")
        raise


_OLD_OPTIMIZER = "Your optimizer belongs to the client before, with all it remembers; each client needs a fresh one."

_WHY_STILL = "a gradient alone moves nothing: `assign` or `assign_sub` puts new numbers into a weight of the model. Or "
_WHY_STILL += NO_SOFTMAX


@EXAMPLE
def one_step(ask: Ask, rng: np.random.Generator) -> None:
    """One step by hand: a model of one weight for each of two classes, which begins at zero."""
    # Both classes have probability 1/2. Example 2 is of class 0: error (-1/2, +1/2); example 4 of class 1: the other
    # way. The mean gradient is (2 * -1/2 + 4 * 1/2) / 2 = 1/2 for class 0, -1/2 for class 1, 0 for both biases.
    start = [np.zeros((1, 2), np.float32), np.zeros(2, np.float32)]
    x, y = np.array([[2.0], [4.0]], np.float32), np.array([0, 1])
    says = "The gradient of the mean loss is 1/2 for class 0 and -1/2 for class 1; a step of 0.1 goes 0.05 against it."
    _expect_trained(ask, start, x, y, Plan(epochs=1, batch_size=None, learning_rate=0.1), 0, says)


Task = tuple[Weights, np.ndarray, np.ndarray]


def _random_task(rng: np.random.Generator, n: int, shape: tuple[int, ...], n_classes: int) -> Task:
    start = [rng.normal(0, 0.5, size).astype(np.float32) for size in ((int(np.prod(shape)), n_classes), (n_classes,))]
    return start, rng.normal(0, 1, (n, *shape)).astype(np.float32), rng.integers(n_classes, size=n)


def several_epochs(ask: Ask, rng: np.random.Generator) -> None:
    """Three epochs with all examples at once, and a new client with a new model."""
    plan = Plan(epochs=3, batch_size=None, learning_rate=0.5)
    says = "Three epochs with all examples at once are three steps; the weights are not what they make."
    for n, n_classes in ((6, 3), (9, 4)):
        _expect_trained(ask, *_random_task(rng, n, (3,), n_classes), plan, int(rng.integers(1000)), says)


def in_batches(ask: Ask, rng: np.random.Generator) -> None:
    """Pictures in batches, in a new order each epoch; the last batch may be shorter."""
    says = "In each epoch, `order = rng.permutation(len(x))` is gone through in batches, the last one included."
    for n, size, epochs in ((10, 4, 3), (8, 4, 2), (3, 8, 2)):
        plan = Plan(epochs=epochs, batch_size=size, learning_rate=0.3)
        _expect_trained(ask, *_random_task(rng, n, (2, 2), 3), plan, int(rng.integers(1000)), says)


def reference_local_sgd(model: Any, x: np.ndarray, y: np.ndarray, plan: Plan, rng: np.random.Generator) -> None:
    """Train the model in place on a client's examples."""
    from fedteach.steps.local_update import sgd

    sgd(model, x, y, plan, rng)


LOCAL_SGD = Exercise(
    "3.5",
    "local_sgd",
    "the training loop",
    hints=(
        "There are two loops, one inside the other. What does each of them go through, and in which of them must the "
        "order be drawn?",
        "With `with tf.GradientTape() as tape:`, which lines must stand inside it? And what does "
        "`tape.gradient(loss, model.trainable_variables)` give you?",
        "A weight is a variable: what does `weight.assign_sub(0.1 * gradient)` do to it?",
    ),
    cases=(one_step, several_epochs, in_batches),
    reference=reference_local_sgd,
    points=3,
    uses_tensorflow=True,
    time_limit_s=20.0,
)
