"""The server's end of the mailbox: what it asks, what it waits for, and in which order it hands replies on."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fedteach.engine import Stopped
from fedteach.messages import Codec, Lost, Task, Update, tensors_from_bytes
from fedteach.steps import broadcast
from fedteach.steps.local_update import Plan
from fedteach.transport.base import TransportError
from fedteach.transport.envelope import reply_to_bytes
from fedteach.transport.http.mailbox import Mailbox
from fedteach.transport.http.mailbox_transport import MailboxTransport
from fedteach.transport.http.store import MemoryStore, StoreDown
from tests.classroom.classes import wait_until
from tests.federations import same_bits
from tests.transport.http.serving import MOST_EXAMPLES, WEIGHTS, a_file

FLOAT32 = broadcast.float32()
MESSAGE = FLOAT32.encode(WEIGHTS)


class Clock:
    now = 1_000_000.0

    def __call__(self):
        return self.now


class Frail(MemoryStore):
    """A store that can be away for a while."""

    away = False
    n_refused = 0

    def get(self, key):
        if self.away:
            self.n_refused += 1
            raise StoreDown("away")
        return super().get(key)


class Room:
    """A mailbox whose clients are the test: four places, all taken and ready."""

    def __init__(self, folder, n=4, **how):
        self.folder, self.clock = folder, Clock()
        self.store = Frail()
        self.mailbox = Mailbox([str(i) for i in range(n)], self.store, self.clock)
        self.mailbox.fill()
        for i in range(n):
            member = self.mailbox.members.join(f"p{i}", f"key of {i}")
            self.mailbox.members.ready(member, 10, {})
        self.transport = MailboxTransport(self.mailbox, **{"most_examples": MOST_EXAMPLES, **how})
        self._threads = ThreadPoolExecutor(1)

    def ask(self, tasks, **how):
        """Begin an exchange in a thread; returns the list that replies are added to, and what waits for its end."""
        came = []

        def take_all():
            for reply in self.transport.exchange(tasks, **how):
                came.append(reply)

        end = self._threads.submit(take_all)
        wait_until(lambda: end.done() or self.open_call(), 10)
        return came, end

    def open_call(self):
        """The call that is open now; None while it is being put up."""
        call = self.mailbox.calls.current()
        return call if call is not None and self.mailbox.calls.is_open(call) else None

    def answer(self, client, value=0.5, n_examples=10, content=None):
        """Put back an update whose delta is the same number everywhere."""
        call = self.mailbox.calls.current()
        delta = [np.full_like(w, value) for w in WEIGHTS]
        codec = broadcast.codec(call.reply_codecs[0])
        update = Update(client, call.round, delta if call.kind == "fit" else [], n_examples, {"loss": 1.0})
        content = reply_to_bytes(update, call.kind, codec) if content is None else content
        self.mailbox.calls.put_reply(call, client, a_file(self.folder, content), usable=True)

    def close(self):
        self._threads.shutdown()
        self.mailbox.close()


@pytest.fixture
def rooms(tmp_path):
    opened = []

    def make(**how):
        opened.append(Room(tmp_path, **how))
        return opened[-1]

    yield make
    for room in opened:
        room.close()


@pytest.fixture
def room(rooms):
    return rooms()


def tasks_for(*clients, **changes):
    given = {"round": 1, "kind": "fit", "message": MESSAGE, "codec": FLOAT32, "reply_codec": FLOAT32, "plan": Plan()}
    return [Task(client, **(given | changes)) for client in clients]


# Who can be asked


def test_the_roster_are_all_places_and_the_clients_those_who_can_be_asked_now(room):
    members = room.mailbox.members
    assert room.transport.roster() == ("0", "1", "2", "3")
    members.leave(members.get("1"))
    members.seen("2", "waiting", within_s=1)
    room.clock.now += 2
    assert [info.id for info in room.transport.clients()] == ["0", "3"]
    assert room.transport.clients()[0].n_examples == 10


def test_a_newcomer_that_still_loads_its_examples_is_not_asked(rooms):
    room = rooms(n=2)
    room.mailbox.members.leave(room.mailbox.members.get("1"))
    room.mailbox.members.join("new", "key of the new one")
    assert [info.id for info in room.transport.clients()] == ["0"]


# What is asked


def test_the_question_says_all_that_a_client_needs_and_is_gone_afterwards(room):
    _, end = room.ask(tasks_for("0", "2", plan=Plan(epochs=3), seed=7), deadline_s=30)
    call = room.mailbox.calls.current()
    assert (call.round, call.kind, call.clients, call.seed) == (1, "fit", ("0", "2"), 7)
    assert (call.codec, call.reply_codecs, call.plan["epochs"]) == ("float32", ("float32",), 3)
    assert call.shapes == ((2, 3), (3,))
    assert call.ends_at == room.clock.now + 30
    # 9 numbers of 4 bytes, 64 KiB for what is said about them, and safetensors' own header
    assert 36 + 65536 <= call.most_bytes <= 36 + 65536 + 500
    assert room.mailbox.calls.weights(1) == MESSAGE
    for client in ("0", "2"):
        room.answer(client)
    end.result(10)
    assert room.mailbox.calls.current() is None
    assert room.mailbox.calls.weights(1) is None


def test_the_same_work_has_the_same_name_and_every_exchange_an_id_of_its_own(room):
    def asked(**changes):
        exchange = room.transport.exchange(tasks_for("0", **changes))
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(lambda: next(exchange))
            call = wait_until(room.open_call, 10)
            room.answer("0")
            waiting.result(10)
        exchange.close()
        return call

    first, again = asked(), asked()
    assert first.task == again.task
    assert first.id != again.id
    others = [
        asked(plan=Plan(epochs=2)),
        asked(seed=1),
        asked(round=2),
        asked(kind="evaluate", plan=None),
        asked(message=FLOAT32.encode([w + 1 for w in WEIGHTS])),
        asked(reply_codec=broadcast.int8()),
    ]
    assert len({first.task, *(other.task for other in others)}) == 7


def test_further_tensors_travel_with_the_task_of_their_client(room):
    plain, special = tasks_for("0")[0], tasks_for("1", extra={"control": np.arange(3, dtype=np.float32)})[0]
    _, end = room.ask([plain, special])
    call = room.mailbox.calls.current()
    assert call.extras == ("1",)
    tensors, _ = tensors_from_bytes(room.mailbox.calls.extra(call, "1"))
    assert np.array_equal(tensors["control"], [0, 1, 2])
    for client in ("0", "1"):
        room.answer(client)
    end.result(10)
    assert room.mailbox.calls.extra(call, "1") is None


def test_what_cannot_travel_is_refused_before_anybody_is_asked(room):
    mine = Codec("mine", FLOAT32.encode, FLOAT32.decode)
    for tasks, words in [
        (tasks_for("0", codec=mine), "'mine' cannot be used over a network"),
        (tasks_for("0", reply_codec=mine), "'mine' cannot be used over a network"),
        (tasks_for("0") + tasks_for("1", message=bytes(bytearray(MESSAGE))), "must be sent the same weights"),
    ]:
        with pytest.raises(TransportError, match=words):
            next(room.transport.exchange(tasks))
        assert room.mailbox.calls.current() is None


def test_without_tasks_nobody_is_asked(room):
    assert list(room.transport.exchange([])) == []


# What comes back


def test_replies_come_in_the_order_of_the_tasks_as_soon_as_those_before_are_there(room):
    came, end = room.ask(tasks_for("2", "0", "1"))
    room.answer("1", 0.1)
    room.answer("2", 0.2)
    wait_until(lambda: came, 10)
    assert [reply.client for reply in came] == ["2"], "1 has answered too, and waits for 0"
    room.answer("0", 0.3)
    end.result(10)
    assert [reply.client for reply in came] == ["2", "0", "1"]
    assert [float(reply.delta[0][0, 0]) for reply in came] == pytest.approx([0.2, 0.3, 0.1])


def test_a_reply_that_waits_for_those_before_it_waits_as_bytes(room):
    _, end = room.ask(tasks_for("0", "1"))
    call = room.mailbox.calls.current()
    room.answer("1")
    assert isinstance(room.mailbox.calls.take(call, "1"), bytes)
    room.answer("0")
    end.result(10)
    assert room.mailbox.calls.take(call, "1") is None, "and is gone once it was read"


def test_the_size_is_that_of_the_encoded_delta_as_in_one_process(room):
    int8 = broadcast.int8()
    came, end = room.ask(tasks_for("0", reply_codec=int8))
    room.answer("0", 0.5)
    end.result(10)
    delta = [np.full_like(w, 0.5) for w in WEIGHTS]
    assert came[0].size_bytes == len(int8.encode(delta))
    assert same_bits(came[0].delta, int8.decode(int8.encode(delta)))


def test_a_reply_that_cannot_be_read_is_a_lost_client_and_not_an_error(room):
    came, end = room.ask(tasks_for("0", "1"))
    room.answer("0", content=b"no safetensors")
    room.answer("1")
    end.result(10)
    assert came[0].reason.startswith("update refused: ")
    assert isinstance(came[1], Update)


# Whom it does not wait for


def test_who_has_not_answered_in_time_is_late_and_who_has_is_not(room):
    came, end = room.ask(tasks_for("0", "1", "2"), deadline_s=30)
    call = room.mailbox.calls.current()
    room.answer("1")
    room.clock.now += 31
    end.result(10)
    assert [type(reply) for reply in came] == [Lost, Update, Lost]
    assert came[0].reason == "late: had not answered after 30 s"
    assert room.mailbox.calls.missed(call) == {}, "nothing is left of the question"


def test_who_falls_silent_is_gone_and_who_says_good_bye_has_left(room):
    members = room.mailbox.members
    for client in ("0", "1", "2", "3"):
        members.seen(client, "training", within_s=60)
    came, end = room.ask(tasks_for("0", "1", "2"))
    members.leave(members.get("2"))
    members.seen("0", "training", within_s=1)
    room.clock.now += 2
    room.answer("1")
    end.result(10)
    assert [getattr(reply, "reason", "") for reply in came] == ["gone: it was not heard of any more", "", "left"]


def test_a_reply_of_a_client_that_fell_silent_afterwards_counts(room):
    room.mailbox.members.seen("1", "training", within_s=1)
    came, end = room.ask(tasks_for("0", "1"))
    room.answer("1")
    room.clock.now += 2
    room.answer("0")
    end.result(10)
    assert [type(reply) for reply in came] == [Update, Update]


@pytest.mark.parametrize(
    ("ratio", "enough", "needed"),
    # 0.75 * 4 = 3; 0.7 * 4 = 2.8, so 3; 0.25 * 4 = 1; the smaller of both counts: min(2, 0.75 * 4)
    [(0.75, None, 3), (0.7, None, 3), (0.25, None, 1), (1.0, 2, 2), (0.75, 2, 2), (0.5, 3, 2)],
)
def test_a_round_ends_when_enough_have_answered(rooms, ratio, enough, needed):
    room = rooms(update_ratio=ratio)
    came, end = room.ask(tasks_for("0", "1", "2", "3"), enough=enough)
    for client in list("3210")[: needed - 1]:
        room.answer(client)
    assert not end.done()
    room.answer(list("3210")[needed - 1])
    end.result(10)
    answered = [reply.client for reply in came if isinstance(reply, Update)]
    assert answered == sorted(list("3210")[:needed])
    reasons = {reply.reason for reply in came if isinstance(reply, Lost)}
    assert reasons == {f"not needed: {needed} had answered"}


def test_a_share_of_many_is_not_one_more_by_rounding(rooms):
    room = rooms(n=20, update_ratio=0.55)  # 0.55 * 20 is 11.000000000000002 in floats
    came, end = room.ask(tasks_for(*(str(i) for i in range(20))))
    for i in range(11):
        room.answer(str(i))
    end.result(10)
    assert sum(isinstance(reply, Update) for reply in came) == 11


def test_a_reply_that_comes_in_the_moment_it_is_given_up_still_counts(room, monkeypatch):
    calls = room.mailbox.calls
    miss = calls.miss

    def miss_a_moment_too_late(call, client, reason):
        room.answer(client)
        miss(call, client, reason)

    monkeypatch.setattr(calls, "miss", miss_a_moment_too_late)
    came, end = room.ask(tasks_for("0"), deadline_s=5)
    room.clock.now += 6
    end.result(10)
    assert isinstance(came[0], Update)


@pytest.mark.parametrize("ratio", [0, -0.5, 1.5, "half"])
def test_a_share_that_cannot_be_meant_is_refused(rooms, ratio):
    with pytest.raises(ValueError, match="update_ratio must be"):
        rooms(update_ratio=ratio)


# How it ends otherwise


def test_stop_is_heard_and_closes_the_question(room):
    stop = threading.Event()
    _, end = room.ask(tasks_for("0"), stop=stop)
    stop.set()
    with pytest.raises(Stopped):
        end.result(5)
    assert room.mailbox.calls.current() is None


def test_who_does_not_want_more_closes_the_question(room):
    exchange = room.transport.exchange(tasks_for("0", "1"))
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(lambda: next(exchange))
        call = wait_until(room.open_call, 10)
        room.answer("0")
        assert first.result(10).client == "0"
    assert room.mailbox.calls.is_open(call)
    exchange.close()
    assert not room.mailbox.calls.is_open(call)


def test_a_store_that_is_away_for_a_while_costs_nobody_the_round(room):
    came, end = room.ask(tasks_for("0"))
    call = room.mailbox.calls.current()
    room.store.away = True
    wait_until(lambda: room.store.n_refused >= 2, 10)
    assert not end.done()
    room.store.away = False
    room.mailbox.calls.put_reply(
        call, "0", a_file(room.folder, reply_to_bytes(Update("0", 1, WEIGHTS, 3), "fit", FLOAT32)), usable=True
    )
    end.result(10)
    assert came[0].n_examples == 3


def test_a_question_is_asked_again_after_the_store_was_emptied(room):
    came, end = room.ask(tasks_for("0"))
    call = room.mailbox.calls.current()
    room.store.drop("call", "call id", "weights:1", "filled", "members", "seen")
    room.transport.put_back()
    assert room.mailbox.calls.current() == call
    assert room.mailbox.calls.weights(1) == MESSAGE
    assert not end.done(), "who is a member is not judged from an empty store"
    room.mailbox.members.join("p0", "key of 0")
    room.mailbox.fill()
    room.answer("0")
    end.result(10)
    assert isinstance(came[0], Update)
    room.transport.put_back()
    assert room.mailbox.calls.current() is None, "what is over is not asked again"


def test_what_clients_remember_stays_with_them(room):
    room.transport.forget(["0"], 1)
    room.transport.restore({"0": {"velocity": np.ones(1)}}, 1)
    assert room.transport.memories(["0"]) == {}
