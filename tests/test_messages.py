import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fedteach.messages import (
    MessageError,
    tensors_from_bytes,
    tensors_to_bytes,
    weights_from_tensors,
    weights_to_tensors,
    why_unusable,
)

arrays = hnp.arrays(np.float32, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))


@given(st.lists(arrays, max_size=12))
def test_weights_survive_the_bytes_in_their_order(weights):
    tensors, metadata = tensors_from_bytes(tensors_to_bytes(weights_to_tensors(weights), {"round": 3}))
    back = weights_from_tensors(tensors)
    assert [w.shape for w in back] == [w.shape for w in weights]
    for w, b in zip(weights, back, strict=True):
        np.testing.assert_array_equal(w, b)
    assert metadata == {"round": 3}


@pytest.mark.parametrize(
    "metadata", ["null", "[]", '{"fedteach": 3}', '{"fedteach": "[1]"}', '{"fedteach": "%s"}' % ("[" * 9999)]
)
def test_metadata_of_another_kind_is_refused(metadata):
    header = f'{{"__metadata__":{metadata}}}'.encode()
    with pytest.raises(MessageError):
        tensors_from_bytes(len(header).to_bytes(8, "little") + header)


def test_the_same_message_has_the_same_bytes():
    messages = {tensors_to_bytes({"w": np.ones(1)}, {"round": 1, "client": "a", "n": 2}) for _ in range(20)}
    assert len(messages) == 1


def test_tensors_of_other_names_are_no_weights():
    with pytest.raises(MessageError, match="expected tensors named 0 to 1, but '1' is missing"):
        weights_from_tensors({"0": np.ones(1), "kernel": np.ones(1)})


def test_no_tensors_and_no_metadata_is_a_message_too():
    assert tensors_from_bytes(tensors_to_bytes({}, {})) == ({}, {})


def test_an_array_that_is_not_contiguous_is_packed_as_it_reads():
    matrix = np.arange(6, dtype=np.float32).reshape(2, 3).T
    tensors, _ = tensors_from_bytes(tensors_to_bytes({"m": matrix}, {}))
    np.testing.assert_array_equal(tensors["m"], matrix)


@pytest.mark.parametrize("cut", [0, 1, 7, 8, 20, -1])
def test_a_message_cut_short_is_refused_in_words(cut):
    whole = tensors_to_bytes({"w": np.ones(5, np.float32)}, {"round": 1})
    with pytest.raises(MessageError, match="expected a safetensors message"):
        tensors_from_bytes(whole[:cut])


@given(st.binary(max_size=200))
def test_noise_is_refused_and_never_crashes(noise):
    with pytest.raises(MessageError):
        tensors_from_bytes(noise)


def test_why_unusable_names_the_first_problem():
    like = [np.zeros((2, 3), np.float32), np.zeros(3, np.float32)]
    good = [np.ones((2, 3), np.float32), np.ones(3, np.float32)]
    assert why_unusable(good, like) == ""
    assert why_unusable(None, like) == "expected a list of 2 arrays, got NoneType"
    assert why_unusable(good[:1], like) == "expected 2 tensors, got 1"
    assert why_unusable([good[0].T, good[1]], like) == "tensor 0: expected shape (2, 3), got (3, 2)"
    assert why_unusable([good[0], good[1].astype(np.float64)], like) == "tensor 1: expected float32, got float64"
    assert why_unusable([good[0], [1, 2, 3]], like) == "tensor 1: expected a numpy array, got list"
    for bad in (np.nan, np.inf):
        assert "tensor 1 holds NaN or infinite" in why_unusable([good[0], np.array([1, bad, 1], np.float32)], like)
