"""What a panel is given, checked at the door: a wrong argument is one sentence, before anything is shown."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fedteach import checks
from fedteach.experiment import Experiment
from fedteach.lab.frontend import preceded_by
from fedteach.lab.panel_parts.controls import NAMES

STEPS = ("select", "broadcast", "upload", "local_update", "aggregate", "global_update")
"""The step functions of one's own that a panel takes, by name."""


def experiment_of(given: Any) -> Experiment:
    """Return the experiment to begin with; None stands for the defaults.

    Raises:
        ValueError: if it is something else.
    """
    if given is not None and not isinstance(given, Experiment):
        raise ValueError(f"a panel begins with an Experiment, got {given!r}; try panel(Experiment(split='4'))")
    return given or Experiment()


def names_of(controls: Sequence[str]) -> tuple[str, ...]:
    """Return the names of controls; a single name may come without its brackets.

    Raises:
        ValueError: if there is no such control.
    """
    names = (controls,) if isinstance(controls, str) else tuple(controls)
    return tuple(checks.known("control", name, NAMES) for name in names)


def steps_of(steps: Mapping[str, Any]) -> dict[str, Any]:
    """Return step functions by name.

    Raises:
        ValueError: if there is no such step, or the name of one came instead of a function.
    """
    for name, step in steps.items():
        checks.known("step", name, STEPS)
        if step is None or isinstance(step, str):
            raise ValueError(
                f"{name} must be a function of your own, got {step!r}; the steps that fedteach knows are chosen "
                'by name in the experiment: panel(Experiment(aggregate="median"))'
            )
    return dict(steps)


def speaking(steps: Mapping[str, Any], output_here: Callable[[], None]) -> dict[str, Any]:
    """Return the steps such that what they print appears below the panel.

    The running thread sees to the others; clients train in threads of their own, so the local update sees to itself.
    """
    step = steps.get("local_update")
    return dict(steps) | ({} if step is None else {"local_update": preceded_by(output_here, step)})
