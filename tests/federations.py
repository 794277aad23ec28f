"""Small federations for tests: a model with a handful of numbers, clients with examples one can count."""

import numpy as np

from fedteach.client import Client
from fedteach.data import Examples
from fedteach.engine_pool import EnginePool
from fedteach.federation import Federation
from fedteach.messages import Update
from fedteach.quiet import keras
from fedteach.randomness import rng_for
from fedteach.steps.local_update import Plan

layers = keras.layers
SHAPE, N_CLASSES = (6,), 3


def tiny_model() -> keras.Model:
    """39 numbers: 6 inputs, 3 hidden units (without a name of their own), 3 classes; with dropout."""
    return keras.Sequential(
        [keras.Input(SHAPE), layers.Dense(3, activation="tanh"), layers.Dropout(0.2), layers.Dense(N_CLASSES)]
    )


def examples(n: int, name: str = "examples") -> Examples:
    """Learnable examples: the class is the place of the largest of the first three features."""
    x = rng_for(0, name, n).normal(size=(n, *SHAPE)).astype(np.float32)
    return Examples(x, x[:, :N_CLASSES].argmax(axis=1).astype(np.int32))


def tiny_clients(n: int = 4, each: int = 23, **options) -> list[Client]:
    train = examples(n * each)
    rows = [np.arange(i * each, (i + 1) * each) for i in range(n)]
    return [Client(str(i), train.x, train.y, part, **options) for i, part in enumerate(rows)]


def tiny_federation(clients=None, workers: int = 1, **options) -> Federation:
    options = {"plan": Plan(epochs=2, batch_size=5, learning_rate=0.2), "test": examples(300, "test"), **options}
    return Federation(
        clients or tiny_clients(), EnginePool(tiny_model, workers=workers, seed=options.get("seed", 0)), **options
    )


def update(delta, n_examples: int = 1, client: str = "a", round: int = 1) -> Update:
    return Update(client, round, [np.asarray(d, dtype=np.float32) for d in delta], n_examples)


def same_bits(one, other) -> bool:
    return len(one) == len(other) and all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
