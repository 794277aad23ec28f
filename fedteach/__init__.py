"""fedteach: learn federated learning by building it.

The public names below are looked up when they are first used, so `import fedteach` is quick and loads
neither TensorFlow nor matplotlib.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fedteach import data, lab, models, steps
    from fedteach.classroom.server import HttpServer
    from fedteach.client import Client, StepError
    from fedteach.engine_pool import EnginePool
    from fedteach.experiment import PRESETS, Experiment
    from fedteach.federation import Federation
    from fedteach.grading.not_started import NotStarted, not_started
    from fedteach.history import History, RoundRecord
    from fedteach.lab.checking import check, hint, progress, reset, use
    from fedteach.lab.classroom import join
    from fedteach.lab.identity import my_id
    from fedteach.lab.panel import panel
    from fedteach.messages import ClientInfo, Codec, Lost, Task, Update, Weights
    from fedteach.randomness import rng_for
    from fedteach.steps.local_update import Plan

# Where each public name lives; None: it is a module of the package.
_HOME = {
    "Client": "client",
    "ClientInfo": "messages",
    "Codec": "messages",
    "EnginePool": "engine_pool",
    "Experiment": "experiment",
    "Federation": "federation",
    "History": "history",
    "HttpServer": "classroom.server",
    "Lost": "messages",
    "NotStarted": "grading.not_started",
    "PRESETS": "experiment",
    "Plan": "steps.local_update",
    "RoundRecord": "history",
    "StepError": "client",
    "Task": "messages",
    "Update": "messages",
    "Weights": "messages",
    "check": "lab.checking",
    "data": None,
    "hint": "lab.checking",
    "join": "lab.classroom",
    "lab": None,
    "models": None,
    "my_id": "lab.identity",
    "not_started": "grading.not_started",
    "panel": "lab.panel",
    "progress": "lab.checking",
    "reset": "lab.checking",
    "rng_for": "randomness",
    "steps": None,
    "use": "lab.checking",
}

__all__ = [
    "Client",
    "ClientInfo",
    "Codec",
    "EnginePool",
    "Experiment",
    "Federation",
    "History",
    "HttpServer",
    "Lost",
    "NotStarted",
    "PRESETS",
    "Plan",
    "RoundRecord",
    "StepError",
    "Task",
    "Update",
    "Weights",
    "check",
    "data",
    "hint",
    "join",
    "lab",
    "models",
    "my_id",
    "not_started",
    "panel",
    "progress",
    "reset",
    "rng_for",
    "steps",
    "use",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'fedteach' has no attribute {name!r}")
    home = _HOME[name]
    value = import_module(f"fedteach.{home or name}")
    if home is not None:
        value = getattr(value, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
