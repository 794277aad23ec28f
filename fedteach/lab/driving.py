"""The student's own functions as the five steps of a federation: what `lab.my_steps()` hands to a panel."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fedteach import exercises
from fedteach.messages import ClientInfo, Update, Weights
from fedteach.steps import broadcast, specs

OWN_CODEC = "int8 of your own"


@dataclass(frozen=True)
class Drive:
    """A step of the loop, and the functions of a student that take it.

    Attributes:
        step: the name of the step, as a table shows it.
        exercises: the functions by the numbers of their exercises, in the order in which `make` takes them.
        make: makes arguments of a federation of the functions.
    """

    step: str
    exercises: tuple[str, ...]
    make: Callable[..., dict[str, Any]]


def arguments(functions: Mapping[str, Callable[..., Any]]) -> dict[str, Any]:
    """Return what a federation takes to be driven by a student's functions.

    A step of which the student has no function is left to the experiment. Where a step takes two, and one of them
    is there, fedteach's own takes the place of the other.

    Args:
        functions: the student's functions that have passed, by the numbers of their exercises; others are left alone.

    Returns:
        Keyword arguments of `panel` and of `Experiment.federation`.
    """
    made: dict[str, Any] = {}
    for drive in DRIVING:
        if any(number in functions for number in drive.exercises):
            made |= drive.make(*(functions.get(n) or exercises.find(n).reference for n in drive.exercises))
    return made


def _select(choose_fraction: Callable[..., Any]) -> dict[str, Any]:
    @specs.named(specs.name_of(choose_fraction))
    def select(clients: Sequence[ClientInfo], fraction: float, rng: np.random.Generator) -> Any:
        return choose_fraction(clients, fraction, rng)

    return {"select": select}


def _codec(quantise: Callable[..., Any], dequantise: Callable[..., Any]) -> dict[str, Any]:
    codec = broadcast.from_functions(OWN_CODEC, quantise, dequantise)
    return {"broadcast": codec, "upload": codec}


def _aggregate(weighted_mean: Callable[[Iterable[Update]], Any]) -> dict[str, Any]:
    return {"aggregate": weighted_mean}


def _local_update(local_sgd: Callable[..., Any]) -> dict[str, Any]:
    return {"local_update": local_sgd}


def _global_update(apply_delta: Callable[[Weights, Weights], Any]) -> dict[str, Any]:
    @specs.named(specs.name_of(apply_delta))
    def update(weights: Weights, delta: Weights) -> Any:
        moved = apply_delta(weights, delta)
        # A sum with a Python float may be float64: right all the same.
        return [np.asarray(tensor, np.float32) for tensor in moved] if isinstance(moved, list | tuple) else moved

    return {"global_update": update}


DRIVING = (
    Drive("1. client selection", ("1.2",), _select),
    Drive("2. broadcast", ("2.4", "2.5"), _codec),
    Drive("3. local update", ("3.5",), _local_update),
    Drive("4. aggregation", ("4.1",), _aggregate),
    Drive("5. global update", ("5.1",), _global_update),
)
"""The five steps in their order."""
