"""Step 3, local update: what does a client do with its examples?

The mathematics of the step stands here, once: the order of the batches, the gradient with its FedProx
term, one step of SGD, clipping and noise. `sgd` puts the parts together as plainly as the papers do;
`fedteach.engine` compiles the same parts into one loop, and a test holds the two against each other.

TensorFlow is imported inside the functions that need it, so that the other four steps stay light.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fedteach import checks
from fedteach.messages import Weights

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Plan:
    """What the server asks of a client in one round.

    Attributes:
        epochs: how often the client goes through its examples, >= 1 (E in McMahan et al.).
        batch_size: examples per gradient step, >= 1; None takes all at once (B = infinity).
        learning_rate: step size of local SGD, > 0.
        momentum: share of the last step that is kept, 0 <= m < 1.
        keep_momentum: True: a client's momentum survives from round to round (as in MindSpore's silo
            worker); False: it starts from zero every round (as in FedML).
        proximal_mu: strength of FedProx' pull towards the global model, >= 0; 0 is plain FedAvg.
        clip_norm: longest update (L2 norm over all tensors) that leaves the client, > 0, or None.
        noise_multiplier: standard deviation of the Gaussian noise on every number of the update, in units
            of `clip_norm`, >= 0; needs `clip_norm`.
        own_start: True: start from the client's own random weights instead of the global ones. The
            original course did so in its first round; averaging such strangers is a lesson in itself.
    """

    epochs: int = 1
    batch_size: int | None = 10
    learning_rate: float = 0.01
    momentum: float = 0.0
    keep_momentum: bool = False
    proximal_mu: float = 0.0
    clip_norm: float | None = None
    noise_multiplier: float = 0.0
    own_start: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        checks.whole("epochs", self.epochs, least=1)
        if self.batch_size is not None:
            checks.whole("batch_size", self.batch_size, least=1, hint="None takes all examples at once")
        checks.number("learning_rate", self.learning_rate, least=0, open_left=True, hint="try 0.01")
        checks.number("momentum", self.momentum, least=0, most=1, open_right=True, hint="try 0.9, or 0 for none")
        checks.number("proximal_mu", self.proximal_mu, least=0, hint="try 0.01, or 0 for plain FedAvg")
        if self.clip_norm is not None:
            checks.number("clip_norm", self.clip_norm, least=0, open_left=True, hint="try 1.0, or None")
        checks.number("noise_multiplier", self.noise_multiplier, least=0)
        if self.noise_multiplier > 0 and self.clip_norm is None:
            raise ValueError("noise_multiplier needs clip_norm, because noise hides only what is bounded; try 1.0")


def batches(n_examples: int, plan: Plan, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield the rows of each batch: every epoch deals all examples once, in a new order.

    Args:
        n_examples: number of examples, >= 1.
        plan: `epochs` and `batch_size` are used.
        rng: the client's generator of this round.

    Yields:
        Row numbers, int64, shape (batch_size,); the last batch of an epoch may be shorter, and its mean
        gradient is then taken over the examples it has.
    """
    size = plan.batch_size or n_examples
    for _ in range(plan.epochs):
        order = rng.permutation(n_examples)
        for first in range(0, n_examples, size):
            yield order[first : first + size]


def mean_loss(model: "keras.Model", x: Any, y: Any, training: bool = True) -> Any:
    """Return the mean cross-entropy of a batch, plus the model's own penalties (weight decay), as a scalar.

    Args:
        model: a classifier whose outputs are logits, or probabilities if its last activation is a softmax.
        x: examples, float32, shape (n, ...).
        y: class numbers, int, shape (n,).
        training: True lets dropout drop and batch normalisation learn.
    """
    import tensorflow as tf

    losses = cross_entropies(model, model(x, training=training), y)
    penalties = [tf.cast(penalty, tf.float32) for penalty in model.losses]
    return tf.add_n([tf.reduce_mean(losses), *penalties])


def cross_entropies(model: "keras.Model", outputs: Any, y: Any) -> Any:
    """Return the cross-entropy of each example, float32, shape (n,)."""
    import keras
    import tensorflow as tf

    outputs = tf.cast(outputs, tf.float32)  # mixed bfloat16 computes in 8 bits of mantissa: not here
    if ends_in_softmax(model):
        return keras.losses.sparse_categorical_crossentropy(y, outputs)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=outputs)


def ends_in_softmax(model: "keras.Model") -> bool:
    """Tell whether the model's outputs are probabilities already."""
    import keras

    last = model.layers[-1]
    while isinstance(last, keras.Model):
        last = last.layers[-1]
    return isinstance(last, keras.layers.Softmax) or getattr(last, "activation", None) is keras.activations.softmax


def gradients(model: "keras.Model", x: Any, y: Any, proximal_mu: Any, start: Any) -> tuple[Any, list[Any]]:
    """Return the loss of a batch and its gradient, with FedProx' term when `start` is given.

    FedProx minimises h(w) = F(w) + mu/2 * |w - w_global|^2, so mu * (w - w_global) joins the gradient of F.

    Args:
        model: the model at the current local weights w.
        x: examples of the batch, shape (b, ...).
        y: class numbers, shape (b,).
        proximal_mu: mu >= 0 (a number or a scalar tensor).
        start: the global weights w_global as tensors, one per trainable variable, or None for plain SGD.

    Returns:
        The loss F(w) without the proximal term, and one gradient per trainable variable.

    Source:
        Li et al. (2020), arXiv:1812.06127, equation 2.
    """
    import tensorflow as tf

    variables = [variable.value for variable in model.trainable_variables]
    with tf.GradientTape() as tape:
        loss = mean_loss(model, x, y)
    slopes = tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    if start is not None:
        slopes = [g + proximal_mu * (w - s) for g, w, s in zip(slopes, variables, start, strict=True)]
    return loss, slopes


def sgd(model: "keras.Model", x: np.ndarray, y: np.ndarray, plan: Plan, rng: np.random.Generator) -> None:
    """Train `model` in place on a client's examples: local SGD, written as the papers write it.

    This is the step to read, and the shape of a step of your own. The federation's default does the
    same arithmetic in one compiled loop.

    Args:
        model: holds the global weights on entry and the client's weights on return.
        x: the client's examples, float32, shape (n, ...).
        y: their class numbers, int, shape (n,).
        plan: epochs, batch size, learning rate, momentum (from zero) and FedProx' mu are used.
        rng: the client's generator of this round; deals the batches.

    Source:
        McMahan et al. (2017), arXiv:1602.05629, Algorithm 1, ClientUpdate. With momentum (Sutskever et
        al. 2013, in the form of common frameworks): v = m v + g, w = w - lr v.
    """
    import tensorflow as tf

    variables = model.trainable_variables
    start = [tf.identity(w.value) for w in variables] if plan.proximal_mu > 0 else None
    velocity = [tf.zeros_like(w.value) for w in variables]
    for rows in batches(len(x), plan, rng):
        _, slopes = gradients(model, tf.constant(x[rows]), tf.constant(y[rows]), plan.proximal_mu, start)
        velocity = [plan.momentum * v + g for v, g in zip(velocity, slopes, strict=True)]
        for w, v in zip(variables, velocity, strict=True):
            w.assign(w - plan.learning_rate * v)


def privatise(delta: Weights, plan: Plan, rng: np.random.Generator) -> Weights:
    """Clip an update to `clip_norm` and add Gaussian noise, before it leaves the client.

    Clipping bounds what one client can do to the average; noise hides what is left. The price is
    accuracy. With `clip_norm=None` the delta is returned as it is.

    Args:
        delta: the update, float32 arrays; not changed.
        plan: `clip_norm` C and `noise_multiplier` z: noise ~ Normal(0, (z C)^2) on every number.
        rng: generator of the noise. In this simulation it comes from the seed, which the server knows;
            a real device must draw from a source that nobody else knows, or the noise hides nothing.

    Returns:
        delta * min(1, C / |delta|) + noise, float32, same shapes.

    Source:
        McMahan et al. (2018), arXiv:1710.06963, Algorithm 1 (FlatClip); here each client adds the noise
        itself (local differential privacy), so its standard deviation is z * C per client.
    """
    if plan.clip_norm is None:
        return delta
    norm = float(np.sqrt(sum(np.sum(np.square(d, dtype=np.float64)) for d in delta)))
    shrink = min(1.0, plan.clip_norm / norm) if norm > 0 else 1.0
    spread = plan.noise_multiplier * plan.clip_norm
    noise = (rng.normal(0.0, spread, d.shape) if spread > 0 else 0.0 for d in delta)
    return [(shrink * d.astype(np.float64) + n).astype(np.float32) for d, n in zip(delta, noise, strict=True)]
