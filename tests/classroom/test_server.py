"""A whole class in this process: what the network must not change, and what may go wrong in a round."""

import json
import math
import threading
import time

import numpy as np
import pytest

from fedteach.classroom.class_file import ClassFile
from fedteach.classroom.participant import Participant
from fedteach.classroom.server import HttpServer, InsecureServer
from fedteach.messages import Lost, tensors_from_bytes, weights_from_tensors
from fedteach.run_folder import SaveError
from fedteach.steps.broadcast import from_functions
from fedteach.steps.selection import over_select
from fedteach.transport.in_process import InProcess
from tests.classroom.classes import SMALL, a_class, holding_back, joined, let_the_window_run_out, wait_until
from tests.federations import same_bits

TIMES = ("seconds",)


def without_times(history):
    """A history as data, but for what a clock has measured."""
    rounds = [dict(record) for record in history.to_log()["rounds"]]
    for record in rounds:
        record["seconds"] = None
        record["clients"] = {c: {k: v for k, v in of.items() if k not in TIMES} for c, of in record["clients"].items()}
    return rounds


SETTINGS = {
    "plain": {},
    "half of the clients": {"fraction": 0.5},
    "who has the highest loss": {"select": "power_of_choice:2,3"},
    "int8 both ways": {"broadcast": "int8", "upload": "int8"},
    "float16 down, a tenth up": {"broadcast": "float16", "upload": "top_k:0.1"},
    "momentum that is kept": {"momentum": 0.9, "keep_momentum": True, "fraction": 0.5, "rounds": 5},
    "new examples each round": {"redraw_each_round": True, "split": "3"},
    "strangers at the start": {"common_init": False},
    "clipped and noisy": {"clip_norm": 1.0, "noise_multiplier": 0.1, "own_accuracy": True},
    "dropout, and Adam on the server": {"model": "small_cnn", "global_update": "adam:0.01", "epochs": 2},
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_over_http_every_bit_is_that_of_one_process(settings):
    experiment = SMALL.replace(**settings)
    here = experiment.federation()
    here.run(experiment.rounds)
    with a_class(experiment) as (server, _):
        history = server.result(120)
        assert same_bits(server.weights, here.weights)
        there, expected = without_times(history), without_times(here.history)
    if "select" in settings:  # the questions that choosing asks are counted the same, too
        assert [r["bytes_down"] for r in there] == [r["bytes_down"] for r in expected]
    assert there == expected


def test_the_order_of_answers_changes_no_bit():
    class Slow(Participant):
        def _send(self, task, made):
            time.sleep(0.3 * (3 - int(self.news.client)) / 3)  # the last ones answer first
            super()._send(task, made)

    here = SMALL.federation()
    here.run(3)
    with a_class(participant=Slow) as (server, _):
        server.result(60)
        assert same_bits(server.weights, here.weights)


def test_the_noticeboard_tells_the_whole_story():
    with a_class() as (server, clients):
        history = server.result(60)
        board = server.board()
        assert (board["phase"], board["round"]) == ("finished", 3)
        assert board["accuracy"] == history.server_accuracy
        assert board["bytes_up"] == sum(record.bytes_up for record in history)
        assert board["say"] == f"finished: 3 rounds, accuracy {history.server_accuracy[-1]:.3f}"
        assert {card["rounds"] for card in board["cards"].values()} == {3}
        model = weights_from_tensors(tensors_from_bytes(server.mailbox.noticeboard.model())[0])
        assert same_bits(model, server.weights)
        wait_until(lambda: all(client.news.state == "over" for client in clients), 30)
        assert [mine.round for mine in clients[0].news.mine] == [1, 2, 3]


# What may go wrong


def test_a_client_whose_training_fails_is_lost_and_told_and_the_class_goes_on():
    def broken(model, x, y, plan, rng):
        raise IndexError("off by one")

    all_are_loaded = threading.Barrier(4)

    class Others(Participant):
        def _load(self, experiment):
            bench = super()._load(experiment)
            all_are_loaded.wait(60)
            return bench

        def _send(self, task, made):
            if made.error is None and task.round == 1:  # who has failed leaves a moment later, and is not asked again
                wait_until(lambda: server.mailbox.members.get("1").left)
            super()._send(task, made)

    each = {1: {"local_update": broken}}
    with a_class(participant=Others, start_window_s=2, each=lambda i: each.get(i, {})) as (server, clients):
        history = server.result(60)
        assert (
            history[0].lost["1"].startswith("StepError: broken failed on client 1 in round 1: IndexError: off by one")
        )
        assert len(history[0].clients) == 3
        wait_until(lambda: clients[1].ended_with is not None)
        assert "off by one" in str(clients[1].ended_with)
        assert clients[1].news.state == "failed"
    assert history[1].selected == ("0", "2", "3")


def test_an_update_that_is_refused_loses_its_client_at_once_with_the_reason():
    def poison(model, x, y, plan, rng):
        model.set_weights([np.full_like(w, np.nan) for w in model.get_weights()])

    with a_class(each=lambda i: {"local_update": poison} if i == 2 else {}) as (server, clients):
        history = server.result(60)
        assert "update refused: tensor 0 holds NaN" in history[0].lost["2"]
        assert clients[2].news.mine[0].became == "refused"


def test_a_straggler_is_late_and_takes_part_in_a_later_round():
    waits = threading.Event()

    class Straggler(Participant):
        def _send(self, task, made):
            if self.news.client == "0" and task.round == 1:
                server.mailbox.members.seen("0", "training", within_s=1000)  # however long the others take
                waits.wait(120)
            super()._send(task, made)

    with a_class(participant=Straggler, update_window_s=90) as (server, clients):
        let_the_window_run_out(server, "1", "2", "3")
        waits.set()
        history = server.result(60)
        wait_until(lambda: clients[0].news.state == "over")
        assert history[0].lost == {"0": "late: had not answered after 90 s"}
        assert clients[0].news.mine[0].became == "late"
        assert "0" in history[-1].clients


def test_a_client_that_fetches_weights_too_late_takes_part_in_the_next_round():
    class Slow(Participant):
        def _task(self, asked):
            if asked["round"] == 1 and self.news.client == "1":
                wait_until(lambda: len(box[0].history) >= 1)
            return super()._task(asked)

    box = []
    with HttpServer(SMALL.replace(clients=2), min_clients=2, start_window_s=60) as server:
        box.append(server)
        clients = [Slow(server.url, server.class_token, name=str(i)) for i in range(2)]
        for i, client in enumerate(clients):
            threading.Thread(target=client.run, daemon=True).start()
            wait_until(lambda i=i: len(server.mailbox.members.all()) > i)
        let_the_window_run_out(server, "0")
        history = server.result(60)
        wait_until(lambda: clients[1].news.state == "over")
    assert "1" in history[0].lost
    assert "1" in history[2].clients


def test_a_round_ends_when_enough_have_answered():
    class Never(Participant):
        def _send(self, task, made):
            if self.news.client != "3":
                super()._send(task, made)
            else:
                self.stopping.wait(30)

    with a_class(SMALL.replace(rounds=1), participant=Never, update_ratio=0.75) as (server, _):
        (record,) = server.result(60)
        assert list(record.clients) == ["0", "1", "2"]
        assert record.lost == {"3": "not needed: 3 had answered"}
        assert record.seconds["total"] < 30


def test_over_selection_waits_for_enough_over_the_network_too():
    class Never(Participant):
        def _send(self, task, made):
            if self.news.client != "1":
                super()._send(task, made)
            else:
                self.stopping.wait(30)

    with a_class(SMALL.replace(rounds=1), participant=Never, select=over_select(3, 4 / 3)) as (server, _):
        (record,) = server.result(60)
        assert sorted(record.clients) == ["0", "2", "3"]
        assert "1" in record.lost


def test_who_leaves_is_not_waited_for():
    with a_class(SMALL.replace(rounds=20), start_window_s=0.1) as (server, clients):
        wait_until(lambda: len(server.history) >= 1)
        clients[2].leave()
        history = server.result(60)
        assert len(history) == 20
        assert "2" not in history[-1].selected
        assert server.board()["cards"]["2"]["state"] == "left"


def test_a_momentum_whose_update_was_not_used_is_forgotten():
    settings = {"momentum": 0.9, "keep_momentum": True, "rounds": 3, "clients": 2}
    lost_once = threading.Event()

    class Late(Participant):
        def _send(self, task, made):
            if self.news.client == "1" and task.round == 1:
                wait_until(lambda: len(server_box[0].history) >= 1)
                lost_once.set()
            super()._send(task, made)

    server_box = []

    experiment = SMALL.replace(**settings)
    with HttpServer(experiment, min_clients=2, start_window_s=60) as server:
        server_box.append(server)
        clients = [Late(server.url, server.class_token, name=str(i)) for i in range(2)]
        for i, client in enumerate(clients):
            threading.Thread(target=client.run, daemon=True).start()
            wait_until(lambda i=i: len(server.mailbox.members.all()) > i)
        let_the_window_run_out(server, "0")
        server.result(60)
        weights = server.weights
    assert lost_once.is_set()

    # The same in one process: client 1 loses round 1, and with it what it remembered of it.
    class OneIsLost(InProcess):
        def exchange(self, tasks, *arguments):
            for reply in super().exchange(tasks, *arguments):
                lost = reply.client == "1" and reply.round == 1
                yield Lost("1", 1, "late") if lost else reply

    pool = experiment.pool()
    here = experiment.federation(transport=OneIsLost(experiment.all_clients(), pool))
    here.run(3)
    assert same_bits(weights, here.weights)


# The lobby and the instructor


def test_a_round_waits_for_its_clients_and_then_begins_with_those_who_are_there():
    with a_class(n=1, min_clients=3, start_window_s=1.5) as (server, _):
        wait_until(lambda: "1 of 3 clients have joined; waiting" in server.board().get("say", ""))
        assert server.board()["phase"] == "waiting"
        assert server.board()["window_s"] == 1.5
        wait_until(lambda: len(server.history) >= 1)
        assert server.history[0].selected == ("0",)


def test_the_instructor_pauses_goes_on_and_ends():
    with a_class(SMALL.replace(rounds=100)) as (server, clients):
        wait_until(lambda: len(server.history) >= 1)
        server.control("pause")
        wait_until(lambda: server.board()["phase"] == "paused")
        done = len(server.history)
        time.sleep(0.5)
        assert len(server.history) == done
        assert server.board()["say"] == f"the instructor has paused the federation after round {done}"
        server.control("resume")
        wait_until(lambda: len(server.history) > done)
        server.control("end")
        history = server.result(20)
        assert len(history) < 100
        assert server.board()["phase"] == "ended"
        wait_until(lambda: all(client.news.state == "over" for client in clients))


def test_a_step_of_the_instructors_own_that_fails_ends_the_class_with_its_reason():
    def wrong(updates):
        raise KeyError("typo")

    with a_class(aggregate=wrong) as (server, clients):
        with pytest.raises(Exception, match="wrong failed in round 1: KeyError: 'typo'"):
            server.result(60)
        assert server.board()["phase"] == "failed"
        wait_until(lambda: clients[0].news.state == "over")
        assert "typo" in clients[0].news.say


def test_a_disk_that_is_full_ends_the_class_with_its_reason(tmp_path, monkeypatch):
    with a_class(SMALL.replace(rounds=1000), out=tmp_path, start_window_s=0.1) as (server, clients):
        wait_until(lambda: len(server.history) >= 1)

        def full(self, out, folder):
            raise SaveError(f"cannot write {out}: no space left on device")

        monkeypatch.setattr(ClassFile, "save", full)
        clients[0].leave()  # who holds which place has changed, so it is written down
        with pytest.raises(SaveError, match="no space left"):
            server.result(30)
        wait_until(lambda: server.board()["phase"] == "failed")
        wait_until(lambda: "no space left" in clients[1].news.say)


def test_what_cannot_be_meant_is_refused_at_the_door():
    for how, words in [
        ({"min_clients": 5}, "min_clients=5 can never be here: the class has 4 places"),
        ({"update_ratio": 0}, "update_ratio must be a number above 0"),
        ({"start_window_s": -1}, "start_window_s must be"),
        ({"workers": 2}, "share a federation through Redis"),
    ]:
        with pytest.raises(ValueError, match=words.replace("(", r"\(")):
            HttpServer(SMALL, **how)


def test_a_codec_of_ones_own_cannot_travel_by_its_name():
    mine = from_functions("mine", lambda t: (t.astype(np.uint8), 0.0, 1.0), lambda q, low, scale: low + scale * q)
    with pytest.raises(ValueError, match="mine"):
        HttpServer(SMALL, broadcast=mine)


def test_a_resumed_class_goes_on_with_the_same_tokens_and_numbers(tmp_path):
    stopped = threading.Event()
    whole = SMALL.federation()
    whole.run(3)
    with a_class(out=tmp_path, participant=holding_back(3, stopped)) as (server, clients):
        wait_until(lambda: len(server.history) >= 1)
        server.stop()
        stopped.set()
        done, keys, url = len(server.history), server.keys, server.url
        with HttpServer(resume=tmp_path) as again:
            assert (again.keys, again.url) == (keys, url)
            history = again.result(60)
            assert same_bits(again.weights, whole.weights)
            assert [record.round for record in history] == [1, 2, 3]
            wait_until(lambda: all(client.news.state == "over" for client in clients))
            assert again.board()["accuracy"] == history.server_accuracy
            assert {card["rounds"] for card in again.board()["cards"].values()} == {3}
    assert done < 3
    (kept,) = tmp_path.glob("checkpoints/*/class.json")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert json.loads(kept.read_text())["members"] == [], "it is over, and nobody comes back for a place"


def test_a_place_that_was_not_written_down_before_a_kill_is_given_away_once_more(tmp_path, monkeypatch):
    others_first, save = threading.Event(), ClassFile.save

    class LateToComeBack(Participant):
        def _place(self):
            if self.news.client:
                assert others_first.wait(60)
            return super()._place()

    def lost_by_the_power_cut(file, out, folder):
        if not file.members:
            save(file, out, folder)

    experiment = SMALL.replace(clients=2)
    whole = experiment.federation()
    whole.run(experiment.rounds)
    monkeypatch.setattr(ClassFile, "save", lost_by_the_power_cut)
    server = HttpServer(experiment, min_clients=2, out=tmp_path).start()
    with joined(server.url, server.class_token, 1, LateToComeBack) as (anna,):
        assert anna.news.client == "0"
        server.stop()
        monkeypatch.setattr(ClassFile, "save", save)
        with HttpServer(resume=tmp_path) as again, joined(again.url, again.class_token, 1) as (ben,):
            others_first.set()
            again.result(60)
            assert (ben.news.client, anna.news.client) == ("0", "1")
            assert same_bits(again.weights, whole.weights), "each has trained on the examples of its last place"
            wait_until(lambda: anna.news.state == "over")


def test_a_class_that_was_ended_has_free_places_when_it_goes_on(tmp_path):
    experiment = SMALL.replace(rounds=5)
    with a_class(experiment, out=tmp_path) as (server, _):
        wait_until(lambda: len(server.history) >= 2)
        server.control("end")
        server.result(30)
    with HttpServer(resume=tmp_path) as server, joined(server.url, server.class_token, 4):
        assert len(server.result(60)) == 5


def test_end_ends_a_class_that_waits_whoever_hears_it_first(monkeypatch):
    """The button only writes on the noticeboard, where the lobby may read it before the ticker does."""
    monkeypatch.setattr(HttpServer, "_tick", lambda self: None)
    with HttpServer(SMALL) as server:
        wait_until(lambda: server._standing.refresh() or "nobody has joined yet" in server.board()["say"])
        server.mailbox.noticeboard.wish("end")
        server.result(30)
        assert server.board()["phase"] == "ended"
        assert "the instructor has ended the federation" in server.board()["say"]


def test_a_pause_that_was_asked_for_in_a_round_can_be_taken_back():
    with a_class(SMALL.replace(rounds=1000)) as (server, _):
        wait_until(lambda: len(server.history) >= 1)
        server.control("pause")
        wait_until(lambda: server.board()["wish"] == "pause")
        server.control("resume")
        wait_until(lambda: server.board()["wish"] == "resume")
        done = len(server.history)
        wait_until(lambda: len(server.history) > done + 1)
        server.control("end")


def test_no_limit_for_updates_is_none_and_not_the_usual_one():
    server = HttpServer(SMALL, update_window_s=math.inf)
    server.stop()
    assert server.windows.update_window_s is None


def test_others_in_the_network_can_listen_and_that_is_said():
    with pytest.warns(InsecureServer, match="--tls prevents it"):
        server = HttpServer(SMALL, host="0.0.0.0").start()
    server.stop()
