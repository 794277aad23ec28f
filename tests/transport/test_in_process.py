import threading
import time

import numpy as np
import pytest

from fedteach.client import Client
from fedteach.engine import Stopped
from fedteach.engine_pool import EnginePool
from fedteach.messages import Lost, Task, Update
from fedteach.steps import broadcast
from fedteach.steps.local_update import Plan
from fedteach.transport.base import Lossy
from fedteach.transport.in_process import InProcess
from tests.federations import examples, same_bits, tiny_clients, tiny_model


@pytest.fixture(scope="module")
def pool():
    pool = EnginePool(tiny_model, workers=2)
    yield pool
    pool.close()


def tasks(pool, n=4, plan=Plan(batch_size=5), reply=broadcast.float32(), round=1):  # noqa: B008
    message = broadcast.float32().encode(pool.initial_weights)
    return [Task(str(i), round, "fit", message, broadcast.float32(), reply, plan, seed=0) for i in range(n)]


def test_replies_come_in_the_order_of_the_tasks(pool):
    sizes = [200, 5, 100, 1]
    data = examples(200)
    clients = [Client(str(i), data.x[:n], data.y[:n]) for i, n in enumerate(sizes)]
    replies = list(InProcess(clients, pool).exchange(tasks(pool)))
    assert [reply.client for reply in replies] == ["0", "1", "2", "3"]


def test_an_update_passes_through_its_codec_and_is_weighed(pool):
    transport = InProcess(tiny_clients(), pool)
    (plain, *_) = transport.exchange(tasks(pool))
    (coarse, *_) = transport.exchange(tasks(pool, reply=broadcast.int8()))
    assert plain.size_bytes == len(broadcast.float32().encode(plain.delta))
    assert coarse.size_bytes == len(broadcast.int8().encode(plain.delta))
    expected = broadcast.int8().decode(broadcast.int8().encode(plain.delta))
    assert same_bits(coarse.delta, expected)


def test_a_client_that_breaks_is_lost_and_the_others_answer(pool):
    clients = tiny_clients()
    clients[1] = Client("1", *clients[1].arrays, rows=np.array([9999]))  # rows that are not there
    clients[2] = Client("2", np.zeros((0, 6), np.float32), np.zeros(0, np.int32))
    replies = list(InProcess(clients, pool).exchange(tasks(pool)))
    assert [type(reply) for reply in replies] == [Update, Lost, Lost, Update]
    assert replies[1].reason.startswith("IndexError: index 9999 is out of bounds")
    assert replies[2].reason == "ValueError: holds no examples"


def test_who_is_late_is_lost_with_the_reason(pool):
    slow = [Client("0", *_long()), *tiny_clients()[1:]]
    plan = Plan(epochs=2000, batch_size=1)
    began = time.monotonic()
    replies = list(InProcess(slow, pool).exchange(tasks(pool, n=1, plan=plan), deadline_s=0.3))
    assert time.monotonic() - began < 5
    assert replies == [Lost("0", 1, "late: had not answered after 0.3 s")]


def test_stop_ends_an_exchange_within_a_second(pool):
    transport = InProcess([Client("0", *_long())], pool)
    list(transport.exchange(tasks(pool, n=1, plan=Plan(batch_size=1))))
    took = []
    for _ in range(3):  # a machine that stands still does so in one of them
        stop = threading.Event()
        threading.Timer(0.3, stop.set).start()
        began = time.monotonic()
        with pytest.raises(Stopped):
            list(transport.exchange(tasks(pool, n=1, plan=Plan(epochs=10_000, batch_size=1), round=2), stop=stop))
        took.append(time.monotonic() - began)
    assert min(took) < 1.3


def test_clients_whose_replies_were_not_taken_forget_the_round(pool):
    clients = tiny_clients()
    transport = InProcess(clients, pool)
    plan = Plan(batch_size=5, momentum=0.9, keep_momentum=True)
    replies = transport.exchange(tasks(pool, plan=plan))
    next(replies)
    replies.close()
    assert set(transport.memories([client.id for client in clients])) == {"0"}


def test_two_clients_of_one_name_are_refused(pool):
    with pytest.raises(ValueError, match="'0' is there more than once"):
        InProcess([*tiny_clients(1), *tiny_clients(1)], pool)


def test_lossy_drops_about_its_share_and_always_the_same_ones():
    class Instant:
        def exchange(self, tasks, deadline_s=None, stop=None):
            for task in tasks:
                yield Update(task.client, task.round, [], 1)

    codec = broadcast.float32()
    many = [Task(str(i), 1, "fit", b"", codec, codec) for i in range(1000)]
    lost = [type(reply) is Lost for reply in Lossy(Instant(), 0.3, seed=1).exchange(many)]
    assert sum(lost) == pytest.approx(300, abs=60)  # four standard deviations of 14.5
    backwards = [type(reply) is Lost for reply in Lossy(Instant(), 0.3, seed=1).exchange(many[::-1])]
    assert backwards[::-1] == lost
    with pytest.raises(ValueError, match="drop must be a number of at least 0 and at most 1, got 1.5"):
        Lossy(Instant(), 1.5, seed=1)


def _long():
    data = examples(2000)
    return data.x, data.y


def test_examples_that_the_model_cannot_take_are_refused_at_the_door(pool):
    x = np.zeros((4, 6), np.float32)
    with pytest.raises(ValueError, match=r"client 0: the model takes examples of shape \(6,\), got \(9,\)"):
        InProcess([Client("0", np.zeros((4, 9), np.float32), np.zeros(4, np.int32))], pool)
    with pytest.raises(ValueError, match="client 0: labels must be whole numbers from 0 to 2, got int64 .* 0 to 3"):
        InProcess([Client("0", x, np.array([0, 1, 2, 3]))], pool)
    with pytest.raises(ValueError, match="labels must be whole numbers"):
        InProcess([Client("0", x, np.zeros(4, np.float32))], pool)


def test_an_update_that_its_codec_cannot_carry_loses_the_client_only(pool):
    def poison(model, x, y, plan, rng):
        model.set_weights([np.full_like(w, np.nan) for w in model.get_weights()])

    transport = InProcess(tiny_clients(2), pool, local_update=poison)
    replies = list(transport.exchange(tasks(pool, n=2, reply=broadcast.int8())))
    assert [type(reply) for reply in replies] == [Lost, Lost]
    assert "NaN" in replies[0].reason


def test_who_is_late_with_a_step_of_ones_own_is_lost_too(pool):
    transport = InProcess(tiny_clients(1), pool, local_update=lambda *_: time.sleep(0.4))
    (reply,) = transport.exchange(tasks(pool, n=1), deadline_s=0.2)
    assert reply == Lost("0", 1, "late: had not answered after 0.2 s")
