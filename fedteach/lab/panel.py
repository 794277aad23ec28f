"""The panel: choose an experiment, see who holds what, run it, watch it, stop it, keep the result.

    from fedteach import Experiment, panel

    board = panel(Experiment(split="4"), aggregate=my_weighted_mean)
    history = board.result()

The federation runs elsewhere (`lab.runner`); the panel only sets traits of widgets and replaces one saved
output. So running never blocks looking, and the same lines work where nobody looks.
"""

import weakref
from collections.abc import Sequence
from typing import Any

from fedteach import checks
from fedteach.data import DataError
from fedteach.experiment import Experiment
from fedteach.history import History
from fedteach.lab import frontend, runner, words
from fedteach.lab.panel_parts.controls import NAMES, Controls, missing_data
from fedteach.lab.panel_parts.screen import ACCURACY, COPY, DATA, TABLE, Screen

STEPS = ("select", "broadcast", "upload", "local_update", "aggregate", "global_update")
"""The step functions of one's own that a panel takes, by name."""

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
        for name in steps:
            checks.known("step", name, STEPS)
        for name in (*lock, *hide):
            checks.known("control", name, NAMES)
        self._steps, self._out = steps, out
        self._mode = frontend.mode_for(mode)
        self._run: runner.Run | None = None
        self._saved: frontend.SavedOutput | None = None
        self._shown_in = ("", -1)
        threaded = self._mode == "thread"
        self._frames = runner.Redraw(self._draw_frame, interval_s=0.2, threaded=threaded)
        self._previews = runner.Redraw(self._draw_preview, interval_s=0.2, quiet_s=0.25, threaded=threaded)
        given = experiment or Experiment()
        self.controls = Controls(given, lock, hide, self._on_setting)
        self.screen = Screen(self.controls.view, missing_data(given) if "dataset" not in hide else "")
        self.screen.run.on_click(lambda _: self.run())
        self.screen.stop.on_click(lambda _: self.stop())
        self.screen.tabs.observe(lambda _: self._frames.ask(), names="selected_index")
        self.screen.say("Ready. Choose the settings, then press Run.")
        self.screen.draw(ACCURACY, self.history, _LIVE_DPI)
        self._previews.ask()
        if not threaded:
            self._previews.finish()

    # ---- what a notebook calls ------------------------------------------------------------------------

    @property
    def history(self) -> History:
        """What has happened so far; empty before the first run."""
        return self._run.history if self._run else History(self._ids(), {"rounds": self._rounds()})

    def run(self) -> None:
        """Run the experiment that the controls show; the Run button calls this.

        In a live front end it returns at once, elsewhere when the run has ended. An error is shown in the
        panel and raised by `result`.
        """
        if self._run is not None and self._run.active:
            return
        try:
            experiment = self.controls.experiment
        except ValueError as error:
            self.screen.say("This cannot be run.", str(error), "error")
            return
        run = runner.Run(experiment, out=self._out, steps=self._steps, on_change=self._frames.ask, on_end=self._on_end)
        self._run = run
        self.controls.enable(False)
        self.screen.buttons(running=True, can_stop=self._mode == "thread")
        self.screen.tabs.selected_index = ACCURACY
        self.screen.copy.value = words.copy_html(experiment, self._steps)
        try:
            run.start() if self._mode == "thread" else run.run_here()
        except runner.Busy as error:
            self.screen.say("The run could not begin.", str(error), "error")
            self._settle()

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
            TimeoutError: if the run is still going on.
            Exception: the error that ended the run.
        """
        if self._run is None and frontend.headless():
            self.run()
        if self._run is None:
            raise RuntimeError("nothing has run yet: press Run in the panel, then run this cell again")
        return self._run.result(timeout)

    def _ipython_display_(self) -> None:
        here = frontend.cell()
        if here == self._shown_in and here[0]:
            return  # `panel(...)` at the end of a cell shows itself once, not twice
        from IPython.display import display

        self._shown_in = here
        _take_over(self, here[0])
        display(self.screen.view)
        self._saved = frontend.SavedOutput(_HELLO)
        if frontend.headless():
            self.run()
        else:
            runner.warm_up()

    # ---- what happens meanwhile -----------------------------------------------------------------------

    def _on_setting(self, said: str) -> None:
        """A control was changed: show who would hold what, or why that cannot be."""
        if self._run is not None and self._run.active:
            return
        try:
            experiment = self.controls.experiment
        except ValueError as error:
            self.screen.say("This cannot be run.", str(error), "error")
            return
        self.screen.say("Ready. Press Run.", said)
        self.screen.copy.value = words.copy_html(experiment, self._steps)
        self._previews.ask()

    def _draw_preview(self) -> None:
        from fedteach.lab import plots

        try:
            experiment = self.controls.experiment
            counts, ids, names = experiment.label_counts(), experiment.client_ids(), experiment.class_names()
        except (ValueError, DataError) as error:
            self.screen.say("This cannot be run.", str(error), "error")
            return
        few = counts.shape[0] <= _FEW_ENOUGH_FOR_BARS[0] and counts.shape[1] <= _FEW_ENOUGH_FOR_BARS[1]
        draw = plots.label_bars if few else plots.label_heatmap
        self.screen.put(DATA, draw(counts, ids, names), _LIVE_DPI)

    def _draw_frame(self) -> None:
        run = self._run
        tab = self.screen.tabs.selected_index
        if run is not None:
            self._say(run)
        if tab not in (DATA, COPY):
            self.screen.draw(tab, self.history, _LIVE_DPI)

    def _say(self, run: runner.Run) -> None:
        self.screen.progress.value = len(run.history) / run.experiment.rounds
        detail = words.failure(run.error) if run.error else words.who(run.asked, run.lost) if run.asked else ""
        where = f"\nSaved in {run.saved_in}" if run.saved_in else ""
        self.screen.say(words.headline(run), detail + where, "error" if run.error else "")

    def _on_end(self) -> None:
        """Show the end everywhere, and leave it where a saved notebook keeps it. Called in the running thread."""
        from fedteach.lab import plots

        run = self._run
        assert run is not None
        self._frames.finish()
        self._say(run)
        for tab in range(ACCURACY, TABLE + 1):
            self.screen.draw(tab, run.history, _FINAL_DPI)
        picture = plots.accuracy(run.history)
        if self._saved is not None:
            self._saved.replace(words.saved_text(picture.summary, run.history, run), picture)
        self._settle()

    def _settle(self) -> None:
        self.controls.enable(True)
        self.screen.buttons(running=False, can_stop=False)

    def _ids(self) -> tuple[str, ...]:
        try:
            return self.controls.experiment.client_ids()
        except ValueError:
            return ()

    def _rounds(self) -> int:
        try:
            return self.controls.experiment.rounds
        except ValueError:
            return 1


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
