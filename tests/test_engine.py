import threading
import time

import numpy as np
import pytest

from fedteach import models
from fedteach.engine import Engine, Stopped
from fedteach.engine_pool import EnginePool
from fedteach.quiet import keras
from fedteach.randomness import rng_for
from fedteach.steps import local_update
from fedteach.steps.local_update import Plan
from tests.federations import examples, same_bits, tiny_model

layers = keras.layers


def engine(make=tiny_model) -> Engine:
    return Engine(models.build(make, seed=0))


def plain_model():
    return keras.Sequential([keras.Input((6,)), layers.Dense(4, activation="relu"), layers.Dense(3)])


def softmax_model():
    return keras.Sequential([keras.Input((6,)), layers.Dense(4, activation="relu"), layers.Dense(3, "softmax")])


def batch_norm_model():
    return keras.Sequential([keras.Input((6,)), layers.Dense(4), layers.BatchNormalization(), layers.Dense(3)])


def decayed_model():
    return keras.Sequential([keras.Input((6,)), layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.1))])


@pytest.mark.parametrize("make", [plain_model, softmax_model, batch_norm_model, decayed_model])
@pytest.mark.parametrize(
    "plan",
    [
        Plan(epochs=2, batch_size=5, learning_rate=0.1),
        Plan(epochs=1, batch_size=None, learning_rate=0.1),
        Plan(epochs=2, batch_size=4, learning_rate=0.1, momentum=0.9),
        Plan(epochs=2, batch_size=7, learning_rate=0.1, proximal_mu=0.5),
    ],
    ids=["sgd", "full batch", "momentum", "fedprox"],
)
def test_the_compiled_loop_agrees_with_the_step_as_written(make, plan):
    data = examples(23)  # 23 is no multiple of any batch size here
    compiled = engine(make)
    before = compiled.weights
    delta, _, _ = compiled.fit(before, data.x, data.y, plan, rng_for(0, "fit"))
    model = models.build(make, seed=0)
    local_update.sgd(model, data.x, data.y, plan, rng_for(0, "fit"))
    for d, after, start in zip(delta, model.get_weights(), before, strict=True):
        np.testing.assert_allclose(d, after - start, atol=2e-6)
    assert max(np.abs(d).max() for d in delta) > 1e-3


def test_the_loss_of_a_short_last_batch_counts_by_its_examples():
    """7 examples in batches of 4 and 3, a rate of almost nothing: the mean must be that of all 7."""
    data = examples(7)
    compiled = engine(plain_model)
    weights = compiled.weights
    plan = Plan(epochs=1, batch_size=4, learning_rate=1e-12)
    _, loss, _ = compiled.fit(weights, data.x, data.y, plan, rng_for(0, "fit"))
    compiled.load(weights)
    _, total = compiled.score(data.x, data.y)
    assert loss == pytest.approx(total / 7, rel=1e-6)


def test_no_client_size_epoch_or_rate_traces_the_loop_again(monkeypatch):
    traces = []
    real = local_update.gradients
    monkeypatch.setattr(local_update, "gradients", lambda *a: traces.append(1) or real(*a))
    compiled = engine()
    weights = compiled.weights
    for n, size, epochs, rate in [(5, 2, 1, 0.1), (9, 4, 2, 0.2), (30, 30, 1, 0.3), (31, None, 3, 0.1)]:
        data = examples(n)
        plan = Plan(epochs=epochs, batch_size=size, learning_rate=rate)
        compiled.fit(weights, data.x, data.y, plan, rng_for(0, n))
    assert len(traces) == 1


def test_dropout_follows_from_the_generator_and_not_from_what_ran_before():
    data = examples(40)
    compiled = engine()
    weights = compiled.weights
    plan = Plan(epochs=2, batch_size=8, learning_rate=0.1)
    first, _, _ = compiled.fit(weights, data.x, data.y, plan, rng_for(0, "fit", 1))
    other, _, _ = compiled.fit(weights, data.x, data.y, plan, rng_for(0, "fit", 2))
    again, _, _ = compiled.fit(weights, data.x, data.y, plan, rng_for(0, "fit", 1))
    assert same_bits(first, again)
    assert not same_bits(first, other)


def test_dropout_really_drops():
    data = examples(40)
    compiled = engine()
    weights = compiled.weights
    seeds = [rng_for(0, "same order"), rng_for(0, "same order")]
    plan = Plan(epochs=1, batch_size=None, learning_rate=0.1)
    with_dropout, _, _ = compiled.fit(weights, data.x, data.y, plan, seeds[0])
    compiled.seed_dropout = lambda rng: [s.assign([1, 2]) for s in compiled._dropout_seeds]
    other_mask, _, _ = compiled.fit(weights, data.x, data.y, plan, seeds[1])
    assert not same_bits(with_dropout, other_mask)


def test_cutting_the_loop_into_pieces_changes_no_bit(monkeypatch):
    data = examples(200)
    compiled = engine()
    weights = compiled.weights
    plan = Plan(epochs=5, batch_size=4, learning_rate=0.1, momentum=0.5)
    whole, loss, velocity = compiled.fit(weights, data.x, data.y, plan, rng_for(0, "fit"))
    monkeypatch.setattr("fedteach.engine._LOOK_EVERY_S", 0.0)  # pieces of one step
    pieces, piece_loss, piece_velocity = compiled.fit(weights, data.x, data.y, plan, rng_for(0, "fit"))
    assert same_bits(whole, pieces)
    assert same_bits(velocity, piece_velocity)
    assert loss == piece_loss


def test_stop_is_heard_within_a_second_in_the_middle_of_a_client():
    data = examples(5000)
    compiled = engine()
    weights = compiled.weights
    compiled.fit(weights, data.x[:8], data.y[:8], Plan(), rng_for(0, "warm"))
    plan = Plan(epochs=1_000_000, batch_size=1)  # 50 million steps: hours, if nobody listens
    took = []
    for _ in range(3):  # a machine that stands still does so in one of them
        stop, stopped_at = threading.Event(), []
        timer = threading.Timer(0.3, lambda stop=stop, at=stopped_at: (at.append(time.monotonic()), stop.set()))
        timer.start()
        with pytest.raises(Stopped):
            compiled.fit(weights, data.x[:50], data.y[:50], plan, rng_for(0, "fit"), stop=stop.is_set)
        took.append(time.monotonic() - stopped_at[0])
        timer.join()
    assert min(took) < 1


def test_layers_of_the_same_name_keep_their_own_weights():
    """Keras 3 calls every kernel "kernel": weights keyed by name would lose all but two tensors."""
    compiled = engine(plain_model)
    assert [v.name for v in compiled.model.weights] == ["kernel", "bias", "kernel", "bias"]
    weights = [np.full(w.shape, i, np.float32) for i, w in enumerate(compiled.weights)]
    compiled.load(weights)
    assert same_bits(compiled.weights, weights)


def test_score_counts_right_answers_over_all_batches():
    data = examples(620)  # two full evaluation batches and a short one
    compiled = engine(plain_model)
    logits = compiled.model.predict(data.x, verbose=0)
    right, loss = compiled.score(data.x, data.y)
    assert right == int((logits.argmax(axis=1) == data.y).sum())
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    assert loss == pytest.approx(-log_p[np.arange(620), data.y].sum(), rel=1e-4)


def test_results_come_in_the_order_of_the_items_whatever_order_they_finish_in():
    pool = EnginePool(tiny_model, workers=3)

    def work(engine, item):
        time.sleep(0.02 * (5 - item))
        return item

    assert list(pool.map(work, range(5))) == [0, 1, 2, 3, 4]
    pool.close()


def test_a_pool_never_runs_ahead_of_its_reader():
    pool = EnginePool(tiny_model, workers=2)
    begun = []
    results = pool.map(lambda engine, item: begun.append(item) or item, range(100))
    assert next(results) == 0
    time.sleep(0.1)
    assert len(begun) <= 2 + 1
    results.close()
    pool.close()


def test_an_error_in_one_item_reaches_the_reader_and_leaves_the_pool_usable():
    pool = EnginePool(tiny_model, workers=2)

    def work(engine, item):
        if item == 1:
            raise ZeroDivisionError("item 1")
        return item

    with pytest.raises(ZeroDivisionError):
        list(pool.map(work, range(6)))
    assert list(pool.map(lambda engine, item: item, range(6))) == list(range(6))
    pool.close()


def test_replicas_give_the_same_bits_and_start_from_the_same_weights():
    pool = EnginePool(tiny_model, workers=3)
    barrier = threading.Barrier(3)
    data = examples(40)

    def work(engine, item):
        barrier.wait(timeout=20)  # three at once: three replicas
        return engine.fit(pool.initial_weights, data.x, data.y, Plan(batch_size=8), rng_for(0, "fit"))[0]

    one, two, three = pool.map(work, range(3))
    assert len(pool.engines) == 3
    assert same_bits(one, two)
    assert same_bits(one, three)
    pool.close()


def test_a_builder_that_returns_the_same_model_twice_is_refused():
    one = tiny_model()
    EnginePool(lambda: one)
    with pytest.raises(ValueError, match="it must build a new one each time"):
        EnginePool(lambda: one)


def test_a_long_first_step_does_not_delay_a_stop_by_more_than_itself():
    data = examples(4000)
    compiled = engine()
    weights = compiled.weights
    asked = []
    compiled.fit(
        weights, data.x, data.y, Plan(epochs=3, batch_size=None), rng_for(0, "x"), stop=lambda: asked.append(1)
    )
    assert len(asked) >= 2, "the first piece of a client with huge batches is one step, not sixteen"


def test_an_interrupt_gives_up_what_is_running_before_it_waits():
    pool = EnginePool(tiny_model, workers=1)
    abandoned = threading.Event()
    results = pool.map(lambda engine, item: abandoned.wait(20) if item else item, [0, 1], abandon=abandoned.set)
    assert next(results) == 0
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        results.throw(KeyboardInterrupt)
    assert time.monotonic() - began < 5
    pool.close()
