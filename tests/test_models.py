import random
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fedteach import models
from fedteach.experiment import MODEL_NAMES
from fedteach.quiet import keras
from tests.federations import same_bits, tiny_model


@pytest.mark.parametrize(
    ("name", "shape", "n_classes", "parameters"),
    [
        # 3x3x1x32+32 + 3x3x32x64+64 + 12x12x64x128+128 + 128x10+10
        ("cnn", (28, 28, 1), 10, 1_199_882),
        # 5x5x3x6 + 5x5x6x16 + 400x120+120 + 120x84+84 + 84x62+62
        ("lenet", (32, 32, 3), 62, 66_404),
        ("lenet_original", (32, 32, 3), 62, 66_404),
        # 784x200+200 + 200x200+200 + 200x10+10
        ("2nn", (28, 28, 1), 10, 199_210),
        # 784x10+10
        ("logistic", (28, 28, 1), 10, 7_850),
        # 9x16+16 + 9x16x32+32 + 4x4x32x64+64 + 64x10+10
        ("small_cnn", (8, 8, 1), 10, 38_282),
    ],
)
def test_models_have_the_parameters_of_their_papers(name, shape, n_classes, parameters):
    model = models.build(models.builder(name, shape, n_classes), seed=0)
    assert model.count_params() == parameters


def test_every_name_in_the_menu_is_a_model():
    assert tuple(models.MODELS) == MODEL_NAMES


@pytest.mark.parametrize("make", [tiny_model, models.builder("lenet_original", (32, 32, 3), 62)])
def test_initial_weights_follow_from_the_seed_alone(make):
    random.seed(1)
    one = models.build(make, seed=5).get_weights()
    random.seed(2)
    keras.utils.set_random_seed(3)
    again = models.build(make, seed=5).get_weights()
    other = models.build(make, seed=6).get_weights()
    assert same_bits(one, again)
    assert not same_bits(one, other)


def test_building_leaves_the_global_generators_as_they_were():
    random.seed(1)
    expected = random.random()
    random.seed(1)
    models.build(tiny_model, seed=5)
    assert random.random() == expected


def test_the_original_start_is_normal_cut_at_two_deviations():
    weights = models.build(models.builder("lenet_original", (32, 32, 3), 62), seed=0).get_weights()
    everything = np.concatenate([w.ravel() for w in weights])
    assert np.abs(everything).max() <= 0.04
    # a standard normal cut at +-2 has standard deviation 0.8796: 0.02 x 0.88
    assert everything.std() == pytest.approx(0.0176, abs=0.0003)
    biases = [w for w in weights if w.ndim == 1]
    assert not np.array_equal(biases[0][:62], biases[2][:62])


def test_mixed_precision_keeps_float32_weights_and_does_not_leak():
    model = models.build(models.builder("cnn", (28, 28, 1), 10), seed=0, precision="mixed_bfloat16")
    assert {w.dtype for w in model.weights} == {"float32"}
    assert model.layers[0].compute_dtype == "bfloat16"
    assert keras.config.dtype_policy().name == "float32"


def test_what_cannot_be_built_is_refused_in_words():
    with pytest.raises(ValueError, match="unknown model 'cnnn', did you mean 'cnn'"):
        models.builder("cnnn", (28, 28, 1), 10)
    with pytest.raises(ValueError, match="needs images of at least 16x16 pixels"):
        models.builder("lenet", (8, 8, 1), 10)
    with pytest.raises(ValueError, match="needs images"):
        models.builder("cnn", (64,), 10)
    with pytest.raises(ValueError, match="must return a Keras model, got NoneType; is a `return` missing"):
        models.build(lambda: None, seed=0)
    with pytest.raises(ValueError, match="without weights; start it with keras.Input"):
        models.build(lambda: keras.Sequential([keras.layers.Dense(3)]), seed=0)


def test_models_that_are_built_at_the_same_moment_do_not_share_their_seeds():
    def slow():
        layers = [keras.Input((4,)), keras.layers.Dense(3)]
        time.sleep(0.01)
        return keras.Sequential([*layers, keras.layers.Dense(2)])

    expected = {seed: models.build(slow, seed).get_weights() for seed in range(4)}
    with ThreadPoolExecutor(4) as threads:
        built = list(threads.map(lambda seed: (seed, models.build(slow, seed).get_weights()), [0, 1, 2, 3] * 3))
    for seed, weights in built:
        assert all(np.array_equal(a, b) for a, b in zip(weights, expected[seed], strict=True))
