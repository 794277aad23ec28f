"""The original course's API: old clients work unchanged, and each of its faults is mended."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import requests

from fedteach.classic import Client, FederatedServer
from fedteach.experiment import Experiment
from fedteach.run_folder import SaveError
from fedteach.transport.http.classic_numbers import NotWeights, parsed
from fedteach.transport.http.classic_routes import ClassicApp
from fedteach.transport.http.web_server import WebServer
from tests.classroom.classes import shells, wait_until

SMALL = Experiment(model="logistic", test_examples=100, examples_per_client=40, epochs=1)


@pytest.fixture
def server(tmp_path):
    return FederatedServer(SMALL, out=tmp_path, update_window_s=60)


@pytest.fixture
def url(server):
    web = WebServer(ClassicApp(server).app())
    web.start()
    yield f"http://127.0.0.1:{web.port}"
    web.stop()


def filled(server, value):
    return [np.full(shape, value, np.float32) for shape in server.shapes()]


def get(url, path, method="GET", **how):
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, f"{url}/{path}", timeout=30, **how)


# The class itself


def test_the_weighted_mean_is_that_of_the_paper_whatever_the_ids_and_the_order(server):
    server.initialize(2, 4, 1)
    assert server.get_server_weight() is None
    server.update_num_data(17, 3)
    server.update_num_data(5, 1)
    assert server.update(5, filled(server, 2.0)) == "Request OK"
    assert server.get_done_clients() == [5]
    server.update(17, filled(server, 6.0))
    # (1 * 2 + 3 * 6) / 4 = 5
    assert all(np.allclose(w, 5.0) for w in server.get_server_weight())
    assert server.get_server_round() == 1


def test_who_reports_twice_counts_once_and_sizes_never_drift(server):
    server.initialize(2, 1, 2)
    for told in (100, 100, 1):  # told again, the new number takes the old one's place
        server.update_num_data(0, told)
    server.update_num_data(1, 1)
    server.update(0, filled(server, 2.0))
    assert "counts once" in server.update(0, filled(server, 100.0))
    assert server.get_server_round() == 0
    server.update(1, filled(server, 4.0))
    assert all(np.allclose(w, 3.0) for w in server.get_server_weight())


def test_the_accuracy_of_a_round_is_that_of_the_model_that_was_averaged_in_it(server):
    server.initialize(1, 1, 2)
    server.update_num_data(0, 10)
    rng = np.random.default_rng(0)
    for round in (1, 2):
        weights = [rng.normal(size=shape).astype(np.float32) for shape in server.shapes()]
        server.update(0, weights)
        expected = server.evaluateClientModel(0, weights)
        assert server.records()[-1]["server"]["accuracy"] == expected == server.evaluateServerModel()
        assert server.records()[-1]["round"] == round


def test_after_the_last_round_nobody_sees_round_0_again(server):
    server.initialize(1, 1, 1)
    server.update_num_data(0, 10)
    server.update(0, filled(server, 1.0))
    assert server.get_server_round() == 1
    assert server.update(0, filled(server, 9.0)) == "all 1 rounds are done"
    assert all(np.allclose(w, 1.0) for w in server.get_server_weight())
    server.reset()
    assert (server.get_server_round(), server.get_server_weight()) == (0, None)


def test_a_dead_client_does_not_block_the_round(tmp_path):
    server = FederatedServer(SMALL, out=tmp_path, update_window_s=0.3)
    server.initialize(2, 1, 2)
    server.update_num_data(0, 1)
    server.update_num_data(1, 1)
    server.update(0, filled(server, 2.0))
    assert server.board()["ends_at"] is not None
    wait_until(lambda: server.get_server_round() == 1, 10)
    assert server.records()[0]["lost"] == {"1": "late: had not answered after 0.3 s"}
    server.initialize(2, 1, 2)
    server.update_num_data(0, 1)
    server.update(0, filled(server, 2.0))
    server.reset()  # the clock of what was reset must not end anything
    time.sleep(0.5)
    assert server.get_server_round() == 0


def test_what_cannot_be_used_never_counts_as_an_answer(server):
    server.initialize(1, 1, 1)
    good = filled(server, 1.0)
    with pytest.raises(ValueError, match="has not told its number of examples"):
        server.update(3, good)
    server.update_num_data(3, 10)
    for bad in ([], good[:1], [good[0].T, good[1]], [np.full_like(good[0], np.nan), good[1]]):
        with pytest.raises(ValueError, match="weights refused"):
            server.update(3, bad)
    with pytest.raises(ValueError, match="num_data must be"):
        server.update_num_data(3, 0)
    assert server.get_done_clients() == []
    assert server.set_experiment(9) == "Experiment set to 1"


def test_every_round_is_kept_with_the_historical_keys(server, tmp_path):
    server.initialize(1, 4, 2)
    server.update_num_data(7, 10)
    server.update(7, filled(server, 1.0))
    (log,) = tmp_path.glob("logs/*.json")
    kept = json.loads(log.read_text())
    assert (kept["client number"], kept["experiment"], kept["max round"]) == (1, "4", 2)
    assert len(kept["server acc"]) == len(kept["clients acc"]["7"]) == 1
    assert (log.parent / kept["final weight file"]).exists()


# The ten routes


def test_old_clients_work_unchanged(server, url):
    assert get(url, "initialize/3/1/4").text == "Initialized server"
    script = Path(__file__).parent / "old_course_client.py"
    shapes = json.dumps(server.shapes())
    sizes = {2: 10, 5: 30, 9: 60}
    clients = [
        subprocess.Popen([sys.executable, script, url, str(id), "4", str(n), shapes], stdout=subprocess.PIPE)
        for id, n in sizes.items()
    ]
    for client in clients:
        said, _ = client.communicate(timeout=60)
        assert said == b"finished\n"
    # Each round adds 0.01 * (10 * 2 + 30 * 5 + 60 * 9) / 100 = 0.071.
    assert get(url, "get_server_round").text == "4"
    assert all(np.allclose(np.array(w), 4 * 0.071, atol=1e-5) for w in get(url, "get_server_weight").json())
    assert [len(record["clients"]) for record in server.records()] == [3] * 4


def test_the_routes_answer_as_they_did(url, server):
    assert get(url, "index").text == "index ok"
    assert get(url, "initialize/1/2/3/").text == "Initialized server"
    assert (get(url, "get_server_round").text, get(url, "get_server_weight").text) == ("0", "null")
    assert get(url, "get_experiment").json() == 2
    assert get(url, "set_experiment/3", "PUT").text == "Experiment set to 3"
    assert get(url, "update_num_data/4/50").text == "Number of data for 4 updated"
    body = json.dumps([w.tolist() for w in filled(server, 0.5)])
    assert get(url, "put_weight/4", "PUT", data=body).text == "Request OK"
    assert get(url, "get_server_round/").text == "1"
    assert get(url, "reset/").text == "Request OK"
    assert get(url, "get_server_round").text == "0"
    assert "dashboard" in get(url, "admin/").text
    assert "<title>fedteach" in get(url, "").text
    assert get(url, "v1/status").json()["rounds"] == 3
    for path, method in [
        ("put_weight/4", "GET"),
        ("put_weight/x", "PUT"),
        ("initialize/0/1/1", "GET"),
        ("nowhere", "GET"),
    ]:
        assert 400 <= get(url, path, method).status_code < 500


def test_a_broken_body_never_counts_as_an_answer(url, server):
    get(url, "initialize/1/1/1")
    get(url, "update_num_data/0/10")
    for body in (b"", b"{", b"null", b"[]", b"[[1, [2]], [3]]", b"NaN", b"[" * 50_000, b"\xff"):
        answer = get(url, "put_weight/0", "PUT", data=body)
        assert answer.status_code == 400
        assert "weights refused: " in answer.text
    assert get(url, "put_weight/0", "PUT", data=b"1" * 10_000_000).status_code == 413
    assert server.get_done_clients() == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[1, NaN], [[1]]]", "array 0 holds NaN"),
        ("[[1, 1e99], [[1]]]", "array 0 holds NaN or infinite"),
        ('[[1, "2"], [[1]]]', "array 0 is no array of numbers"),
        ("[[1, 2], [[1, 2]]]", "array 1: expected shape (1, 1), got (1, 2)"),
        ("[[1, 2], [[true]]]", "array 1 is no array of numbers"),
    ],
)
def test_numbers_that_are_none_are_named(text, reason):
    with pytest.raises(NotWeights) as error:
        parsed(text.encode(), [(2,), (1, 1)])
    assert reason in str(error.value)


def test_while_27_megabytes_of_json_are_read_others_are_served(tmp_path):
    server = FederatedServer(SMALL, out=None)
    server.initialize(1, 1, 1)
    server.update_num_data(0, 10)
    web = WebServer(ClassicApp(server).app())
    web.start()
    url = f"http://127.0.0.1:{web.port}"
    # Refused for its shapes, after all of it was read: 1.2 million numbers of 18 digits.
    row = json.dumps(np.random.default_rng(0).normal(size=1000).tolist())
    body = ("[" + ", ".join([row] * 1200) + "]").encode()
    assert len(body) > 20_000_000
    server.shapes = lambda: [(1200, 1000)]
    done = threading.Event()
    answers = []

    def upload():
        answers.append(get(url, "put_weight/0", "PUT", data=body))
        done.set()

    threading.Thread(target=upload, daemon=True).start()
    served = 0
    while not done.wait(0.01):
        assert get(url, "get_server_round").text == "0"
        served += 1
    web.stop()
    assert answers[0].status_code == 400
    assert served > 10, "nobody else was served meanwhile"


def test_todays_client_by_its_old_names_takes_part(server, url):
    get(url, "initialize/2/1/2")
    clients = [Client(url, id, max_round=2, time_delay=0.05, settings=SMALL) for id in (0, 1)]
    threads = [threading.Thread(target=client.task) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for client in clients:
        client._session.close()
    assert server.get_server_round() == 2
    accuracies = server.history.server_accuracy
    assert accuracies[1] > 0.2, "better than chance"


def test_the_command_serves_it_on_this_machine_only_and_warns(tmp_path):
    with shells(tmp_path) as start:
        words = ["serve", "--classic", "--port", "0", "--dataset", "digits", "--model", "logistic"]
        command = start(*words)
        url = command.wait_for("The original course's API is at http://127.0.0.1").split()[-1]
        command.wait_for("knows no tokens")
        assert get(url, "index").text == "index ok"
        refused = start("serve", "--classic", "--tls")
        assert refused.ended(60) == 2
        assert "leave --tls away" in refused.lines[0]


# A class that goes on, whatever comes


def test_weights_that_would_overflow_are_refused_and_the_round_goes_on(server):
    server.initialize(2, 1, 3)
    for client in (0, 1):
        server.update_num_data(client, 10)
    with pytest.raises(ValueError, match="beyond 1e\\+15"):
        server.update(0, filled(server, 3e38))
    for client in (0, 1):
        server.update(client, filled(server, 9e14))
    assert server.get_server_round() == 1
    json.dumps(server.records(), allow_nan=False)


def test_a_log_that_cannot_be_written_is_told_and_stops_nobody(server, monkeypatch):
    def full(*_):
        raise SaveError("no space left on the disk")

    server.initialize(1, 1, 3)
    server.update_num_data(0, 10)
    monkeypatch.setattr(server, "save", full)
    server.update(0, filled(server, 1.0))
    assert server.get_server_round() == 1
    assert "the log is not written: no space left" in server.board()["say"]
    monkeypatch.undo()
    server.update(0, filled(server, 1.0))
    assert server.get_server_round() == 2
    assert "not written" not in server.board()["say"]


def test_while_a_round_is_measured_the_server_answers_everybody_else(server, url, monkeypatch):
    get(url, "initialize/1/1/2")
    get(url, "update_num_data/0/10")
    measuring, done = threading.Event(), threading.Event()
    on_subset = server._judge().on_subset

    def slowly(weights):
        if threading.current_thread() is putting and server._answers:  # the mean, not the client's own
            measuring.set()
            done.wait(20)
        return on_subset(weights)

    monkeypatch.setattr(server._judge(), "on_subset", slowly)
    putting = threading.Thread(target=server.update, args=(0, filled(server, 1.0)))
    watching = threading.Thread(target=get, args=(url, "v1/status"))
    putting.start()
    assert measuring.wait(20)
    watching.start()
    time.sleep(0.2)
    began = time.monotonic()
    assert get(url, "index").text == "index ok"
    assert time.monotonic() - began < 5, "the dashboard waits for the figures; nobody else does"
    done.set()
    putting.join(20)
    watching.join(20)


@pytest.mark.parametrize("path", ["update_num_data/%s/1", "update_num_data/1/%s", "initialize/%s/1/1"])
def test_numbers_that_nobody_could_mean_are_no_addresses(url, path):
    assert get(url, path % ("9" * 5000)).status_code == 404
