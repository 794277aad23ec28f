"""The parts of a federation: made from what the user gave, held against each other, and blamed when they fail."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from fedteach.client import Client, LocalUpdate, StepError
from fedteach.data import Examples
from fedteach.engine import Stopped
from fedteach.engine_pool import EnginePool
from fedteach.messages import Codec, Weights, why_unusable
from fedteach.models import Builder, builder
from fedteach.steps import broadcast, global_update, specs
from fedteach.steps.local_update import Plan
from fedteach.transport.base import Transport, TransportError
from fedteach.transport.in_process import InProcess

GlobalUpdate = global_update.ServerOptimizer | Callable[[Weights, Weights], Weights]


@contextmanager
def blame(step: Any, number: int) -> Iterator[None]:
    """Say which step failed, and in which round."""
    try:
        yield
    except (StepError, Stopped, TransportError):
        raise  # what came through from the clients is not this step's fault
    except Exception as error:
        raise StepError(f"{specs.name_of(step)} failed in round {number}: {type(error).__name__}: {error}") from error


def usable(weights: Any, like: Weights, what: str) -> Weights:
    """Return what a step made of the weights as float32 arrays, or refuse it in words."""
    if isinstance(weights, list | tuple):
        # A mean taken with float64 shares is float64, and of scalars a numpy scalar: no mistake of the student's.
        floats = np.ndarray | np.floating
        weights = [np.asarray(w, np.float32) if isinstance(w, floats) and w.dtype.kind == "f" else w for w in weights]
    reason = why_unusable(weights, like)
    if reason:
        hint = "; is a `return` missing?" if weights is None else ""
        raise ValueError(f"expected {what}, a list of arrays shaped like the weights: {reason}{hint}")
    return list(weights)


def check_kinds(plan: Any, codecs: Iterable[Any], functions: Mapping[str, Any]) -> None:
    """Refuse arguments of another kind at the door, before a round is trained for nothing."""
    if not isinstance(plan, Plan):
        raise ValueError(f"plan must be a Plan, got {plan!r}; write Plan(epochs=1) for example")
    for codec in codecs:
        if not isinstance(codec, Codec):
            raise ValueError(f"broadcast and upload take a Codec, got {codec!r}; write broadcast.int8() for example")
    for name, function in functions.items():
        if not callable(function):
            raise ValueError(f"{name} must be a function, got {function!r}")


def codec_of(codec: Codec | None) -> Codec:
    """Return the codec to send with: float32 unless another one was given."""
    return broadcast.float32() if codec is None else codec


def server_optimizer_of(step: GlobalUpdate | None) -> global_update.ServerOptimizer:
    """Return step 5: adding unless another one was given, and a plain function of the user's own wrapped."""
    if step is None:
        return global_update.add()
    if isinstance(step, global_update.ServerOptimizer):
        return step
    return global_update.from_function(step)


def transport_of(clients: list[Client] | Transport, pool: EnginePool, local_update: LocalUpdate | None) -> Transport:
    """Return the way to the clients: in this process, unless it was given.

    Raises:
        ValueError: if there is no client, or a local update where it cannot be passed on.
    """
    if isinstance(clients, list):
        if not clients:
            raise ValueError("a federation needs at least one client, got none")
        return InProcess(clients, pool, local_update)
    if local_update is not None:
        raise ValueError("with a transport, give local_update to the transport: it is the clients' step")
    return clients


def pool_of(
    model: str | Builder | EnginePool, clients: list[Client] | Transport, test: Examples | None, seed: int
) -> EnginePool:
    """Return the engines: built from a model's name or builder, unless they were given.

    Raises:
        ValueError: if `model` is none of these, or the shape of the examples is not known.
    """
    if isinstance(model, EnginePool):
        return model
    if not isinstance(model, str):
        if not callable(model):
            raise ValueError(f"model must be a name, a function that builds a model, or an EnginePool, got {model!r}")
        return EnginePool(model, seed=seed)
    known = [client.arrays for client in clients] if isinstance(clients, list) else []
    known += [(test.x, test.y)] if test is not None else []
    if not known:
        raise ValueError(f"to build the model {model!r} by name, give test examples, so that their shape is known")
    n_classes = 1 + max(int(np.max(y, initial=1)) for _, y in known)
    return EnginePool(builder(model, known[0][0].shape[1:], n_classes), seed=seed)
