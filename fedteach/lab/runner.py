"""Runs a federation beside whatever shows it: in a thread of its own, or in the caller's.

Nothing here knows of widgets. One run at a time in a process: clients share one model and one compiled
loop, and two runs would also share the student's patience. A newer run stops and outlives the older.
"""

import atexit
import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

from fedteach.history import History
from fedteach.lab import frontend
from fedteach.tally import Event

State = Literal["new", "preparing", "running", "done", "stopped", "failed"]

PATIENCE_S = 10.0
"""How long a new run waits for the older one to stop; a federation stops within a second."""


class Runnable(Protocol):
    """What a run needs of an `Experiment`."""

    @property
    def rounds(self) -> int:
        """Number of rounds."""

    def federation(self, **how: Any) -> Any:
        """Return a federation, ready to run."""


class Busy(RuntimeError):
    """The older run does not end, so a new one cannot begin."""


class Run:
    """One run of an experiment, from "new" to "done", "stopped" or "failed".

    Args:
        experiment: what to run.
        out: folder for log, checkpoints and picture; None keeps nothing.
        steps: step functions of one's own, by name.
        planned: the empty history to show until the federation is there and has one.
        on_begin: called first, in the running thread.
        on_change: called after every event and every round, in the running thread; must be quick.
        on_end: called once, in the running thread, when the run has ended, before anybody who waits goes on.
    """

    def __init__(
        self,
        experiment: Runnable,
        *,
        out: str | None = None,
        steps: Mapping[str, Any] | None = None,
        planned: History | None = None,
        on_begin: Callable[[], None] = lambda: None,
        on_change: Callable[[], None] = lambda: None,
        on_end: Callable[[], None] = lambda: None,
    ):
        self.experiment = experiment
        self.state: State = "new"
        self.history = History(settings={"rounds": experiment.rounds}) if planned is None else planned
        self.error: BaseException | None = None
        self.why_stopped = ""
        self.asked: tuple[str, ...] = ()
        self.answered: tuple[str, ...] = ()
        self.lost: dict[str, str] = {}
        self.saved_in = ""
        self._out, self._steps = out, dict(steps or {})
        self._on_begin, self._on_change, self._on_end = on_begin, on_change, on_end
        self._stop, self._ended = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._interrupt: KeyboardInterrupt | None = None
        self._round = 0

    @property
    def active(self) -> bool:
        """Whether the run has begun and not yet ended."""
        return self.state in ("preparing", "running")

    def start(self) -> None:
        """Begin in a thread of its own and return at once.

        Raises:
            Busy: if an older run does not stop.
        """
        _take_turn(self)
        self._thread = threading.Thread(target=self._work, name="fedteach run", daemon=True)
        self._thread.start()

    def run_here(self) -> None:
        """Run to the end in the caller's thread. An error is kept for `result`; an interrupt goes through.

        Raises:
            Busy: if an older run does not stop.
            KeyboardInterrupt: if the kernel was interrupted; the rounds done so far are kept.
        """
        _take_turn(self)
        self._work()
        if self._interrupt is not None:
            raise self._interrupt

    def stop(self, why: str = "you stopped it") -> None:
        """Ask the run to end; returns at once. The rounds done so far are kept."""
        if not self._ended.is_set():
            self.why_stopped = self.why_stopped or why
        self._stop.set()

    @property
    def stopping(self) -> bool:
        """Whether the run was asked to end."""
        return self._stop.is_set()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the run has ended; return whether it has. The rest of the time is its thread's, to go."""
        if self.state == "new":
            return True
        until = None if timeout is None else time.monotonic() + timeout
        if not self._ended.wait(timeout):
            return False
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(None if until is None else max(until - time.monotonic(), 0))
        return True

    def result(self, timeout: float | None = None) -> History:
        """Wait for the end and return the history, which is shorter than planned if the run was stopped.

        Args:
            timeout: seconds to wait, or None for as long as it takes.

        Raises:
            TimeoutError: if the run is still going on.
            Exception: the error that ended the run.
        """
        try:
            ended = self.join(timeout)
        except KeyboardInterrupt:
            self.stop("you interrupted the kernel")
            self.join(2)
            raise
        if not ended:
            raise TimeoutError(
                f"after {timeout:g} s the run has done {len(self.history)} of {self.experiment.rounds} rounds; "
                "it goes on: ask again, or stop it"
            )
        if self.error is not None:
            raise self.error
        return self.history

    # ---- in the running thread ------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            self._run_rounds()
        except KeyboardInterrupt as interrupt:
            self._interrupt, self.why_stopped, self.state = interrupt, "you interrupted the kernel", "stopped"
            self._stop.set()
        except BaseException as error:  # whatever a student's function raises, `exit()` included, belongs to the panel
            self.error, self.state = frontend.with_place(error), "failed"
        try:
            self._on_end()
        finally:
            self._ended.set()

    def _run_rounds(self) -> None:
        self._on_begin()
        self._on_change()
        federation = self.experiment.federation(out=self._out, stop=self._stop, on_event=self._on_event, **self._steps)
        self.history, self.state = federation.history, "running"
        self._on_change()
        try:
            for _ in federation.rounds(self.experiment.rounds):
                self._on_change()
        finally:  # the rounds before an error are worth as much
            self._keep(getattr(federation, "folder", None))
        self.state = "stopped" if len(self.history) < self.experiment.rounds else "done"

    def _keep(self, folder: Any) -> None:
        """Put the picture beside the log that the federation wrote; a disk that is full costs the picture only."""
        from fedteach.lab import plots

        failed_at_once = not (len(self.history) or self._stop.is_set())
        if folder is None or failed_at_once:
            return
        self.saved_in = str(folder.log_path)
        try:
            plots.accuracy(self.history).save(folder.picture_path)
        except OSError as error:
            self.saved_in += f", but without its picture: {error}"

    def _on_event(self, event: Event) -> None:
        if event.round != self._round:
            self._round, self.asked, self.answered, self.lost = event.round, (), (), {}
        if event.kind == "selected":
            self.asked += (event.client,)
        elif event.kind == "answered":
            self.answered += (event.client,)
        elif event.kind == "lost":
            self.lost = {**self.lost, event.client: event.detail}
        self._on_change()

    def where(self) -> str:
        """Say where in the student's code the running thread is just now; "" if in none of it."""
        thread = self._thread
        return frontend.running_place(thread.ident) if thread and thread.ident else ""


_turn = threading.Lock()
_current: Run | None = None


def _take_turn(run: Run) -> None:
    """Make `run` the one running run of this process: stop the older one and wait for its end."""
    global _current
    with _turn:
        older = _current
        if older is not None and older is not run:
            older.stop("another run began")
            if not older.join(PATIENCE_S):
                run.error, run.state = (
                    Busy(
                        f"the run before has not ended after {PATIENCE_S:g} s{older.where()}; "
                        "wait for it, or restart the kernel"
                    ),
                    "failed",
                )
                run._ended.set()
                raise run.error
        _current, run.state = run, "preparing"  # at once, so that the next in turn waits for it


def warm_up(after: Callable[[], None] = lambda: None) -> None:
    """Load TensorFlow in the background, so that the first run begins sooner.

    Args:
        after: called first, in the background: waits for what is more urgent.
    """

    def load() -> None:
        after()
        with contextlib.suppress(Exception):  # whatever is wrong is said, in words, when a run begins
            import fedteach.federation  # noqa: F401

    threading.Thread(target=load, name="fedteach warm-up", daemon=True).start()


@atexit.register
def _end_quietly() -> None:
    """Let no run outlive the interpreter: a thread inside TensorFlow would crash it on the way out."""
    if _current is not None and _current.active:
        _current.stop("the kernel ended")
        _current.join(5)
