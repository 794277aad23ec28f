"""Server processes that show the same mailbox, on consecutive ports; any of them may be killed and comes back."""

import json
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from fedteach.randomness import rng_for
from fedteach.transport.base import TransportError
from fedteach.transport.http.face import Options
from fedteach.transport.http.keys import Keys
from fedteach.transport.http.web_server import WebServer, is_free

_LOOK_EVERY_S = 0.5
_LONGEST_PAUSE_S = 30.0
_STARTS_WITHIN_S = 60.0
_ENDS_WITHIN_S = 5.0


class WorkerProcesses:
    """Starts server processes, starts those again that die, and ends them all.

    Args:
        count: number of processes.
        redis: address of the Redis that they share.
        name: the federation's name in Redis.
        roster: ids of the places.
        keys: the class' keys.
        options: what those who join are told.
        host: address to listen on.
        port: the first of the ports; 0 looks for free ones.
        certificate: files of certificate and key, for https.
        url_of: the address that clients reach a port by.

    Raises:
        TransportError: if there are not so many free ports in a row.
    """

    def __init__(
        self,
        count: int,
        redis: str,
        name: str,
        roster: Sequence[str],
        keys: Keys,
        options: Options,
        host: str = "127.0.0.1",
        port: int = 0,
        certificate: tuple[Path, Path] | None = None,
        url_of: Callable[[int], str] = "http://127.0.0.1:{}".format,
    ):
        self.ports = _free_ports(host, port, count)
        options = replace(options, servers=tuple(url_of(port) for port in self.ports))
        self._orders = {
            "redis": redis,
            "name": name,
            "roster": list(roster),
            "keys": keys.as_data(),
            "options": asdict(options),
            "host": host,
            "certificate": None if certificate is None else [str(path) for path in certificate],
        }
        self.processes: dict[int, subprocess.Popen[bytes]] = {}
        self._stop = threading.Event()
        self._watch = threading.Thread(target=self._look_after_them, name="fedteach workers", daemon=True)

    @property
    def port(self) -> int:
        """The first port."""
        return self.ports[0]

    def start(self) -> None:
        """Start all processes; returns when they answer.

        Raises:
            TransportError: if one does not.
        """
        for port in self.ports:
            self._start_one(port)
        for port, process in self.processes.items():
            if not _has_started(process):
                self.stop()
                raise TransportError(f"the server process for port {port} did not start")
        self._watch.start()

    def stop(self) -> None:
        """End all processes."""
        self._stop.set()
        if self._watch.is_alive():
            self._watch.join(_ENDS_WITHIN_S)
        for process in self.processes.values():
            _hang_up(process)
        for process in self.processes.values():
            try:
                process.wait(_ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start_one(self, port: int) -> None:
        command = [sys.executable, "-m", "fedteach.transport.http.worker"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin is not None
        # Through a pipe, not as arguments: everybody on a machine can read those.
        with suppress(BrokenPipeError):
            process.stdin.write(json.dumps({**self._orders, "port": port}).encode() + b"\n")
            process.stdin.flush()
        self.processes[port] = process

    def _look_after_them(self) -> None:
        """Start a process anew that has ended; one that ends again and again, at longer and longer intervals."""
        pause_s, not_before = dict.fromkeys(self.ports, _LOOK_EVERY_S), dict.fromkeys(self.ports, 0.0)
        while not self._stop.wait(_LOOK_EVERY_S):
            for port, process in list(self.processes.items()):
                now = time.monotonic()
                if process.poll() is None or now < not_before[port]:
                    continue
                _hang_up(process)
                self._start_one(port)
                lived_long = now > not_before[port] + _LONGEST_PAUSE_S
                pause_s[port] = _LOOK_EVERY_S if lived_long else min(2 * pause_s[port], _LONGEST_PAUSE_S)
                not_before[port] = now + pause_s[port]


def _has_started(process: "subprocess.Popen[bytes]") -> bool:
    """Wait for the line by which a worker says that it answers."""
    said: list[bytes] = []
    assert process.stdout is not None
    reader = threading.Thread(target=lambda: said.append(process.stdout.readline()), daemon=True)  # type: ignore[union-attr]
    reader.start()
    reader.join(_STARTS_WITHIN_S)
    return bool(said and said[0])


def _hang_up(process: "subprocess.Popen[bytes]") -> None:
    """Close the pipes: a worker ends when its orders do, also if this process is killed."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()


def _free_ports(host: str, first: int, count: int) -> list[int]:
    if first:
        ports = list(range(first, first + count))
        taken = [port for port in ports if not is_free(host, port)]
        if taken:
            raise TransportError(f"port {taken[0]} is taken; {count} workers need the ports {ports[0]} to {ports[-1]}")
        return ports
    rng = rng_for(secrets.randbits(48), "ports")
    for _ in range(100):
        begin = int(rng.integers(20_000, 60_000))
        ports = list(range(begin, begin + count))
        if all(is_free(host, port) for port in ports):
            return ports
    raise TransportError(f"found no {count} free ports in a row; give the first one with --port")


def serve_as_told(orders: Mapping[str, Any]) -> WebServer:
    """Start the server of one worker process.

    Args:
        orders: what `WorkerProcesses` wrote.
    """
    from fedteach.transport.http.app import create_app
    from fedteach.transport.http.face import Face
    from fedteach.transport.http.mailbox import Mailbox
    from fedteach.transport.http.redis_store import RedisStore

    options: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in orders["options"].items()
    }
    mailbox = Mailbox(orders["roster"], RedisStore(orders["redis"], orders["name"]))
    face = Face(mailbox, Keys.from_data(orders["keys"]), Options(**options))
    certificate = orders["certificate"] and tuple(Path(path) for path in orders["certificate"])
    server = WebServer(create_app(face), orders["host"], orders["port"], certificate)
    server.start()
    return server
