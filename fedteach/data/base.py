"""What a data set is: frozen arrays with their names, and the error when one cannot be had."""

from dataclasses import dataclass

import numpy as np


class DataError(Exception):
    """A data set that is not here, or whose file is not what it should be; always one line."""


@dataclass(frozen=True, eq=False, repr=False)
class Examples:
    """Examples with their labels, and who wrote them where that is known.

    Attributes:
        x: float32, images (n, h, w, c) with values in [0, 1], or feature vectors (n, d).
        y: class of each example, int32, shape (n,).
        writers: writer of each example, whole numbers, shape (n,); None where nobody knows.
    """

    x: np.ndarray
    y: np.ndarray
    writers: np.ndarray | None = None

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.y)

    def __repr__(self) -> str:
        """Say how many examples of which shape, instead of printing every pixel."""
        by = "" if self.writers is None else f", {len(np.unique(self.writers)):,} writers"
        return f"Examples({len(self):,} of shape {self.x.shape[1:]}{by})"


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """A named data set: what to train on, what to test on, and where it comes from.

    Attributes:
        name: the name that `load` knows it by.
        train, test: the examples; their arrays are read-only, because everybody shares them.
        classes: name of each class, in the order of the labels 0, 1, ...
        licence, citation, source: what may be done with it, whom to thank, where it was found.
    """

    name: str
    train: Examples
    test: Examples
    classes: tuple[str, ...]
    licence: str
    citation: str
    source: str

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one example: (h, w, c), or (d,) for feature vectors."""
        return self.train.x.shape[1:]

    @property
    def n_classes(self) -> int:
        """Number of classes, whether or not each has an example."""
        return len(self.classes)

    def __repr__(self) -> str:
        """Describe the data set in one line."""
        return f"Dataset({self.name!r}, train={self.train}, test={self.test}, {self.n_classes} classes)"


def read_only(examples: Examples) -> Examples:
    """Lock the arrays of `examples` against changes and return it."""
    for array in (examples.x, examples.y, examples.writers):
        if array is not None:
            array.flags.writeable = False
    return examples
