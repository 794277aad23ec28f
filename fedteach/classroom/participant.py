"""A client of a class: joins, loads its examples, and trains whenever it is asked to, until the class is over."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedteach import __version__, checks
from fedteach.classroom.line import GaveUp, HungUp, Line, Refused
from fedteach.experiment import Experiment
from fedteach.messages import Lost, Task, Update, tensors_from_bytes
from fedteach.randomness import rng_for
from fedteach.steps import broadcast
from fedteach.steps.local_update import Plan
from fedteach.transport.base import TransportError
from fedteach.transport.envelope import reply_to_bytes

if TYPE_CHECKING:
    from fedteach.client import Client, LocalUpdate
    from fedteach.engine_pool import EnginePool

PROTOCOL = 1
OVER = ("finished", "ended", "failed")


@dataclass(frozen=True)
class MyRound:
    """What this client did in a round.

    Attributes:
        round: round number.
        became: "sent", "late", "refused" or "failed".
        seconds: of training.
        bytes_up: of the update as it travelled.
        train_loss: mean loss while training, or None.
        say: a sentence about it.
    """

    round: int
    became: str
    seconds: float = 0.0
    bytes_up: int = 0
    train_loss: float | None = None
    say: str = ""


@dataclass(frozen=True)
class News:
    """Where this client stands.

    Attributes:
        state: "joining", "loading", "waiting", "training", "sending", "over", "left" or "failed".
        say: a sentence about it.
        client: its id in the federation; "" before it has joined.
        n_examples: training examples it holds.
        round: the class' round.
        rounds: how many there will be.
        mine: the rounds this client took part in.
    """

    state: str = "joining"
    say: str = "joining the class"
    client: str = ""
    n_examples: int = 0
    round: int = 0
    rounds: int = 0
    mine: tuple[MyRound, ...] = field(default=())


class Participant:
    """One client of a class.

    Args:
        url: the server's address.
        token: the class token.
        name: what the dashboard calls this client.
        fingerprint: of the server's certificate, with https.
        cert_path: file of the class' certificate, with https.
        local_update: step 3 of one's own, `(model, x, y, plan, rng)`.
        on_news: told whenever something changed, in the client's thread.
        patience_s: seconds after which a server that does not answer is given up.

    Raises:
        ValueError: if an argument cannot be meant.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        name: str = "",
        fingerprint: str | None = None,
        cert_path: str | Path | None = None,
        local_update: "LocalUpdate | None" = None,
        on_news: Callable[[News], None] = lambda news: None,
        patience_s: float = 900.0,
    ):
        if not token:
            raise ValueError("joining takes the class token, which `fedteach serve` prints: --token abcde-fghij-klmno")
        self.stopping = threading.Event()
        self.line = Line(
            url, fingerprint=fingerprint, cert_path=cert_path, patience_s=patience_s, say=self._wait, stop=self.stopping
        )
        self._class_token, self._name = token.strip(), (name.strip() or _own_name())[:80]
        # Random, and kept: whoever joins again with it, after the server was away, is the same one.
        self._key = os.urandom(16).hex()
        self._local_update, self._on_news = local_update, on_news
        self.news = News()
        self.experiment: Experiment | None = None
        self._client: Client | None = None
        self._pool: EnginePool | None = None
        self._done: tuple[str, bytes] = ("", b"")  # the last task and the reply to it
        self._heartbeat_s, self._poll_s = 5.0, 20.0

    # ---- for whoever holds it -------------------------------------------------------------------------

    def run(self) -> News:
        """Take part until the class is over or `leave` is called; return the last news.

        Raises:
            TransportError: if the server refuses, or does not answer for a long time.
            DataError: if the examples are not on this computer.
        """
        try:
            self._join()
            self._load()
            while not self.stopping.is_set() and self.news.state != "over":
                try:
                    self._next()
                except Refused as refused:
                    if refused.status != 401 or self.stopping.is_set():
                        raise
                    self._join()  # the server knows this client no more: a place was lost, or the server is a new one
                    self._say_ready()
        except HungUp:
            pass
        except BaseException as error:
            if not self.stopping.is_set():
                self._tell(state="failed", say=str(error))
                raise
        if self.news.state != "over":
            self._tell(state="left", say="you have left the class; it goes on without you")
        return self.news

    def leave(self) -> None:
        """Say good-bye and end; returns at once, also while the client trains."""
        self.stopping.set()
        if self.line.token and self.news.state not in ("over", "left"):
            with suppress(TransportError):
                self.line.ask("POST", "/v1/leave", retry=False, answer_s=3)

    # ---- what it does ---------------------------------------------------------------------------------

    def _join(self) -> None:
        body = {"name": self._name, "key": self._key, "codecs": list(broadcast.CODECS), "protocol": PROTOCOL}
        while True:
            try:
                said = self.line.ask("POST", "/v1/join", json=body, token=self._class_token).json()
                break
            except Refused as refused:
                if refused.status != 409 or "taken" not in str(refused):
                    raise
                self._tell(say=f"{refused}; asking again in 10 s")
                if self.stopping.wait(10):
                    raise HungUp("left while waiting for a place") from None
        self.line.token = said["token"]
        self.line.also_at(said["servers"])
        self._heartbeat_s, self._poll_s = float(said["heartbeat_s"]), float(said["longest_poll_s"])
        experiment = Experiment.from_settings(said["experiment"])
        if self.experiment is not None and (experiment != self.experiment or said["client"] != self.news.client):
            self._client = None  # another place, or another class: other examples
        self.experiment = experiment
        version = "" if said["version"] == __version__ else f" (it runs fedteach {said['version']}, you {__version__})"
        self._tell(client=said["client"], rounds=int(said["rounds"]), say=f"joined as client {said['client']}{version}")

    def _load(self) -> None:
        from fedteach.client import Client

        assert self.experiment is not None
        if self._client is None:
            self._tell(state="loading", say="loading the examples and the model")
            place = checks.known("client", self.news.client, self.experiment.client_ids())
            self._client = self.experiment.client(place)
            assert isinstance(self._client, Client)
        if self._pool is None:
            self._pool = self.experiment.replace(workers=1).pool()
            self._pool.check_examples(*self._client.arrays, f"client {self.news.client}")
        self._say_ready()

    def _say_ready(self) -> None:
        if self._client is None:
            self._load()
            return
        n = self._client.info.n_examples
        self.line.ask("POST", "/v1/ready", json={"n_examples": n})
        self._tell(state="waiting", n_examples=n, say="ready; waiting for a round")

    def _next(self) -> None:
        answer = self.line.ask("GET", f"/v1/task?wait={self._poll_s:g}", answer_s=self._poll_s + 30).json()
        if answer["phase"] in OVER:
            self._tell(state="over", say=answer["say"], round=answer["round"])
        elif answer["task"] is None:
            self._tell(state="waiting", say=answer["say"], round=answer["round"])
        else:
            self._take(answer["task"], int(answer["used"]))

    def _take(self, asked: dict[str, Any], used: int) -> None:
        """Do a task, unless it is done already, and send what came of it."""
        round, kind = int(asked["round"]), str(asked["kind"])
        if asked["id"] != self._done[0]:
            try:
                reply, record = self._work(asked, used)
            except _NotWanted:
                self._remember(MyRound(round, "late", say="the round ended before the training did"))
                return
            self._done = (asked["id"], reply)
        else:
            record = MyRound(round, "sent", say="sent again what was done already")
        self._tell(state="sending", say=f"round {round}: sending {len(self._done[1]) / 1e6:.1f} MB")
        self._send(round, kind, record)

    def _send(self, round: int, kind: str, record: MyRound) -> None:
        try:
            said = self.line.ask("PUT", f"/v1/updates/{round}", data=self._done[1], answer_s=300).json()
        except Refused as refused:
            if refused.status == 409:
                self._remember(replace(record, became="late", say=str(refused)))
            elif refused.status in (413, 422):
                # The server should not wait for what will not come: say why there is nothing.
                lost = Lost(self.news.client, round, str(refused))
                self._done = (self._done[0], reply_to_bytes(lost, kind, broadcast.float32()))
                with suppress(Refused):
                    self.line.ask("PUT", f"/v1/updates/{round}", data=self._done[1])
                self._remember(replace(record, became="refused", say=str(refused)))
            else:
                raise
        else:
            if kind == "fit":
                self._remember(replace(record, say=record.say or said["say"]))
        self._tell(state="waiting")

    def _work(self, asked: dict[str, Any], used: int) -> tuple[bytes, MyRound]:
        """Fetch the weights, train or measure, and pack the reply."""
        assert self._client is not None
        task = self._task(asked)
        kind = task.kind
        self._tell(
            state="training",
            round=task.round,
            say=f"round {task.round}: {'training' if kind == 'fit' else 'measuring'}",
        )
        if kind == "fit":
            self._client.settle(used)
        began = time.monotonic()
        with _Heartbeat(self.line, self._heartbeat_s, task.round) as beat:
            reply = self._answer(task, lambda: beat.unwanted.is_set() or self.stopping.is_set())
        seconds = time.monotonic() - began
        try:
            packed = reply_to_bytes(reply, kind, task.reply_codec)
        except ValueError as error:
            reply = _lost_because(task, error)
            packed = reply_to_bytes(reply, kind, task.reply_codec)
        if isinstance(reply, Lost):
            return packed, MyRound(task.round, "failed", seconds, say=reply.reason)
        return packed, MyRound(task.round, "sent", seconds, len(packed), reply.metrics.get("train_loss"))

    def _task(self, asked: dict[str, Any]) -> Task:
        round = int(asked["round"])
        codec = broadcast.codec(asked["codec"])
        message = self.line.ask("GET", f"/v1/weights/{round}?codec={asked['codec']}", answer_s=300).content
        extra = {}
        if asked["has_extra"]:
            extra = tensors_from_bytes(self.line.ask("GET", f"/v1/extra/{round}", answer_s=300).content)[0]
        plan = None if asked["plan"] is None else Plan(**asked["plan"])
        return Task(
            self.news.client,
            round,
            asked["kind"],
            message,
            codec,
            broadcast.codec(asked["upload"]),
            plan,
            int(asked["seed"]),
            extra,
        )

    def _answer(self, task: Task, given_up: Callable[[], bool]) -> Update | Lost:
        from fedteach.engine import Stopped

        assert self._client is not None
        assert self._pool is not None
        pool, client = self._pool, self._client
        weights = task.codec.decode(task.message)
        how: dict[str, Any] = {
            "local_update": self._local_update,
            "own_start": pool.initial_weights_for,
            "stop": given_up,
        }
        try:
            (update,) = pool.map(lambda engine, task: client.work(task, weights, engine, **how), [task])
            return update
        except Stopped:
            client.forget(task.round)
            if self.stopping.is_set():
                raise HungUp("left while training") from None
            raise _NotWanted from None
        except Exception as error:  # whatever breaks here, the server is told, and the round goes on
            client.forget(task.round)
            return _lost_because(task, error)

    # ---- what it tells --------------------------------------------------------------------------------

    def _remember(self, mine: MyRound) -> None:
        self._tell(mine=(*self.news.mine, mine), say=f"round {mine.round}: {mine.say or mine.became}")

    def _tell(self, **changes: Any) -> None:
        self.news = replace(self.news, **changes)
        self._on_news(self.news)

    def _wait(self, sentence: str) -> None:
        self._tell(say=sentence)


class _NotWanted(Exception):
    """The round ended while the client trained."""


class _Heartbeat:
    """Says "alive" while the client trains, and hears whether its update is still wanted."""

    def __init__(self, line: Line, every_s: float, round: int):
        self._line, self._every_s, self._round = line, every_s, round
        self.unwanted = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="fedteach heartbeat", daemon=True)

    def __enter__(self) -> "_Heartbeat":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def _beat(self) -> None:
        while not self._over.wait(self._every_s):
            with suppress(GaveUp, HungUp):  # the server is away: go on training, it may come back
                try:
                    said = self._line.ask(
                        "POST", "/v1/alive", json={"state": "training"}, retry=False, answer_s=10
                    ).json()
                except Refused:
                    continue
                if said["round"] != self._round:
                    self.unwanted.set()
                    return


def _lost_because(task: Task, error: Exception) -> Lost:
    from fedteach.transport.in_process import lost_because

    return lost_because(task, error)


def _own_name() -> str:
    """Return a name for somebody who gave none."""
    number = rng_for(int.from_bytes(os.urandom(6)), "name").integers(100, 1000)
    return f"guest {number}"
