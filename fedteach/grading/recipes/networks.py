"""A model to train."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fedteach.messages import Weights


@dataclass(frozen=True)
class Network:
    """A small Keras model with given weights. Its aftermath: its weights after the call.

    Attributes:
        name: name of the model in `fedteach.models`, such as "logistic".
        input_shape: shape of one example.
        n_classes: number of outputs.
        weights: what it starts from; None: as it is built.
    """

    name: str
    input_shape: tuple[int, ...]
    n_classes: int
    weights: Weights | None = None

    def make(self) -> Any:
        """Build the model; loads TensorFlow."""
        from fedteach.models import build, builder

        model = build(builder(self.name, self.input_shape, self.n_classes), seed=0)
        if self.weights is not None:
            model.set_weights(self.weights)
        return model

    def aftermath(self, live: Any) -> Weights:
        """Return the model's weights."""
        return [np.array(tensor) for tensor in live.get_weights()]

    def show(self) -> str:
        """Return its name."""
        return "model"
