"""Your own arrays as a data set, checked at the door so that nothing strange shows up later."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fedteach.data.base import Dataset, Examples, read_only

_MOST_UNNAMED = 10_000
"""More classes than this are more likely identity numbers that were taken for labels."""


def from_arrays(
    x_train: Any,
    y_train: Any,
    x_test: Any,
    y_test: Any,
    *,
    name: str = "custom",
    classes: Sequence[str] | None = None,
    writers: Any = None,
) -> Dataset:
    """Make a data set of your own arrays; they are copied, yours are not changed.

    Bytes (uint8) are taken as pixels from 0 to 255 and divided by 255. Other numbers must be floats,
    for images already in [0, 1]; feature vectors may have any finite values.

    Args:
        x_train: images (n, h, w) or (n, h, w, c), or feature vectors (n, d).
        y_train: class of each training example, whole numbers from 0, shape (n,).
        x_test: as `x_train`; each example has the same shape.
        y_test: as `y_train`, of the test examples.
        name: what to call the data set.
        classes: names of the classes in the order of the labels; by default "0", "1", ... up to the
            largest label.
        writers: writer of each training example, whole numbers, shape (n,); for `splits.by_writer`.

    Returns:
        The data set; images (n, h, w) have got a channel axis.

    Raises:
        ValueError: if something does not fit; the message names the argument, what was expected,
            what came, and what to do.
    """
    x = {"x_train": _inputs("x_train", x_train), "x_test": _inputs("x_test", x_test)}
    if x["x_train"].shape[1:] != x["x_test"].shape[1:]:
        raise ValueError(
            f"x_test must have examples of shape {x['x_train'].shape[1:]} as x_train has, "
            f"got {x['x_test'].shape[1:]}; prepare both in the same way"
        )
    y = {
        "y_train": _labels("y_train", y_train, len(x["x_train"])),
        "y_test": _labels("y_test", y_test, len(x["x_test"])),
    }
    names = _class_names(classes, y)
    who = None if writers is None else _whole_numbers("writers", writers, len(x["x_train"]), "training example")
    return Dataset(
        name=str(name),
        train=read_only(Examples(x["x_train"], y["y_train"], who)),
        test=read_only(Examples(x["x_test"], y["y_test"])),
        classes=names,
        licence="not stated",
        citation="none",
        source="arrays",
    )


def _inputs(name: str, values: Any) -> np.ndarray:
    array = _array(name, values)
    if array.ndim not in (2, 3, 4):
        raise ValueError(f"{name} must be images (n, h, w), (n, h, w, c) or vectors (n, d), got shape {array.shape}")
    if array.size == 0:
        raise ValueError(f"{name} must hold at least one example, got shape {array.shape}")
    if array.dtype == np.uint8:
        array = np.divide(array, 255, dtype=np.float32)
    elif array.dtype.kind != "f":
        raise ValueError(f"{name} must be floats or uint8 pixels, got {array.dtype}; divide by the largest value first")
    # Cast before looking: a float64 of 1e300 is infinite as float32.
    with np.errstate(over="ignore"):
        array = array.astype(np.float32)
    finite = np.isfinite(array)
    if not finite.all():
        bad = np.flatnonzero(~finite.reshape(len(array), -1).all(axis=1))
        raise ValueError(
            f"{name} must hold finite numbers, got NaN or infinite ones in {len(bad)} examples, "
            f"first in example {bad[0]}; drop or mend them"
        )
    if array.ndim > 2 and (array.min() < 0 or array.max() > 1):
        raise ValueError(
            f"{name} must have pixels from 0 to 1, got {array.min():g} to {array.max():g}; scale them, as in x / 255"
        )
    return array[..., None] if array.ndim == 3 else array


def _labels(name: str, values: Any, n_examples: int) -> np.ndarray:
    labels = _whole_numbers(name, values, n_examples, f"example of x{name[1:]}")
    if labels.min() < 0:
        raise ValueError(f"{name} must hold classes counted from 0, got {labels.min()}; subtract the least")
    return labels


def _whole_numbers(name: str, values: Any, n_examples: int, one_for: str) -> np.ndarray:
    array = _array(name, values)
    if array.ndim != 1:
        one_hot = array.ndim == 2 and array.shape[1] > 1
        hint = f"if it is one-hot, use {name}.argmax(axis=1)" if one_hot else f"use np.ravel({name})"
        raise ValueError(f"{name} must have shape ({n_examples},), got {array.shape}; {hint}")
    if len(array) != n_examples:
        raise ValueError(f"{name} must hold one number for each {one_for}: expected {n_examples}, got {len(array)}")
    if array.dtype.kind not in "iu":
        raise ValueError(f"{name} must hold whole numbers, got {array.dtype}; if they are whole, use .astype(int)")
    most = np.iinfo(np.int32).max
    if array.max() > most or array.min() < -most:
        raise ValueError(
            f"{name} must hold numbers from -{most} to {most}, got {array.min()} to {array.max()}; number them with "
            "np.unique(y, return_inverse=True)"
        )
    return array.astype(np.int32)


def _array(name: str, values: Any) -> np.ndarray:
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} must be an array whose rows all have the same shape ({error})") from error


def _class_names(classes: Sequence[str] | None, labels: dict[str, np.ndarray]) -> tuple[str, ...]:
    most = max(int(y.max()) for y in labels.values())
    if classes is None:
        if most >= _MOST_UNNAMED:
            raise ValueError(
                f"labels must lie below {_MOST_UNNAMED} unless classes are named, got {most}; number them with "
                "np.unique(y, return_inverse=True)"
            )
        return tuple(str(label) for label in range(most + 1))
    names = tuple(str(one) for one in classes)
    for name, y in labels.items():
        if y.max() >= len(names):
            raise ValueError(
                f"{name} must hold labels from 0 to {len(names) - 1} for {len(names)} classes, got {y.max()}; "
                "name every class"
            )
    return names
