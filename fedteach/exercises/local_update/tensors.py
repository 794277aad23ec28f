"""Lists of tensors to ask with."""

import numpy as np

from fedteach.messages import Weights

SHAPES = ((4, 3), (3,))


def random_tensors(rng: np.random.Generator, middle: float = 0.0) -> Weights:
    """Return two tensors of random numbers."""
    return [rng.normal(middle, 1, shape).astype(np.float32) for shape in SHAPES]
