"""What is measured: models and data that every benchmark takes from here."""

import numpy as np

from fedteach.client import Client
from fedteach.quiet import keras
from fedteach.randomness import rng_for

layers = keras.layers


def lenet5() -> keras.Model:
    """Return workload L's LeNet-5: tanh, average pooling, softmax; 66,126 parameters at 28x28x1 and 62 classes."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(6, 5, padding="same", activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Conv2D(16, 5, activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(120, activation="tanh"),
            layers.Dense(84, activation="tanh"),
            layers.Dense(62, activation="softmax"),
        ]
    )


def examples(n: int, shape: tuple[int, ...], n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return seeded noise in the shape of images, and labels: speed does not depend on what they show."""
    rng = rng_for(0, "benchmark", n)
    return rng.random((n, *shape), dtype=np.float32), rng.integers(0, n_classes, n).astype(np.int32)


def clients(n: int, each: int, shape: tuple[int, ...] = (28, 28, 1), n_classes: int = 62) -> list[Client]:
    """Return n clients of `each` synthetic examples, cut out of one pair of arrays."""
    x, y = examples(n * each, shape, n_classes)
    return [Client(str(i), x, y, np.arange(i * each, (i + 1) * each)) for i in range(n)]
