"""The server of a class: an experiment's federation in one thread, its web server in another.

with HttpServer(Experiment(clients=3), min_clients=3) as server:
    print(server.join_line)
    history = server.result()
"""

import math
import threading
import warnings
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedteach import __version__, checks
from fedteach.classroom.addresses import is_loopback, names_of, reachable
from fedteach.classroom.class_file import ClassFile
from fedteach.classroom.lobby import Ended, Lobby, Windows
from fedteach.classroom.standing import Standing
from fedteach.engine import Stopped
from fedteach.experiment import Experiment
from fedteach.history import History, RoundRecord
from fedteach.messages import Weights
from fedteach.run_folder import RunFolder, SaveError
from fedteach.steps import broadcast
from fedteach.transport.base import TransportError
from fedteach.transport.http.app import create_app
from fedteach.transport.http.certificate import class_certificate, fingerprint
from fedteach.transport.http.face import Face, Options
from fedteach.transport.http.keys import Keys
from fedteach.transport.http.mailbox import Mailbox
from fedteach.transport.http.mailbox_transport import MailboxTransport, patiently
from fedteach.transport.http.protocol import PROTOCOL
from fedteach.transport.http.store import MemoryStore, Store, StoreDown
from fedteach.transport.http.web_server import WebServer
from fedteach.transport.http.workers import WorkerProcesses

if TYPE_CHECKING:
    from fedteach.federation import Federation

_TICK_S = 0.5


class InsecureServer(UserWarning):
    """Others in the network can read what this server says."""


class HttpServer:
    """A federation for clients that come over the network; see `fedteach serve` for the shell.

    Args:
        experiment: what to run; its `clients` is the number of places. None takes the defaults, or with `resume`
            what the run was.
        min_clients, start_window_s, update_window_s, update_ratio: how long a round waits; see `lobby.Windows`.
            Without `min_clients` a round begins with half of the places; `update_window_s=math.inf`: no limit.
        host: address to listen on; the default is this machine only, "0.0.0.0" every network it is in.
        port: 0 takes a free one.
        tls: serve https, with a certificate of the class' own that is made on the spot; None: as before, else no.
        out: folder for the log, the checkpoints and the class' keys; None keeps nothing.
        resume: folder of a class to go on with: same tokens, same places, same port.
        redis: address of a Redis ("redis://127.0.0.1:6379") that keeps the mailbox, so that several processes can
            show it; None: it is kept in this process.
        workers: number of server processes, on consecutive ports; more than one needs `redis`.
        **steps: steps of one's own, as in `Experiment.federation`; step 3 is the clients' and is given to `join`.

    Raises:
        ValueError: if an argument is out of range, or the run cannot be resumed.
        TransportError: if the port cannot be had.
    """

    def __init__(
        self,
        experiment: Experiment | None = None,
        *,
        min_clients: int | None = None,
        start_window_s: float | None = None,
        update_window_s: float | None = None,
        update_ratio: float | None = None,
        host: str | None = None,
        port: int | None = None,
        tls: bool | None = None,
        out: str | Path | None = None,
        resume: str | Path | None = None,
        redis: str | None = None,
        workers: int = 1,
        **steps: Any,
    ):
        before = None if resume is None else ClassFile.load(resume)
        self.experiment = _experiment(experiment, before)
        given = {
            "min_clients": min_clients,
            "start_window_s": start_window_s,
            "update_window_s": update_window_s,
            "update_ratio": update_ratio,
        }
        kept = dict(before.windows) if before else {"min_clients": math.ceil(self.experiment.clients / 2)}
        wanted: dict[str, Any] = kept | {name: value for name, value in given.items() if value is not None}
        if wanted.get("update_window_s") == math.inf:
            wanted["update_window_s"] = None
        self.windows = Windows(**wanted)
        if self.windows.min_clients > self.experiment.clients:
            raise ValueError(
                f"min_clients={self.windows.min_clients} can never be here: the class has "
                f"{self.experiment.clients} places; a larger one needs clients={self.windows.min_clients}"
            )
        self.keys = before.keys if before else Keys.fresh()
        self._members: Sequence[Mapping[str, Any]] = before.members if before else ()
        self._out = resume if resume is not None else out
        self._has_run = before is not None and before.has_run
        self._is_resumed = before is not None
        if before is not None and redis is None:
            redis, workers = before.redis, max(workers, before.workers)
        self._shared = (redis, workers)
        self._steps = steps
        self._stop, self._ended = threading.Event(), threading.Event()
        self._error: BaseException | None = None
        self._federation: Federation | None = None
        self._transport: MailboxTransport | None = None
        self._history = History(self.experiment.client_ids(), {"rounds": self.experiment.rounds})
        self._saved: Any = None
        self._saving = threading.Lock()
        self._wish = ""
        self._is_over = False
        self._host = host or (before.host if before else "127.0.0.1")
        self._certificate: tuple[Path, Path] | None = None
        if tls or (tls is None and before and before.tls):
            self._certificate = class_certificate(Path(self._out or "runs") / "tls", names_of(self._host))
        port = (before.port if before else 0) if port is None else port
        self.mailbox, self._web = self._doors(port, redis, checks.whole("workers", workers, least=1, most=64))
        about = {"protocol": PROTOCOL, "version": __version__, "experiment": asdict(self.experiment), "federation": ""}
        self._standing = Standing(self.mailbox, about | {"join": f"fedteach join {self.url}"}, self.experiment.rounds)
        self._runner = threading.Thread(target=self._run, name="fedteach federation", daemon=True)
        self._ticker = threading.Thread(target=self._tick, name="fedteach noticeboard", daemon=True)

    def _doors(self, port: int, redis: str | None, workers: int) -> tuple[Mailbox, WebServer | WorkerProcesses]:
        """Return the mailbox, and what shows it to the world."""
        options, roster, name = self._options(), self.experiment.client_ids(), self.keys.name
        if redis is None and workers > 1:
            raise ValueError(f"{workers} workers share a federation through Redis: give its address, redis=...")
        mailbox = Mailbox(roster, _store(redis, name))
        if redis is not None and workers > 1:
            how = (options, self._host, port, self._certificate, self._url)
            return mailbox, WorkerProcesses(workers, redis, name, roster, self.keys, *how)
        app = create_app(Face(mailbox, self.keys, options))
        return mailbox, WebServer(app, self._host, port, self._certificate)

    # ---- addresses ------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Where clients find the server."""
        return self._url(self._web.port)

    def _url(self, port: int) -> str:
        host = reachable(self._host)
        return f"{'https' if self._certificate else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"

    @property
    def class_token(self) -> str:
        """What clients need in order to join, and everybody in order to watch."""
        return self.keys.class_token

    @property
    def instructor_token(self) -> str:
        """What is needed to pause, resume and end the federation."""
        return self.keys.instructor_token

    @property
    def fingerprint(self) -> str:
        """By what clients know the class certificate; "" without TLS."""
        return fingerprint(self._certificate[0]) if self._certificate else ""

    @property
    def join_line(self) -> str:
        """What students type into a shell."""
        known_by = f" --fingerprint {self.fingerprint}" if self._certificate else ""
        return f"fedteach join {self.url} --token {self.class_token}{known_by}"

    @property
    def dashboard_url(self) -> str:
        """The dashboard for everybody; what follows the # stays in the browser."""
        return f"{self.url}/#view={self.class_token}"

    @property
    def instructor_url(self) -> str:
        """The dashboard with buttons to pause, resume and end: not for the projector's address bar."""
        return f"{self.url}/#instructor={self.instructor_token}"

    # ---- life -----------------------------------------------------------------------------------------

    def start(self) -> "HttpServer":
        """Begin to serve and to wait for clients; returns at once.

        Raises:
            TransportError: if the port cannot be had, or Redis does not answer.
        """
        try:
            if self._is_resumed:  # a Redis may still hold what the former server was about
                self.mailbox.begin_anew()
            self._put_back_what_the_store_lost()
        except StoreDown as down:
            self._web.stop()
            self.mailbox.close()
            raise TransportError(f"{down}; start it first") from down
        if self.warning:
            warnings.warn(self.warning, InsecureServer, stacklevel=2)
        if not self._has_run:
            self._save_class()
        self._web.start()
        self._runner.start()
        self._ticker.start()
        return self

    def stop(self) -> None:
        """End everything; the rounds that are complete are kept."""
        self._stop.set()
        for thread in (self._runner, self._ticker):
            if thread.is_alive():
                thread.join(15)
        self._web.stop()
        self.mailbox.close()

    def __enter__(self) -> "HttpServer":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until all rounds are done, or the federation was ended; return whether that is so."""
        return self._ended.wait(timeout_s)

    def result(self, timeout_s: float | None = None) -> History:
        """Wait for the end and return the history.

        Raises:
            TimeoutError: if it still goes on.
            Exception: the error that ended the federation.
        """
        if not self.wait(timeout_s):
            raise TimeoutError(f"after {timeout_s:g} s the class has not finished: {self.board().get('say', '')}")
        if self._error is not None:
            raise self._error
        return self.history

    @property
    def error(self) -> BaseException | None:
        """What ended the federation, if it failed."""
        return self._error

    @property
    def folder(self) -> RunFolder | None:
        """Where the run is kept; None before it has begun, or if nothing is kept."""
        return self._federation.folder if self._federation else None

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(self._host)

    @property
    def warning(self) -> str:
        """What the instructor should know about the safety of this server; "" if nothing."""
        if self._certificate is not None or self.is_loopback:
            return ""
        return "others in this network can read and change what travels, tokens included; --tls prevents it"

    @property
    def history(self) -> History:
        """What has happened so far; grows while the federation runs."""
        return self._history

    @property
    def weights(self) -> Weights:
        """The global model now; empty before it is built."""
        return self._federation.weights if self._federation else []

    def board(self) -> dict[str, Any]:
        """Return what the dashboard shows, as plain data."""
        return self.mailbox.everything()

    def control(self, action: str) -> None:
        """Pause after this round, resume, or end, as the instructor's buttons do."""
        self._wish = action
        self.mailbox.noticeboard.wish(action)

    # ---- the federation's thread ----------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._federate()
        except (Ended, Stopped) as why:
            after = f"after round {len(self.history)}"
            if isinstance(why, Ended) or self._wish == "end":  # in a round it is the ticker that hears the wish first
                self._over("ended", f"the instructor has ended the federation {after}")
            else:  # whoever stopped it may resume it, and the clients wait for that
                self._standing.waiting(f"the server was stopped {after}; it may come back")
        except BaseException as error:  # whatever a student's function raises is told, and raised by `result`
            self._error = error
            self._over("failed", f"the federation has failed: {error}")
        finally:
            self._ended.set()

    def _federate(self) -> None:
        federation = self._federation = self._built()
        self._history = federation.history
        patiently(self._write_down_members, self._stop)
        self._standing.about(federation=federation.folder.name if federation.folder else "")
        patiently(lambda: self._standing.restore(federation.history, lambda: federation.weights), self._stop)
        lobby = Lobby(self.mailbox, self.windows, self._standing, self._stop)
        todo = self.experiment.rounds - len(federation.history)
        if todo:
            with closing(federation.rounds(todo)) as rounds:
                for _ in range(todo):
                    lobby.wait()
                    patiently(self._write_down_members, self._stop)  # whoever is asked is known after a crash, too
                    self._standing.running(len(federation.history) + 1, self.windows.update_window_s)
                    record = next(rounds, None)
                    if record is None:
                        raise Stopped
                    self._put_up(record, federation.weights)
                next(rounds, None)  # writes the final log
        else:
            federation.save_log()  # the server was killed after the last round, and before it wrote this
        last = federation.history.server_accuracy[-1]
        accuracy = "" if last is None else f", accuracy {last:.3f}"
        self._over("finished", f"finished: {len(federation.history)} rounds{accuracy}")

    def _put_up(self, record: RoundRecord, weights: Weights) -> None:
        patiently(lambda: self._standing.record(record, weights), self._stop)

    def _over(self, phase: str, say: str) -> None:
        with suppress(Stopped):  # the store is away, and nobody wants to wait for it any more
            patiently(lambda: self._standing.over(phase, say), self._stop)
        with self._saving:  # all are told, so nobody comes back for its place
            self._is_over, self._members = True, ()
        with suppress(SaveError):
            self._save_class()

    def _built(self) -> "Federation":
        self._transport = MailboxTransport(
            self.mailbox,
            most_examples=self.experiment.most_examples(),
            update_ratio=self.windows.update_ratio,
            stop=self._stop,
        )
        return self.experiment.federation(
            transport=self._transport,
            out=None if self._has_run else self._out,
            resume=self._out if self._has_run else None,
            stop=self._stop,
            deadline_s=self.windows.update_window_s,
            **self._steps,
        )

    # ---- the noticeboard's thread ---------------------------------------------------------------------

    def _tick(self) -> None:
        bell, places = threading.Event(), threading.Event()
        end_listening = self.mailbox.listen(lambda topic: _heard(topic, bell, places))
        while not self._stop.is_set():
            bell.wait(_TICK_S)
            bell.clear()
            with suppress(StoreDown, SaveError):  # a full disk ends the federation's thread, which tells everybody
                self._put_back_what_the_store_lost()
                self._wish = self.mailbox.noticeboard.wished()
                if self._wish == "end":
                    self._stop.set()
                self._standing.refresh(self._wish)
                if places.is_set():
                    places.clear()
                    self._write_down_members()
            self._stop.wait(_TICK_S / 2)  # what happens at about the same moment is told together
        end_listening()

    def _put_back_what_the_store_lost(self) -> None:
        """Fill a store that is empty: a new one, or a Redis that came back from a crash with nothing in it."""
        if self.mailbox.is_filled():
            return
        self.mailbox.members.restore(self._members)
        self._standing.restore(self.history, lambda: self.weights)
        if self._transport is not None:
            self._transport.put_back()
        if self._wish:
            self.mailbox.noticeboard.wish(self._wish)
        self.mailbox.fill()

    def _write_down_members(self) -> None:
        """Note who holds which place, and keep it if anything is kept.

        Raises:
            StoreDown: if the store is away, or was emptied: an empty store is no empty class.
        """
        with self._saving:  # two threads come here, and none must write what it read before the other did
            self.mailbox.check_filled()
            members = self.mailbox.members.as_data()
            self.mailbox.check_filled()
            self._members = () if self._is_over else members
        if self.folder is not None or not self._has_run:
            self._save_class()

    def _save_class(self) -> None:
        """Write down tokens and places, if anything is kept and they have changed."""
        with self._saving:
            saved = (self._members, self.folder)
            if self._out is None or saved == self._saved:
                return
            windows, tls = asdict(self.windows), self._certificate is not None
            where = (self._host, self._web.port, tls)
            file = ClassFile(self.keys, self.experiment, *where, windows, self._members, *self._shared)
            file.save(self._out, self.folder)
            self._saved = saved

    def _options(self) -> Options:
        experiment = self.experiment
        for name in ("broadcast", "upload"):
            if name in self._steps:
                experiment = experiment.replace(**{name: self._steps[name].name})
        return Options(
            experiment=asdict(experiment),
            rounds=experiment.rounds,
            codecs=(broadcast.codec(experiment.broadcast).name, broadcast.codec(experiment.upload).name),
            version=__version__,
        )


def _heard(topic: str, bell: threading.Event, places: threading.Event) -> None:
    if topic in ("places", ""):
        places.set()
    if topic != "board":
        bell.set()


def _store(redis: str | None, name: str) -> Store:
    if redis is None:
        return MemoryStore()
    from fedteach.transport.http.redis_store import RedisStore

    return RedisStore(redis, name)


def _experiment(given: Experiment | None, before: ClassFile | None) -> Experiment:
    if before is None:
        return given or Experiment()
    # No result depends on these two, so a resumed class may have others.
    kept = before.experiment
    return kept if given is None else kept.replace(rounds=given.rounds, workers=given.workers)
