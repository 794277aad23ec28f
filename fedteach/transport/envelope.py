"""What a client's reply is on the way: one safetensors message, whatever network carries it.

The encoded delta travels as the codec made it, so that `size_bytes` is the same in one process and over a network:

    tensors:   "delta"          uint8, the codec's own message; not there for "evaluate" or a lost client
               "extra.NAME"     further named tensors
    metadata:  {"reply": {"round": 3, "kind": "fit", "codec": "int8", "n_examples": 600, "metrics": {"seconds": 1.2}}}
               {"reply": {"round": 3, "kind": "fit", "lost": "why there is no update"}}
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from fedteach.messages import Codec, Lost, MessageError, Task, Update, tensors_from_bytes, tensors_to_bytes
from fedteach.steps import broadcast

MOST_METRICS = 64
LONGEST_REASON = 500
_NAME = re.compile(r"[A-Za-z0-9_ .%/-]{1,64}")
KINDS: tuple[str, ...] = get_args(Task.__annotations__["kind"])

_DELTA, _EXTRA = "delta", "extra."


@dataclass(frozen=True)
class Limits:
    """What a reply may be at most, so that a stranger's numbers harm nobody.

    Attributes:
        n_examples: largest number of examples that a client may claim; a liar with a billion would own the mean.
        codecs: names of the codecs that may have encoded the delta.
    """

    n_examples: int
    codecs: tuple[str, ...]


def reply_to_bytes(reply: Update | Lost, kind: str, codec: Codec) -> bytes:
    """Pack a client's reply.

    Args:
        reply: the update, or why there is none.
        kind: what the task asked for, "fit" or "evaluate".
        codec: encodes the delta.

    Raises:
        ValueError: if the codec cannot carry the delta (NaN in int8, for example).
    """
    head: dict[str, Any] = {"round": reply.round, "kind": kind}
    if isinstance(reply, Lost):
        return tensors_to_bytes({}, {"reply": {**head, "lost": reply.reason[:LONGEST_REASON]}})
    head |= {"codec": codec.name, "n_examples": reply.n_examples, "metrics": dict(reply.metrics)}
    tensors = {f"{_EXTRA}{name}": array for name, array in reply.extra.items()}
    if kind == "fit":
        tensors[_DELTA] = np.frombuffer(codec.encode(reply.delta), np.uint8)
    return tensors_to_bytes(tensors, {"reply": head})


def reply_from_bytes(message: bytes, client: str, limits: Limits) -> tuple[Update | Lost, str]:
    """Unpack what `reply_to_bytes` packed, trusting nothing in it.

    Args:
        message: the bytes, from whoever sent them.
        client: id of the client that sent them, as the transport knows it.
        limits: what may be claimed.

    Returns:
        The reply and its kind. Shapes and values of the delta are not looked at: see `messages.why_unusable`.

    Raises:
        MessageError: if anything is not as it should be; says what.
    """
    tensors, metadata = tensors_from_bytes(message)
    head = metadata.get("reply")
    if not isinstance(head, dict):
        raise MessageError("expected metadata with a 'reply', as reply_to_bytes writes it")
    round, kind = head.get("round"), head.get("kind")
    if type(round) is not int or kind not in KINDS:
        raise MessageError(f"expected a round and one of the kinds {', '.join(KINDS)}, got {round!r:.40}, {kind!r:.40}")
    if "lost" in head:
        return Lost(client, round, _printable(str(head["lost"])[:LONGEST_REASON])), kind
    n_examples = _n_examples(head.get("n_examples"), limits)
    delta, size = _delta(tensors.pop(_DELTA, None), kind, head.get("codec"), limits)
    extra = {name.removeprefix(_EXTRA): array for name, array in tensors.items() if name.startswith(_EXTRA)}
    if len(extra) != len(tensors):
        raise MessageError(f"expected tensors named 'delta' and 'extra.NAME', got {sorted(tensors)[0]!r:.80}")
    if not all(np.isfinite(array).all() for array in extra.values()):
        raise MessageError("an extra tensor holds NaN or infinite numbers")
    return Update(client, round, delta, n_examples, _metrics(head.get("metrics")), extra, size), kind


def _n_examples(came: Any, limits: Limits) -> int:
    if type(came) is not int or not 1 <= came <= limits.n_examples:
        raise MessageError(f"n_examples must be a whole number from 1 to {limits.n_examples}, got {came!r:.40}")
    return came


def _delta(encoded: np.ndarray | None, kind: str, codec: Any, limits: Limits) -> tuple[list[np.ndarray], int]:
    if kind == "evaluate":
        if encoded is not None:
            raise MessageError("a reply to 'evaluate' carries figures only, got a delta")
        return [], 0
    if encoded is None or encoded.dtype != np.uint8 or encoded.ndim != 1:
        came = "nothing" if encoded is None else f"{encoded.dtype} of shape {encoded.shape}"
        raise MessageError(f"expected the encoded delta as a uint8 vector named 'delta', got {came}")
    if codec not in limits.codecs:
        raise MessageError(f"expected a delta encoded as {' or '.join(limits.codecs)}, got {codec!r:.40}")
    return broadcast.codec(codec).decode(encoded.tobytes()), encoded.size


def _metrics(came: Any) -> Mapping[str, float]:
    if not isinstance(came, dict) or len(came) > MOST_METRICS:
        raise MessageError(f"metrics must be at most {MOST_METRICS} numbers by name")
    for name, value in came.items():
        if not _NAME.fullmatch(name) or isinstance(value, bool) or not isinstance(value, int | float):
            raise MessageError(
                f"metrics must be numbers by short names of plain letters, got {name!r:.40}: {value!r:.40}"
            )
        if not _is_small_number(value):
            raise MessageError(f"metric {name!r:.40} is no finite number")
    return came


def _printable(text: str) -> str:
    """Return a stranger's words without what a terminal would obey, a reader not see, or a file not hold."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _is_small_number(value: float) -> bool:
    """Whether a number of JSON is finite as a float: JSON has whole numbers of any length, NaN and Infinity."""
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False
