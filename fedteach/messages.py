"""What server and clients say to each other, and how it becomes bytes.

One message each way: a `Task` goes to a client, an `Update` comes back. `Lost` stands for an answer
that did not come. The bytes are safetensors files with JSON metadata: no pickle, so that a message
from a stranger can do nothing but be wrong.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import safetensors
import safetensors.numpy

Weights = list[np.ndarray]
"""An ordered list of float32 arrays, one per model variable, in model order.

Never keyed by `variable.name`: Keras 3 names every layer's variables `kernel` and `bias`.
"""


_METADATA = "fedteach"


class MessageError(ValueError):
    """Bytes that are not the message they should be."""


@dataclass(frozen=True)
class Codec:
    """How weights become bytes and bytes become weights.

    Attributes:
        name: short name for logs and for agreeing with the other side ("int8").
        encode: weights to one binary message.
        decode: the message back to weights; for a lossy codec, to something near them.
    """

    name: str
    encode: Callable[[Weights], bytes]
    decode: Callable[[bytes], Weights]


@dataclass(frozen=True)
class ClientInfo:
    """What the server knows about a client when it chooses: never the examples themselves.

    Attributes:
        id: the client's name, unique in its federation.
        n_examples: number of training examples it holds, >= 0.
        idle, charging, unmetered: the conditions under which a phone may train without bothering
            its owner (Bonawitz et al. 2019, arXiv:1902.01046, section 3).
    """

    id: str
    n_examples: int
    idle: bool = True
    charging: bool = True
    unmetered: bool = True


@dataclass(frozen=True)
class Task:
    """One piece of work for one client.

    Attributes:
        client: id of the client it is for.
        round: round number, from 1.
        kind: "fit" (train and send an update) or "evaluate" (only metrics of these weights).
        message: the global weights as the broadcast codec encoded them; all tasks of a round
            share the same bytes object.
        codec: decodes `message`.
        reply_codec: encodes the delta that goes back.
        plan: what to do with the examples (`steps.local_update.Plan`); None for "evaluate".
        seed: the experiment's seed; the client draws from `rng_for(seed, "fit", round, client)`.
        extra: further named tensors (control variates, masks), empty by default.
    """

    client: str
    round: int
    kind: Literal["fit", "evaluate"]
    message: bytes
    codec: Codec
    reply_codec: Codec
    plan: Any = None
    seed: int = 0
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Update:
    """What a client sends back.

    Attributes:
        client: id of the client.
        round: the round it answers.
        delta: weights after training minus weights before, in model order; empty for "evaluate".
        n_examples: number of examples it trained on, >= 1.
        metrics: the client's own figures by name, such as "loss" or "own_accuracy".
        extra: further named tensors, empty by default.
        size_bytes: bytes that the encoded delta took on the way; set by the transport.
    """

    client: str
    round: int
    delta: Weights
    n_examples: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)
    size_bytes: int = 0


@dataclass(frozen=True)
class Lost:
    """An answer that did not come, or came and could not be used, and why."""

    client: str
    round: int
    reason: str


def tensors_to_bytes(tensors: Mapping[str, np.ndarray], metadata: Mapping[str, Any]) -> bytes:
    """Pack named tensors and JSON-able metadata into one safetensors file.

    Args:
        tensors: arrays by name, any shape, numeric dtype; not changed.
        metadata: values that `json` can write, by name.
    """
    # One entry: of several, safetensors writes the order at random, and the same message would differ in its bytes.
    text = {_METADATA: json.dumps(dict(metadata), sort_keys=True)} if metadata else None
    contiguous = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    # ascontiguousarray turns a scalar () into (1,): give the shape back.
    contiguous = {name: array.reshape(np.shape(tensors[name])) for name, array in contiguous.items()}
    return safetensors.numpy.save(contiguous, metadata=text)


def tensors_from_bytes(message: bytes) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Unpack what `tensors_to_bytes` packed; the arrays are read-only views or copies.

    Raises:
        MessageError: if the bytes are not a whole safetensors file with JSON metadata.
    """
    try:
        tensors = safetensors.numpy.load(bytes(message))
        header_size = int.from_bytes(message[:8], "little")
        header = json.loads(bytes(message[8 : 8 + header_size]))
        text = header.get("__metadata__", {}).get(_METADATA, "{}")
        metadata = dict(json.loads(text))
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise MessageError(f"expected a safetensors message, got {len(message)} other bytes: {error}") from error
    return tensors, metadata


def weights_to_tensors(weights: Weights) -> dict[str, np.ndarray]:
    """Name the arrays by their place in the model: "0", "1", ..."""
    return {str(place): array for place, array in enumerate(weights)}


def weights_from_tensors(tensors: Mapping[str, np.ndarray]) -> Weights:
    """Put arrays named by `weights_to_tensors` back in model order.

    Raises:
        MessageError: if the names are not 0, 1, ..., each once.
    """
    try:
        return [tensors[str(place)] for place in range(len(tensors))]
    except KeyError as error:
        raise MessageError(f"expected tensors named 0 to {len(tensors) - 1}, but {error} is missing") from None


LARGEST_CHANGE = 1e15
"""No number of a client's delta may be further from 0. Such a delta is useless anyway, and larger ones would overflow a
model in float32 (and a server optimizer, which squares them) after some rounds, and so end the run for everybody."""


def why_unusable(delta: Weights, like: Weights, largest: float = np.inf) -> str:
    """Say in words why `delta` cannot be averaged into a model like `like`; "" if it can.

    Checks the number of tensors, each shape and dtype, that every number is finite, and at most `largest`.
    """
    if not isinstance(delta, list | tuple):
        return f"expected a list of {len(like)} arrays, got {type(delta).__name__}"
    if len(delta) != len(like):
        return f"expected {len(like)} tensors, got {len(delta)}"
    for i, (got, want) in enumerate(zip(delta, like, strict=True)):
        if not isinstance(got, np.ndarray):
            return f"tensor {i}: expected a numpy array, got {type(got).__name__}"
        if got.shape != want.shape:
            return f"tensor {i}: expected shape {want.shape}, got {got.shape}"
        if got.dtype != want.dtype:
            return f"tensor {i}: expected {want.dtype}, got {got.dtype}"
        if not np.isfinite(got).all():
            return f"tensor {i} holds NaN or infinite numbers"
        if got.size and np.abs(got).max() > largest:
            return f"tensor {i} holds a number beyond {largest:g}: the training has diverged"
    return ""
