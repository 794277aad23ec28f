"""What a notebook shows: pictures of a run and the panel that drives one.

    from fedteach import lab

    lab.plots.accuracy(history)
    lab.panel.panel(experiment)

The parts are loaded when they are first used, so `import fedteach.lab` loads neither matplotlib nor ipywidgets.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fedteach.lab import panel, plots, runner
    from fedteach.lab.own_steps import my_steps
    from fedteach.lab.panel import Panel
    from fedteach.lab.plots import Picture
    from fedteach.lab.results import results_table

__all__ = ["Panel", "Picture", "my_steps", "panel", "plots", "results_table", "runner"]

_HOME = {"Panel": "panel", "Picture": "plots", "my_steps": "own_steps", "results_table": "results"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'fedteach.lab' has no attribute {name!r}")
    module = import_module(f"fedteach.lab.{_HOME.get(name, name)}")
    return getattr(module, name) if name in _HOME else module


def __dir__() -> list[str]:
    return __all__
