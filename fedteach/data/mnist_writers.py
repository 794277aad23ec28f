"""Who wrote each image of MNIST: 539 people for training, 297 others for testing."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fedteach.data import idx, places
from fedteach.data.base import DataError, Dataset, Examples, read_only


@dataclass(frozen=True)
class WriterFile:
    """A table of writers, and what it must be; the checksum is of the unpacked text.

    Packing the same text again may give other bytes with another gzip, the text itself does not change.
    """

    name: str
    sha256: str
    n_rows: int


FILES: Mapping[str, WriterFile] = {
    "train": WriterFile(
        "mnist_train_writers.csv.gz", "9a8a63b68a02bcf724f0c8d0456e45e3fbefaf4b3692d4d5d1e01b6f7e17d00f", 60000
    ),
    "test": WriterFile(
        "mnist_t10k_writers.csv.gz", "fbbde6bc507b1ee90885337caae4fd26fe3e6c4936a1e17b15dc0a1326d4198c", 10000
    ),
}
COLUMNS = "index,label,hsf_series,writer_id"


def add_to(mnist: Dataset) -> Dataset:
    """Add to MNIST who wrote each image, which makes it a naturally federated set.

    Args:
        mnist: what `mnist.load` returned; its image arrays are shared, not copied.

    Raises:
        DataError: if the tables of writers are missing or damaged, or do not fit the images.
    """
    folder = require()
    parts = {"train": mnist.train, "test": mnist.test}
    train, test = (
        read_only(Examples(own.x, own.y, read_table(folder / FILES[part].name, FILES[part], own.y)))
        for part, own in parts.items()
    )
    return Dataset(
        name="mnist_writers",
        train=train,
        test=test,
        classes=mnist.classes,
        licence=mnist.licence + "; writer ids from QMNIST (BSD-style)",
        citation=mnist.citation
        + " C. Yadav, L. Bottou: Cold case: the lost MNIST digits. NeurIPS 2019, arXiv:1905.10498.",
        source=f"{mnist.source} and {folder}",
    )


def where() -> Path | None:
    """Return the folder that holds the tables of writers, or None."""
    return places.find("mnist_writers", [file.name for file in FILES.values()])


def require() -> Path:
    """Return the folder that holds the tables of writers.

    Raises:
        DataError: if there is none.
    """
    folder = where()
    if folder is None:
        raise DataError(
            "mnist_writers: expected datasets/mnist_writers with the two tables of writers, found none; "
            "make them with datasets/prepare_mnist_writers.py, or use `glyphs`, which has writers and needs no files"
        )
    return folder


def read_table(path: Path, expected: WriterFile, labels: np.ndarray) -> np.ndarray:
    """Read one table of writers and hold it against the labels of the images.

    Args:
        path: the .csv.gz file.
        expected: its checksum and number of rows.
        labels: class of each MNIST image, shape (n,).

    Returns:
        Writer id of each image, int32, shape (n,).

    Raises:
        DataError: if it is damaged, or its rows do not belong to these images.
    """
    advice = "make it again with datasets/prepare_mnist_writers.py"
    text = idx.unpack_gzip(idx.read_bytes(path), str(path), 64 * (expected.n_rows + 1))
    got = hashlib.sha256(text).hexdigest()
    if got != expected.sha256:
        raise DataError(f"{path}: expected sha256 {expected.sha256} when unpacked, got {got}; {advice}")
    header, _, body = text.decode("ascii", "replace").partition("\n")
    if header.strip() != COLUMNS:
        raise DataError(f"{path}: expected the columns {COLUMNS}, got {header[:60]!r}; {advice}")
    try:
        table = np.loadtxt(io.StringIO(body), delimiter=",", dtype=np.int32, ndmin=2)
    except ValueError as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: expected rows of four whole numbers, got other text ({reason}); {advice}") from error
    if table.shape != (len(labels), 4) or not np.array_equal(table[:, 0], np.arange(len(labels))):
        raise DataError(
            f"{path}: expected {len(labels):,} rows in the order of the images, got {len(table):,}; {advice}"
        )
    differ = np.flatnonzero(table[:, 1] != labels)
    if len(differ):
        at = int(differ[0])
        raise DataError(
            f"{path}: expected label {labels[at]} in row {at}, got {table[at, 1]}; {len(differ):,} rows differ from "
            f"the images; {advice}"
        )
    return np.ascontiguousarray(table[:, 3])
