"""The class over HTTP: what a client costs the server in a round, large models, memory, and a thousand who wait."""

import json
import statistics
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import Any

import numpy as np
import requests

from benchmarks.measure import ROOT, in_fresh_process, say
from fedteach.classic import FederatedServer
from fedteach.classroom.server import HttpServer
from fedteach.experiment import Experiment
from fedteach.transport.http.classic_routes import ClassicApp
from fedteach.transport.http.web_server import WebServer, settle_down

SMALL = Experiment(split="iid", rounds=12, client_accuracy=False, test_examples=1)
"""digits, 38,282 weights: 154 kB a message."""

COURSE = Experiment(dataset="glyphs", model="cnn", split="iid", rounds=5, client_accuracy=False, test_examples=1)
"""The course's CNN at 62 classes: 1.2 million weights, 4.8 MB a message."""


@contextmanager
def idle_class(experiment: Experiment, n: int, **how: Any):  # type: ignore[no-untyped-def]
    """Run a class of clients that train in no time; yields its server."""
    server = HttpServer(experiment.replace(clients=n), min_clients=n, start_window_s=300, **how)
    with server:
        command = [sys.executable, "-m", "benchmarks.idle_clients", server.url, server.class_token, str(n)]
        clients = subprocess.Popen(command, cwd=ROOT)
        try:
            while not len(server.history) and not server.wait(0.01):
                pass
            settle_down()  # as `fedteach serve` does when everything is loaded
            yield server
            clients.wait(30)
        finally:
            clients.kill()
            clients.wait()


def small_rounds() -> None:
    """What one client costs in a round of 10, 50 and 200: processor time of the server's process, and wall time."""
    for n in (10, 50, 200):
        cpu: list[float] = []
        with idle_class(SMALL, n) as server:
            before = time.process_time()
            for done in range(1, SMALL.rounds):  # the last round judges all test images: not counted
                while len(server.history) < done:
                    time.sleep(0.002)
                now = time.process_time()
                cpu.append((now - before) / n)
                before = now
            records = server.result(120)[1:-1]
        wall = statistics.median(record.seconds["total"] for record in records) / n
        say(
            f"a client in a round of {n}, over HTTP, no training (154 kB each way): server's processor / wall time",
            f"{1000 * statistics.median(cpu[1:]):.1f} / {1000 * wall:.1f} ms",
            "under 5 ms",
        )


def large_rounds() -> None:
    """Thirty clients exchange the course's CNN."""
    with idle_class(COURSE, 30) as server:
        history = server.result(300)
    seconds = statistics.median(record.seconds["clients"] for record in history[1:])
    say("30 clients exchange the course CNN (4.8 MB each way), no training", f"{seconds:.2f} s a round", "under 3 s")


MEMORY = """
from benchmarks.bench_classroom import COURSE, idle_class

with idle_class(COURSE.replace(rounds=3), {n}) as server:
    server.result(300)
"""


def classic_against_v1() -> None:
    """One client's exchange of the course's CNN, as nested lists in JSON and as safetensors: seconds and bytes."""
    with idle_class(COURSE, 1) as server:
        binary_s = statistics.median(record.seconds["clients"] for record in server.result(120)[1:])
        down = server.history[-1].bytes_down
    old = FederatedServer(COURSE.replace(split="1"), out=None)
    old.evaluateClientModel = lambda client_id, weight: 0.0  # type: ignore[method-assign]
    weights = [np.random.default_rng(0).normal(size=shape).astype(np.float32) for shape in old.shapes()]
    web = WebServer(ClassicApp(old).app())
    web.start()
    url = f"http://127.0.0.1:{web.port}"
    json_s, size = [], 0
    for _ in range(5):
        old.initialize(2, 1, 2)
        old.update_num_data(0, 1)
        old._weights = weights
        began = time.perf_counter()
        came = [
            np.array(nested, dtype=np.float32) for nested in requests.get(f"{url}/get_server_weight", timeout=60).json()
        ]
        text = json.dumps([array.tolist() for array in came])
        assert requests.put(f"{url}/put_weight/0", data=text, timeout=60).text == "Request OK"
        json_s.append(time.perf_counter() - began)
        size = len(text)
    web.stop()
    seconds = statistics.median(json_s)
    say(
        "classic JSON / v1 binary, one client's weights and update (course CNN): time, bytes",
        f"{seconds / binary_s:.0f} times ({seconds:.1f} s against {binary_s:.2f} s), {size / down:.1f} times",
        "-",
    )


def memory() -> None:
    """Peak memory of the server's process with few clients and with many: updates wait on disk."""
    few, many = (in_fresh_process(MEMORY.format(n=n))["peak_mb"] for n in (5, 60))
    say("peak memory of the server, course CNN, 60 clients / 5 clients", f"{many:.0f} / {few:.0f} MB", "the same")


def thousand_waiting() -> None:
    """A thousand clients that wait: what they cost, and how soon a dashboard hears of news."""
    n = 1000
    server = HttpServer(SMALL.replace(clients=n), min_clients=n, start_window_s=3600)
    with server:
        command = [sys.executable, "-m", "benchmarks.idle_clients", server.url, server.class_token, str(n)]
        clients = subprocess.Popen(command, cwd=ROOT)
        try:
            server.control("pause")
            deadline = time.monotonic() + 200
            while len(server.mailbox.members.here()) < n and time.monotonic() < deadline:
                time.sleep(0.5)
            here = len(server.mailbox.members.here())
            time.sleep(5)
            before, began = time.process_time(), time.monotonic()
            time.sleep(25)
            cores = (time.process_time() - before) / (time.monotonic() - began)
            delays = [_news_delay(server, f"news {i}") for i in range(5)]
        finally:
            clients.kill()
            clients.wait()
    say(f"{here} clients wait: share of a core", f"{cores:.2f}", "under 0.5")
    say(f"{here} clients wait: a dashboard hears of news after", f"{statistics.median(delays):.2f} s", "live")


def _news_delay(server: HttpServer, sentence: str) -> float:
    """Seconds from a change on the noticeboard until a dashboard's stream tells of it."""
    heard = threading.Event()

    def listen() -> None:
        headers = {"Authorization": f"Bearer {server.class_token}"}
        with requests.get(f"{server.url}/v1/events", headers=headers, stream=True, timeout=20) as stream:
            for line in stream.iter_lines():
                if sentence.encode() in line:
                    heard.set()
                    return

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    time.sleep(2)
    began = time.monotonic()
    board = server.mailbox.noticeboard
    board.put_up({**board.board(), "say": sentence})
    heard.wait(20)
    return time.monotonic() - began


def main() -> None:
    """Measure all of it."""
    small_rounds()
    large_rounds()
    classic_against_v1()
    memory()
    thousand_waiting()


if __name__ == "__main__":
    main()
