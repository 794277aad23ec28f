"""MNIST: 70,000 handwritten digits, from the classic idx files or from the file that Keras uses."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fedteach.data import download, idx, places
from fedteach.data.base import DataError, Dataset, Examples, read_only

KERAS_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
KERAS_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
KERAS_BYTES = 11_490_434


@dataclass(frozen=True)
class IdxFile:
    """One of the classic files, and what it must be."""

    name: str
    size_bytes: int
    md5: str
    shape: tuple[int, ...]


FILES: Mapping[str, IdxFile] = {
    "x_train": IdxFile("train-images-idx3-ubyte.gz", 9912422, "f68b3c2dcbeaaa9fbdd348bbdeb94873", (60000, 28, 28)),
    "y_train": IdxFile("train-labels-idx1-ubyte.gz", 28881, "d53e105ee54ea40749a09fcbcd1e9432", (60000,)),
    "x_test": IdxFile("t10k-images-idx3-ubyte.gz", 1648877, "9fb629c4189551a2d022fa330f9573f3", (10000, 28, 28)),
    "y_test": IdxFile("t10k-labels-idx1-ubyte.gz", 4542, "ec29112dd5afa0611ce80d1b7f02629c", (10000,)),
}
_CITATION = (
    "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to document recognition. "
    "Proceedings of the IEEE 86(11), 1998."
)
_HOW = (
    "connect to the internet and load it again, or put the four classic .gz files (or Keras' mnist.npz) into "
    "datasets/mnist; the data sets `digits` and `glyphs` need no download"
)


def where() -> Path | None:
    """Return the folder or file that MNIST would be read from, or None if it must be downloaded."""
    names = [file.name for file in FILES.values()]
    place = places.find("mnist", names, ["mnist.npz"])
    if place is not None:
        return place if (place / names[0]).is_file() else place / "mnist.npz"
    cached = places.keras_cache() / "mnist.npz"
    return cached if cached.is_file() else None


def load(url: str = KERAS_URL) -> Dataset:
    """Load MNIST from the first place that has it, downloading it if none has.

    Args:
        url: where Keras' `mnist.npz` is fetched when no place has it; the checksum is fixed.

    Returns:
        60,000 training and 10,000 test images, 28x28, in [0, 1], background 0.

    Raises:
        DataError: if a file is missing or damaged, or the download fails.
    """
    place = where()
    if place is None:
        place = _fetch(url)
    arrays = read_idx_files(place) if place.is_dir() else read_npz(place)
    train, test = (
        read_only(Examples(_pixels(arrays[f"x_{part}"]), arrays[f"y_{part}"].astype(np.int32)))
        for part in ("train", "test")
    )
    return Dataset(
        name="mnist",
        train=train,
        test=test,
        classes=tuple("0123456789"),
        licence="CC BY-SA 3.0 as usually given; the files carry no licence of their own (Y. LeCun, C. Cortes)",
        citation=_CITATION,
        source=str(place),
    )


def read_idx_files(folder: Path) -> dict[str, np.ndarray]:
    """Read the four classic files and refuse any that is not the published one.

    Raises:
        DataError: naming the file, what was expected, what came, and what to do.
    """
    return {key: _read_checked(folder / file.name, file) for key, file in FILES.items()}


def _read_checked(path: Path, expected: IdxFile) -> np.ndarray:
    advice = "copy or download the classic MNIST file again (other data: use data.from_arrays)"
    packed = idx.read_bytes(path)
    if len(packed) != expected.size_bytes:
        raise DataError(f"{path}: expected {expected.size_bytes:,} bytes, got {len(packed):,}; {advice}")
    got = hashlib.md5(packed, usedforsecurity=False).hexdigest()
    if got != expected.md5:
        raise DataError(f"{path}: expected md5 {expected.md5}, got {got}; {advice}")
    unpacked_limit = int(np.prod(expected.shape)) + 16
    array = idx.parse(idx.unpack_gzip(packed, str(path), unpacked_limit), str(path))
    if array.shape != expected.shape or array.dtype != np.uint8:
        raise DataError(f"{path}: expected bytes of shape {expected.shape}, got {array.dtype} {array.shape}; {advice}")
    if array.ndim == 1 and array.max() > 9:
        at = int(np.argmax(array > 9))
        raise DataError(f"{path}: expected labels 0 to 9, got {array[at]} at place {at}; {advice}")
    return array


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Read the `mnist.npz` that Keras uses and refuse any other.

    Raises:
        DataError: if the file is not the published one.
    """
    content = idx.read_bytes(path)
    got = hashlib.sha256(content).hexdigest()
    if got != KERAS_SHA256:
        raise DataError(
            f"{path}: expected sha256 {KERAS_SHA256}, got {got} ({len(content):,} of {KERAS_BYTES:,} bytes); "
            "delete the file and load again"
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {key: arrays[key] for key in FILES}


def _fetch(url: str) -> Path:
    try:
        return download.download(url, places.keras_cache() / "mnist.npz", KERAS_SHA256, at_most_bytes=2 * KERAS_BYTES)
    except DataError as error:
        raise DataError(f"mnist is not here and could not be fetched: {error}; {_HOW}") from error


def _pixels(images: np.ndarray) -> np.ndarray:
    """Scale bytes to [0, 1] and add the channel axis."""
    return np.divide(images, 255, dtype=np.float32)[..., None]
