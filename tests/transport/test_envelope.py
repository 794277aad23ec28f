import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedteach.messages import Lost, MessageError, Update, tensors_to_bytes
from fedteach.steps import broadcast
from fedteach.transport.envelope import LONGEST_REASON, Limits, reply_from_bytes, reply_to_bytes
from tests.federations import same_bits

LIMITS = Limits(n_examples=1000, codecs=("int8", "float32"))
DELTA = [np.arange(6, dtype=np.float32).reshape(2, 3), np.ones(2, np.float32)]


def an_update(**changes) -> Update:
    return Update(**({"client": "a", "round": 3, "delta": DELTA, "n_examples": 10, "metrics": {"loss": 0.5}} | changes))


@pytest.mark.parametrize("codec", ["float32", "int8"])
def test_a_reply_arrives_as_it_would_in_one_process(codec):
    codec = broadcast.codec(codec)
    sent = an_update(extra={"control": np.array([1.5, 2.5])})
    came, kind = reply_from_bytes(reply_to_bytes(sent, "fit", codec), "b", LIMITS)
    assert (came.client, came.round, came.n_examples, came.metrics, kind) == ("b", 3, 10, {"loss": 0.5}, "fit")
    assert same_bits(came.delta, codec.decode(codec.encode(DELTA)))
    assert came.size_bytes == len(codec.encode(DELTA)), "the bytes that a lesson counts are those of the delta"
    np.testing.assert_array_equal(came.extra["control"], [1.5, 2.5])


def test_a_lost_client_says_why_and_not_at_length():
    message = reply_to_bytes(Lost("a", 3, "x" * 10_000), "fit", broadcast.float32())
    assert reply_from_bytes(message, "b", LIMITS) == (Lost("b", 3, "x" * LONGEST_REASON), "fit")


def test_who_measures_sends_figures_and_no_delta():
    message = reply_to_bytes(an_update(delta=[], metrics={"loss": 1.0}), "evaluate", broadcast.float32())
    came, kind = reply_from_bytes(message, "b", LIMITS)
    assert (came.delta, came.size_bytes, kind) == ([], 0, "evaluate")


def forged(head=None, tensors=None) -> bytes:
    good = {"round": 3, "kind": "fit", "codec": "float32", "n_examples": 1, "metrics": {}}
    delta = {"delta": np.frombuffer(broadcast.float32().encode(DELTA), np.uint8)}
    return tensors_to_bytes(delta if tensors is None else tensors, {"reply": {**good, **(head or {})}})


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (forged({"n_examples": 0}), "n_examples must be a whole number from 1 to 1000, got 0"),
        (forged({"n_examples": 1001}), "got 1001"),
        (forged({"n_examples": True}), "got True"),
        (forged({"n_examples": 1.0}), "got 1.0"),
        (forged({"round": "3"}), "expected a round"),
        (forged({"kind": "steal"}), "one of the kinds fit, evaluate"),
        (forged({"codec": "top_k:0.1"}), "encoded as int8 or float32"),
        (forged({"codec": "int8"}), "expected weights encoded as 'int8'"),
        (forged({"metrics": {"loss": "low"}}), "metrics must be numbers"),
        (forged({"metrics": {"loss": 10**400}}), "is no finite number"),
        (forged({"metrics": {"loss": float("nan")}}), "is no finite number"),
        (forged({"metrics": {str(i): 1 for i in range(65)}}), "at most 64"),
        (forged({"metrics": {"x" * 65: 1}}), "short names"),
        (forged({"metrics": {"": 1}}), "short names"),
        (forged({"metrics": {"\ud800": 1}}), "short names of plain letters"),
        (forged({"metrics": {"\x1b[2J": 1}}), "short names of plain letters"),
        (forged({"metrics": [1]}), "metrics must be"),
        (forged({"kind": "evaluate"}), "figures only"),
        (forged(tensors={}), "uint8 vector named 'delta', got nothing"),
        (forged(tensors={"delta": np.zeros(3, np.float32)}), "got float32 of shape"),
        (forged(tensors={"delta": np.zeros(3, np.uint8)}), "expected a safetensors message"),
        (forged(tensors={"delta": np.frombuffer(broadcast.float32().encode(DELTA), np.uint8), "x": np.ones(1)}), "'x'"),
        (tensors_to_bytes({}, {}), "expected metadata with a 'reply'"),
        (tensors_to_bytes({}, {"reply": [1]}), "expected metadata with a 'reply'"),
        (b"", "expected a safetensors message"),
        (forged()[:-1], "expected a safetensors message"),
    ],
)  # fmt: skip
def test_what_is_no_reply_is_refused_in_words(message, reason):
    with pytest.raises(MessageError) as error:
        reply_from_bytes(message, "b", LIMITS)
    assert reason in str(error.value)


def test_an_extra_tensor_with_nan_is_refused():
    message = reply_to_bytes(an_update(extra={"mask": np.array([np.nan])}), "fit", broadcast.float32())
    with pytest.raises(MessageError, match="extra tensor holds NaN"):
        reply_from_bytes(message, "b", LIMITS)


@given(st.binary(max_size=300))
def test_garbage_is_refused_and_nothing_else_happens(garbage):
    with pytest.raises(MessageError):
        reply_from_bytes(garbage, "b", LIMITS)


@given(st.data())
def test_a_reply_with_any_byte_changed_is_refused_or_still_a_whole_reply(data):
    message = bytearray(reply_to_bytes(an_update(), "fit", broadcast.int8()))
    place = data.draw(st.integers(0, len(message) - 1))
    message[place] ^= data.draw(st.integers(1, 255))
    try:
        came, _ = reply_from_bytes(bytes(message), "b", LIMITS)
    except MessageError:
        return
    assert came.client == "b"
    json.dumps(dict(getattr(came, "metrics", {})), allow_nan=False)


def test_a_reason_can_be_shown_everywhere():
    message = tensors_to_bytes({}, {"reply": {"round": 1, "kind": "fit", "lost": "a\ud800b\x1b[2J\u202ec\n\u00e9"}})
    assert reply_from_bytes(message, "b", LIMITS)[0].reason == "a\ufffdb\ufffd[2J\ufffdc\ufffd\u00e9"
