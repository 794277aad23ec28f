"""Data sets by name, and who holds which examples.

`load("digits")` gives a `Dataset`; `splits.split(dataset, "dirichlet:0.1", n_clients=10, seed=0)` says
which of its training examples each client holds. Nothing here imports TensorFlow.
"""

from fedteach.data import splits
from fedteach.data.arrays import from_arrays
from fedteach.data.base import DataError, Dataset, Examples
from fedteach.data.datasets import DATASETS, Availability, available, clear_cache, load
from fedteach.data.partition import Partition, label_counts
from fedteach.data.splits import SPLITS, check_split, split

__all__ = [
    "SPLITS",
    "DATASETS",
    "Availability",
    "DataError",
    "Dataset",
    "Examples",
    "Partition",
    "available",
    "check_split",
    "clear_cache",
    "from_arrays",
    "label_counts",
    "load",
    "split",
    "splits",
]
