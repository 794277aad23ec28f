"""Plain data as bytes: what is written is read back to the last bit, and nothing else is ever read."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fedteach.grading.plain import Strange, same
from fedteach.grading.recipes import InSeoul, Message, Network, Passage, Probe, Rng, Stream, Views
from fedteach.grading.sandbox.orders import ANSWERS, ORDERS, Call, Load, Loaded
from fedteach.grading.sandbox.wire import MOST_TEXT_BYTES, NotPlain, pack, unpack
from fedteach.grading.statements import Piece
from fedteach.grading.verdict import Finding
from fedteach.grading.worker import Raised, Reply
from fedteach.messages import ClientInfo, Update, tensors_to_bytes
from fedteach.steps.local_update import Plan

ARRAYS = st.one_of(
    arrays.arrays(np.float32, arrays.array_shapes(min_dims=0, min_side=0)),
    arrays.arrays(np.int64, arrays.array_shapes(min_side=0)),
    arrays.arrays(np.bool_, 3),
    arrays.arrays("U3", 2),
    arrays.arrays("S2", 2),
    arrays.arrays(np.complex128, 2),
)
ATOMS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), ARRAYS)
PLAIN = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.one_of(st.text(), st.integers(), st.tuples(st.integers())), inner, max_size=3),
    ),
    max_leaves=12,
)


@given(PLAIN)
def test_what_is_written_is_read_back_to_the_last_bit(value):
    assert same(unpack(pack(value, ANSWERS), ANSWERS), value)


@pytest.mark.parametrize(
    "value", ["\ud800 half a character", "\udcff", "a\u0000b", -0.0, math.nan, 10**400, {(1, ("a",)): [b"\0"]}]
)
def test_odd_values_arrive(value):
    assert same(unpack(pack(value, ANSWERS), ANSWERS), value)


@pytest.mark.parametrize(
    "record",
    [
        Reply("value", value=[np.ones(2)], after=(1, None), shared=(0,), jsonable=True, printed="x", warned=("w",)),
        Reply("raised", raised=Raised(("KeyError", "LookupError"), "text", "line 1", "way")),
        Update("a", 1, [np.zeros((2, 3), np.float32)], 5, {"loss": 0.5}),
        ClientInfo("a", 3, idle=False),
        Plan(epochs=2, batch_size=None),
        Strange("generator", "<generator>"),
        Passage(3, 100, False),
        Loaded(Finding("says", likely="so"), ""),
    ],
)
def test_every_record_of_an_answer_arrives(record):
    assert same_record(unpack(pack(record, ANSWERS), ANSWERS), record)


@pytest.mark.parametrize(
    "record",
    [
        Call(
            (Rng(3), Stream(({"a": 1},), weigh=True), Probe("f", (1.0, 2.0)), InSeoul(5.0), Message(b"abc", "m")), 1.5
        ),
        Call((Network("logistic", (8, 8, 1), 10, [np.ones(2, np.float32)]), Views((np.eye(2),))), 1.0),
        Load(None, {"helper.py": b"x = 1"}, 3.0),
        Piece("cell 1", 1, "x = 1", may_fail=True),
    ],
)
def test_every_record_of_an_order_arrives(record):
    assert same_record(unpack(pack(record, ORDERS), ORDERS), record)


def same_record(one, other):
    return type(one) is type(other) and all(
        same_record(a, b) if hasattr(a, "__dataclass_fields__") else repr(a) == repr(b)
        for a, b in zip(vars(one).values(), vars(other).values(), strict=True)
    )


def test_an_order_is_no_answer_so_a_job_cannot_send_recipes():
    with pytest.raises(NotPlain):
        unpack(pack(Rng(1), ORDERS), ANSWERS)


@pytest.mark.parametrize("value", [object(), {1, 2}, np.float32(1), lambda: 0, [range(3)]])
def test_what_is_no_plain_data_is_not_written(value):
    with pytest.raises(TypeError, match="expected plain data"):
        pack(value, ANSWERS)


def forged(tree, tensors=None):
    return tensors_to_bytes(tensors or {}, {"value": tree})


RAW = {"0": np.zeros(8, np.uint8)}


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\xff" * 100,
        (MOST_TEXT_BYTES + 1).to_bytes(8, "little") + b"{}",
        tensors_to_bytes({}, {}),
        forged({}),
        forged({"pickle": "x"}),
        forged({"float": "1.0"}),
        forged({"tuple": {"a": 1}}),
        forged({"dict": [[[], 1]]}),
        forged({"dict": [[1]]}),
        forged({"bytes": "7"}),
        forged({"text": [-1]}),
        forged({"array": ["0", "|O", [1]]}, RAW),
        forged({"array": ["0", "object", [1]]}, RAW),
        forged({"array": ["0", "<f4,<i4", [1]]}, RAW),
        forged({"array": ["0", "<f8", [2]]}, RAW),
        forged({"array": ["0", "<f8", [-1]]}, RAW),
        forged({"array": ["0", "<f8", [True]]}, RAW),
        forged({"array": ["0", "<f8", [10**18, 0]]}, RAW),
        forged({"array": ["0", "<f8", [1]]}, {"0": np.zeros(1, np.float64)}),
        forged({"array": ["0", "|b1", [8]]}, {"0": np.full(8, 7, np.uint8)}),
        forged({"array": ["0", "<U2", [1]]}, {"0": np.full(8, 255, np.uint8)}),
        forged({"record": ["Update", {}]}),
        forged({"record": ["Popen", {"args": "sh"}]}),
        forged({"record": ["Plan", {"epochs": -1, **{f: None for f in list(vars(Plan()))[1:]}}]}),
    ],
)
def test_everything_else_is_refused(message):
    with pytest.raises(NotPlain):
        unpack(message, ANSWERS)


@pytest.mark.parametrize("text", ['{"value": NaN}', '{"value": Infinity}', '{"value": 1e400}', "[" * 10**6])
def test_json_that_is_none_is_refused(text):
    head = json.dumps({"__metadata__": {"fedteach": text}}).encode()
    with pytest.raises(NotPlain):
        unpack(len(head).to_bytes(8, "little") + head, ANSWERS)


@given(st.binary(max_size=300))
def test_no_bytes_do_anything_but_be_refused(message):
    with pytest.raises(NotPlain):
        unpack(message, ANSWERS)
