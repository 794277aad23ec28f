"""Weights to ask with."""

import numpy as np

from fedteach.messages import Weights


def random_weights(rng: np.random.Generator, n_tensors: int) -> Weights:
    """Return a model's tensors: kernels and biases of layers that are all alike, as in a deep network."""
    return [rng.normal(size=(3, 2) if i % 2 == 0 else (2,)).astype(np.float32) for i in range(n_tensors)]
