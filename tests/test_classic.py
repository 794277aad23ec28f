"""The original course's API: old clients work unchanged, and each of its faults is mended."""

import json
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import requests
import typer
from typer.testing import CliRunner

from fedteach import classroom_cli
from fedteach.classic import Client, FederatedServer
from fedteach.classroom.addresses import reachable
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


# The command


def test_the_command_serves_it_on_this_machine_only_warns_and_tells_of_a_full_disk(tmp_path):
    (tmp_path / "no_folder").write_text("nothing can be written below a file")
    with shells(tmp_path) as start:
        words = ["serve", "--classic", "--port", "0", "--dataset", "digits", "--model", "logistic"]
        command = start(*words, "--out", "no_folder")
        url = command.wait_for("The original course's API is at http://127.0.0.1").split()[-1]
        command.wait_for("knows no tokens")
        get(url, "initialize/1/1/1")
        get(url, "update_num_data/0/10")
        assert get(url, "put_weight/0", "PUT", json=[np.zeros((64, 10)).tolist(), [0.0] * 10]).text == "Request OK"
        assert "the class goes on" in command.wait_for("the log is not written: cannot write to no_folder")


def serve_classic(*words):
    app = typer.Typer()
    app.command()(classroom_cli.serve)
    return CliRunner().invoke(app, ["--classic", *words])


@pytest.mark.parametrize(
    "words",
    [
        ("--workers", "4"),
        ("--aggregate", "median"),
        ("--fraction", "0.1"),
        ("--upload", "int8"),
        ("--broadcast", "float16"),
        ("--global-update", "adam"),
        ("--preset", "nonsense"),
        ("--epochs", "3"),
        ("--batch-size", "4"),
        ("--learning-rate", "0.1"),
        ("--min-clients", "2"),
        ("--start-window", "5"),
        ("--update-ratio", "0.5"),
        ("--resume", "runs"),
        ("--redis", "redis://127.0.0.1:6379"),
        ("--tls",),
        ("--no-tls",),
        ("--no-stay",),
        ("--stay",),
    ],
    ids=lambda words: words[0],
)
def test_an_option_that_the_classic_api_does_not_use_is_refused_as_it_was_typed(words):
    assert str(serve_classic(*words).exception) == f"the classic API knows none of this: leave {words[0]} away"


def test_all_that_is_not_used_is_named_at_once_and_what_is_used_is_looked_at():
    several = serve_classic("--upload", "int8", "--rounds", "3", "--no-stay", "--workers", "4").exception
    assert str(several).endswith("leave --upload, --workers, --no-stay away")
    assert "update_window_s must be a number above 0" in str(serve_classic("--update-window", "0").exception)
    assert "unknown split of the original course 'iid'" in str(serve_classic("--split", "iid").exception)


def test_on_every_network_the_qr_code_leads_to_an_address_that_phones_can_reach(tmp_path, monkeypatch):
    @contextmanager
    def stopped_at_once():
        stop = threading.Event()
        stop.set()
        yield stop

    monkeypatch.setattr(classroom_cli, "_stopping", stopped_at_once)
    drawn = []
    monkeypatch.setattr(classroom_cli, "_show_qr", drawn.append)
    small = ("--dataset", "digits", "--model", "logistic", "--out", str(tmp_path))
    told = serve_classic("--host", "0.0.0.0", "--port", "0", "--qr", *small)
    assert told.exit_code == 0
    assert "0.0.0.0" not in told.output
    assert drawn[0].startswith(f"http://{reachable('0.0.0.0')}:")
    assert f"Dashboard: {drawn[0]}" in told.output


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


def test_a_loss_that_is_no_number_is_left_out_and_the_round_goes_on(tmp_path):
    server = FederatedServer(SMALL.replace(model="2nn"), out=tmp_path)
    server.initialize(1, 1, 3)
    server.update_num_data(0, 10)
    # Each layer multiplies by up to 1e15: after three of them float32, which ends at 3e38, has overflowed.
    signs = np.random.default_rng(0)
    huge = [np.float32(9e14) * signs.choice(np.float32([-1, 1]), shape) for shape in server.shapes()]
    assert not np.isfinite(server._judge().on_subset(huge)["loss"])
    for round in (1, 2):
        assert server.update(0, huge) == "Request OK"
        assert server.get_server_round() == len(server.records()) == round
    assert list(server.records()[0]["server"]) == ["accuracy"]
    assert "loss of the server is no finite number" in server.records()[0]["note"]
    (log,) = tmp_path.glob("logs/*.json")
    assert len(json.loads(log.read_text())["server acc"]) == 2


def test_what_fails_while_a_round_is_measured_is_raised_and_keeps_nobody_in_it(server, monkeypatch):
    def fail(*_):
        raise MemoryError("no room")

    server.initialize(1, 1, 2)
    server.update_num_data(0, 10)
    monkeypatch.setattr(server, "evaluateClientModel", lambda *_: 0.5)
    monkeypatch.setattr(server._judge(), "on_subset", fail)
    with pytest.raises(MemoryError):
        server.update(0, filled(server, 1.0))
    monkeypatch.undo()
    assert server.records()[0]["server"] == {}
    assert server.update(0, filled(server, 2.0)) == "Request OK"
    assert server.get_server_round() == len(server.records()) == 2


def test_a_disk_that_takes_nothing_stops_no_window_and_gets_every_round_when_it_does_again(tmp_path):
    out = tmp_path / "runs"
    out.write_text("no folder")
    server = FederatedServer(SMALL, out=out, update_window_s=0.2)
    server.initialize(2, 1, 3)
    for client in (0, 1):
        server.update_num_data(client, 10)
    for round in (1, 2):
        server.update(0, filled(server, 1.0))
        wait_until(lambda round=round: server.get_server_round() == round, 10)
        assert "the log is not written: cannot write to" in server.board()["say"]
    out.unlink()
    server.update(0, filled(server, 1.0))
    server.update(1, filled(server, 1.0))
    assert server.trouble == ""
    (log,) = out.glob("logs/*.json")
    assert len(json.loads(log.read_text())["server acc"]) == 3


# Nobody waits for what others do


@contextmanager
def stuck_in(monkeypatch, owner, name, work, *args_of_each):
    """While the block lasts, what was begun in a thread for each of the arguments does not get through a function.

    Yields the list in which the answers are when the block has ended.
    """
    function, reached, go_on = getattr(owner, name), threading.Event(), threading.Event()

    def slowly(*args, **how):
        reached.set()
        go_on.wait(60)
        return function(*args, **how)

    monkeypatch.setattr(owner, name, slowly)
    answers = []
    threads = [threading.Thread(target=lambda args=args: answers.append(work(*args))) for args in args_of_each]
    for thread in threads:
        thread.start()
    try:
        assert reached.wait(20)
        yield answers
    finally:
        go_on.set()
        for thread in threads:
            thread.join(60)


def answers_at_once(url, *paths):
    began = time.monotonic()
    for path in paths:
        assert get(url, path).status_code == 200
    return time.monotonic() - began < 5


def test_while_a_round_is_measured_everybody_is_answered_and_who_comes_now_is_too_late(server, url, monkeypatch):
    server.initialize(1, 1, 2)
    for client in (0, 1):
        server.update_num_data(client, 10)
    monkeypatch.setattr(server, "evaluateClientModel", lambda *_: 0.5)
    with stuck_in(monkeypatch, server._judge(), "on_subset", server.update, (0, filled(server, 1.0))) as said:
        assert answers_at_once(url, "v1/status", "v1/history", "get_server_weight", "update_num_data/2/5", "index")
        assert "the new global weights are measured" in server.board()["say"]
        assert server.update(1, filled(server, 9.0)) == "too late: round 0 is over"
        assert server.get_server_round() == 0, "the round is over when its figures are there"
    assert said == ["Request OK"]
    assert [sorted(record["clients"]) for record in server.records()] == [["0"]]
    assert server.get_server_round() == 1


def test_while_a_slow_disk_is_written_only_who_looks_at_the_dashboard_waits(server, url, monkeypatch):
    server.initialize(1, 1, 2)
    server.update_num_data(0, 10)
    looking = [threading.Thread(target=get, args=(url, path)) for path in ("v1/status", "v1/history")]
    with stuck_in(monkeypatch, server, "save", server.update, (0, filled(server, 1.0))):
        for one in looking:
            one.start()
        time.sleep(0.3)
        assert answers_at_once(url, "index", "get_server_round", "get_server_weight", "")
        assert all(one.is_alive() for one in looking)
    for one in looking:
        one.join(20)


def test_what_is_reset_while_it_is_measured_leaves_nothing_behind(server, monkeypatch):
    server.initialize(1, 1, 2)
    server.update_num_data(0, 10)
    monkeypatch.setattr(server, "evaluateClientModel", lambda *_: 0.5)
    with stuck_in(monkeypatch, server._judge(), "on_subset", server.update, (0, filled(server, 1.0))):
        server.reset()
    assert (server.get_server_round(), server.records(), server.get_server_weight()) == (0, [], None)


def test_an_answer_to_what_was_reset_while_it_was_judged_does_not_count(server, monkeypatch):
    server.initialize(1, 1, 2)
    server.update_num_data(0, 10)
    with stuck_in(monkeypatch, server, "evaluateClientModel", server.update, (0, filled(server, 1.0))) as said:
        server.reset()
        server.update_num_data(0, 10)
    assert said == ["too late: round 0 is over"]
    assert (server.get_server_round(), server.get_done_clients()) == (0, [])


def test_while_data_and_model_are_loaded_everybody_is_answered(server, url, monkeypatch):
    server.update_num_data(0, 10)
    weights = [np.zeros((64, 10), np.float32), np.zeros(10, np.float32)]
    with stuck_in(monkeypatch, Experiment, "pool", server.update, (0, weights)) as said:
        assert answers_at_once(url, "v1/status", "v1/history", "update_num_data/1/5")
    assert said == ["Request OK"]


def test_a_whole_class_that_uploads_at_once_takes_no_thread_from_the_others(server, url, monkeypatch):
    n = 45  # more than the 40 threads that a server of this kind has
    server.initialize(n, 1, 1)
    body = json.dumps([w.tolist() for w in filled(server, 0.5)])
    for client in range(n):
        server.update_num_data(client, 10)
    with stuck_in(
        monkeypatch,
        server._judge(),
        "on_subset",
        lambda client: get(url, f"put_weight/{client}", "PUT", data=body).text,
        *((i,) for i in range(n)),
    ):
        time.sleep(1)  # all of them are there
        assert answers_at_once(url, "v1/status", "get_server_round", "")
    assert server.get_server_round() == 1
    assert len(server.records()[0]["clients"]) == n


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("update_num_data/%s/1", "GET"),
        ("update_num_data/1/%s", "GET"),
        ("initialize/%s/1/1", "GET"),
        ("set_experiment/%s", "PUT"),
        ("put_weight/%s", "PUT"),
    ],
)
@pytest.mark.parametrize("number", ["9" * 5000, "99999999999", "-1", "x", "1.5", "\u0663"])
def test_a_number_that_nobody_could_mean_is_refused_in_a_sentence(url, path, method, number):
    answer = get(url, path % number, method)
    assert answer.status_code == 422
    assert "must be a whole number of at most 10 digits, got '" in answer.json()["detail"]
    assert len(answer.text) < 200


def test_an_id_is_as_long_as_a_students_number_at_most(server):
    assert server.update_num_data(9_999_999_999, 1) == "Number of data for 9999999999 updated"
    for id in (10**10, -1):
        with pytest.raises(ValueError, match="client_id must be a whole number from 0 to 9999999999"):
            server.update_num_data(id, 1)
