"""Joining a class from a notebook: a panel with my data, my rounds, the curve of the class, and a way to leave.

    from fedteach import join

    me = join("http://192.168.1.5:8765", "abcde-fghij-klmno", name="Anna")

The client works in a thread of its own (`classroom.participant`); the panel only sets traits of widgets.
"""

import atexit
import concurrent.futures.thread  # noqa: F401 - before `_leave_with_the_kernel` is registered; see there
import logging
import shlex
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from fedteach.classroom.news import News
from fedteach.classroom.participant import Participant
from fedteach.client import LocalUpdate
from fedteach.history import History, RoundRecord
from fedteach.lab import frontend
from fedteach.lab.panel_parts.class_screen import CLASS, DATA, ClassScreen, rounds_text
from fedteach.lab.redraw import Redraw
from fedteach.transport.base import TransportError

_DPI, _FINAL_DPI = 150, 200
_LEAVES_WITHIN_S = 5.0
_HELLO = "The panel of a class. Run this cell again to join anew."

_log = logging.getLogger(__name__)


class ClassPanel:
    """A client of a class, and what it looks like; see `join`.

    Args:
        participant: the client.
        mode: "thread" takes part beside the notebook, "blocking" in the cell.
    """

    def __init__(self, participant: Participant, mode: str):
        self._participant, self._mode = participant, mode
        participant.on_news = self._on_news
        self._error: BaseException | None = None
        self._ended = threading.Event()
        self._output_here = lambda: None
        self._said, self._display_broke = "", False
        self._records: list[RoundRecord] = []
        self._drawn: tuple[int, bool] = (-1, False)
        self._saved: frontend.SavedOutput | None = None
        self._thread = threading.Thread(target=self._work, name="fedteach client", daemon=True)
        self._redraw = Redraw(self._draw, interval_s=0.3, threaded=mode == "thread")
        with frontend.unheard() if frontend.headless() else nullcontext():
            self.screen = ClassScreen()
        self.screen.leave.on_click(lambda _: self.leave())
        self.screen.say("Joining the class ...")

    # ---- what a notebook calls ------------------------------------------------------------------------

    @property
    def news(self) -> News:
        """Where this client stands."""
        return self._participant.news

    @property
    def history(self) -> History:
        """The rounds of the whole class so far, as the server tells them."""
        experiment = self._participant.experiment
        ids = experiment.client_ids() if experiment else ()
        settings = {"rounds": self.news.rounds, "split": experiment.split if experiment else None}
        return History(ids, settings, self._records)

    def leave(self) -> None:
        """Leave the class; it goes on. The Leave button calls this."""
        with self._only_display():
            self.screen.leave.disabled = True
        self._participant.leave()

    def result(self, timeout: float | None = None) -> News:
        """Wait until the class is over, or this client has left, and return the last news.

        Raises:
            TimeoutError: if the class still goes on.
            Exception: what ended this client, if something went wrong.
        """
        try:
            ended = self._ended.wait(timeout)
        except KeyboardInterrupt:
            self.leave()
            raise
        if not ended:
            raise TimeoutError(f"after {timeout:g} s the class goes on: {self.news.say}")
        if self._error is not None:
            raise self._error
        return self.news

    def show(self) -> "ClassPanel":
        """Show the panel in this cell and begin."""
        if frontend.shell() is not None:
            from IPython.display import display

            if not frontend.headless():
                display(self.screen.view)
            self._saved = frontend.SavedOutput(_HELLO)
            # A program that executes a notebook hears only what belongs to the cell that runs now: there the result
            # reaches it while a later cell waits in `result`.
            if self._mode == "thread" and not frontend.headless():
                self._output_here = frontend.output_here()
        if self._mode == "thread":
            self._thread.start()
        else:
            self._work()
            if self._error is not None:
                raise self._error
        return self

    # ---- in the client's thread -----------------------------------------------------------------------

    def _work(self) -> None:
        try:
            with self._only_display():
                self._output_here()
            try:
                self._participant.run()
            except BaseException as error:  # whatever ends the client belongs to the panel
                self._error = frontend.with_place(error)
            with self._only_display():
                self._fetch()
            self._redraw.finish(self._show_end)
        finally:
            self._ended.set()

    def _on_news(self, news: News) -> None:
        with self._only_display():
            if self._mode == "blocking":
                self._print(news.say)
            else:
                if news.state == "waiting" and news.round > len(self._records):
                    self._fetch()
                self._redraw.ask()

    @contextmanager
    def _only_display(self) -> Iterator[None]:
        """Let an error of what is only display stop nothing else: neither training nor leaving. The first is told."""
        try:
            yield
        except Exception:
            if not self._display_broke:
                self._display_broke = True
                _log.warning("the panel of the class cannot show everything; the client goes on", exc_info=True)

    def _print(self, say: str) -> None:
        """Print a sentence, unless it only counts on from the one before."""
        sentence = say.partition("; waiting")[0].partition("; trying again")[0]
        if sentence != self._said:
            self._said = sentence
            print(say, flush=True)  # noqa: T201 - in blocking mode the cell itself is what one sees

    def _fetch(self) -> None:
        """Ask the server for the rounds that are new; if it is away, they come with the next news."""
        line = self._participant.line
        if not line.token:
            return
        path, token = f"/v1/history?after={len(self._records)}", self._participant.class_token
        with suppress(TransportError):
            told = line.told("GET", path, retry=False, answer_s=5, token=token)
            self._records += [_record_of(entry) for entry in told["records"]]

    def _draw(self) -> None:
        self._show(_DPI)

    def _show(self, dpi: int) -> None:
        with self._only_display():
            self._show_pictures(dpi)
        with self._only_display():
            self._show_words()

    def _show_pictures(self, dpi: int) -> None:
        from fedteach.lab import plots

        news, screen = self.news, self.screen
        screen.progress.value = len(self._records) / max(1, news.rounds)
        drawn = (len(self._records), news.n_examples > 0)
        if drawn[0] != self._drawn[0] or dpi == _FINAL_DPI:
            screen.put(CLASS, plots.accuracy(self.history), dpi)
        if drawn[1] and (not self._drawn[1] or dpi == _FINAL_DPI):
            screen.put(DATA, self._my_data(), dpi)
        self._drawn = drawn

    def _show_words(self) -> None:
        news, screen = self.news, self.screen
        screen.list_rounds(news.mine)
        where = f"You are client {news.client} with {news.n_examples} examples." if news.n_examples else ""
        kind = "error" if news.state == "failed" else ""
        screen.say(f"{news.say[:1].upper()}{news.say[1:]}", where, kind)

    def _my_data(self) -> Any:
        from fedteach.lab import plots

        experiment = self._participant.experiment
        assert experiment is not None
        place = experiment.client_ids().index(self.news.client)
        counts = experiment.label_counts()[place : place + 1]
        return plots.label_bars(np.asarray(counts), (self.news.client,), experiment.class_names())

    def _show_end(self) -> None:
        if self._mode == "thread":
            self._show(_FINAL_DPI)
        with self._only_display():
            self._say_the_end()
        with self._only_display():
            self._keep()

    def _say_the_end(self) -> None:
        self.screen.leave.disabled = True
        if self._error is not None:
            notes = getattr(self._error, "__notes__", [])
            self.screen.say("This client has ended.", "\n".join([str(self._error), *notes]), "error")

    def _keep(self) -> None:
        """Put the result where a saved notebook keeps it."""
        from fedteach.lab import plots

        if self._saved is not None:
            text = f"{self.news.say}\n\n{self.history.table()}\n\nMy rounds\n{rounds_text(self.news.mine)}"
            self._saved.replace(text, plots.accuracy(self.history) if self._records else None)


def _record_of(entry: Mapping[str, Any]) -> RoundRecord:
    """Read a round as the server tells it; one of a later version may tell more than is known here."""
    known = {field.name: entry[field.name] for field in fields(RoundRecord) if field.name in entry}
    return RoundRecord(**{**known, "selected": tuple(entry.get("selected", ()))})


_panels: "weakref.WeakValueDictionary[str, ClassPanel]" = weakref.WeakValueDictionary()
_alive: "weakref.WeakSet[ClassPanel]" = weakref.WeakSet()


def join(
    url: str,
    token: str = "",
    *,
    name: str = "",
    fingerprint: str | None = None,
    cert_path: str | Path | None = None,
    local_update: LocalUpdate | None = None,
    mode: str = "auto",
) -> ClassPanel:
    """Join a class and show its panel in this cell.

    In a live notebook it returns at once and the client works beside it; elsewhere it returns when the class is over.

    Args:
        url: the server's address; the whole line that `fedteach serve` prints will do, too.
        token: the class token.
        name: what the dashboard calls you; "" takes your user name.
        fingerprint: of the server's certificate, with https.
        cert_path: file of the class' certificate, with https.
        local_update: step 3 of your own, `(model, x, y, plan, rng)`.
        mode: "thread", "blocking", or "auto": what works here.

    Raises:
        ValueError: if an argument cannot be meant.
        TransportError: in blocking mode, if the server refuses or does not answer; else the panel says so, and `result`
            raises it.
    """
    if url.strip().startswith("fedteach "):
        url, token, fingerprint = _of_line(url, token, fingerprint)
    participant = Participant(
        url,
        token,
        name=name,
        fingerprint=fingerprint,
        cert_path=cert_path,
        local_update=local_update,
    )
    cell, _ = frontend.cell()
    _take_over(cell)
    panel = ClassPanel(participant, frontend.mode_for(mode))
    if cell:
        _panels[cell] = panel
    _alive.add(panel)
    return panel.show()


def _take_over(cell: str) -> None:
    """Leave the class that an earlier run of the same cell has joined."""
    older = _panels.get(cell) if cell else None
    if older is not None:
        older.leave()
        older._ended.wait(_LEAVES_WITHIN_S)


def _of_line(line: str, token: str, fingerprint: str | None) -> tuple[str, str, str | None]:
    """Read a whole join line: students paste what is on the projector."""
    words: Sequence[str] = shlex.split(line)
    named = {words[i].lstrip("-"): words[i + 1] for i in range(len(words) - 1) if words[i].startswith("--")}
    if len(words) < 3 or words[1] != "join":
        raise ValueError(
            f"expected the server's address, or a line like `fedteach join URL --token TOKEN`, got {line!r}"
        )
    return words[2], named.get("token", token), named.get("fingerprint", fingerprint)


def _leave_with_the_kernel() -> None:
    """Say good-bye when the kernel ends: others should not wait for a client that is gone."""
    ending = [panel for panel in list(_alive) if not panel._ended.is_set()]
    for panel in ending:
        panel._participant.stopping.set()  # all at once: saying good-bye to a server that is away takes seconds
    for panel in ending:
        panel._participant.leave()  # not by its button: what draws it may be gone
    for panel in ending:
        panel._ended.wait(2)


# Training runs in a pool's thread, and Python waits for those before anything of `atexit`: Jupyter would kill the
# kernel meanwhile, and nothing would be said. This list, newest first, is called before it waits.
_at_the_end = getattr(threading, "_register_atexit", atexit.register)
_at_the_end(_leave_with_the_kernel)
