import numpy as np
import pytest

from fedteach import models
from fedteach.client import Client, StepError
from fedteach.engine import Engine
from fedteach.messages import Task
from fedteach.randomness import rng_for
from fedteach.steps import broadcast, local_update
from fedteach.steps.local_update import Plan
from tests.federations import examples, same_bits, tiny_clients, tiny_model


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(models.build(tiny_model, seed=0))


@pytest.fixture(scope="module")
def weights(engine):
    return engine.weights


def task(plan=Plan(batch_size=5), round=1, kind="fit", client="0"):  # noqa: B008
    return Task(client, round, kind, b"", broadcast.float32(), broadcast.float32(), plan, seed=3)


def test_an_update_is_the_delta_of_the_clients_own_rows(engine, weights):
    client = tiny_clients()[1]
    x, y = client.examples()
    update = client.fit(task(client="1"), weights, engine)
    expected, _, _ = engine.fit(weights, x, y, Plan(batch_size=5), rng_for(3, "fit", 1, "1"))
    assert same_bits(update.delta, expected)
    assert update.n_examples == 23
    assert update.metrics["train_loss"] > 0


def test_a_client_of_another_name_draws_other_batches(engine, weights):
    data = examples(23)
    ada, bob = (Client(id, data.x, data.y).fit(task(), weights, engine) for id in ("ada", "bob"))
    assert not same_bits(ada.delta, bob.delta)


def test_evaluate_sends_no_delta_back(engine, weights):
    client = tiny_clients()[0]
    update = client.evaluate(task(kind="evaluate"), weights, engine)
    assert update.delta == []
    assert 0 <= update.metrics["accuracy"] <= 1
    assert update.metrics["loss"] > 0


def test_a_step_of_ones_own_trains_the_keras_model_in_place(engine, weights):
    client = tiny_clients()[0]

    def add_one(model, x, y, plan, rng):
        assert x.shape == (23, 6)
        model.set_weights([w + 1 for w in model.get_weights()])

    update = client.fit(task(), weights, engine, local_update=add_one)
    for d in update.delta:
        np.testing.assert_allclose(d, 1, atol=1e-6)


def test_the_written_step_gives_what_the_compiled_one_gives():
    def plain():
        from tests.test_engine import plain_model

        return plain_model()

    engine = Engine(models.build(plain, seed=0))
    weights, client = engine.weights, tiny_clients()[0]
    compiled = client.fit(task(), weights, engine)
    written = client.fit(task(), weights, engine, local_update=local_update.sgd)
    for a, b in zip(compiled.delta, written.delta, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-6)


def test_a_failing_step_of_ones_own_names_client_and_round(engine, weights):
    def broken(model, x, y, plan, rng):
        return undefined_name  # noqa: F821

    with pytest.raises(StepError, match="broken failed on client 0 in round 1: NameError: name 'undefined_name'"):
        tiny_clients()[0].fit(task(), weights, engine, local_update=broken)


KEEP = Plan(batch_size=5, momentum=0.9, keep_momentum=True)


def test_momentum_survives_the_round_only_if_it_is_to(engine, weights):
    keeps, forgets = tiny_clients()[0], tiny_clients()[0]
    reset = Plan(batch_size=5, momentum=0.9)
    first = [c.fit(task(p), weights, engine) for c, p in ((keeps, KEEP), (forgets, reset))]
    assert same_bits(first[0].delta, first[1].delta)
    second = [c.fit(task(p, round=2), weights, engine) for c, p in ((keeps, KEEP), (forgets, reset))]
    assert not same_bits(second[0].delta, second[1].delta)
    assert keeps.memory()
    assert forgets.memory() == {}


def test_a_repeated_round_starts_from_the_memory_before_it(engine, weights):
    client = tiny_clients()[0]
    client.fit(task(KEEP, 1), weights, engine)
    once = client.fit(task(KEEP, 2), weights, engine)
    again = client.fit(task(KEEP, 2), weights, engine)
    assert same_bits(once.delta, again.delta)


def test_a_forgotten_round_leaves_no_trace(engine, weights):
    forgetful, straight = tiny_clients()[0], tiny_clients()[0]
    for client in (forgetful, straight):
        client.fit(task(KEEP, 1), weights, engine)
    forgetful.fit(task(KEEP, 2), weights, engine)
    forgetful.forget(2)
    third = [c.fit(task(KEEP, 3), weights, engine) for c in (forgetful, straight)]
    assert same_bits(third[0].delta, third[1].delta)


def test_memory_can_be_given_to_a_new_client(engine, weights):
    old, new = tiny_clients()[0], tiny_clients()[0]
    old.fit(task(KEEP, 1), weights, engine)
    new.remember(old.memory(), 1)
    second = [c.fit(task(KEEP, 2), weights, engine) for c in (old, new)]
    assert same_bits(second[0].delta, second[1].delta)


def test_rows_may_differ_from_round_to_round():
    data = examples(30)
    client = Client("0", data.x, data.y, lambda round: np.arange(round, round + 3))
    np.testing.assert_array_equal(client.examples(5)[1], data.y[5:8])
    assert client.info.n_examples == 3


def test_clipping_bounds_what_leaves_the_client(engine, weights):
    update = tiny_clients()[0].fit(task(Plan(batch_size=5, clip_norm=0.01)), weights, engine)
    assert np.sqrt(sum((d**2).sum() for d in update.delta)) == pytest.approx(0.01, rel=1e-4)


def test_labels_and_examples_must_match():
    with pytest.raises(ValueError, match="client 0: expected a label for each example, got 3 examples, 2 labels"):
        Client("0", np.zeros((3, 6)), np.zeros(2))
