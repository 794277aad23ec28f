"""The panel: choose an experiment, see who holds what, run it, watch it, stop it, keep the result.

    from fedteach import Experiment, panel

    board = panel(Experiment(split="4"), aggregate=my_weighted_mean)
    history = board.result()

The federation runs elsewhere (`lab.runner`); the panel only sets traits of widgets and replaces one saved
output. So running never blocks looking, and the same lines work where nobody looks.
"""

import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from fedteach.data import DataError
from fedteach.experiment import Experiment
from fedteach.history import History
from fedteach.lab import frontend, runner, words
from fedteach.lab.panel_parts.arguments import experiment_of, names_of, speaking, steps_of
from fedteach.lab.panel_parts.controls import Controls, missing_data
from fedteach.lab.panel_parts.screen import ACCURACY, COPY, DATA, TABLE, Screen
from fedteach.lab.redraw import Redraw

_LIVE_DPI, _FINAL_DPI = 150, 200
_HELLO = "A fedteach panel. Nothing has run yet: open the notebook in JupyterLab, run this cell and press Run."
_FEW_ENOUGH_FOR_BARS = (12, 16)


class Panel:
    """A panel of one notebook cell; see `panel`.

    Args:
        experiment: the settings to begin with; None takes the defaults.
        lock: names of settings that are shown but cannot be changed.
        hide: names of settings that are not shown.
        out: folder for the log, checkpoints and picture of every run; None keeps nothing.
        mode: "thread" runs beside the notebook, "blocking" runs in the cell; "auto" knows which works here.
        **steps: step functions of one's own: `select`, `broadcast`, `upload`, `local_update`, `aggregate`,
            `global_update`.

    Raises:
        ValueError: if a name is unknown; says which are known.
    """

    def __init__(
        self,
        experiment: Experiment | None = None,
        *,
        lock: Sequence[str] = (),
        hide: Sequence[str] = (),
        out: str | None = "runs",
        mode: str = "auto",
        **steps: Any,
    ):
        given = experiment_of(experiment)
        lock, hide = names_of(lock), names_of(hide)
        self._steps, self._out = steps_of(steps), out
        self._mode = frontend.mode_for(mode)
        self._run: runner.Run | None = None
        self._beginning, self._swapping = threading.Lock(), threading.Lock()
        self._saved: frontend.SavedOutput | None = None
        self._output_here: Callable[[], None] = lambda: None
        self._shown_in = ("", -1)
        threaded = self._mode == "thread"
        self._frames = Redraw(self._draw_frame, interval_s=0.2, threaded=threaded)
        self._previews = Redraw(
            self._draw_preview, interval_s=0.2 if threaded else 0.0, quiet_s=0.25, threaded=threaded
        )
        with frontend.unheard() if frontend.headless() else nullcontext():
            self.controls = Controls(given, lock, hide, self._on_setting)
            self.screen = Screen(self.controls.view, missing_data(given) if "dataset" not in hide else "")
        self.screen.run.on_click(lambda _: self.run())
        self.screen.stop.on_click(lambda _: self.stop())
        self.screen.tabs.observe(lambda _: self._frames.ask(), names="selected_index")
        self.screen.say("Ready. Choose the settings, then press Run.")
        self.screen.draw(ACCURACY, self.history, _LIVE_DPI)
        self.screen.clear(DATA, "Looking who holds what ...")
        self._previews.ask()

    # ---- what a notebook calls ------------------------------------------------------------------------

    @property
    def history(self) -> History:
        """What has happened so far; empty before the first run."""
        return self._run.history if self._run else self._planned()

    def run(self) -> None:
        """Run the experiment that the controls show; the Run button calls this.

        In a live front end it returns at once, elsewhere when the run has ended. An error is shown in the
        panel and raised by `result`. While a run goes on that nobody has stopped, nothing happens.
        """
        # The two clicks of a double click may come in two threads: JupyterLab moves what widgets say to a
        # subshell of the kernel while it already sends.
        if not self._beginning.acquire(blocking=False):
            return
        try:
            self._begin()
        finally:
            self._beginning.release()

    def stop(self) -> None:
        """Ask the run to end; the Stop button calls this. The rounds done so far are kept."""
        if self._run is not None:
            self._run.stop()
            self._frames.ask()

    def result(self, timeout: float | None = None) -> History:
        """Wait for the run and return its history; where nobody can press Run, run first.

        Args:
            timeout: seconds to wait, or None for as long as it takes.

        Raises:
            RuntimeError: if nothing was run yet.
            ValueError: if nothing could be run, because the settings do not go together.
            TimeoutError: if the run is still going on.
            Exception: the error that ended the run.
        """
        if self._run is None and frontend.headless():
            self.run()
        if self._run is None:
            _ = self.controls.experiment  # the settings may be what is wrong
            raise RuntimeError("nothing has run yet: press Run in the panel, then run this cell again")
        return self._run.result(timeout)

    def _ipython_display_(self) -> None:
        here = frontend.cell()
        if here == self._shown_in:
            return  # `panel(...)` at the end of a cell shows itself once, not twice
        from IPython.display import display

        self._shown_in = here
        _take_over(self, here[0])
        if not frontend.headless():
            display(self.screen.view)
        self._saved = frontend.SavedOutput(_HELLO)
        if self._mode == "thread":
            self._output_here = frontend.output_here()
        if self._run is not None:
            self._leave(self._run)
        elif frontend.headless():
            self.run()
        else:
            # Who holds what comes first: loading two things at once makes both late.
            runner.warm_up(after=self._previews.join)

    # ---- what happens meanwhile -----------------------------------------------------------------------

    def _begin(self) -> None:
        if self._run is not None and self._run.active and not self._run.stopping:
            return
        experiment = self._chosen()
        if experiment is None:
            return
        run = runner.Run(
            experiment,
            out=self._out,
            steps=speaking(self._steps, self._output_here),
            planned=self._planned(),
            on_begin=self._output_here,
            on_change=self._frames.ask,
            on_end=lambda: self._on_end(run),
        )
        with self._swapping:  # from here on the end of an older run changes nothing any more but the pictures
            self._run = run
            self.controls.enable(False)
            self.screen.buttons(running=True, can_stop=self._mode == "thread")
        self.screen.tabs.selected_index = ACCURACY
        self.screen.copy.value = words.copy_html(experiment, self._steps)
        if self._saved is not None:
            self._saved.replace(words.begun_text(experiment, self._out))
        try:
            run.start() if self._mode == "thread" else run.run_here()
        except runner.Busy as error:
            self.screen.say("The run could not begin.", str(error), "error")
            self._settle()

    def _on_setting(self, said: str) -> None:
        """A control was changed: show who would hold what, or why that cannot be."""
        if self._run is not None and self._run.active:
            return
        experiment = self._chosen()
        if experiment is None:
            return
        self.screen.progress.value = 0
        self.screen.say("Ready. Press Run.", said)
        self.screen.copy.value = words.copy_html(experiment, self._steps)
        self._previews.ask()
        self._frames.ask()

    def _chosen(self) -> Experiment | None:
        """Return the experiment that the controls show, or say why there can be none."""
        try:
            return self.controls.experiment
        except ValueError as error:
            self.screen.say("This cannot be run.", str(error), "error")
            return None

    def _draw_preview(self) -> None:
        from fedteach.lab import plots

        try:
            experiment = self.controls.experiment
            counts, ids, names = experiment.label_counts(), experiment.client_ids(), experiment.class_names()
        except (ValueError, DataError, OSError) as error:
            self.screen.clear(DATA, str(error))
            if self._run is None or not self._run.active:
                self.screen.say("This cannot be run.", str(error), "error")
            return
        few = counts.shape[0] <= _FEW_ENOUGH_FOR_BARS[0] and counts.shape[1] <= _FEW_ENOUGH_FOR_BARS[1]
        draw = plots.label_bars if few else plots.label_heatmap
        self.screen.put(DATA, draw(counts, ids, names), _LIVE_DPI)

    def _draw_frame(self) -> None:
        run, tab = self._run, self.screen.tabs.selected_index
        if run is not None and not run.active:
            return  # the end is drawn in full, see `_on_end`
        if run is not None:
            self._say(run)
        if tab not in (DATA, COPY):
            self.screen.draw(tab, self.history, _LIVE_DPI)

    def _say(self, run: runner.Run) -> None:
        self.screen.progress.value = len(run.history) / run.experiment.rounds
        self.screen.say(words.headline(run), words.detail(run), "error" if run.error else "")

    def _on_end(self, run: runner.Run) -> None:
        """Show the end everywhere, unless a newer run has begun. Called in the running thread."""
        if run is self._run:
            self._frames.finish(lambda: self._show_end(run))

    def _show_end(self, run: runner.Run) -> None:
        try:
            for tab in range(ACCURACY, TABLE + 1):
                self.screen.draw(tab, run.history, _FINAL_DPI)
        finally:
            with self._swapping:
                if run is self._run:
                    self._end(run)

    def _end(self, run: runner.Run) -> None:
        try:
            self._leave(run)
        finally:
            self._settle()
            self._say(run)  # the words come last: who reads "Done" finds everything there

    def _leave(self, run: runner.Run) -> None:
        """Put the result where a saved notebook keeps it."""
        from fedteach.lab import plots

        picture = plots.accuracy(run.history)
        if self._saved is not None:
            self._saved.replace(words.saved_text(picture.summary, run.history, run), picture)

    def _settle(self) -> None:
        self.controls.enable(True)
        self.screen.buttons(running=False, can_stop=False)

    def _planned(self) -> History:
        """Return the history of the experiment as it is set, before its first round."""
        try:
            experiment = self.controls.experiment
        except ValueError:
            return History()
        return History(experiment.client_ids(), {"rounds": experiment.rounds, "split": experiment.split})


_panels: "weakref.WeakValueDictionary[str, Panel]" = weakref.WeakValueDictionary()


def _take_over(panel: Panel, cell: str) -> None:
    """Stop and join what an earlier run of the same cell left running: its panel is gone from the page."""
    older = _panels.get(cell) if cell else None
    if older is not None and older is not panel and older._run is not None:
        older._run.stop("its cell was run again")
        older._run.join(runner.PATIENCE_S)
    if cell:
        _panels[cell] = panel


def panel(
    experiment: Experiment | None = None,
    *,
    lock: Sequence[str] = (),
    hide: Sequence[str] = (),
    out: str | None = "runs",
    mode: str = "auto",
    **steps: Any,
) -> Panel:
    """Show a panel in this cell and return it; the arguments are those of `Panel`.

    A teacher presets it with an experiment, and fixes or removes controls:

        panel(Experiment(split="4", clients=10), lock=("clients",), hide=("dataset", "model"))
    """
    board = Panel(experiment, lock=lock, hide=hide, out=out, mode=mode, **steps)
    board._ipython_display_() if frontend.shell() is not None else None
    return board
