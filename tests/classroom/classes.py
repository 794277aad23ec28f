"""Classes for tests: a small model, few examples, clients in threads of this process or in processes of their own."""

import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from fedteach.classroom.participant import Participant
from fedteach.classroom.server import HttpServer
from fedteach.engine import Stopped
from fedteach.experiment import Experiment

SMALL = Experiment(
    clients=4, rounds=3, epochs=1, model="logistic", examples_per_client=40, test_examples=100, learning_rate=0.1
)


class Counting(Participant):
    """Counts what it begins to train; where `go` is an event, training takes until that is set."""

    go = None

    def __init__(self, *args, **how):
        super().__init__(*args, **how)
        self.begun, self.go = [], type(self).go

    def _load(self, experiment):
        bench = super()._load(experiment)
        do = bench.do

        def counted(id, task, used, given_up):
            self.begun.append(task.round)
            while self.go is not None and not self.go.is_set():
                if given_up():
                    raise Stopped
                time.sleep(0.01)
            return do(id, task, used, given_up)

        bench.do = counted
        return bench


def holding_back(round: int, go: threading.Event) -> type[Participant]:
    """Return participants that send nothing of a round until an event is set, so that the class cannot go past it."""

    class HoldingBack(Participant):
        def _send(self, task, made):
            if task.round == round:
                assert go.wait(60), "whoever holds it back has forgotten it"
            super()._send(task, made)

    return HoldingBack


@contextmanager
def a_class(experiment: Experiment = SMALL, n: int | None = None, participant=Participant, each=None, **how):
    """A server and its clients, each in a thread; yields the server and the participants."""
    n = experiment.clients if n is None else n
    how = {"min_clients": n, "start_window_s": 60, "update_window_s": 60, **how}
    with HttpServer(experiment, **how) as server:
        with joined(server.url, server.class_token, n, participant, each) as clients:
            yield server, clients


@contextmanager
def joined(url: str, token: str, n: int, participant=Participant, each=None):
    """Clients of a class that runs elsewhere, each in a thread; the i-th has place i."""
    clients = [participant(url, token, name=f"p{i}", **(each(i) if each else {})) for i in range(n)]
    threads = [threading.Thread(target=_run, args=(client,), daemon=True) for client in clients]
    for client, thread in zip(clients, threads, strict=True):
        thread.start()
        wait_until(lambda client=client: client.news.client)
    yield clients
    for client in clients:
        client.leave()
    for thread in threads:
        thread.join(20)


def _run(client):
    client.ended_with = None
    try:
        client.run()
    except Exception as error:
        client.ended_with = error


def let_the_window_run_out(server: HttpServer, *answered: str) -> None:
    """Wait until these clients have answered in the first round, then let its window run out, whoever is missing.

    A window of real seconds would have to be long enough for a first training on a machine that has other work.
    """
    mailbox, clock = server.mailbox, server.mailbox.now

    def all_have_answered():
        call = mailbox.calls.current()
        return call is not None and set(mailbox.calls.arrived(call)) >= set(answered)

    wait_until(all_have_answered)
    mailbox.now = lambda: clock() + 1000
    wait_until(lambda: len(server.history) >= 1)
    mailbox.now = clock


def wait_until(condition, limit_s: float = 60):
    """Wait until something holds; return it.

    Raises:
        AssertionError: if it does not in time.
    """
    deadline = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return found


class Shell:
    """A `fedteach` command in a process of its own, whose words are read as they come.

    Args:
        words: what one types after `fedteach`.
        folder: where one types it.
        dies: a moment of `dies.MOMENTS` and a round: then the process kills itself.
        environment: variables.
    """

    def __init__(self, *words: str, folder, dies: tuple[str, int] | None = None, **environment: str):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FEDTEACH_T")}
        entry = ["-m", "fedteach"] if dies is None else [str(Path(__file__).with_name("dies.py")), *map(str, dies)]
        command = [sys.executable, "-u", *entry, *words]
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=kept | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with self.process.stdout:
            for line in self.process.stdout:
                self.lines.append(line.rstrip())

    def wait_for(self, words: str, limit_s: float = 120) -> str:
        """Wait until a line holds these words; return it."""

        def found():
            if self.process.poll() is not None:
                self._reader.join(5)
            hit = next((line for line in self.lines if words in line), None)
            assert hit or self.process.poll() is None, f"ended without {words!r}:\n" + "\n".join(self.lines)
            return hit

        try:
            return wait_until(found, limit_s)
        except AssertionError as error:
            raise AssertionError(f"{error}\nno {words!r} in:\n" + "\n".join(self.lines)) from None

    def ended(self, limit_s: float = 120) -> int:
        """Wait for the end; return the exit code."""
        code = self.process.wait(limit_s)
        self._reader.join(5)
        return code

    def kill(self):
        """Kill it as a power cut would."""
        self.process.kill()
        self.ended(10)


@contextmanager
def shells(folder):
    """Starts commands; what still runs at the end is killed."""
    started: list[Shell] = []

    def start(*words, **environment) -> Shell:
        started.append(Shell(*words, folder=folder, **environment))
        return started[-1]

    yield start
    for shell in started:
        if shell.process.poll() is None:
            shell.kill()


def join_words(server: Shell) -> list[str]:
    """What a student types, read off the server's screen."""
    line = server.wait_for("fedteach join http")
    return line.split()[1:]
