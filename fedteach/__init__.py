"""fedteach: learn federated learning by building it.

The public names below are looked up when they are first used, so `import fedteach` is quick and loads
neither TensorFlow nor matplotlib.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fedteach import data, lab, models, steps
    from fedteach.client import Client, StepError
    from fedteach.engine_pool import EnginePool
    from fedteach.experiment import PRESETS, Experiment
    from fedteach.federation import Federation
    from fedteach.history import History, RoundRecord
    from fedteach.lab.panel import panel
    from fedteach.messages import Codec, Lost, Task, Update, Weights
    from fedteach.randomness import rng_for
    from fedteach.steps.local_update import Plan

# Where each public name lives; None: it is a module of the package.
_HOME = {
    "Client": "client",
    "Codec": "messages",
    "EnginePool": "engine_pool",
    "Experiment": "experiment",
    "Federation": "federation",
    "History": "history",
    "Lost": "messages",
    "PRESETS": "experiment",
    "Plan": "steps.local_update",
    "RoundRecord": "history",
    "StepError": "client",
    "Task": "messages",
    "Update": "messages",
    "Weights": "messages",
    "data": None,
    "lab": None,
    "models": None,
    "panel": "lab.panel",
    "rng_for": "randomness",
    "steps": None,
}

__all__ = [
    "Client",
    "Codec",
    "EnginePool",
    "Experiment",
    "Federation",
    "History",
    "Lost",
    "PRESETS",
    "Plan",
    "RoundRecord",
    "StepError",
    "Task",
    "Update",
    "Weights",
    "data",
    "lab",
    "models",
    "panel",
    "rng_for",
    "steps",
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
