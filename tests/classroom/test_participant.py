"""A client of a class: what it does when something is not as it should be."""

import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from fedteach.classroom import participant as module
from fedteach.classroom.line import Refused
from fedteach.classroom.participant import Participant
from fedteach.classroom.server import HttpServer
from fedteach.messages import Update
from fedteach.transport.envelope import Limits, reply_from_bytes, reply_to_bytes
from fedteach.transport.http import client_routes
from tests.classroom.classes import SMALL, Counting, a_class, wait_until
from tests.federations import same_bits


@pytest.fixture
def quick_hearts(monkeypatch):
    """Clients that say that they are alive all the time."""
    monkeypatch.setattr(client_routes, "HEARTBEAT_S", 0.05)


def run(client):
    thread = threading.Thread(target=client.run, daemon=True)
    thread.start()
    return thread


# Joining


def test_who_finds_the_class_full_waits_for_a_place_and_says_so(monkeypatch):
    monkeypatch.setattr(module, "_ASK_FOR_A_PLACE_EVERY_S", 0.05)
    with a_class(SMALL.replace(clients=1, rounds=1000), start_window_s=0.1) as (server, (first,)):
        second = Participant(server.url, server.class_token, name="second")
        thread = run(second)
        wait_until(lambda: "the only place is taken" in second.news.say)
        assert "asking again in" in second.news.say
        first.leave()
        wait_until(lambda: second.news.state == "waiting" and second.news.client == "0")
        assert server.board()["cards"]["0"]["name"] == "second"
        second.leave()
        thread.join(20)
        assert second.news.state == "left"


def test_who_leaves_while_waiting_for_a_place_is_gone_at_once():
    with a_class(SMALL.replace(clients=1, rounds=1000), start_window_s=0.1) as (server, _):
        second = Participant(server.url, server.class_token)
        thread = run(second)
        wait_until(lambda: "the only place is taken" in second.news.say)
        second.leave()
        thread.join(5)
        assert second.news.state == "left"


def test_a_wrong_token_is_said_and_not_tried_again():
    with HttpServer(SMALL) as server:
        client = Participant(server.url, "abcde-fghij-klmno")
        with pytest.raises(Refused, match="was not given out by this class"):
            client.run()
        assert client.news.state == "failed"
        assert "was not given out" in client.news.say


def test_a_name_is_found_for_who_gives_none_and_cut_for_who_gives_a_novel():
    url, token = "http://127.0.0.1:1", "token"
    assert Participant(url, token)._name
    assert Participant(url, token, name="  Anna ")._name == "Anna"
    assert len(Participant(url, token, name="x" * 500)._name) == 80
    with pytest.raises(ValueError, match="joining takes the class token"):
        Participant(url, "  ")


def test_who_lost_its_place_meanwhile_joins_again():
    with a_class(SMALL.replace(rounds=1000), participant=Counting, start_window_s=0.1) as (server, clients):
        wait_until(lambda: len(server.history) >= 1)
        server.mailbox.members.leave(server.mailbox.members.get("2"))
        server.mailbox.store.ring("call")
        wait_until(lambda: server.mailbox.members.get("2").generation == 2)
        done = len(server.history)
        wait_until(lambda: len(server.history) > done + 1 and "2" in server.history[-1].clients)
        assert clients[2].news.client == "2"


def test_who_is_not_known_to_be_ready_any_more_says_it_again(monkeypatch):
    monkeypatch.setattr(client_routes, "LONGEST_POLL_S", 0.1)
    with a_class(n=1, min_clients=2) as (server, (client,)):
        wait_until(lambda: client.news.state == "waiting")
        members = server.mailbox.members
        members._change(members.get("0"), n_examples=None)  # the crash came before it was written down
        wait_until(lambda: members.get("0").n_examples == 40)


def test_who_lost_its_place_while_it_was_loading_takes_another():
    lost = threading.Event()

    class Unlucky(Participant):
        def _load(self, experiment):
            bench = super()._load(experiment)
            if not lost.is_set():
                server.mailbox.store.drop_fields("members", self.news.client)  # killed before it was written down
                lost.set()
            return bench

    with HttpServer(SMALL.replace(clients=1, rounds=1)) as server:
        client = Unlucky(server.url, server.class_token)
        thread = run(client)
        server.result(60)
        thread.join(20)
        assert lost.is_set()
        assert client.news.state == "over"


def test_a_new_class_at_the_same_address_is_not_the_old_one():
    with a_class(SMALL.replace(rounds=1000), n=1, min_clients=1) as (server, (client,)):
        wait_until(lambda: len(server.history) >= 1)
        port = server._web.port
        server.stop()
        with HttpServer(SMALL, port=port):
            wait_until(lambda: getattr(client, "ended_with", None) is not None)
        assert client.ended_with.status == 401


# Training


def test_who_trains_for_long_says_that_it_is_alive_and_is_waited_for(quick_hearts, monkeypatch):
    monkeypatch.setattr(Counting, "go", threading.Event())
    with a_class(SMALL.replace(rounds=1, clients=2), participant=Counting) as (server, clients):
        wait_until(lambda: all(client.begun for client in clients))
        members = server.mailbox.members
        for _ in range(3):  # at each, the server is ready to wait a little longer
            due = [members.sighting(client).due for client in "01"]
            wait_until(lambda due=due: all(members.sighting(client).due > due[int(client)] for client in "01"))
        assert [members.sighting(client).state for client in "01"] == ["training"] * 2
        Counting.go.set()
        (record,) = server.result(60)
        assert (sorted(record.clients), record.lost) == (["0", "1"], {})


def test_training_for_a_round_that_is_over_is_given_up(quick_hearts, monkeypatch):
    monkeypatch.setattr(Counting, "go", threading.Event())
    with a_class(SMALL.replace(rounds=2, clients=2), participant=Counting, update_ratio=0.5) as (server, clients):
        # The first one answers as soon as the other one has begun, which trains for ever.
        clients[0].go = SimpleNamespace(is_set=lambda: clients[1].begun == clients[0].begun)
        history = server.result(60)
        wait_until(lambda: clients[1].news.state == "over")
        assert [sorted(record.lost) for record in history] == [["1"], ["1"]]
        assert clients[1].begun == [1, 2]
        assert [(mine.round, mine.became) for mine in clients[1].news.mine] == [(1, "late"), (2, "late")]


def test_who_leaves_while_it_trains_is_gone_at_once(monkeypatch):
    monkeypatch.setattr(Counting, "go", threading.Event())
    with a_class(SMALL.replace(rounds=1, clients=2), participant=Counting) as (server, clients):
        clients[0].go = None
        wait_until(lambda: clients[1].begun)
        clients[1].leave()
        (record,) = server.result(20)
        assert record.lost == {"1": "left"}
        wait_until(lambda: clients[1].news.state == "left", 5)


def test_a_server_that_goes_and_comes_back_is_sent_what_was_being_made_meanwhile(quick_hearts, monkeypatch, tmp_path):
    experiment = SMALL.replace(rounds=3, clients=2)
    whole = experiment.federation()
    whole.run(3)
    go, loaded = threading.Event(), threading.Event()
    monkeypatch.setattr(Counting, "go", go)
    with a_class(experiment, participant=Counting, out=tmp_path) as (server, clients):
        wait_until(lambda: all(client.begun for client in clients))
        server.stop()
        built = HttpServer._built
        monkeypatch.setattr(HttpServer, "_built", lambda self: (loaded.wait(30), built(self))[1])
        with HttpServer(resume=tmp_path) as again:
            time.sleep(0.5)  # for some ten heartbeats the server knows of no round at all
            loaded.set()
            wait_until(lambda: again.mailbox.calls.current() is not None)
            time.sleep(0.3)
            assert [client.begun for client in clients] == [[1], [1]]
            go.set()
            again.result(60)
            assert same_bits(again.weights, whole.weights)
            assert [client.begun for client in clients] == [[1, 2, 3], [1, 2, 3]], "no round was trained twice"


# Liars


class Liar(Participant):
    """Claims another number of examples than it has trained on."""

    claims = 10**9

    def _send(self, task, made):
        update, kind = reply_from_bytes(made.reply, self.news.client, Limits(10**6, ("float32",)))
        if isinstance(update, Update) and self.news.client == "1":
            lie = reply_to_bytes(replace(update, n_examples=self.claims), kind, task.reply_codec)
            made = replace(made, reply=lie)
        super()._send(task, made)


@pytest.mark.parametrize("claims", [10**9, 41, 0, -5])
def test_a_liar_does_not_own_the_mean(monkeypatch, claims):
    monkeypatch.setattr(Liar, "claims", claims)
    with a_class(SMALL.replace(rounds=1), participant=Liar) as (server, clients):
        (record,) = server.result(60)
        assert sorted(record.clients) == ["0", "2", "3"]
        expected = f"n_examples must be a whole number from 1 to 40, got {claims}"  # every part of the class has 40
        assert expected in record.lost["1"]
        wait_until(lambda: clients[1].news.mine)
        assert clients[1].news.mine[0].became == "refused"
        assert expected in clients[1].news.mine[0].say


def test_who_leaves_while_it_is_joining_leaves_no_ghost(monkeypatch):
    class Hasty(Participant):
        def _place(self):
            said = super()._place()
            self.leave()  # nobody knows the token yet
            return said

    with HttpServer(SMALL, min_clients=4) as server:
        client = Hasty(server.url, server.class_token)
        client.run()
        assert client.news.state == "left"
        (member,) = server.mailbox.members.all()
        assert member.left
        assert not server.mailbox.members.here()


def test_who_leaves_while_it_loads_is_never_ready(monkeypatch):
    class Hasty(Participant):
        def _load(self, experiment):
            bench = super()._load(experiment)
            self.leave()
            return bench

    with HttpServer(SMALL, min_clients=4) as server:
        client = Hasty(server.url, server.class_token)
        client.run()
        assert client.news.state == "left"
        (member,) = server.mailbox.members.all()
        assert (member.left, member.n_examples) == (True, None)


def test_who_boasts_of_examples_is_not_chosen_more_often():
    with HttpServer(SMALL, min_clients=4) as server:
        wait_until(lambda: server._transport is not None)
        member = server.mailbox.members.join("boaster", "k" * 16)
        server.mailbox.members.ready(member, 2**31 - 1, {})
        (info,) = server._transport.clients()
        assert info.n_examples == 40, "nobody in this class can have more"
