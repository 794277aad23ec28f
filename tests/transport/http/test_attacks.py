"""What strangers and broken clients send: each is answered in time, costs little, and hurts nobody else."""

import logging
import resource
import socket
import time

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fedteach.transport.http import limits
from fedteach.transport.http.limits import RateLimit
from tests.classroom.classes import wait_until
from tests.transport.http.serving import Classroom, a_call, an_update


@pytest.fixture
def classroom():
    with Classroom(3) as classroom:
        classroom.board()
        yield classroom


def raw(classroom, text: bytes, limit_s: float = 10) -> bytes:
    """Send bytes over a bare socket and return all that comes back until the server hangs up, or `limit_s`."""
    with socket.create_connection(("127.0.0.1", classroom.server.port), timeout=limit_s) as line:
        line.sendall(text)
        came = b""
        try:
            while piece := line.recv(65536):
                came += piece
        except (TimeoutError, ConnectionResetError):
            pass
        return came


def head(method: str, path: str, token: str, *lines: str) -> bytes:
    text = [f"{method} {path} HTTP/1.1", "Host: a", f"Authorization: Bearer {token}", *lines]
    return ("\r\n".join(text) + "\r\n\r\n").encode()


def still_well(classroom):
    assert classroom.ask("GET", "/v1/status").ok


# Bodies


def test_ten_gigabytes_are_refused_before_they_are_read(classroom):
    client, token = classroom.join("Anna")
    classroom.open(a_call(1, [client]))
    for path in ("/v1/updates/1", "/v1/updates/7", "/v1/join"):
        method = "POST" if "join" in path else "PUT"
        came = raw(classroom, head(method, path, token, "Content-Length: 10000000000") + b"x" * 1000)
        assert came.startswith(b"HTTP/1.1 413 "), came
        assert b"bytes that are taken here" in came
    still_well(classroom)


def test_a_body_without_a_length_is_cut_off_when_it_is_too_large(classroom):
    client, token = classroom.join("Anna")
    classroom.open(a_call(1, [client]))
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    for method, path in (("PUT", "/v1/updates/1"), ("POST", "/v1/join")):
        key = token if method == "PUT" else classroom.keys.class_token
        with socket.create_connection(("127.0.0.1", classroom.server.port), timeout=10) as line:
            line.sendall(head(method, path, key, "Transfer-Encoding: chunked", "Content-Type: application/json"))
            try:
                for _ in range(1000):  # 64 MB if nobody stops it
                    line.sendall(chunk)
            except OSError:
                pass
            else:
                pytest.fail("the server has read 64 MB")
    assert classroom.mailbox.calls.arrived(a_call(1, [client])) == {}
    still_well(classroom)


def test_a_body_that_drips_is_given_up(classroom, monkeypatch):
    monkeypatch.setattr(limits, "SMALL_BODY_S", 0.5)
    client, token = classroom.join("Anna")
    classroom.open(a_call(1, [client]))
    for method, path in (("PUT", "/v1/updates/1"), ("POST", "/v1/ready")):
        began = time.monotonic()
        came = raw(classroom, head(method, path, token, "Content-Length: 500", "Content-Type: application/json") + b"{")
        assert came.startswith(b"HTTP/1.1 408 "), came
        assert time.monotonic() - began < 5
    still_well(classroom)


def test_an_upload_that_breaks_off_counts_for_nothing(classroom):
    client, token = classroom.join("Anna")
    call = classroom.open(a_call(1, [client]))
    body = an_update()
    with socket.create_connection(("127.0.0.1", classroom.server.port), timeout=10) as line:
        line.sendall(head("PUT", "/v1/updates/1", token, f"Content-Length: {len(body)}") + body[:-10])
    wait_until(lambda: classroom.face._n_uploads == 1 and not classroom.face.uploading)
    assert classroom.mailbox.calls.arrived(call) == {}
    assert classroom.ask("PUT", "/v1/updates/1", token, data=body).json() == {
        "accepted": True, "again": False, "say": "thank you",
    }  # fmt: skip


def test_uploads_wait_on_disk_not_in_memory(classroom):
    n_bytes = 40_000_000
    client, token = classroom.join("Anna")
    classroom.open(a_call(1, [client], most_bytes=n_bytes + 1))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def zeros():
        for _ in range(n_bytes // 100_000):
            yield bytes(100_000)

    answer = classroom.ask("PUT", "/v1/updates/3", token, data=zeros())
    assert answer.status_code == 409, "a late one is read to its end, so that its sender sees why"
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kb < n_bytes / 1000 / 2


# Connections


def test_headers_that_drip_and_connections_that_say_nothing_are_hung_up_on(monkeypatch):
    monkeypatch.setattr(limits, "HEADERS_S", 0.5)
    with Classroom(1) as classroom:
        for text in (b"", b"GET / HTTP/1.1\r\nHost: a\r\n"):
            began = time.monotonic()
            assert raw(classroom, text) == b""
            assert time.monotonic() - began < 5
        # A second request on a connection that is kept gets no more time than the first.
        with socket.create_connection(("127.0.0.1", classroom.server.port), timeout=10) as line:
            line.sendall(head("GET", "/v1/status", "x"))
            assert line.recv(65536).startswith(b"HTTP/1.1 401")
            ended = False
            for _ in range(100):
                try:
                    line.sendall(b"G")
                    line.settimeout(0.05)
                    ended = line.recv(10) == b""
                except TimeoutError:
                    continue
                except OSError:
                    ended = True
                if ended:
                    break
            assert ended


def test_huge_headers_and_addresses_are_refused(classroom):
    big = "x" * (limits.LARGEST_HEADERS + 1)
    assert raw(classroom, head("GET", "/", "t", f"X: {big}")).startswith(b"HTTP/1.1 400 ")
    assert raw(classroom, head("GET", f"/{big}", "t")).startswith(b"HTTP/1.1 400 ")
    assert raw(classroom, f"GET / HTTP/1.1\r\nX: {big * 3}".encode(), 5) == b""
    still_well(classroom)


NO_HTTP = [
    b"\x16\x03\x01\x02\x00\x01\x00",
    b"GET\r\n\r\n",
    b"\x00" * 100,
    b"PUT /v1/updates/1 HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"POST /v1/join HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET http://elsewhere/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
]


@pytest.mark.parametrize("text", NO_HTTP)
def test_what_is_no_http_hurts_nobody(classroom, text):
    assert not raw(classroom, text, 2).startswith(b"HTTP/1.1 5")
    still_well(classroom)


# Too many


def test_a_client_in_a_hurry_is_told_when_to_come_again(classroom):
    _, token = classroom.join("Anna")
    _, other = classroom.join("Ben")
    answers = [classroom.ask("GET", "/v1/task", token) for _ in range(200)]
    late = [answer for answer in answers if answer.status_code == 429]
    assert late
    assert int(late[0].headers["Retry-After"]) >= 1
    assert "too many requests; try again in" in late[0].json()["detail"]
    assert classroom.ask("GET", "/v1/task", other).ok, "others are not made to wait"


def test_who_has_asked_too_often_may_still_leave(classroom):
    classroom.face.requests = RateLimit(burst=2, a_second=0.001)
    client, token = classroom.join("Anna")
    assert [classroom.ask("GET", "/v1/task", token).status_code for _ in range(2)] == [200, 429]
    assert classroom.ask("POST", "/v1/leave", token).ok
    assert classroom.mailbox.members.get(client).left
    assert classroom.ask("POST", "/v1/leave", token).status_code == 401


def test_nobody_comes_and_goes_as_often_as_the_computer_can(classroom):
    classroom.face.requests = RateLimit(burst=3, a_second=0.001)

    def come_and_go():
        _, token = classroom.join("Anna", ready=False)
        return classroom.ask("POST", "/v1/leave", token).status_code

    # Who may not leave any more keeps the place; the next newcomer gets the next one, with good-byes of its own.
    assert [come_and_go() for _ in range(4)] == [200, 200, 200, 429]
    assert classroom.ask("POST", "/v1/leave").status_code == 401, "the class token has no place to leave"


def test_guessing_tokens_is_slow(classroom):
    answers = [classroom.ask("GET", "/v1/status", f"guess-{i}").status_code for i in range(80)]
    assert set(answers) == {401, 429}
    still_well(classroom)


def test_a_rate_limit_counts_for_each_and_lets_go_with_time():
    now = [0.0]
    limit = RateLimit(burst=3, a_second=2, clock=lambda: now[0])
    assert [limit.wait_s("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert limit.wait_s("b") == 0
    now[0] += 0.5
    assert limit.wait_s("a") == 0
    assert limit.wait_s("a") == 0.5
    for i in range(20_000):
        now[0] += 1
        limit.wait_s(f"stranger {i}")
    assert len(limit._buckets) < 10_100, "strangers must not fill the memory"


# Secrets


def test_tokens_are_never_logged(caplog, capfd):
    caplog.set_level(logging.DEBUG)
    with Classroom(2) as classroom:
        client, token = classroom.join("Anna")
        classroom.ask("GET", "/v1/status", "wrong-token")
        classroom.ask("GET", f"/v1/task?token={token}", token)
        classroom.open(a_call(1, [client]))
        classroom.ask("PUT", "/v1/updates/1", token, data=b"x")
        secrets = [token, "wrong-token", *classroom.keys.as_data().values()]
    written = "".join(capfd.readouterr()) + "".join(
        record.getMessage() for record in caplog.records if not record.name.startswith(("urllib3", "asyncio"))
    )
    assert not [secret for secret in secrets if secret in written]


# Machines that think of more than we do


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.one_of(st.binary(max_size=2000), st.integers(0, 10**6)))
def test_no_body_is_accepted_that_is_no_update(shared, body):
    if isinstance(body, int):  # a good one with one byte changed
        good = bytearray(an_update())
        good[body % len(good)] ^= 1 + body % 255
        body = bytes(good)
    call, client, token = shared.open_again()
    answer = shared.ask("PUT", "/v1/updates/1", token, data=body)
    assert answer.status_code in (200, 422, 429), answer.text
    if answer.status_code == 200:  # a changed number in the delta is as good an update as any
        assert len(body) == len(an_update())
        assert set(shared.mailbox.calls.arrived(call)) == {client}


@pytest.fixture(scope="module")
def shared():
    with Classroom(500) as classroom:
        classroom.board()
        n = 0

        def open_again():
            nonlocal n
            n += 1
            client, token = classroom.join(f"client {n}", ready=False)
            return classroom.open(a_call(1, [client], id=f"call {n}")), client, token

        classroom.open_again = open_again
        yield classroom


def _document():
    with Classroom(1) as classroom:
        return requests.get(f"{classroom.url}/openapi.json", timeout=10).json()


@schemathesis.serializer("application/vnd.safetensors")
def _as_it_is(context, value):
    return value if isinstance(value, bytes) else str(value).encode()


schema = schemathesis.openapi.from_dict(_document())
# What needs somebody's place, or a stream that never ends, is asked elsewhere.
schema = schema.exclude(path="/v1/events").exclude(path="/v1/leave")


@schema.parametrize()
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
def test_no_request_that_the_document_allows_breaks_the_server(case, shared):
    known = {"joins": shared.keys.class_token, "instructs": shared.keys.instructor_token}
    if not hasattr(shared, "client_token"):
        shared.client_token = shared.join("schemathesis")[1]
    by_path = {"/v1/join": known["joins"], "/v1/control": known["instructs"]}
    shared.face.requests = shared.face.class_requests = RateLimit(10**6, 10**6)
    token = by_path.get(case.path, shared.client_token)
    case.query = {**(case.query or {}), **({"wait": 0} if case.path == "/v1/task" else {})}
    case.call_and_validate(
        base_url=shared.url,
        headers={"Authorization": f"Bearer {token}"},
        checks=[schemathesis.checks.not_a_server_error, schemathesis.checks.status_code_conformance],
        timeout=10,
    )
    shared.mailbox.noticeboard.wish("resume")


def test_the_protocol_documents_itself_without_another_host(classroom):
    page = classroom.ask("GET", "/docs", "").text
    assert "swagger" in page
    assert "http://" not in page.replace(classroom.url, "")
    assert "https://" not in page
    assert classroom.ask("GET", "/static-offline-docs/swagger-ui-bundle.js", "").ok
    document = _document()
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            assert described["description"], (method, path)
            assert {"401", "429", "503"} <= set(described["responses"]), (method, path)
            assert described["security"] == [{"token": []}], (method, path)
    assert {"408", "409", "413", "422"} <= set(document["paths"]["/v1/updates/{round}"]["put"]["responses"])
