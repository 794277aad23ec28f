"""Protocol v1 over a real server: what each request answers, and with which words."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fedteach.messages import Lost, tensors_from_bytes, tensors_to_bytes
from fedteach.steps import broadcast
from fedteach.transport.envelope import reply_to_bytes
from fedteach.transport.http import face, members
from fedteach.transport.http.store import StoreDown
from tests.federations import same_bits
from tests.transport.http.serving import WEIGHTS, Classroom, a_call, an_update


@pytest.fixture
def classroom(store):
    """A class of three places, on each kind of store."""
    with Classroom(3, store) as classroom:
        classroom.board()
        yield classroom


@pytest.fixture
def here():
    """A class of three places in memory."""
    with Classroom(3) as classroom:
        classroom.board()
        yield classroom


def refused(answer, status, words):
    assert answer.status_code == status, answer.text
    assert words in answer.json()["detail"]
    return answer


# Joining


def test_joining_gives_a_place_and_everything_that_a_client_needs(classroom):
    said = classroom.ask("POST", "/v1/join", json={"name": "Anna", "key": "a" * 16, "codecs": ["int8"]}).json()
    assert (said["client"], said["rounds"], said["experiment"]) == ("0", 5, {"dataset": "digits"})
    assert said["heartbeat_s"] < face.HEARD_OF_WITHIN_S / 2
    again = classroom.ask("POST", "/v1/join", json={"name": "Anna", "key": "a" * 16}).json()
    assert again["client"] == "0", "a join whose answer got lost takes no second place"
    assert classroom.ask("POST", "/v1/ready", said["token"], json={"n_examples": 7}).ok
    (card,) = classroom.ask("GET", "/v1/status").json()["cards"].values()
    assert (card["name"], card["state"], card["n_examples"]) == ("Anna", "waiting", 7)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"name": "", "key": "a" * 16}, "name: "),
        ({"name": "   ", "key": "a" * 16}, "name: "),
        ({"name": "x" * 81, "key": "a" * 16}, "name: "),
        ({"name": "x", "key": "short"}, "key: "),
        ({"name": "x", "key": "a" * 16, "codecs": ["c"] * 41}, "codecs: "),
        ({"name": "x", "key": "a" * 16, "admin": True}, "admin: "),
        ([], "the body: "),
        ("not an object", "the body: "),
    ],
)
def test_a_join_that_is_none_is_refused_in_words(here, body, words):
    refused(here.ask("POST", "/v1/join", json=body), 422, words)


def test_a_body_that_is_no_json_is_refused_in_words(here):
    headers = {"Content-Type": "application/json"}
    for body in (b"{", b"\xff\xfe", b'{"name": "\\ud800", "key": "aaaaaaaaaaaaaaaa"}'):
        refused(here.ask("POST", "/v1/join", data=body, headers=headers), 422, ": ")
    refused(here.ask("POST", "/v1/join", data=b"[" * 30_000, headers=headers), 400, "parsing the body")


def test_a_full_class_says_when_to_come_again(classroom):
    for name in ("Anna", "Ben", "Chiara"):
        classroom.join(name)
    answer = classroom.ask("POST", "/v1/join", json={"name": "Deniz", "key": "d" * 16})
    refused(answer, 409, "all 3 places are taken")
    assert 0 < int(answer.headers["Retry-After"]) <= members.PLACE_KEPT_S


def test_another_protocol_is_refused(here):
    answer = here.ask("POST", "/v1/join", json={"name": "x", "key": "a" * 16, "protocol": 2})
    refused(answer, 409, "speaks protocol 1, the client 2")


# Tokens


def test_every_door_takes_its_own_token(here):
    _, token = here.join("Anna")
    keys = here.keys
    watch = [("GET", path) for path in ("/v1/status", "/v1/history", "/v1/model")]
    for method, path in [*watch, ("GET", "/v1/task"), ("POST", "/v1/leave"), ("POST", "/v1/control")]:
        answer = here.ask(method, path, "", json={"action": "end"} if "control" in path else None)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    for method, path in watch:
        for good in (keys.class_token, keys.instructor_token, token):
            assert here.ask(method, path, good).status_code in (200, 404)
    for stranger in (keys.class_token, keys.instructor_token):
        refused(here.ask("GET", "/v1/task", stranger), 401, "client's own token")
    for stranger in (token, keys.instructor_token):
        refused(here.ask("POST", "/v1/join", stranger, json={"name": "x", "key": "a" * 16}), 401, "class token")
    for stranger in (token, keys.class_token):
        refused(here.ask("POST", "/v1/control", stranger, json={"action": "end"}), 403, "only the instructor")
    assert here.mailbox.noticeboard.wished() == ""
    assert here.ask("POST", "/v1/control", keys.instructor_token, json={"action": "pause"}).ok
    assert here.mailbox.noticeboard.wished() == "pause"


def test_a_token_ends_with_its_place(classroom):
    _, token = classroom.join("Anna")
    assert classroom.ask("POST", "/v1/leave", token).ok
    refused(classroom.ask("GET", "/v1/task", token), 401, "not yours any more")
    _, other = classroom.join("Ben")
    refused(classroom.ask("GET", "/v1/task", token), 401, "not yours any more")
    assert classroom.ask("GET", "/v1/task", other).ok


def test_a_forged_token_is_refused(here):
    _, token = here.join("Anna")
    _, other = here.join("Ben")
    place, rest = token.split(".", 1)
    for forged in (token[:-1] + ("0" if token[-1] != "0" else "1"), f"1.{rest}", f"{place}.9{rest}", other[::-1]):
        refused(here.ask("GET", "/v1/task", forged), 401, "join again")


# Tasks


def test_a_task_says_what_to_do_and_leads_to_the_weights(classroom):
    client, token = classroom.join("Anna", codecs=["int8", "float32"])
    assert classroom.ask("GET", "/v1/task", token).json()["task"] is None
    classroom.board(phase="round", round=2, ends_at=None)
    call = classroom.open(a_call(2, [client], codec="int8", ends_at=time.time() + 60))
    task = classroom.ask("GET", "/v1/task", token).json()["task"]
    assert (task["round"], task["kind"], task["plan"], task["id"]) == (2, "fit", {"epochs": 1}, call.task)
    assert (task["codec"], task["upload"]) == ("int8", "int8")
    assert 50 < task["ends_in_s"] <= 60
    weights = classroom.ask("GET", "/v1/weights/2", token)
    assert weights.headers["Content-Type"] == "application/vnd.safetensors"
    assert weights.content == broadcast.int8().encode(WEIGHTS)


def test_a_client_that_knows_float32_only_gets_the_same_numbers(here):
    client, token = here.join("Anna", codecs=["float32"])
    here.open(a_call(1, [client], codec="int8"))
    task = here.ask("GET", "/v1/task", token).json()["task"]
    assert (task["codec"], task["upload"]) == ("float32", "float32")
    plain = here.ask("GET", "/v1/weights/1?codec=float32", token).content
    int8 = broadcast.int8()
    assert same_bits(broadcast.float32().decode(plain), int8.decode(int8.encode(WEIGHTS)))
    refused(here.ask("GET", "/v1/weights/1?codec=top_k:0.1", token), 422, "codec must be int8 or float32")
    assert here.ask("PUT", "/v1/updates/1", token, data=an_update()).ok


def test_a_task_may_have_further_tensors(classroom):
    client, token = classroom.join("Anna")
    extra = tensors_to_bytes({"control": np.array([1.0, 2.0])}, {})
    classroom.open(a_call(1, [client], extras=(client,)), extras={client: extra})
    assert classroom.ask("GET", "/v1/task", token).json()["task"]["has_extra"]
    came, _ = tensors_from_bytes(classroom.ask("GET", "/v1/extra/1", token).content)
    np.testing.assert_array_equal(came["control"], [1.0, 2.0])
    refused(classroom.ask("GET", "/v1/extra/2", token), 404, "no further tensors")


def test_who_waits_is_answered_as_soon_as_there_is_a_task(classroom):
    tokens = [classroom.join(name)[1] for name in ("Anna", "Ben", "Chiara")]
    with ThreadPoolExecutor(3) as threads:
        for round in range(1, 6):
            waiting = [threads.submit(classroom.ask, "GET", "/v1/task?wait=20", token) for token in tokens]
            time.sleep(0.03 * round)  # at another moment each time: no ring may get lost
            with classroom.opened(a_call(round, ["0", "1", "2"])):
                answers = [waiter.result(timeout=10).json() for waiter in waiting]
            assert [answer["task"]["round"] for answer in answers] == [round] * 3


def test_who_waits_in_vain_is_answered_in_time_and_who_waits_at_the_end_at_once(here):
    _, token = here.join("Anna")
    began = time.monotonic()
    assert here.ask("GET", "/v1/task?wait=0.3", token).json()["task"] is None
    assert time.monotonic() - began >= 0.3
    refused(here.ask("GET", "/v1/task?wait=21", token), 422, "wait: ")
    with ThreadPoolExecutor(1) as threads:
        waiter = threads.submit(here.ask, "GET", "/v1/task?wait=20", token)
        time.sleep(0.1)
        here.board(phase="finished", say="finished: 5 rounds")
        here.mailbox.store.ring("call")
        assert waiter.result(timeout=10).json() | {"used": 0} == {
            "task": None, "say": "finished: 5 rounds", "phase": "finished", "round": 0, "rounds": 5, "used": 0,
        }  # fmt: skip
    assert here.mailbox.members.sighting("0").state == "over"


def test_who_has_replied_is_not_asked_again_also_when_the_round_ends_at_that_moment(here):
    client, token = here.join("Anna")
    for round in range(1, 30):
        call = here.open(a_call(round, [client], id=f"call {round}"))
        assert here.ask("PUT", f"/v1/updates/{round}", token, data=an_update(round)).ok
        with ThreadPoolExecutor(1) as threads:
            asking = threads.submit(here.ask, "GET", "/v1/task", token)
            here.mailbox.calls.close(call)
            assert asking.result(10).json()["task"] is None


def test_who_hangs_up_is_missed_soon(here, monkeypatch):
    monkeypatch.setattr(members, "_GONE_AFTER_HANGING_UP_S", 0.1)
    _, token = here.join("Anna")
    assert here.mailbox.members.is_here("0")
    with pytest.raises(OSError, match="timed out"):
        here.session.get(here.url + "/v1/task?wait=20", headers={"Authorization": f"Bearer {token}"}, timeout=0.3)
    deadline = time.monotonic() + 5
    while here.mailbox.members.is_here("0") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not here.mailbox.members.is_here("0")


def test_who_trains_hears_whether_it_is_still_waited_for(classroom):
    client, token = classroom.join("Anna")
    call = classroom.open(a_call(4, [client]))
    training = {"state": "training"}
    assert classroom.ask("POST", "/v1/alive", token, json=training).json()["round"] == 4
    classroom.mailbox.calls.miss(call, client, "late: had not answered after 1 s")
    assert classroom.ask("POST", "/v1/alive", token, json=training).json()["round"] is None


def test_who_trains_for_a_round_that_a_server_which_came_back_will_ask_again_goes_on(classroom):
    _, token = classroom.join("Anna")

    def wanted(round):
        return classroom.ask("POST", "/v1/alive", token, json={"state": "training", "round": round}).json()["round"]

    classroom.board(phase="waiting", accuracy=[0.1, 0.2])
    assert [wanted(round) for round in (2, 3)] == [None, 3]
    classroom.board(phase="round", round=3)  # its question is closed, and its updates are averaged
    assert wanted(3) is None
    classroom.board(phase="ended")
    assert wanted(3) is None


def test_who_asks_for_a_task_before_it_is_ready_is_told_so(classroom):
    client, token = classroom.join("Anna", ready=False)
    answer = classroom.ask("GET", "/v1/task?wait=5", token)
    assert answer.status_code == 409
    assert "say that you are ready first" in answer.json()["detail"]


# Updates


def test_an_update_arrives_as_it_was_sent(classroom):
    client, token = classroom.join("Anna")
    call = classroom.open(a_call(1, [client]))
    answer = classroom.ask("PUT", "/v1/updates/1", token, data=an_update())
    assert answer.json() == {"accepted": True, "again": False, "say": "thank you"}
    assert classroom.mailbox.calls.take(call, client) == an_update()
    assert classroom.mailbox.calls.arrived(call) == {client: True}
    assert classroom.ask("GET", "/v1/status").json()["cards"][client]["state"] == "done"


def test_only_the_first_of_several_updates_counts(classroom):
    client, token = classroom.join("Anna")
    call = classroom.open(a_call(1, [client]))
    first, second = an_update(n_examples=1), an_update(n_examples=2)
    assert not classroom.ask("PUT", "/v1/updates/1", token, data=first).json()["again"]
    for body in (first, second):
        assert classroom.ask("PUT", "/v1/updates/1", token, data=body).json()["again"]
    assert classroom.mailbox.calls.take(call, client) == first
    classroom.mailbox.calls.taken(call, client)
    assert classroom.ask("PUT", "/v1/updates/1", token, data=second).json()["again"]
    assert classroom.mailbox.calls.take(call, client) is None, "one that was used must not come back"


def test_of_updates_at_the_same_moment_one_counts_and_one_is_on_its_way(classroom):
    client, token = classroom.join("Anna")
    classroom.open(a_call(1, [client]))
    bodies = [an_update(n_examples=n) for n in range(1, 9)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda body: classroom.ask("PUT", "/v1/updates/1", token, data=body), bodies))
    read = [answer.json()["again"] for answer in answers if answer.ok]
    assert read.count(False) == 1
    for answer in answers:
        if not answer.ok:
            refused(answer, 429, "an update of yours is on its way already")
            assert answer.headers["Retry-After"] == "1"
    assert classroom.ask("PUT", "/v1/updates/1", token, data=bodies[0]).json()["again"]


def test_one_client_cannot_fill_the_disk_with_updates_that_never_end(classroom):
    client, token = classroom.join("Anna")
    classroom.open(a_call(1, [client]))
    body, release = an_update(), threading.Event()

    def slowly():
        yield body[:100]
        release.wait(20)
        yield body[100:]

    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(classroom.ask, "PUT", "/v1/updates/1", token, data=slowly())
        until = time.monotonic() + 10
        while not classroom.face.uploading and time.monotonic() < until:
            time.sleep(0.01)
        for _ in range(5):
            refused(classroom.ask("PUT", "/v1/updates/1", token, data=body), 429, "on its way already")
        release.set()
        assert first.result().ok
    assert not classroom.face.uploading


def test_whose_update_it_is_says_the_token_alone(classroom):
    (anna, token), (ben, _) = classroom.join("Anna"), classroom.join("Ben")
    call = classroom.open(a_call(1, [anna, ben]))
    assert classroom.ask("PUT", "/v1/updates/1", token, data=an_update()).ok
    assert classroom.mailbox.calls.arrived(call) == {anna: True}
    assert classroom.mailbox.calls.take(call, ben) is None


def test_an_update_that_nobody_waits_for_is_told_which_round_is_running(classroom):
    (anna, token), (_, other) = classroom.join("Anna"), classroom.join("Ben")
    answer = refused(classroom.ask("PUT", "/v1/updates/1", token, data=an_update()), 409, "no round is running")
    assert answer.json()["round"] is None
    call = classroom.open(a_call(3, [anna]))
    for round in (2, 4):
        answer = classroom.ask("PUT", f"/v1/updates/{round}", token, data=an_update(round))
        assert refused(answer, 409, f"round {round} is not what is asked").json()["round"] == 3
    refused(classroom.ask("PUT", "/v1/updates/3", other, data=an_update(3)), 409, "you were not asked")
    classroom.mailbox.calls.miss(call, anna, "late: had not answered after 1 s")
    refused(classroom.ask("PUT", "/v1/updates/3", token, data=an_update(3)), 409, "too late for round 3")
    assert classroom.mailbox.calls.arrived(call) == {}
    assert classroom.mailbox.members.sighting(anna).state == "late"
    assert classroom.ask("GET", "/v1/weights/2", token).json()["round"] == 3


def test_a_replayed_update_of_an_earlier_round_is_refused(classroom):
    client, token = classroom.join("Anna")
    with classroom.opened(a_call(1, [client])):
        assert classroom.ask("PUT", "/v1/updates/1", token, data=an_update(1)).ok
    call = classroom.open(a_call(2, [client]))
    refused(classroom.ask("PUT", "/v1/updates/2", token, data=an_update(1)), 422, "of round 2, got 'fit' of round 1")
    assert classroom.mailbox.calls.arrived(call) == {}


def test_word_that_there_is_no_update_arrives_too(classroom):
    client, token = classroom.join("Anna")
    call = classroom.open(a_call(1, [client]))
    word = reply_to_bytes(Lost(client, 1, "ValueError: holds no examples"), "fit", broadcast.float32())
    assert classroom.ask("PUT", "/v1/updates/1", token, data=word).ok
    assert classroom.mailbox.calls.arrived(call) == {client: False}
    assert classroom.ask("GET", "/v1/status").json()["cards"][client]["state"] == "lost"


BAD = [np.full((2, 3), np.nan, np.float32), WEIGHTS[1]]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (an_update(delta=BAD), "tensor 0 holds NaN"),
        (an_update(delta=[WEIGHTS[0], np.full(3, np.inf, np.float32)]), "tensor 1 holds NaN or infinite"),
        (an_update(delta=[WEIGHTS[0].T, WEIGHTS[1]]), "tensor 0: expected shape (2, 3), got (3, 2)"),
        (an_update(delta=WEIGHTS[:1]), "expected 2 tensors, got 1"),
        (an_update(delta=[*WEIGHTS, WEIGHTS[1]]), "expected 2 tensors, got 3"),
        (an_update(n_examples=1001), "from 1 to 1000, got 1001"),
        (an_update(n_examples=0), "got 0"),
        (an_update(kind="evaluate", metrics={"loss": 1.0}), "got 'evaluate'"),
        (an_update(codec="float16"), "encoded as float32"),
        (an_update()[:-5], "expected a safetensors message"),
        (b"", "expected a safetensors message"),
        (b"\x00" * 500, "expected a safetensors message"),
        (b"\xff" * 500, "expected a safetensors message"),
        (json.dumps({"weights": [1]}).encode(), "expected a safetensors message"),
    ],
)
def test_what_is_no_update_of_this_model_is_refused_in_words(here, body, words):
    client, token = here.join("Anna")
    call = here.open(a_call(1, [client]))
    refused(here.ask("PUT", "/v1/updates/1", token, data=body), 422, words)
    assert here.mailbox.calls.arrived(call) == {}
    assert here.ask("PUT", "/v1/updates/1", token, data=an_update()).ok, "an honest one still counts"


def test_a_measurement_needs_the_loss_that_was_asked_for(here):
    client, token = here.join("Anna")
    here.open(a_call(1, [client], "evaluate"))
    body = an_update(kind="evaluate", metrics={"accuracy": 1.0})
    refused(here.ask("PUT", "/v1/updates/1", token, data=body), 422, "needs the metric 'loss'")
    assert here.ask("PUT", "/v1/updates/1", token, data=an_update(kind="evaluate", metrics={"loss": 0.1})).ok


# Watching


def test_everybody_may_see_what_happened_and_take_the_model(classroom):
    refused(classroom.ask("GET", "/v1/model"), 404, "no round is complete yet")
    board = classroom.mailbox.noticeboard
    for round in (1, 2, 10):
        board.put_record(round, {"round": round, "server": {"accuracy": 0.1 * round}}, {})
    board.put_model(b"model")
    assert [r["round"] for r in classroom.ask("GET", "/v1/history").json()["records"]] == [1, 2, 10]
    assert [r["round"] for r in classroom.ask("GET", "/v1/history?after=2").json()["records"]] == [10]
    assert classroom.ask("GET", "/v1/model").content == b"model"
    status = classroom.ask("GET", "/v1/status").json()
    assert (status["phase"], status["rounds"], status["cards"]) == ("waiting", 5, {})
    assert abs(status["now"] - time.time()) < 5


def test_news_come_in_full_first_and_then_only_what_changed(classroom):
    classroom.join("Anna")
    events = []
    enough = threading.Event()

    def listen():
        with classroom.ask("GET", "/v1/events", stream=True) as stream:
            name = ""
            for line in stream.iter_lines():
                if line.startswith(b"event: "):
                    name = line[7:].decode()
                if line.startswith(b"data: "):
                    events.append((name, json.loads(line[6:])))
                    if name == "cards" and "1" in events[-1][1]:
                        enough.set()
                        return

    threading.Thread(target=listen, daemon=True).start()
    deadline = time.monotonic() + 10
    while len(events) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [name for name, _ in events] == ["board", "cards"]
    assert "cards" not in events[0][1]
    assert set(events[1][1]) == {"0"}
    classroom.join("Ben")
    assert enough.wait(10)
    assert set(events[-1][1]) == {"1"}, "Anna's card has not changed"


def test_a_store_that_is_away_is_told_and_nobody_is_thrown_out(here, monkeypatch):
    _, token = here.join("Anna")

    def away(*arguments):
        raise StoreDown("Redis at nowhere does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(here.mailbox.store, "field", away)
        answer = refused(here.ask("GET", "/v1/task", token), 503, "does not answer; try again")
        assert answer.headers["Retry-After"] == "1"
    assert here.ask("GET", "/v1/task", token).ok


def test_an_empty_store_throws_nobody_out(here):
    _, token = here.join("Anna")
    here.mailbox.store.drop("filled", "members")
    refused(here.ask("GET", "/v1/task", token), 503, "papers in order")
    refused(here.ask("POST", "/v1/join", json={"name": "x", "key": "a" * 16}), 503, "papers in order")
