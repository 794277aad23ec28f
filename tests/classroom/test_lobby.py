"""Between rounds: when does the next one begin? With a clock that the test turns."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from fedteach.classroom.lobby import Ended, Lobby, Windows
from fedteach.classroom.standing import Standing
from fedteach.engine import Stopped
from fedteach.transport.http.mailbox import Mailbox
from tests.classroom.classes import wait_until


class Room:
    """A lobby of three places whose clock the test turns."""

    def __init__(self, windows):
        self.now = 1_000_000.0
        self.mailbox = Mailbox(["0", "1", "2"], clock=self.clock)
        self.mailbox.fill()
        self.standing = Standing(self.mailbox, {}, rounds=5)
        self.stop = threading.Event()
        self.lobby = Lobby(self.mailbox, windows, self.standing, self.stop, self.clock)
        self._threads = ThreadPoolExecutor(1)
        self.end = self._threads.submit(self.lobby.wait)

    def clock(self):
        return self.now

    def turn(self, seconds):
        self.now += seconds
        self.mailbox.store.ring("wish")  # so that it looks at once

    def join(self, n):
        for i in range(n):
            member = self.mailbox.members.join(f"p{i}", f"key of {i}")
            self.mailbox.members.ready(member, 10, {})
            self.mailbox.members.seen(member.client, "waiting", within_s=1e6)

    def say(self):
        self.standing.refresh()
        return self.standing.board["say"]

    def close(self):
        self.stop.set()
        self._threads.shutdown()
        self.mailbox.close()


@pytest.fixture
def rooms():
    opened = []

    def make(**windows):
        opened.append(Room(Windows(**windows)))
        return opened[-1]

    yield make
    for room in opened:
        room.close()


def test_a_round_begins_at_once_when_enough_are_here(rooms):
    room = rooms(min_clients=2, start_window_s=60)
    wait_until(lambda: room.say() == "nobody has joined yet; a round begins with 2 clients", 10)
    room.join(1)
    wait_until(lambda: room.say() == "1 of 2 clients have joined; waiting 60 s more", 10)
    room.join(2)
    room.end.result(10)


def test_the_window_begins_with_the_first_client_and_ends_with_those_who_are_there(rooms):
    room = rooms(min_clients=3, start_window_s=60)
    room.turn(1000)  # nobody is here, however long
    wait_until(lambda: room.say().startswith("nobody has joined"), 10)
    room.join(1)
    wait_until(lambda: room.say() == "1 of 3 clients have joined; waiting 60 s more", 10)
    room.turn(59)
    wait_until(lambda: room.say() == "1 of 3 clients have joined; waiting 1 s more", 10)
    assert not room.end.done()
    room.turn(1)
    room.end.result(10)


def test_when_all_have_gone_the_window_begins_anew(rooms):
    room = rooms(min_clients=2, start_window_s=60)
    room.join(1)
    wait_until(lambda: "1 of 2" in room.say(), 10)
    room.turn(50)
    room.mailbox.members.leave(room.mailbox.members.get("0"))
    wait_until(lambda: room.say().startswith("nobody has joined"), 10)
    room.turn(100)
    room.join(1)
    wait_until(lambda: room.say() == "1 of 2 clients have joined; waiting 60 s more", 10)
    assert not room.end.done()


def test_who_still_loads_its_examples_is_not_counted(rooms):
    room = rooms(min_clients=1)
    room.mailbox.members.join("p0", "key of 0")
    wait_until(lambda: room.say() == "nobody has joined yet; a round begins with 1 client", 10)
    assert not room.end.done()
    room.mailbox.members.ready(room.mailbox.members.get("0"), 10, {})
    room.end.result(10)


def test_a_pause_holds_the_round_back_and_the_window_does_not_run_out_meanwhile(rooms):
    room = rooms(min_clients=2, start_window_s=60)
    room.join(1)
    wait_until(lambda: "1 of 2" in room.say(), 10)
    room.mailbox.noticeboard.wish("pause")
    wait_until(lambda: room.say() == "the instructor has paused the federation before the first round", 10)
    room.turn(1000)
    room.join(2)  # enough, but paused
    assert not room.end.done()
    room.mailbox.members.leave(room.mailbox.members.get("1"))
    room.mailbox.noticeboard.wish("resume")
    wait_until(lambda: room.say() == "1 of 2 clients have joined; waiting 60 s more", 10)


@pytest.mark.parametrize(("how", "why"), [("wish", Ended), ("stop", Stopped)])
def test_the_instructor_ends_the_waiting_and_whoever_stops_the_server(rooms, how, why):
    room = rooms(min_clients=2)
    wait_until(lambda: "nobody" in room.say(), 10)
    if how == "wish":
        room.mailbox.noticeboard.wish("end")
    else:
        room.stop.set()
    with pytest.raises(why):
        room.end.result(10)


def test_an_empty_store_is_no_empty_class(rooms):
    room = rooms(min_clients=2, start_window_s=60)
    room.join(1)
    wait_until(lambda: "1 of 2" in room.say(), 10)
    room.mailbox.store.drop("filled", "members")
    room.turn(30)
    assert not room.end.done()
    assert "1 of 2" in room.say(), "nobody is said to have gone"
    room.mailbox.store.drop("seen")
    room.join(1)
    room.mailbox.fill()
    room.turn(30)
    room.end.result(10)  # the window went on


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"min_clients": 0}, "min_clients must be"),
        ({"min_clients": 1.5}, "min_clients must be"),
        ({"start_window_s": -1}, "start_window_s must be"),
        ({"start_window_s": float("nan")}, "start_window_s must be"),
        ({"update_window_s": 0}, "update_window_s must be"),
        ({"update_ratio": 0}, "update_ratio must be"),
        ({"update_ratio": 1.1}, "update_ratio must be"),
    ],
)
def test_windows_that_cannot_be_meant_are_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        Windows(**wrong)
