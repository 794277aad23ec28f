"""Your own arrays: what is accepted, and the sentence with which the rest is refused."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedteach.data import from_arrays

IMAGES = np.linspace(0, 1, 4 * 3 * 2, dtype=np.float32).reshape(4, 3, 2)
LABELS = np.array([0, 1, 2, 1])


def custom(**changes):
    arrays = {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[:2], "y_test": LABELS[:2]}
    return from_arrays(**{**arrays, **changes})


def test_images_without_a_channel_get_one():
    dataset = custom()
    assert dataset.input_shape == (3, 2, 1)
    assert dataset.train.x.shape == (4, 3, 2, 1)
    assert dataset.test.x.shape == (2, 3, 2, 1)


def test_images_with_channels_and_feature_vectors_stay_as_they_are():
    assert custom(x_train=np.zeros((4, 3, 2, 3)), x_test=np.zeros((2, 3, 2, 3))).input_shape == (3, 2, 3)
    assert custom(x_train=np.zeros((4, 7)), x_test=np.zeros((2, 7))).input_shape == (7,)


def test_bytes_are_divided_by_255():
    pixels = np.array([0, 51, 255], np.uint8).reshape(1, 1, 3)
    dataset = from_arrays(pixels, [0], pixels, [0])
    # 51 / 255 = 0.2
    np.testing.assert_array_equal(dataset.train.x.ravel(), np.float32([0, 0.2, 1]))


def test_feature_vectors_may_lie_outside_0_to_1():
    dataset = custom(x_train=np.full((4, 2), -3.5), x_test=np.full((2, 2), 99.0))
    assert dataset.train.x[0, 0] == -3.5


def test_types_are_float32_and_int32():
    dataset = custom(x_train=IMAGES.astype(np.float64), y_train=LABELS.astype(np.uint8), writers=[3, 3, 1, 1])
    assert dataset.train.x.dtype == np.float32
    assert dataset.train.y.dtype == np.int32
    assert dataset.train.writers.dtype == np.int32


def test_classes_are_named_by_their_numbers_unless_named():
    assert custom().classes == ("0", "1", "2")
    assert custom(classes=["cat", "dog", "cow", "hen"]).classes == ("cat", "dog", "cow", "hen")
    assert custom(classes=["cat", "dog", "cow", "hen"]).n_classes == 4


def test_the_callers_arrays_are_copied_and_stay_writeable():
    mine = IMAGES.copy()
    dataset = custom(x_train=mine)
    mine[0] = 1
    assert dataset.train.x[0, 0, 0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        dataset.train.x[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        dataset.train.y[0] = 1


def test_a_data_set_describes_itself_in_one_line():
    dataset = custom(name="mine", writers=[3, 3, 1, 2])
    # writers 3, 1 and 2
    train, test = "Examples(4 of shape (3, 2, 1), 3 writers)", "Examples(2 of shape (3, 2, 1))"
    assert repr(dataset) == f"Dataset('mine', train={train}, test={test}, 3 classes)"


WITH_NAN = IMAGES.copy()
WITH_NAN[2, 0, 0] = np.nan

REFUSED = {
    "one dimension": ({"x_train": np.zeros(4)}, "x_train must be images (n, h, w)", "got shape (4,)"),
    "five dimensions": ({"x_train": np.zeros((4, 1, 1, 1, 1))}, "x_train must be images", "(4, 1, 1, 1, 1)"),
    "ragged rows": ({"x_train": [[0.0], [0.0, 1.0]]}, "x_train must be an array", "same shape"),
    "nothing": ({"x_test": IMAGES[:0], "y_test": LABELS[:0]}, "x_test must hold at least one", "(0, 3, 2)"),
    "too few labels": ({"y_train": LABELS[:3]}, "y_train must hold one number for each example", "expected 4, got 3"),
    "NaN": ({"x_train": WITH_NAN}, "x_train must hold finite numbers", "1 examples, first in example 2"),
    "infinite after the cast": ({"x_train": IMAGES.astype(float) + 1e300}, "x_train must hold finite", "4 examples"),
    "whole-number pixels": ({"x_train": (IMAGES * 255).astype(int)}, "x_train must be floats or uint8", "got int64"),
    "bools": ({"x_train": IMAGES > 0.5}, "x_train must be floats or uint8", "got bool"),
    "pixels to 255": ({"x_train": IMAGES * 255}, "x_train must have pixels from 0 to 1", "0 to 255"),
    "pixels below 0": ({"x_test": IMAGES[:2] - 1}, "x_test must have pixels from 0 to 1", "got -1"),
    "other shape in test": (
        {"x_test": np.zeros((2, 2, 3))},
        "x_test must have examples of shape (3, 2, 1)",
        "(2, 3, 1)",
    ),
    "float labels": ({"y_train": LABELS / 2}, "y_train must hold whole numbers, got float64", "astype(int)"),
    "text labels": ({"y_train": np.array(list("abca"))}, "y_train must hold whole numbers", "<U1"),
    "bool labels": ({"y_train": LABELS > 0}, "y_train must hold whole numbers", "bool"),
    "one-hot labels": ({"y_train": np.eye(3)[LABELS]}, "y_train must have shape (4,), got (4, 3)", "argmax"),
    "column of labels": ({"y_train": LABELS[:, None]}, "y_train must have shape (4,), got (4, 1)", "np.ravel"),
    "negative label": ({"y_train": LABELS - 1}, "y_train must hold classes counted from 0", "got -1"),
    "label without a name": ({"classes": ["a", "b"]}, "y_train must hold labels from 0 to 1", "got 2"),
    "ids for labels": ({"y_train": LABELS + 70_000}, "labels must lie below 10000", "got 70002"),
    "too few writers": ({"writers": [1, 2]}, "writers must hold one number for each training example", "4, got 2"),
    "named writers": ({"writers": list("abcd")}, "writers must hold whole numbers", "<U1"),
    "huge writers": ({"writers": np.array([1, 2, 3, 2**40])}, "writers must hold numbers from", "np.unique"),
}


@pytest.mark.parametrize(("changes", "expected", "got"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused_in_one_sentence(changes, expected, got):
    with pytest.raises(ValueError, match=re.escape(expected)) as error:
        custom(**changes)
    assert got in str(error.value)
    assert "\n" not in str(error.value)


@given(n=st.integers(1, 20), d=st.integers(1, 5), n_classes=st.integers(1, 6), seed=st.integers(0, 99))
def test_whatever_is_accepted_comes_out_as_it_went_in(n, d, n_classes, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.random((n, d, d), dtype=np.float32), rng.integers(n_classes, size=n)
    dataset = from_arrays(x, y, x, y, classes=[f"class {i}" for i in range(n_classes)])
    np.testing.assert_array_equal(dataset.train.x[..., 0], x)
    np.testing.assert_array_equal(dataset.test.y, y)
    assert len(dataset.train) == n
    assert dataset.n_classes == n_classes
