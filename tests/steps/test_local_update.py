import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedteach.randomness import rng_for
from fedteach.steps import local_update
from fedteach.steps.local_update import Plan, batches, privatise
from tests.federations import examples


@given(st.integers(1, 40), st.integers(1, 3), st.one_of(st.none(), st.integers(1, 50)))
def test_every_epoch_deals_every_example_once(n, epochs, size):
    dealt = list(batches(n, Plan(epochs=epochs, batch_size=size), rng_for(0, "x")))
    per_epoch = -(-n // (size or n))
    assert len(dealt) == epochs * per_epoch
    for epoch in range(epochs):
        rows = np.concatenate(dealt[epoch * per_epoch : (epoch + 1) * per_epoch])
        assert sorted(rows) == list(range(n))
    assert max(map(len, dealt)) == min(n, size or n)


def test_epochs_are_dealt_in_different_orders():
    first, second = batches(30, Plan(epochs=2, batch_size=None), rng_for(0, "x"))
    assert not np.array_equal(first, second)


def test_one_full_batch_step_of_logistic_regression_is_the_formula():
    """softmax regression: dL/dW = x^T (p - onehot) / n, worked out in numpy."""
    from fedteach import models

    data = examples(12)
    model = models.build(models.builder("logistic", (6,), 3), seed=0)
    kernel, bias = model.get_weights()
    logits = data.x @ kernel + bias
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    error = p - np.eye(3)[data.y]
    local_update.sgd(model, data.x, data.y, Plan(epochs=1, batch_size=None, learning_rate=0.5), rng_for(0, "x"))
    new_kernel, new_bias = model.get_weights()
    np.testing.assert_allclose(new_kernel, kernel - 0.5 * data.x.T @ error / 12, atol=1e-6)
    np.testing.assert_allclose(new_bias, bias - 0.5 * error.mean(axis=0), atol=1e-6)


def test_the_proximal_term_pulls_by_mu_times_the_distance():
    from fedteach import models
    from fedteach.quiet import tensorflow as tf

    data = examples(8)
    model = models.build(models.builder("2nn", (6,), 3), seed=0)
    start = [tf.constant(np.zeros(w.shape, np.float32)) for w in model.trainable_variables]
    _, plain = local_update.gradients(model, data.x, data.y, 0.0, None)
    _, pulled = local_update.gradients(model, data.x, data.y, 0.5, start)
    for g, p, w in zip(plain, pulled, model.get_weights(), strict=True):
        # the pull is 0.5 * (w - 0)
        np.testing.assert_allclose(p.numpy() - g.numpy(), 0.5 * w, atol=1e-6)


def test_a_long_update_is_clipped_and_a_short_one_left():
    # |(3, 4)| = 5 over two tensors; clipped to 1: (0.6, 0.8)
    delta = [np.array([3.0], np.float32), np.array([[4.0]], np.float32)]
    clipped = privatise(delta, Plan(clip_norm=1.0), rng_for(0, "noise"))
    np.testing.assert_allclose(clipped[0], [0.6], rtol=1e-6)
    np.testing.assert_allclose(clipped[1], [[0.8]], rtol=1e-6)
    np.testing.assert_array_equal(privatise(delta, Plan(clip_norm=9.0), rng_for(0, "noise"))[0], delta[0])
    assert privatise(delta, Plan(), rng_for(0, "noise")) is delta
    np.testing.assert_array_equal(delta[0], [3.0])


def test_noise_has_the_promised_spread():
    delta = [np.zeros(200_000, np.float32)]
    (noisy,) = privatise(delta, Plan(clip_norm=2.0, noise_multiplier=0.25), rng_for(0, "noise"))
    # standard deviation 0.25 * 2 = 0.5; of 200,000 draws it is known to 0.5 / sqrt(400,000) = 0.0008
    assert noisy.std() == pytest.approx(0.5, abs=0.004)
    assert abs(noisy.mean()) < 0.005
    assert noisy.dtype == np.float32


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"epochs": 0}, "epochs must be a whole number of at least 1"),
        ({"batch_size": 0}, "None takes all examples at once"),
        ({"learning_rate": 0}, "learning_rate must be a number above 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be a number"),
        ({"momentum": 1.0}, "momentum must be a number of at least 0 and below 1"),
        ({"proximal_mu": -1}, "proximal_mu must be"),
        ({"clip_norm": 0}, "clip_norm must be a number above 0"),
        ({"noise_multiplier": 1.0}, "noise_multiplier needs clip_norm"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        Plan(**wrong)
