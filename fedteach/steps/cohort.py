"""What a selection step is, and what its answer must be: the frame around step 1's functions."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fedteach import checks
from fedteach.messages import ClientInfo
from fedteach.steps import specs


@dataclass(frozen=True)
class Cohort:
    """The clients of one round.

    Attributes:
        clients: who is invited, in the federation's own order.
        enough: the round ends when this many have answered; None waits for all of them.
    """

    clients: tuple[ClientInfo, ...]
    enough: int | None = None


Losses = Callable[[Sequence[ClientInfo]], Mapping[str, float]]
"""Asks clients for their loss on the current global model; those that do not answer are missing."""

SelectionStep = Callable[..., Sequence[ClientInfo] | Cohort]
"""`(clients, rng)` or `(clients, rng, losses)` to the chosen clients."""


def with_fraction(step: Any, fraction: float) -> Any:
    """Return a step `(clients, fraction, rng)` as one that always takes this fraction; any other step as it is."""
    try:
        names = list(inspect.signature(step).parameters)
    except (TypeError, ValueError):
        return step
    if names[1:2] != ["fraction"]:
        return step

    @specs.named(specs.name_of(step))
    def select(clients: Sequence[ClientInfo], rng: np.random.Generator) -> Any:
        return step(clients, fraction, rng)

    return select


def run_selection(
    step: SelectionStep, clients: Sequence[ClientInfo], rng: np.random.Generator, losses: Losses
) -> Cohort:
    """Call a selection step, ours or a learner's, and check what it returns.

    Args:
        step: a function of two or three arguments. `losses` is passed to a parameter of that name,
            or as the third one where the function demands three.
        clients: the clients to choose from, ids unique.
        rng: the round's own generator.
        losses: asks clients for their loss on the current global model.

    Returns:
        The chosen clients in the order of `clients`; empty if the step chose nobody.

    Raises:
        ValueError: if the step is no such function, or returned anything but a list of different
            clients out of `clients`; the message names the step.
    """
    name = specs.name_of(step)
    # A list of its own: a step that shuffles or empties it must not change the federation's.
    chosen = _call(step, name, list(clients), rng, losses)
    cohort = chosen if isinstance(chosen, Cohort) else Cohort(chosen)
    if cohort.enough is not None:
        checks.whole(f"{name}: enough", cohort.enough, least=1)
    return Cohort(tuple(in_order(clients, _members(name, cohort.clients, clients))), cohort.enough)


def _call(
    step: SelectionStep, name: str, clients: Sequence[ClientInfo], rng: np.random.Generator, losses: Losses
) -> Any:
    """Call the step with the arguments it takes: a third one only if it asks for it."""
    if not callable(step):
        raise ValueError(f"a selection step is a function (clients, rng), got {step!r}; try selection.fraction(0.1)")
    takes = inspect.signature(step)
    arguments: tuple[Any, ...] = (clients, rng)
    named = {}
    if "losses" in takes.parameters:
        named = {"losses": losses}
    else:
        required = [p for p in takes.parameters.values() if p.default is p.empty and p.kind is not p.VAR_POSITIONAL]
        arguments = (clients, rng, losses)[: max(2, len(required))]
    try:
        takes.bind(*arguments, **named)
    except TypeError:
        raise ValueError(
            f"{name}{takes} cannot be called as a selection step, with (clients, rng) or (clients, rng, losses); "
            f"if it makes a step, call it first, as in selection.fraction(0.1)"
        ) from None
    return step(*arguments, **named)


def _members(name: str, chosen: Any, clients: Sequence[ClientInfo]) -> list[ClientInfo]:
    """Check what a step returned: a list of different clients out of `clients`."""
    if chosen is None:
        raise ValueError(f"{name} returned None, expected a list of clients; is a `return` missing?")
    # rng.choice(clients, ...) makes an object array: as good as a list.
    if isinstance(chosen, str | bytes) or not isinstance(chosen, Sequence | np.ndarray):
        raise ValueError(f"{name} returned {type(chosen).__name__}, expected a list of clients, such as clients[:2]")
    offered, seen = {client.id: client for client in clients}, set()
    for client in chosen:
        if not isinstance(client, ClientInfo):
            raise ValueError(f"{name} chose {client!r:.40}, expected one of the clients itself, not an id or a place")
        if offered.get(client.id) != client:
            raise ValueError(f"{name} chose client {client.id!r}, who is not one of the {len(clients)} it was given")
        if client.id in seen:
            raise ValueError(f"{name} chose client {client.id!r} twice; try drawing without replacement")
        seen.add(client.id)
    return list(chosen)


def in_order(clients: Iterable[ClientInfo], chosen: Iterable[ClientInfo]) -> list[ClientInfo]:
    """Return the chosen clients in the order of `clients`."""
    ids = {client.id for client in chosen}
    return [client for client in clients if client.id in ids]
