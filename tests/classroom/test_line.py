"""The line to the server, against servers that answer as the test tells them to."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fedteach.classroom import line as line_module
from fedteach.classroom.line import GaveUp, HungUp, Line, Refused
from fedteach.transport.base import TransportError
from tests.classroom.classes import wait_until

OK = (200, {}, b'{"say": "yes"}')
DOWN = (503, {}, b'{"detail": "the server is getting its papers in order"}')


class Scripted:
    """A web server that gives one answer after the other, the last one for ever; None hangs up without a word."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.asked.append((self.command, self.path, dict(self.headers), body))
                said = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                if said is None:
                    self.close_connection = True
                    return
                status, headers, content = said
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = answer

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def scripted():
    servers = []

    def serve(*answers):
        servers.append(Scripted(*answers))
        return servers[-1]

    yield serve
    for server in servers:
        server.close()


class Waits(threading.Event):
    """In place of `stop`: notes how long would be waited, and does not."""

    def __init__(self):
        super().__init__()
        self.seconds = []

    def wait(self, timeout=None):
        self.seconds.append(timeout)
        return super().wait(0)


def nowhere():
    """An address at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


# What is tried again


def test_a_request_is_repeated_until_it_is_answered_with_all_that_it_said(scripted):
    server, said = scripted(DOWN, None, (429, {}, b"{}"), (500, {}, b"<html>"), OK), []
    line = Line(server.url, stop=Waits(), say=said.append)
    line.token = "mine"
    answer = line.ask("PUT", "/v1/updates/3", data=b"weights")
    assert answer.json() == {"say": "yes"}
    assert len(server.asked) == 5
    for method, path, headers, body in server.asked:
        assert (method, path, body) == ("PUT", "/v1/updates/3", b"weights")
        assert headers["Authorization"] == "Bearer mine"
        assert headers["Content-Type"] == "application/vnd.safetensors"
    sentences = [sentence.rpartition("; trying again in ")[0] for sentence in said]
    assert sentences == [
        "the server is getting its papers in order",
        "the server cannot be reached",
        "the server answered 429 Too Many Requests",
        "the server answered 500 Internal Server Error",
    ]


def test_pauses_grow_to_a_limit_and_no_two_clients_keep_time(scripted):
    server = scripted(DOWN)

    def pauses():
        waits = Waits()

        def enough(_):
            if len(waits.seconds) >= 9:
                waits.set()

        with pytest.raises(HungUp):
            Line(server.url, stop=waits, say=enough).ask("GET", "/")
        return waits.seconds[:9]

    one, other = pauses(), pauses()
    for seconds, longest in zip(one, [0.5, 1, 2, 4, 8, 8, 8, 8, 8], strict=True):
        assert longest / 2 <= seconds <= longest
    assert len(set(one[4:])) == 5, "with jitter"
    assert one != other


def test_the_server_may_say_when_to_come_again(scripted):
    waits = Waits()
    server = scripted((429, {"Retry-After": "7"}, b"{}"), (503, {"Retry-After": "9999"}, b"{}"), DOWN, OK)
    Line(server.url, stop=waits).ask("GET", "/")
    assert waits.seconds[:2] == [7, 60], "but not for ever"
    assert waits.seconds[2] <= 2, "the third pause of its own is as long as ever"


def test_an_own_token_is_the_one_for_all_requests_but_those_that_name_another(scripted):
    server = scripted(OK)
    line = Line(server.url)
    line.token = "mine"
    line.ask("GET", "/")
    line.ask("POST", "/v1/join", json={}, token="the class'")
    assert [headers["Authorization"] for _, _, headers, _ in server.asked] == ["Bearer mine", "Bearer the class'"]


# What is not


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422])
def test_a_refusal_is_told_once_and_for_all(scripted, status):
    server = scripted((status, {}, b'{"detail": "no, because", "round": 4}'))
    with pytest.raises(Refused, match="^no, because$") as caught:
        Line(server.url, stop=Waits()).ask("GET", "/")
    assert (caught.value.status, caught.value.round) == (status, 4)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        (404, {}, b"<html>not here</html>"),
        (404, {}, b"[]"),
        (302, {"Location": "http://127.0.0.1:1/login"}, b""),
        (200, {"Content-Type": "text/html"}, b"<html>Welcome to the campus network</html>"),
        (200, {}, b'["no", "object"]'),
    ],
    ids=["no json", "no object", "a captive portal that redirects", "one that does not", "another json"],
)
def test_what_is_no_class_is_said_in_words(scripted, answer):
    server = scripted(answer)
    with pytest.raises(Refused, match="the server answered|is no server of a class"):
        Line(server.url, stop=Waits()).told("POST", "/v1/join", json={})
    assert len(server.asked) == 1


def test_without_retry_one_try_is_all(scripted):
    server = scripted(DOWN)
    with pytest.raises(GaveUp, match="getting its papers in order"):
        Line(server.url).ask("POST", "/v1/alive", retry=False)
    assert len(server.asked) == 1


def test_patience_has_an_end(monkeypatch):
    now = iter(range(0, 10_000, 100))
    monkeypatch.setattr(line_module.time, "monotonic", lambda: float(next(now)))
    with pytest.raises(GaveUp, match=r"did not answer for 1000 s: the server cannot be reached"):
        Line(nowhere(), stop=Waits(), patience_s=900).ask("GET", "/")


def test_who_leaves_does_not_wait_on():
    stop = threading.Event()
    line = Line(nowhere(), stop=stop, say=lambda _: stop.set())
    with pytest.raises(HungUp):
        line.ask("GET", "/")


# Where it leads


def test_a_server_process_that_is_gone_is_found_again_at_the_next_address(scripted):
    alive, gone = scripted(OK), nowhere()
    line = Line(gone, stop=Waits())
    line.also_at([gone, alive.url + "/"])
    assert line.urls == (gone, alive.url), "none twice"
    assert line.ask("GET", "/v1/status").ok
    assert line.urls == (alive.url, gone)
    assert line.ask("GET", "/v1/status").ok
    assert len(alive.asked) == 2, "and it stays with the one that answers"


def test_a_busy_server_is_no_reason_to_go_elsewhere(scripted):
    busy, other = scripted((429, {"Retry-After": "1"}, b"{}"), OK), scripted(OK)
    line = Line(busy.url, stop=Waits())
    line.also_at([other.url])
    line.ask("GET", "/")
    assert (len(busy.asked), len(other.asked)) == (2, 0)


def test_proxies_and_password_files_of_the_environment_have_no_say(scripted, monkeypatch, tmp_path):
    server = scripted(OK)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, nowhere())
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    line = Line(server.url)
    line.token = "mine"
    assert line.ask("GET", "/", retry=False).ok
    assert server.asked[0][2]["Authorization"] == "Bearer mine"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("http://10.0.0.5:8765", "http://10.0.0.5:8765"),
        ("http://10.0.0.5:8765/", "http://10.0.0.5:8765"),
        ("https://10.0.0.5:8765/#view=token", "https://10.0.0.5:8765"),
        ("10.0.0.5:8765", "http://10.0.0.5:8765"),
        ("http://[::1]:8765", "http://[::1]:8765"),
    ],
)
def test_an_address_may_be_pasted_as_it_is(given, meant):
    assert Line(given).urls == (meant,)


@pytest.mark.parametrize("url", ["", "ftp://x", "http://", "http://x:port", "http://x:99999"])
def test_what_is_no_address_is_said_at_once(url):
    with pytest.raises(ValueError, match="expected the server's address, such as http://192.168.1.5:8765"):
        Line(url)


def test_a_fingerprint_may_be_written_in_any_of_the_usual_ways():
    digits = "ab" * 32
    spellings = [digits, digits.upper(), ":".join(["AB"] * 32), " ".join(["ab"] * 32)]
    assert {Line("https://x:1", fingerprint=one)._fingerprint for one in spellings} == {digits}
    for wrong in ("", "ab:cd", "zz" * 32):
        with pytest.raises(ValueError, match="a fingerprint is 64 hexadecimal digits"):
            Line("https://x:1", fingerprint=wrong)


def test_a_certificate_that_is_not_there_is_said_at_once(tmp_path):
    with pytest.raises(ValueError, match="cert_path: there is no file"):
        Line("https://x:1", cert_path=tmp_path / "none.pem")


def test_https_at_a_door_that_speaks_http_is_an_error_in_words(scripted):
    server = scripted(OK)
    with pytest.raises(TransportError, match="is not the server it should be|cannot be reached"):
        Line(server.url.replace("http:", "https:")).ask("GET", "/", retry=False)


def test_each_thread_has_connections_of_its_own(scripted):
    server = scripted(OK)
    line = Line(server.url)
    sessions = []

    def ask():
        line.ask("GET", "/")
        sessions.append(line._session())

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(sessions) == 3, 10)
    assert len({id(session) for session in sessions}) == 3


@pytest.mark.parametrize("known_by", [{"fingerprint": "ab" * 32}, {"cert_path": __file__}])
def test_a_certificate_cannot_be_checked_where_there_is_none(known_by):
    with pytest.raises(ValueError, match="checked on https:// only"):
        Line("http://127.0.0.1:8765", **known_by)


def breaks_off(say: bytes):
    """A server that ends every connection in the middle of the handshake; returns its port."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            connection.recv(65536)
            connection.sendall(say)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(65536)
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    return server


@pytest.mark.parametrize("say", [b"", bytes.fromhex("160303004002")])
def test_a_handshake_that_breaks_off_is_tried_again_for_it_says_nothing_of_who_that_was(say):
    with breaks_off(say) as server:
        line = Line(f"https://127.0.0.1:{server.getsockname()[1]}", fingerprint="ab" * 32, patience_s=0.5, stop=Waits())
        with pytest.raises(GaveUp, match="cannot be reached"):
            line.ask("GET", "/v1/status")
