"""The embedded default: 1,797 real handwritten digits, 8x8, that come with scikit-learn."""

import gzip
import hashlib
import importlib.util
import zlib
from pathlib import Path

import numpy as np

from fedteach.data.base import DataError, Dataset, Examples, read_only
from fedteach.randomness import rng_for

N_TEST = 500

SHA256 = "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"
"""Checksum of the unpacked table, as the scikit-learn of constraints.txt ships it."""


def load() -> Dataset:
    """Load the digits, always cut into the same 1,297 training and 500 test examples.

    Every class has the same share of the test examples as of the whole, to the nearest example.

    Returns:
        Images (n, 8, 8, 1) in [0, 1], background 0.

    Raises:
        DataError: if scikit-learn is not installed or its file is not the known one.
    """
    x, y = _read()
    in_test = _stratified(y, N_TEST, rng_for(0, "digits", "test"))
    train, test = (read_only(Examples(x[chosen], y[chosen])) for chosen in (~in_test, in_test))
    return Dataset(
        name="digits",
        train=train,
        test=test,
        classes=tuple("0123456789"),
        licence="CC BY 4.0 (UCI Machine Learning Repository)",
        citation="E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits. UCI ML Repository, 1998.",
        source="scikit-learn, datasets/data/digits.csv.gz",
    )


def _read() -> tuple[np.ndarray, np.ndarray]:
    """Return pixels (1797, 8, 8, 1) in [0, 1] and labels (1797,)."""
    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        raise DataError("digits: the images come with scikit-learn, which is not installed; install fedteach again")
    file = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
    if file.is_file():
        # Reading the file takes 0.03 s; importing scikit-learn to ask for it takes 1.5 s.
        table = _table_in(file)
    else:
        from sklearn.datasets import load_digits

        found = load_digits()
        table = np.column_stack([found.data, found.target]).astype(np.float32)
    if table.shape != (1797, 65) or table.min() < 0 or table[:, :64].max() != 16:
        raise DataError(
            f"digits: expected 1797 rows of 64 pixels 0 to 16 and a label, got an array of shape {table.shape} with "
            f"values {table.min():g} to {table.max():g}; install scikit-learn again"
        )
    return table[:, :64].reshape(-1, 8, 8, 1) / 16, table[:, 64].astype(np.int32)


def _table_in(file: Path) -> np.ndarray:
    """Read scikit-learn's file, if it is the known one."""
    again = "install scikit-learn again"
    try:
        text = gzip.decompress(file.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"digits: {file} is no whole gzip file ({error}); {again}") from None
    found = hashlib.sha256(text).hexdigest()
    if found != SHA256:
        raise DataError(f"digits: the text in {file} has sha256 {found[:12]}..., expected {SHA256[:12]}...; {again}")
    return np.loadtxt(text.decode().splitlines(), delimiter=",", dtype=np.float32)


def _stratified(labels: np.ndarray, n_chosen: int, rng: np.random.Generator) -> np.ndarray:
    """Choose `n_chosen` examples with each class in proportion; return a mask of shape (n,)."""
    counts = np.bincount(labels)
    exact = counts * n_chosen / len(labels)
    take = np.floor(exact).astype(int)
    # The few that rounding down left over go to the classes that lost most by it.
    take[np.argsort(take - exact, kind="stable")[: n_chosen - take.sum()]] += 1
    chosen = np.zeros(len(labels), dtype=bool)
    for label, n in enumerate(take):
        chosen[rng.permutation(np.flatnonzero(labels == label))[:n]] = True
    return chosen
