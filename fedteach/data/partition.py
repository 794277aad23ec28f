"""Who holds which examples: the result of every split, and a table of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False, repr=False)
class Partition:
    """One list of examples for each client.

    Attributes:
        parts: for each client the places of its examples in the data set, int64, shapes (n_k,),
            n_k >= 1 unless the split was told otherwise; read-only.
        name: the split as `splits.split` calls it, such as "dirichlet:0.1".
        repeats: number of draws that repeat an example already used, by the same client or another;
            0 for a split that deals every example once.
    """

    parts: tuple[np.ndarray, ...]
    name: str
    repeats: int = 0

    def __len__(self) -> int:
        """Return the number of clients."""
        return len(self.parts)

    @property
    def sizes(self) -> np.ndarray:
        """Number of examples of each client, int64, shape (n_clients,)."""
        return np.array([len(part) for part in self.parts], dtype=np.int64)

    @property
    def repeated(self) -> np.ndarray:
        """The examples that are used more than once, int64, in order; empty where every example is dealt once."""
        places, times = np.unique(np.concatenate(self.parts), return_counts=True)
        return places[times > 1]

    def __repr__(self) -> str:
        """Describe the split in one line, instead of printing every place."""
        sizes = self.sizes
        span = f"{len(self):,} clients with {sizes.min():,} to {sizes.max():,} examples"
        return f"Partition({self.name!r}, {span}, {self.repeats:,} repeats)"


def make(parts: Sequence[np.ndarray], name: str) -> Partition:
    """Build a `Partition`, counting the repeats."""
    arrays = tuple(np.ascontiguousarray(part, dtype=np.int64) for part in parts)
    for array in arrays:
        array.flags.writeable = False
    everything = np.concatenate(arrays)
    return Partition(arrays, name, repeats=len(everything) - len(np.unique(everything)))


def label_counts(parts: Partition | Sequence[np.ndarray], labels: Any, n_classes: int) -> np.ndarray:
    """Count the classes of each client: the table behind the picture of a split.

    Args:
        parts: a partition, or one index array for each client.
        labels: class of each example of the data set, int, shape (n,), from 0 to n_classes - 1.
        n_classes: number of classes.

    Returns:
        int64, shape (n_clients, n_classes); its sum is the number of draws.

    Raises:
        ValueError: if a label is not a class.
    """
    arrays = parts.parts if isinstance(parts, Partition) else tuple(parts)
    labels = check_labels(labels, n_classes)
    sizes = [len(part) for part in arrays]
    client = np.repeat(np.arange(len(arrays)), sizes)
    chosen = labels[np.concatenate([np.asarray(part, dtype=np.int64) for part in arrays])] if arrays else labels[:0]
    # One number for each pair of client and class, so that one count does for all clients.
    counts = np.bincount(client * n_classes + chosen, minlength=len(arrays) * n_classes)
    return counts.reshape(len(arrays), n_classes)


def check_labels(labels: Any, n_classes: int | None = None) -> np.ndarray:
    """Return `labels` as an int64 array if they are classes counted from 0.

    Args:
        labels: class of each example, whole numbers >= 0, shape (n,), n >= 1.
        n_classes: number of classes, where it is known.

    Raises:
        ValueError: if they are not.
    """
    array = np.asarray(labels)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(f"labels must be whole numbers of shape (n,), got {array.dtype} of shape {array.shape}")
    if len(array) == 0:
        raise ValueError("labels must hold at least one example, got none")
    if array.min() < 0 or (n_classes is not None and array.max() >= n_classes):
        span = "of at least 0" if n_classes is None else f"from 0 to {n_classes - 1}"
        raise ValueError(f"labels must be whole numbers {span}, got {array.min()} to {array.max()}")
    return array.astype(np.int64)


def check_enough(n_examples: int, n_clients: int, least: int = 1) -> None:
    """Refuse to deal `n_examples` to more clients than can have `least` each.

    Raises:
        ValueError: if there are too few examples.
    """
    if n_examples < n_clients * least:
        raise ValueError(
            f"{n_clients:,} clients with at least {least} examples each need {n_clients * least:,} examples, "
            f"got {n_examples:,}; take at most {n_examples // max(least, 1):,} clients, or an experiment 1 to 4, "
            "which may use an example twice"
        )
