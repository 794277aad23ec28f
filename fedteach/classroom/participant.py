"""A client of a class: joins, loads its examples, and trains whenever it is asked to, until the class is over."""

import getpass
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedteach import __version__
from fedteach.classroom.line import HungUp, Line, Refused
from fedteach.classroom.news import MyRound, News
from fedteach.experiment import Experiment
from fedteach.history import size_text
from fedteach.messages import Task, tensors_from_bytes
from fedteach.randomness import rng_for
from fedteach.steps import broadcast
from fedteach.steps.local_update import Plan
from fedteach.transport.base import TransportError
from fedteach.transport.http.protocol import OVER, PROTOCOL

if TYPE_CHECKING:
    from fedteach.classroom.workbench import Made, Workbench
    from fedteach.client import LocalUpdate

_UPLOAD_S = 300.0
_ASK_FOR_A_PLACE_EVERY_S = 10.0


class Participant:
    """One client of a class.

    Args:
        url: the server's address.
        token: the class token.
        name: what the dashboard calls this client; "" takes the user's name.
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
        if not token.strip():
            raise ValueError("joining takes the class token, which `fedteach serve` prints: --token abcde-fghij-klmno")
        self.stopping = threading.Event()
        self.line = Line(
            url, fingerprint=fingerprint, cert_path=cert_path, patience_s=patience_s, say=self._say, stop=self.stopping
        )
        self.class_token, self._name = token.strip(), (name.strip() or _own_name())[:80]
        # Random, and kept: whoever joins again with it, after the server was away, is the same one.
        self._key = os.urandom(16).hex()
        self._local_update, self.on_news = local_update, on_news
        self.news = News()
        self.experiment: Experiment | None = None
        self._bench: Workbench | None = None
        self._heartbeat_s, self._poll_s = 5.0, 20.0

    # ---- for whoever holds it -------------------------------------------------------------------------

    def run(self) -> News:
        """Take part until the class is over or `leave` is called; return the last news.

        Raises:
            TransportError: if the server refuses, or does not answer for a long time.
            DataError: if the examples are not on this computer.
            StepError: if the student's own `local_update` failed; the class goes on without this client.
        """
        try:
            self._join()
            while not self.stopping.is_set() and self.news.state != "over":
                try:
                    self._next()
                except Refused as refused:
                    if refused.status != 401 or self.stopping.is_set():
                        raise
                    self._join()  # the place was lost meanwhile, or the server is a new one
        except HungUp:
            pass
        except BaseException as error:
            if not self.stopping.is_set():
                self.leave()
                self._tell(state="failed", say=str(error))
                raise
        if self.news.state != "over":
            self.leave()  # once more: whoever left while it was joining has a place only now
            self._tell(state="left", say="you have left the class; it goes on without you")
        return self.news

    def leave(self) -> None:
        """Say good-bye and end; returns at once, also while the client trains."""
        self.stopping.set()
        if self.line.token and self.news.state not in ("over", "left"):
            with suppress(TransportError):
                self.line.ask("POST", "/v1/leave", retry=False, answer_s=3)

    # ---- joining --------------------------------------------------------------------------------------

    def _join(self) -> None:
        """Take a place, load what belongs to it, and say so."""
        while True:
            n_examples = self._take_place()
            try:
                self.line.ask("POST", "/v1/ready", json={"n_examples": n_examples})
                break
            except Refused as refused:
                # A server that was killed before it wrote the place down came back while this client was loading.
                if refused.status != 401 or self.stopping.wait(1.0):
                    raise
        self._tell(state="waiting", n_examples=n_examples, say="ready; waiting for a round")

    def _take_place(self) -> int:
        """Take a place and load what belongs to it; return the number of examples."""
        said = self._place()
        self.line.token = said["token"]
        if self.stopping.is_set():
            raise HungUp("left while joining")
        self.line.also_at(said["servers"])
        self._heartbeat_s, self._poll_s = float(said["heartbeat_s"]), float(said["longest_poll_s"])
        experiment = Experiment.from_settings(said["experiment"])
        if experiment != self.experiment or said["client"] != self.news.client:
            self._bench = None  # another place, or another class: other examples
        self.experiment = experiment
        version = "" if said["version"] == __version__ else f" (it runs fedteach {said['version']}, you {__version__})"
        self._tell(client=said["client"], rounds=int(said["rounds"]), say=f"joined as client {said['client']}{version}")
        n_examples = (self._bench or self._load(experiment)).n_examples
        if self.stopping.is_set():
            raise HungUp("left while loading")
        return n_examples

    def _place(self) -> dict[str, Any]:
        body = {"name": self._name, "key": self._key, "codecs": list(broadcast.CODECS), "protocol": PROTOCOL}
        while True:
            try:
                return self.line.told("POST", "/v1/join", json=body, token=self.class_token)
            except Refused as refused:
                if refused.status != 409 or "taken" not in str(refused):
                    raise
                self._say(f"{refused}; asking again in {_ASK_FOR_A_PLACE_EVERY_S:g} s")
                if self.stopping.wait(_ASK_FOR_A_PLACE_EVERY_S):
                    raise HungUp("left while waiting for a place") from None

    def _load(self, experiment: Experiment) -> "Workbench":
        self._tell(state="loading", say="loading the examples and the model")
        # Loading takes longer than the server waits for a client that is silent.
        with _Heartbeat(self.line, self._heartbeat_s, "waiting"):
            from fedteach.classroom.workbench import Workbench

            self._bench = Workbench(experiment, self.news.client, self._local_update)
        return self._bench

    # ---- rounds ---------------------------------------------------------------------------------------

    def _next(self) -> None:
        """Ask for a task, and do it if there is one."""
        try:
            answer = self.line.told("GET", f"/v1/task?wait={self._poll_s:g}", answer_s=self._poll_s + 30)
        except Refused as refused:
            if refused.status != 409:
                raise
            self._join()  # a server that was killed and came back does not know that this client is ready
            return
        if answer["phase"] in OVER:
            self._tell(state="over", say=answer["say"], round=answer["round"])
        elif answer["task"] is None:
            self._tell(state="waiting", say=answer["say"], round=answer["round"])
        else:
            self._take(answer["task"], int(answer["used"]))

    def _take(self, asked: dict[str, Any], used: int) -> None:
        """Do a task, unless it is done already, and send what came of it."""
        from fedteach.engine import Stopped

        assert self._bench is not None
        try:
            task = self._task(asked)
        except Refused as refused:
            if refused.status not in (404, 409):
                raise
            self._tell(state="waiting", say=f"round {asked['round']} ended before its weights were fetched")
            return
        made = self._bench.made(asked["id"])
        if made is None:
            doing = "training" if task.kind == "fit" else "measuring the model on your examples"
            self._tell(state="training", round=task.round, say=f"round {task.round}: {doing}")
            try:
                with _Heartbeat(self.line, self._heartbeat_s, "training", task.round) as beat:
                    made = self._bench.do(
                        asked["id"], task, used, lambda: beat.unwanted.is_set() or self.stopping.is_set()
                    )
            except Stopped:
                if self.stopping.is_set():
                    raise HungUp("left while training") from None
                self._remember(MyRound(task.round, "late", say="the round ended before the training did"))
                return
        self._send(task, made)
        if made.error is not None:
            raise made.error

    def _task(self, asked: dict[str, Any]) -> Task:
        """Fetch what belongs to a task, unless it was done already."""
        round, known = int(asked["round"]), self._bench is not None and self._bench.made(asked["id"]) is not None
        message, extra = b"", {}
        if not known:
            message = self.line.ask("GET", f"/v1/weights/{round}?codec={asked['codec']}", answer_s=_UPLOAD_S).content
            if asked["has_extra"]:
                extra = tensors_from_bytes(self.line.ask("GET", f"/v1/extra/{round}", answer_s=_UPLOAD_S).content)[0]
        plan = None if asked["plan"] is None else Plan(**asked["plan"])
        down, up = broadcast.codec(asked["codec"]), broadcast.codec(asked["upload"])
        return Task(self.news.client, round, asked["kind"], message, down, up, plan, int(asked["seed"]), extra)

    def _send(self, task: Task, made: "Made") -> None:
        """Put back what was made; what the server does not want is remembered with its reason."""
        assert self._bench is not None
        size = size_text(len(made.reply))
        self._tell(state="sending", round=task.round, say=f"round {task.round}: sending {size}")
        train_loss, seconds = made.train_loss, made.seconds
        became, say = (
            ("failed", made.failure) if made.failure else ("sent", f"sent {size} after {seconds:.1f} s of work")
        )
        try:
            self._put(task, made)
        except Refused as refused:
            if refused.status == 409:
                became, say = "late", str(refused)
            elif refused.status in (413, 422):
                became, say = "refused", str(refused)
                with suppress(Refused):  # the server should not wait for what will not come
                    self._put(task, self._bench.refused(made, task, say))
            else:
                raise
        if task.kind == "fit":
            self._remember(MyRound(task.round, became, seconds, len(made.reply), train_loss, say))
        self._tell(state="waiting")

    def _put(self, task: Task, made: "Made") -> None:
        # A large update on a slow line takes longer than the server waits for a client that is silent.
        with _Heartbeat(self.line, self._heartbeat_s, "training"):
            self.line.ask("PUT", f"/v1/updates/{task.round}", data=made.reply, answer_s=_UPLOAD_S)

    # ---- what it tells --------------------------------------------------------------------------------

    def _remember(self, mine: MyRound) -> None:
        before = [one for one in self.news.mine if one.round != mine.round]
        self._tell(mine=(*before, mine), say=f"round {mine.round}: {mine.say}")

    def _tell(self, **changes: Any) -> None:
        self.news = replace(self.news, **changes)
        self.on_news(self.news)

    def _say(self, sentence: str) -> None:
        self._tell(say=sentence)


class _Heartbeat:
    """Says that the client is alive while it is busy, and hears whether its update is still wanted.

    Args:
        line: the line to the server.
        every_s: seconds between two beats.
        state: what the client is doing.
        round: the round that it trains for; None: nothing that anybody waits for.
    """

    def __init__(self, line: Line, every_s: float, state: str, round: int | None = None):
        self._line, self._every_s, self._state, self._round = line, every_s, state, round
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
            body = {"state": self._state, "round": self._round}
            # The server is away, or knows this client no more: go on, it may come back, and the next request will tell.
            with suppress(TransportError):
                said = self._line.told("POST", "/v1/alive", json=body, retry=False, answer_s=10)
                if self._round is not None and said["round"] != self._round:
                    self.unwanted.set()
                    return


def _own_name() -> str:
    """Return a name for somebody who gave none: the user's on this computer, if it tells."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        number = rng_for(int.from_bytes(os.urandom(6)), "name").integers(100, 1000)
        return f"guest {number}"
