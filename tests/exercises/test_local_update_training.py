"""Exercises 3.5 to 3.7, training, drift and pull: likely causes are told, right answers pass."""

from dataclasses import replace

import numpy as np
import pytest

from fedteach.exercises.local_update import DRIFT, LOCAL_SGD, PROXIMAL
from fedteach.exercises.local_update.drift import wrong_drifts
from fedteach.exercises.local_update.proximal import wrong_pulls
from fedteach.exercises.local_update.training import deal, errors_of_no_softmax, known_wrong, trained
from fedteach.grading.judging import judge_function
from fedteach.grading.recipes import Network, Rng
from fedteach.steps.local_update import Plan
from tests.exercises.answers import fails, passes


def causes(exercise, attempt, seed=0):
    verdict = judge_function(exercise, attempt, seed=seed, all_cases=True)
    return {case.finding.likely for case in verdict.cases if case.finding}


# ---- what is right passes, however it is written --------------------------------------------------------------------


def measures_in_one_vector(deltas):
    flat = np.array([np.concatenate([tensor.ravel() for tensor in delta]) for delta in deltas])
    return np.linalg.norm(flat - flat.mean(axis=0), axis=1).mean()


def measures_number_by_number(deltas):
    total = 0.0
    for delta in deltas:
        squares = 0.0
        for place, tensor in enumerate(delta):
            for index in np.ndindex(tensor.shape):
                mean = sum(float(other[place][index]) for other in deltas) / len(deltas)
                squares += (float(tensor[index]) - mean) ** 2
        total += squares**0.5
    return total / len(deltas)


def pulls_in_float64(gradients, weights, global_weights, mu):
    pulled = []
    for place in range(len(gradients)):
        away = weights[place].astype(float) - global_weights[place]
        pulled.append(gradients[place] + mu * away)
    return tuple(pulled)


RIGHT = [
    (DRIFT, DRIFT.reference),
    (DRIFT, measures_in_one_vector),
    (DRIFT, measures_number_by_number),
    (PROXIMAL, PROXIMAL.reference),
    (PROXIMAL, pulls_in_float64),
]


@pytest.mark.parametrize(("exercise", "answer"), RIGHT, ids=[f"{e.id}-{f.__name__}" for e, f in RIGHT])
def test_a_right_answer_passes_with_every_seed(exercise, answer):
    passes(exercise, answer)


# ---- likely causes --------------------------------------------------------------------------------------------------

PLAN = Plan(epochs=3, batch_size=4, learning_rate=0.3)


@pytest.mark.parametrize("place", range(len(known_wrong(PLAN))), ids=[text for _, text in known_wrong(PLAN)])
def test_a_wrong_way_of_training_is_told_its_cause(place):
    def attempt(model, x, y, plan, rng):
        way, _ = known_wrong(plan)[place]
        model.set_weights(trained(model.get_weights(), x, y, rng=rng, **({"plan": plan} | way)))

    assert known_wrong(PLAN)[place][1] in causes(LOCAL_SGD, attempt)


def test_the_wrong_ways_of_training_differ_from_the_right_one_and_from_each_other():
    rng = np.random.default_rng(0)
    start = [rng.normal(size=(4, 3)), rng.normal(size=3)]
    x, y = rng.normal(size=(10, 4)), rng.integers(3, size=10)
    ways = [{}, *(way for way, _ in known_wrong(PLAN))]
    ends = [trained(start, x, y, rng=np.random.default_rng(1), **({"plan": PLAN} | way)) for way in ways]
    far = [
        max(abs(a - b).max() for a, b in zip(one, other, strict=True))
        for i, one in enumerate(ends)
        for other in ends[:i]
    ]
    assert min(far) > 1e-3


def loss_for_probabilities(model, x, y, plan, rng):
    from fedteach.quiet import keras
    from fedteach.quiet import tensorflow as tf

    for rows in deal(len(x), plan, rng):
        with tf.GradientTape() as tape:
            loss = keras.losses.SparseCategoricalCrossentropy()(y[rows], model(x[rows]))
        for weight, slope in zip(
            model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True
        ):
            weight.assign_sub(plan.learning_rate * slope)


def computes_and_forgets(model, x, y, plan, rng):
    return None


def makes_nan(model, x, y, plan, rng):
    model.set_weights([tensor * np.nan for tensor in model.get_weights()])


@pytest.mark.parametrize(
    ("attempt", "word"),
    [
        (loss_for_probabilities, "from_logits=True"),
        (computes_and_forgets, "a gradient alone moves nothing"),
        (makes_nan, "no finite numbers"),
    ],
)
def test_a_model_that_stands_still_or_breaks_is_told_why(attempt, word):
    fails(LOCAL_SGD, attempt, word)


def test_the_gradient_without_a_softmax_is_the_one_that_keras_takes():
    rng = np.random.default_rng(3)
    start = [rng.normal(0, 0.5, (4, 3)).astype(np.float32), np.full(3, 0.5, np.float32)]
    x, y = rng.normal(size=(9, 4)).astype(np.float32), rng.integers(3, size=9)
    plan = replace(PLAN, batch_size=None)
    model = Network("logistic", (4,), 3, start).make()
    loss_for_probabilities(model, x, y, plan, Rng(0).make())
    want = trained(start, x, y, plan, Rng(0).make(), errors=errors_of_no_softmax)
    for got, wanted in zip(model.get_weights(), want, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


def with_an_optimizer_of_its_own(model, x, y, plan, rng):
    from fedteach.quiet import keras
    from fedteach.quiet import tensorflow as tf

    optimizer = keras.optimizers.SGD(plan.learning_rate)
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    for _ in range(plan.epochs):
        order = rng.permutation(len(x))
        for batch in np.split(order, range(plan.batch_size or len(x), len(x), plan.batch_size or len(x))):
            with tf.GradientTape() as tape:
                loss = loss_of(y[batch], model(x[batch], training=True))
            slopes = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(slopes, model.trainable_variables, strict=True))


@pytest.mark.parametrize("answer", [LOCAL_SGD.reference, with_an_optimizer_of_its_own])
def test_a_right_training_loop_passes_with_every_seed(answer):
    passes(LOCAL_SGD, answer)


@pytest.mark.parametrize("seed", range(3))
def test_every_wrong_drift_is_told_its_cause(seed):
    ones = [np.ones(1)]
    for place, (_, cause) in enumerate(wrong_drifts([ones, ones])):

        def attempt(deltas, place=place):
            return wrong_drifts(deltas)[place][0]

        assert cause in causes(DRIFT, attempt, seed)


def test_every_wrong_pull_is_told_its_cause():
    ones = [np.ones(1, np.float32)]
    for place, (_, cause) in enumerate(wrong_pulls(ones, ones, ones, 1.0)):

        def attempt(*arguments, place=place):
            return [np.array(tensor) for tensor in wrong_pulls(*arguments)[place][0]]

        assert cause in causes(PROXIMAL, attempt)


def test_the_drift_by_hand():
    # The mean of (4, 4), (-2, -4) is (1, 0): both are (3, 4) away, which is 5.
    deltas = [[np.array([4.0]), np.array([4.0])], [np.array([-2.0]), np.array([-4.0])]]
    assert DRIFT.reference(deltas) == pytest.approx(5)
