"""Keras models by name. All end in logits: the loss adds the softmax, which is the numerically safe place.

A builder of your own is as good as a name: any function without arguments that returns a Keras
classifier, ending in logits or in a softmax.
"""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fedteach import checks
from fedteach.quiet import keras
from fedteach.randomness import int_seed_for
from fedteach.threads import settle

if TYPE_CHECKING:
    from keras import layers
else:
    layers = keras.layers
Builder = Callable[[], keras.Model]
Shape = tuple[int, ...]


def cnn(shape: Shape, n_classes: int) -> list[layers.Layer]:
    """Return the course's CNN: two convolutions, 1,199,882 parameters at 28x28x1 and 10 classes.

    Source:
        The original course (reference of the field: Reddi et al. 2021, arXiv:2003.00295, EMNIST CNN).
    """
    return [
        layers.Conv2D(32, 3, activation="relu"),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Dropout(0.25),
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dropout(0.5),
        _logits(n_classes),
    ]


def lenet(shape: Shape, n_classes: int) -> list[layers.Layer]:
    """Return LeNet without biases in its convolutions: 66,404 parameters at 32x32x3 and 62 classes."""
    return _lenet_layers(n_classes, "glorot_uniform")


def lenet_original(shape: Shape, n_classes: int) -> list[layers.Layer]:
    """Return `lenet` with the start of MindSpore's example, Normal(0, 0.02) cut at two deviations.

    Such small weights hold the accuracy flat for the first rounds: a lesson in initialisation.
    """
    return _lenet_layers(n_classes, keras.initializers.TruncatedNormal(stddev=0.02))


def _lenet_layers(n_classes: int, start: str | keras.initializers.Initializer) -> list[layers.Layer]:
    def fresh() -> str | keras.initializers.Initializer:
        # A clone per layer draws a seed of its own: one shared instance would repeat the same numbers.
        return start if isinstance(start, str) else start.clone()

    def bias() -> str | keras.initializers.Initializer:
        return "zeros" if isinstance(start, str) else start.clone()

    return [
        layers.Conv2D(6, 5, activation="relu", use_bias=False, kernel_initializer=fresh()),
        layers.MaxPooling2D(2),
        layers.Conv2D(16, 5, activation="relu", use_bias=False, kernel_initializer=fresh()),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(120, activation="relu", kernel_initializer=fresh(), bias_initializer=bias()),
        layers.Dense(84, activation="relu", kernel_initializer=fresh(), bias_initializer=bias()),
        layers.Dense(n_classes, dtype="float32", kernel_initializer=fresh(), bias_initializer=bias()),
    ]


def two_layer(shape: Shape, n_classes: int) -> list[layers.Layer]:
    """Return the 2NN of the FedAvg paper: 199,210 parameters at 28x28x1 and 10 classes.

    Source:
        McMahan et al. (2017), arXiv:1602.05629, section 3.
    """
    return [
        layers.Flatten(),
        layers.Dense(200, activation="relu"),
        layers.Dense(200, activation="relu"),
        _logits(n_classes),
    ]


def logistic(shape: Shape, n_classes: int) -> list[layers.Layer]:
    """Return multinomial logistic regression: 7,850 parameters at 28x28x1 and 10 classes."""
    return [layers.Flatten(), _logits(n_classes)]


def small_cnn(shape: Shape, n_classes: int) -> list[layers.Layer]:
    """Return a CNN that fits 8x8 digits: 38,282 parameters, a round in a fraction of a second."""
    return [
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        _logits(n_classes),
    ]


def _logits(n_classes: int) -> layers.Layer:
    # float32 also under mixed bfloat16: eight bits of mantissa are too few for a softmax.
    return layers.Dense(n_classes, dtype="float32")


@dataclass(frozen=True)
class ModelKind:
    """A model that can be had by name.

    Attributes:
        layers: makes the layers for an input shape and a number of classes.
        smallest: smallest image side, in pixels, that the layers can take; 0 takes anything.
    """

    layers: Callable[[Shape, int], list[layers.Layer]]
    smallest: int = 0


MODELS = {
    "small_cnn": ModelKind(small_cnn, smallest=2),
    "cnn": ModelKind(cnn, smallest=6),
    "lenet": ModelKind(lenet, smallest=16),
    "lenet_original": ModelKind(lenet_original, smallest=16),
    "2nn": ModelKind(two_layer),
    "logistic": ModelKind(logistic),
}
"""The models that `builder` knows by name."""


def builder(name: str, shape: Shape, n_classes: int) -> Builder:
    """Return a function that builds the named model for these images.

    Args:
        name: one of `MODELS`.
        shape: shape of one example, (height, width, channels) or (features,).
        n_classes: number of classes, >= 2.

    Raises:
        ValueError: if the name is unknown or the images are too small for the model.
    """
    kind = MODELS[checks.known("model", name, MODELS)]
    checks.whole("n_classes", n_classes, least=2)
    is_image = len(shape) == 3
    if kind.smallest and (not is_image or min(shape[:2]) < kind.smallest):
        raise ValueError(
            f"model {name!r} needs images of at least {kind.smallest}x{kind.smallest} pixels, got examples of shape "
            f"{shape}; try 'small_cnn' for small images or 'logistic' for anything"
        )

    def build() -> keras.Model:
        return keras.Sequential([keras.Input(shape), *kind.layers(shape, n_classes)], name=kind.layers.__name__)

    return build


_building = threading.RLock()


def build(make: Builder, seed: int, precision: str = "float32") -> keras.Model:
    """Build a model whose initial weights depend on the seed alone, whoever wrote the builder.

    Args:
        make: builds the model; see `builder`.
        seed: whole number >= 0.
        precision: "float32", or "mixed_bfloat16": weights stay float32, layers compute in bfloat16.

    Raises:
        ValueError: if the builder does not return a built Keras model with float32 weights.
    """
    checks.known("precision", precision, ("float32", "mixed_bfloat16"))
    settle()
    # One at a time in a process: a server and a client in the same notebook would draw from each other's seed.
    with _building:
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(precision)
        try:
            with _seeded(int_seed_for(seed, "init")):
                model = make()
        finally:
            keras.config.set_dtype_policy(before)
    return _checked(model, getattr(make, "__name__", "the builder"))


def _checked(model: keras.Model, name: str) -> keras.Model:
    if not isinstance(model, keras.Model):
        raise ValueError(f"{name} must return a Keras model, got {type(model).__name__}; is a `return` missing?")
    if not model.built or not model.weights:
        raise ValueError(f"{name} returned a model without weights; start it with keras.Input(shape)")
    try:
        fits = len(model.inputs) == len(model.outputs) == 1 and len(model.outputs[0].shape) == 2
    except AttributeError:  # a subclassed model has neither
        fits = False
    if not fits:
        raise ValueError(
            f"{name} must return a Sequential or functional model with one input and one output of shape (classes,); "
            "wrap a model of another kind between keras.Input and keras.Model"
        )
    odd = [variable.path for variable in model.weights if variable.dtype != "float32"]
    if odd:
        raise ValueError(f"{name}: all weights must be float32, but {odd[0]} is not; leave dtype at its default")
    return model


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    # Keras draws the seeds of its initialisers and dropout layers from Python's global generator. Lend it
    # ours while a model is built, then give the user's state back as it was.
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002
