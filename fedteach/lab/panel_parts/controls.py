"""The settings of a panel: one labelled control each, with limits that are said in words."""

import re
from collections.abc import Callable, Collection
from typing import Any

import ipywidgets as widgets

from fedteach import data
from fedteach.experiment import MODEL_NAMES, Experiment

LIMITS = {"clients": (1, 50), "rounds": (1, 1000), "epochs": (1, 100), "seed": (0, 2**31 - 1)}
NAMES = ("dataset", "model", "split", "clients", "fraction", "rounds", "epochs", "seed")
"""Every control, in the order of the panel; the names are those of `Experiment`."""

_LABELS = {
    "dataset": ("Data set", "Which examples the clients hold"),
    "split": ("Split", "Who holds which examples"),
    "model": ("Model", "What every client trains"),
    "clients": ("Clients", "How many clients there are"),
    "rounds": ("Rounds", "How often the five steps are repeated"),
    "fraction": ("Fraction", "Share of the clients that is asked in each round, 0.05 to 1"),
    "epochs": ("Local epochs", "How often a client goes through its examples in one round"),
    "seed": ("Seed", "The same seed gives the same run"),
}
_SIXTHS = {"split": 6, "rounds": 2, "epochs": 2, "seed": 2}
"""How much of the panel's width a control takes, in sixths; 3 where nothing is said."""
_SIZE = re.compile(r", \d+ classes")
"""What a data set's line says and "Who holds what" shows: without it, the line fits."""
_SPLIT_NUMBERS = {"dirichlet": ("0.1", "0.5", "5"), "shards": ("2",), "quantity": ("1",)}


class Controls:
    """The settings, as widgets.

    Args:
        experiment: the values to begin with; what has no control keeps its value.
        lock: names of controls that cannot be changed.
        hide: names of controls that are not there.
        on_change: called after every change by the user, with a sentence if a value had to be corrected.
    """

    def __init__(
        self, experiment: Experiment, lock: Collection[str], hide: Collection[str], on_change: Callable[[str], None]
    ):
        self._experiment, self._locked, self._on_change = experiment, set(lock), on_change
        self.limits = {name: _widened(limits, getattr(experiment, name)) for name, limits in LIMITS.items()}
        self.widgets: dict[str, Any] = {name: self._make(name) for name in NAMES if name not in hide}
        for name, widget in self.widgets.items():
            widget.disabled = name in self._locked
            widget.add_class(f"fedteach-sixths-{_SIXTHS.get(name, 3)}")
            widget.observe(lambda change, name=name: self._changed(name), names="value")
        grid = widgets.Layout(grid_template_columns="repeat(6, minmax(0, 1fr))", grid_gap="6px 24px", overflow="hidden")
        self.view = widgets.GridBox(list(self.widgets.values()), layout=grid)
        self.view.add_class("fedteach-controls")

    @property
    def experiment(self) -> Experiment:
        """The experiment as it is set now.

        Raises:
            ValueError: if the values do not go together; says which and why.
        """
        values = {name: widget.value for name, widget in self.widgets.items()}
        return self._experiment.replace(
            **{name: value or None if name == "model" else value for name, value in values.items()}
        )

    def enable(self, on: bool) -> None:
        """Let the user change the settings, or not (while a run goes on); locked ones stay locked."""
        for name, widget in self.widgets.items():
            widget.disabled = not on or name in self._locked

    def _changed(self, name: str) -> None:
        said = self._clamp(name) if name in self.limits else ""
        self._on_change(said)

    def _clamp(self, name: str) -> str:
        """Bring a number back into its limits; return the sentence that says so, or ""."""
        low, high = self.limits[name]
        widget = self.widgets[name]
        typed = widget.value
        if low <= typed <= high:
            return ""
        nearest = min(max(typed, low), high)
        with widget.hold_trait_notifications():
            widget.value = nearest
        return f"{_LABELS[name][0]} must be a whole number from {low} to {high}: {typed} was changed to {nearest}."

    def _make(self, name: str) -> Any:
        label, help_text = _LABELS[name]
        value = getattr(self._experiment, name)
        look = {
            "description": label,
            "tooltip": help_text,
            "style": {"description_width": "92px"},
            "layout": widgets.Layout(width="auto", margin="0"),
        }
        if name == "clients":
            low, high = self.limits[name]
            return widgets.IntSlider(value=value, min=low, max=high, continuous_update=False, **look)
        if name == "fraction":
            return widgets.FloatSlider(
                value=value, min=0.0, max=1.0, step=0.05, readout_format=".2f", continuous_update=False, **look
            )
        if name in ("dataset", "split", "model"):
            # A dropdown takes None for "nothing chosen" and shows a blank: "" stands for it.
            return widgets.Dropdown(options=_options(name, self._experiment), value=value or "", **look)
        return widgets.IntText(value=value, continuous_update=False, **look)


def missing_data(experiment: Experiment) -> str:
    """Say which data sets are not here and how to get them; "" if all are."""
    absent = [entry.name for entry in data.available() if not entry.here and entry.name != experiment.dataset]
    if not absent:
        return ""
    return f"All that this course needs is here. ({', '.join(absent)}: see the command fedteach datasets.)"


def _options(name: str, experiment: Experiment) -> list[tuple[str, Any]]:
    if name == "dataset":
        here = [entry.name for entry in data.available() if entry.here]
        names = here if experiment.dataset in here else [*here, experiment.dataset]
        return [(f"{key} \N{MIDDLE DOT} {_SIZE.sub('', data.DATASETS[key])}", key) for key in names]
    if name == "model":
        return [("the one that suits the data", ""), *((model, model) for model in MODEL_NAMES)]
    return _splits(experiment.split)


def _splits(chosen: str) -> list[tuple[str, Any]]:
    """Return the splits to choose from, in words; those with a number once for each usual number."""
    options = []
    for key, words in data.SPLITS.items():
        what = words.partition(": ")[2].partition(" (")[0]  # "(0.5 if left out)" is for those who type it
        for number in _SPLIT_NUMBERS.get(key, ("",)):
            value = f"{key}:{number}" if number else key
            options.append((f"{value} \N{MIDDLE DOT} {what}" if key not in "1234" else words, value))
    if chosen not in [value for _, value in options]:
        options.append((chosen, chosen))
    return options


def _widened(limits: tuple[int, int], value: int) -> tuple[int, int]:
    """Return limits that a teacher's own value fits in."""
    return min(limits[0], value), max(limits[1], value)
