import re
import threading
import time

import numpy as np
import pytest

from fedteach.client import Client, StepError
from fedteach.engine_pool import EnginePool
from fedteach.federation import Federation
from fedteach.messages import Lost, Update
from fedteach.randomness import rng_for
from fedteach.steps import aggregation, broadcast, global_update, local_update, selection
from fedteach.steps.local_update import Plan
from fedteach.transport.base import Lossy
from fedteach.transport.in_process import InProcess
from tests.federations import examples, same_bits, tiny_clients, tiny_federation, tiny_model


def test_a_round_is_the_five_steps_written_out_by_hand():
    """Everything that a round does, done once more with plain loops."""
    federation = tiny_federation(seed=3, select=selection.count(2), global_update=global_update.momentum(0.5))
    start = [w.copy() for w in federation.weights]
    federation.run(1)

    clients = {client.id: client for client in tiny_clients()}
    chosen = selection.count(2)([c.info for c in clients.values()], rng_for(3, "select", 1))
    pool = EnginePool(tiny_model, seed=3)
    deltas, sizes = [], []
    for info in chosen:
        x, y = clients[info.id].examples()
        plan = Plan(epochs=2, batch_size=5, learning_rate=0.2)
        delta, _, _ = pool.engines[0].fit(pool.initial_weights, x, y, plan, rng_for(3, "fit", 1, info.id))
        deltas.append(delta)
        sizes.append(len(x))
    mean = [
        sum(n * d.astype(np.float64) for n, d in zip(sizes, layer, strict=True)) / sum(sizes)
        for layer in zip(*deltas, strict=True)
    ]
    # momentum starts from zero: v = 0.5 * 0 + mean
    for got, w, m in zip(federation.weights, start, mean, strict=True):
        np.testing.assert_allclose(got, w + m, atol=1e-6)
    assert federation.history[0].selected == tuple(info.id for info in chosen)


def test_training_helps():
    history = tiny_federation().run(8)
    assert history.server_accuracy[-1] > history.server_accuracy[0] > 0.2
    assert history.server_accuracy[-1] > 0.8


def test_the_same_seed_gives_the_same_bits_with_any_number_of_workers():
    plan = Plan(epochs=2, batch_size=5, learning_rate=0.2, momentum=0.5, keep_momentum=True)
    options = {"plan": plan, "select": selection.fraction(0.75), "global_update": global_update.adam(0.05)}
    runs = [tiny_federation(workers=workers, seed=5, **options) for workers in (1, 2, 3)]
    for federation in runs:
        federation.run(4)
    for other in runs[1:]:
        assert same_bits(runs[0].weights, other.weights)
        assert other.history.server_accuracy == runs[0].history.server_accuracy
        assert [r.selected for r in other.history] == [r.selected for r in runs[0].history]
    different = tiny_federation(seed=6, **options)
    different.run(4)
    assert not same_bits(runs[0].weights, different.weights)


def test_rounds_and_run_are_the_same_thing():
    one, other = tiny_federation(), tiny_federation()
    records = list(one.rounds(3))
    other.run(2)
    other.run(1)
    assert [r.round for r in records] == [1, 2, 3]
    assert same_bits(one.weights, other.weights)


def test_the_server_is_judged_on_the_model_of_its_own_round():
    """The original course logged the model of the round before."""
    federation = tiny_federation()
    for record in federation.rounds(3):
        now = federation._evaluator.on_subset(federation.weights)
        assert record.server["accuracy"] == now["accuracy"]


def test_the_test_subset_is_fixed_drawn_once_and_the_whole_set_comes_last():
    test = examples(300, "test")
    federation = tiny_federation(test=test, test_examples=120)
    x = federation._evaluator._x
    assert len(x) == 120
    assert len(np.unique(x, axis=0)) == 120
    history = federation.run(2)
    assert "full_accuracy" not in history[0].server
    weights_hit = federation._pool.evaluate(federation.weights, test.x, test.y)
    assert history[1].server["full_accuracy"] == weights_hit["accuracy"]


def test_clients_are_judged_with_their_own_models():
    federation = tiny_federation(clients=tiny_clients(own_accuracy=True))
    record = federation.run(1)[0]
    accuracies = [figures["accuracy"] for figures in record.clients.values()]
    assert len(set(accuracies)) > 1
    assert all(0 <= figures["own_accuracy"] <= 1 for figures in record.clients.values())
    without = tiny_federation(client_accuracy=False).run(1)[0]
    assert "accuracy" not in without.clients["0"]


def test_bytes_are_those_of_the_messages():
    federation = tiny_federation(broadcast=broadcast.float16(), upload=broadcast.int8())
    down = len(broadcast.float16().encode(federation.weights))
    up = len(broadcast.int8().encode(federation.weights))
    record = federation.run(1)[0]
    assert record.bytes_down == 4 * down
    assert record.bytes_up == pytest.approx(4 * up, rel=0.02)  # the scales in the header have their own lengths
    assert record.bytes_up == sum(figures["bytes_up"] for figures in record.clients.values())


def test_phases_add_up_to_the_round():
    record = tiny_federation().run(2)[1]
    parts = {name: s for name, s in record.seconds.items() if name != "total"}
    assert min(parts.values()) >= 0
    assert sum(parts.values()) <= record.seconds["total"] * 1.001


# ---- what goes wrong ------------------------------------------------------------------------------------------


def test_a_round_without_answers_leaves_the_model_and_says_so():
    pool = EnginePool(tiny_model)
    federation = tiny_federation(Lossy(InProcess(tiny_clients(), pool), 1.0, seed=0))
    before = federation.weights
    record = federation.run(1)[0]
    assert same_bits(before, federation.weights)
    assert record.note == "no client answered, so the global model stayed as it was"
    assert record.lost == {str(i): "dropped out before its update arrived" for i in range(4)}


class Scripted:
    """A transport whose clients say what the test wants them to say."""

    def __init__(self, reply):
        self._reply = reply
        self._clients = [client.info for client in tiny_clients()]

    def roster(self):
        return [client.id for client in self._clients]

    def clients(self):
        return self._clients

    def exchange(self, tasks, deadline_s=None, stop=None, enough=None):
        for task in tasks:
            yield from self._reply(task, task.codec.decode(task.message))

    def forget(self, clients, round):
        pass

    def memories(self, clients):
        return {}

    def restore(self, memories, round):
        pass


def good(task, weights, n=1):
    return Update(task.client, task.round, [np.ones_like(w) for w in weights], n)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda w: [np.full_like(a, np.nan) for a in w], "tensor 0 holds NaN or infinite numbers"),
        (lambda w: [np.full_like(a, np.inf) for a in w], "tensor 0 holds NaN or infinite numbers"),
        (lambda w: w[:-1], "expected 4 tensors, got 3"),
        (lambda w: [w[0].T, *w[1:]], r"expected shape \(6, 3\), got \(3, 6\)"),
        (lambda w: [a.astype(np.float64) for a in w], "expected float32, got float64"),
        (lambda w: None, "got NoneType"),
    ],
)
def test_an_update_that_cannot_be_averaged_is_refused_and_the_others_count(spoil, reason):
    def reply(task, weights):
        update = good(task, weights)
        yield Update(task.client, task.round, spoil(weights), 1) if task.client == "1" else update

    federation = tiny_federation(Scripted(reply))
    start = [w.copy() for w in federation.weights]
    record = federation.run(1)[0]
    assert list(record.clients) == ["0", "2", "3"]
    assert re.search(f"update refused: .*{reason}", record.lost["1"])
    for w, s in zip(federation.weights, start, strict=True):
        np.testing.assert_allclose(w, s + 1, atol=1e-6)


def test_answers_nobody_asked_for_do_not_count():
    def reply(task, weights):
        yield good(task, weights)
        yield good(task, weights)  # twice
        yield Update("stranger", task.round, [9 + w for w in weights], 100)
        yield Update(task.client, task.round - 1, [9 + w for w in weights], 100)  # late

    federation = tiny_federation(Scripted(reply))
    record = federation.run(1)[0]
    assert list(record.clients) == ["0", "1", "2", "3"]
    assert record.lost == {}


def test_an_update_of_no_examples_is_refused():
    federation = tiny_federation(Scripted(lambda task, weights: [good(task, weights, n=int(task.client))]))
    record = federation.run(1)[0]
    assert record.lost == {"0": "update refused: it reports 0 examples, expected at least 1"}


def test_a_client_that_never_answers_is_lost():
    federation = tiny_federation(Scripted(lambda task, weights: [good(task, weights)] if task.client != "2" else []))
    assert federation.run(1)[0].lost == {"2": "never answered"}


def test_over_selection_ends_the_round_when_enough_have_answered():
    def reply(task, weights):
        yield Lost(task.client, task.round, "battery") if task.client == "0" else good(task, weights)

    federation = tiny_federation(Scripted(reply), select=selection.over_select(2, 2.0))
    rounds = federation.run(6)
    for record in rounds:
        assert len(record.clients) == 2
        assert set(record.lost.values()) <= {"battery", "not needed: 2 had answered"}
        assert set(record.clients) | set(record.lost) == {"0", "1", "2", "3"}
    assert len({tuple(record.clients) for record in rounds}) > 1, "nobody is always the last to be asked"


def test_power_of_choice_asks_the_clients_and_takes_the_highest_losses():
    federation = tiny_federation(select=selection.power_of_choice(2, 4))
    pool = federation._pool
    losses = {c.id: pool.evaluate(federation.weights, *c.examples())["loss"] for c in tiny_clients()}
    worst = sorted(losses, key=losses.get)[-2:]
    record = federation.run(1)[0]
    assert set(record.selected) == set(worst)
    message = len(broadcast.float32().encode(federation.weights))
    assert record.bytes_down == (4 + 2) * message  # four were asked, two trained


def test_a_deadline_loses_who_is_late():
    """Three have 100 steps to do, the fourth 600,000: a machine that is busy, or very fast, tells them apart, too."""
    data = examples(30_000)
    clients = [*tiny_clients(3, each=5), Client("slow", data.x, data.y)]
    federation = tiny_federation(clients, deadline_s=4.0, plan=Plan(epochs=100, batch_size=5), workers=2)
    record = federation.run(1)[0]
    assert record.lost == {"slow": "late: had not answered after 4 s"}


def test_own_weights_in_round_one_make_the_first_average_worse():
    common = tiny_federation(plan=Plan(epochs=20, batch_size=5, learning_rate=0.2)).run(1)
    strangers = tiny_federation(common_init=False, plan=Plan(epochs=20, batch_size=5, learning_rate=0.2)).run(1)
    assert strangers[0].server["loss"] > common[0].server["loss"]
    clients = [figures["accuracy"] for figures in strangers[0].clients.values()]
    assert strangers.server_accuracy[0] < max(clients)


# ---- steps of one's own ---------------------------------------------------------------------------------------


def test_five_functions_of_ones_own_give_what_ours_give():
    def my_select(clients, rng):
        return list(clients)

    def my_local_update(model, x, y, plan, rng):
        local_update.sgd(model, x, y, plan, rng)

    def my_mean(updates):
        updates = list(updates)
        total = sum(u.n_examples for u in updates)
        return [sum(u.n_examples / total * u.delta[i] for u in updates) for i in range(len(updates[0].delta))]

    def my_add(weights, delta):
        return [w + d for w, d in zip(weights, delta, strict=True)]

    from tests.test_engine import plain_model

    def federation(**steps):
        plan = Plan(batch_size=5, learning_rate=0.1)
        return Federation(tiny_clients(), plain_model, test=examples(50, "test"), plan=plan, **steps)

    mine = federation(select=my_select, local_update=my_local_update, aggregate=my_mean, global_update=my_add)
    ours = federation()
    mine.run(2)
    ours.run(2)
    for a, b in zip(mine.weights, ours.weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ({"aggregate": lambda updates: None}, r"round 1: ValueError: .*a list of arrays.*is a `return` missing"),
        ({"aggregate": lambda updates: [u.delta for u in updates][0][:2]}, "expected 4 tensors, got 2"),
        ({"aggregate": lambda updates: 1 / 0}, "failed in round 1: ZeroDivisionError"),
        ({"select": lambda clients, rng: None}, "failed in round 1: ValueError"),
        ({"select": lambda clients, rng: [clients[0], clients[0]]}, "failed in round 1: ValueError"),
        ({"global_update": lambda w, d: None}, "failed in round 1: ValueError"),
        ({"local_update": lambda model, x, y, plan, rng: 1 / 0}, "failed on client 0 in round 1: ZeroDivisionError"),
    ],
)
def test_a_broken_step_is_named_with_its_round_and_the_model_stays(steps, words):
    federation = tiny_federation(**steps)
    before = [w.copy() for w in federation.weights]
    with pytest.raises(StepError, match=words):
        federation.run(1)
    assert same_bits(before, federation.weights)
    assert len(federation.history) == 0


def test_an_aggregation_that_looks_at_one_update_only_still_sees_the_round_to_its_end():
    federation = tiny_federation(aggregate=lambda updates: next(iter(updates)).delta)
    assert len(federation.run(1)[0].clients) == 4


def test_robust_rules_run_in_a_federation():
    for rule in (aggregation.median, aggregation.trimmed_mean(0.25), aggregation.multi_krum(0, 2)):
        assert tiny_federation(aggregate=rule).run(2).server_accuracy[-1] is not None


# ---- stop -----------------------------------------------------------------------------------------------------


def test_stop_ends_a_run_within_a_second_and_the_round_is_not_half_done():
    data = examples(3000)
    clients = [Client(str(i), data.x, data.y) for i in range(3)]
    federation = tiny_federation(clients, plan=Plan(epochs=10_000, batch_size=1))
    before = federation.weights
    took = []
    for _ in range(3):  # a machine that stands still does so in one of them
        stopped_at = []
        timer = threading.Timer(1.0, lambda at=stopped_at: (at.append(time.monotonic()), federation.stop.set()))
        timer.start()
        history = federation.run(5)
        took.append(time.monotonic() - stopped_at[0])
        timer.join()
        federation.stop.clear()
        assert len(history) == 0
        assert same_bits(before, federation.weights)
    assert min(took) < 1


def test_a_stopped_federation_goes_on_as_if_nothing_had_happened():
    plan = Plan(epochs=2, batch_size=5, learning_rate=0.2, momentum=0.9, keep_momentum=True)
    straight = tiny_federation(plan=plan)
    straight.run(4)

    stopped = tiny_federation(plan=plan)
    stopped.run(2)
    answered = 0

    def stop_in_the_middle(event):
        nonlocal answered
        answered += event.kind == "answered"
        if answered == 2:
            stopped.stop.set()

    stopped._notify = stop_in_the_middle
    stopped.run(2)
    assert len(stopped.history) == 2
    stopped._notify = lambda event: None
    stopped.stop.clear()
    stopped.run(2)
    assert same_bits(straight.weights, stopped.weights)


def test_events_tell_what_happens_as_it_happens():
    events = []
    tiny_federation(on_event=lambda e: events.append((e.kind, e.client))).run(1)
    assert events[:4] == [("selected", str(i)) for i in range(4)]
    assert events[4:] == [*[("answered", str(i)) for i in range(4)], ("round", "")]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seed": -1}, "seed must be a whole number"),
        ({"deadline_s": 0}, "deadline_s must be a number above 0"),
        ({"test_examples": 0}, "test_examples must be"),
    ],
)
def test_bad_arguments_are_refused_at_the_door(options, words):
    with pytest.raises(ValueError, match=words):
        tiny_federation(**options)


def test_parts_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="at least one client, got none"):
        Federation([], tiny_model)
    with pytest.raises(ValueError, match="rounds must be a whole number of at least 1, got 0"):
        tiny_federation().run(0)
    with pytest.raises(ValueError, match="unknown model 'logitsic', did you mean 'logistic'"):
        Federation(tiny_clients(), "logitsic", test=examples(5))
    with pytest.raises(ValueError, match="model must be a name"):
        Federation(tiny_clients(), 3)
    with pytest.raises(ValueError, match="give local_update to the transport"):
        tiny_federation(InProcess(tiny_clients(), EnginePool(tiny_model)), local_update=local_update.sgd)


def test_a_model_can_be_named_without_test_examples():
    history = Federation(tiny_clients(), "logistic").run(1)
    assert history.server_accuracy == [None]
    assert "-" in history.table()


# ---- found by fresh eyes --------------------------------------------------------------------------------------


def test_a_step_of_ones_own_repeats_bit_for_bit_with_dropout_and_any_number_of_workers():
    runs = [tiny_federation(workers=workers, local_update=local_update.sgd) for workers in (1, 2, 2)]
    for federation in runs:
        federation.run(2)
    assert same_bits(runs[0].weights, runs[1].weights)
    assert same_bits(runs[1].weights, runs[2].weights)


KEEP = Plan(epochs=2, batch_size=5, learning_rate=0.2, momentum=0.9, keep_momentum=True)


def test_a_client_whose_update_was_refused_starts_afresh_in_the_next_round():
    data = examples(23)
    bad = Client(
        "bad", np.concatenate([data.x * np.nan, data.x]), np.tile(data.y, 2), lambda r: np.arange(23) + 23 * (r > 1)
    )
    history = tiny_federation([bad, *tiny_clients(2)], plan=KEEP).run(3)
    assert "NaN" in history[0].lost["bad"]
    assert history[1].lost == history[2].lost == {}


def test_what_is_no_number_any_more_is_left_out_and_said(tmp_path):
    """A giant step of the server leaves weights of 1e37: two such layers in a row are infinite."""
    from tests.test_engine import plain_model

    giant = {"global_update": global_update.server_learning_rate(1e38), "test": examples(50, "test")}
    history = Federation(tiny_clients(), plain_model, out=tmp_path, **giant).run(2)
    assert "loss" not in history[0].server
    assert "diverges; try a smaller learning rate" in history[0].note
    assert len(Federation(tiny_clients(), plain_model, resume=tmp_path, **giant).history) == 2


def test_an_old_error_in_memory_does_not_undo_what_came_after_it():
    fails = [True]

    def sometimes(updates):
        next(iter(updates))
        if fails.pop():
            raise ZeroDivisionError
        return aggregation.weighted_mean(updates)

    federation = tiny_federation(plan=KEEP, aggregate=sometimes, workers=2)
    with pytest.raises(StepError) as kept:  # a notebook keeps the last error, and with it the frames of its round
        federation.run(1)
    fails[:] = [False, False]
    federation.run(2)
    remembered = federation._transport.memories([str(i) for i in range(4)])
    del kept
    import gc

    gc.collect()
    assert federation._transport.memories([str(i) for i in range(4)]).keys() == remembered.keys() == set("0123")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"plan": {"epochs": 1}}, r"plan must be a Plan, got .*write Plan\(epochs=1\)"),
        ({"broadcast": "int8"}, "broadcast and upload take a Codec, got 'int8'"),
        ({"upload": 3}, "broadcast and upload take a Codec"),
        ({"aggregate": "median"}, "aggregate must be a function, got 'median'"),
        ({"select": 0.5}, "select must be a function, got 0.5"),
        ({"test": examples(0)}, "test: expected at least one example, got none"),
    ],
)
def test_arguments_of_another_kind_are_refused_at_the_door(options, words):
    with pytest.raises(ValueError, match=words):
        tiny_federation(**options)


def test_clients_may_come_from_a_generator():
    assert len(tiny_federation(client for client in tiny_clients()).run(1)[0].clients) == 4


def test_a_rule_with_too_few_answers_leaves_the_model_and_says_so():
    record = tiny_federation(aggregate=aggregation.krum(1)).run(1)[0]  # 4 clients; krum:1 needs 5
    assert record.note.startswith("Krum against 1 attackers, keeping 1, needs at least 5 updates, got 4")
    assert record.note.endswith("the global model stayed as it was")


def test_a_server_optimizer_of_ones_own_is_checked():
    wrong = global_update.ServerOptimizer("mine", lambda w: {}, lambda w, d, s: (w[:2], s))
    with pytest.raises(StepError, match="mine failed in round 1: ValueError: expected new weights.*got 2"):
        tiny_federation(global_update=wrong).run(1)
