"""Data sets by name: `load("digits")`, and which of them are at hand."""

import functools
import importlib.util
import inspect
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fedteach import checks
from fedteach.data import digits, glyphs, mnist, mnist_writers
from fedteach.data.arrays import from_arrays
from fedteach.data.base import DataError, Dataset, Examples

__all__ = [
    "DATASETS",
    "Availability",
    "DataError",
    "Dataset",
    "Examples",
    "available",
    "clear_cache",
    "from_arrays",
    "load",
]


DATASETS: Mapping[str, str] = {
    "digits": "real handwritten digits, 8x8, 10 classes",
    "mnist": "real handwritten digits, 28x28, 10 classes",
    "mnist_writers": "MNIST by the 539 + 297 people who wrote it",
    "glyphs": "generated handwriting, 28x28, 62 classes, by writer; stands in for FEMNIST",
}
"""Name of each data set that `load` knows and what it shows, for people to choose from."""


@dataclass(frozen=True)
class Availability:
    """Whether a data set can be loaded here and now, and how it is had otherwise.

    Attributes:
        name: the name for `load`.
        here: True if loading needs no download and no further files.
        where: where it would be read from; why it cannot be, where that is known; "" if it is not here.
        what: what it shows, in a few words.
        size: number of examples and what has to be downloaded.
        how_to_get: what to do to have it.
    """

    name: str
    here: bool
    where: str
    what: str
    size: str
    how_to_get: str


def load(name: str, **options: Any) -> Dataset:
    """Load a data set; the second call with the same name and options returns the same object.

    Args:
        name: "digits", "mnist", "mnist_writers" or "glyphs".
        options: "glyphs" takes `n_writers`, `per_writer`, `seed` and `size`; "mnist" and
            "mnist_writers" take `url`, from which a missing `mnist.npz` is downloaded.

    Returns:
        The data set. Its arrays are read-only, because every client of the process shares them.

    Raises:
        ValueError: if there is no such data set or option.
        DataError: if a file is missing or damaged, or a download fails.
    """
    loader = _LOADERS[checks.known("data set", name, DATASETS)]
    defaults = {option: one.default for option, one in inspect.signature(loader).parameters.items()}
    for option in options:
        if not defaults:
            raise ValueError(f"data set {name!r} takes no options, got {option!r}")
        checks.known(f"option of data set {name!r}", option, defaults)
        _refuse_unhashable(option, options[option])
    # Filling in the defaults makes load("glyphs") and load("glyphs", seed=0) one entry of the cache.
    with _LOCK:
        return _load(name, **{**defaults, **options})


def clear_cache() -> None:
    """Forget all loaded data sets, so that the next `load` looks for the files again."""
    with _LOCK:
        _load.cache_clear()


def available() -> list[Availability]:
    """Say of each data set whether it is here, without loading or downloading anything."""
    return [
        Availability(
            "digits",
            importlib.util.find_spec("sklearn") is not None,
            "comes with scikit-learn",
            DATASETS["digits"],
            "1,797 images, no download",
            "nothing to do",
        ),
        _look("mnist", mnist.where, *_MNIST),
        _look("mnist_writers", _mnist_writers_where, *_MNIST_WRITERS),
        Availability(
            "glyphs",
            True,
            "generated when loaded",
            DATASETS["glyphs"],
            "40 images for each of 100 writers, or as many as you ask for; no download",
            "nothing to do",
        ),
    ]


_MNIST = (
    "70,000 images, 11.5 MB to download",
    "load it with a connection to the internet, or put the four classic .gz files into datasets/mnist",
)
_MNIST_WRITERS = (
    "70,000 images; 0.3 MB beside MNIST",
    "run datasets/prepare_mnist_writers.py once; it says which two files of QMNIST it needs",
)


def _look(name: str, where: Callable[[], object], size: str, how_to_get: str) -> Availability:
    try:
        place, reason = where(), ""
    except DataError as error:
        place, reason = None, str(error)
    return Availability(
        name, place is not None, reason if place is None else str(place), DATASETS[name], size, how_to_get
    )


def _mnist_writers_where() -> object:
    writers, images = mnist_writers.where(), mnist.where()
    return None if writers is None or images is None else writers


def _mnist_writers(url: str = mnist.KERAS_URL) -> Dataset:
    # Ask for the small files first: nobody should wait for a download that cannot be used.
    mnist_writers.require()
    return mnist_writers.add_to(load("mnist", url=url))


_LOADERS: Mapping[str, Callable[..., Dataset]] = {
    "digits": digits.load,
    "mnist": mnist.load,
    "mnist_writers": _mnist_writers,
    "glyphs": glyphs.load,
}
_LOCK = threading.RLock()
"""One load at a time: a panel's thread and the kernel's must not generate the same data twice."""


def _refuse_unhashable(option: str, value: Any) -> None:
    """Refuse lists and the like at the door: the cache could not remember them."""
    if value.__hash__ is None:
        raise ValueError(f"{option} must be a single value, got {value!r}")


# typed: 40 and 40.0 are equal, but only one of them is a number of writers.
@functools.lru_cache(maxsize=8, typed=True)
def _load(name: str, **options: Any) -> Dataset:
    # The oldest go when there are more than eight: a slider over n_writers would fill the memory.
    return _LOADERS[name](**options)
