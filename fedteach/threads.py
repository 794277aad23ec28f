"""How many threads TensorFlow uses inside one operation: by default one.

Convolution gradients change in the last bits with that number, so a run repeats bit for bit only if it is
fixed. One is also the fastest when several clients train at once. It must be set before TensorFlow's first
operation, for the whole process.
"""

import os
import warnings
from typing import Literal

from fedteach import checks
from fedteach.quiet import tensorflow as tf

Threads = Literal["one", "all"]

_settled: Threads | None = None


def settle(threads: Threads | None = None) -> None:
    """Fix the number of threads inside an operation; the first call in a process decides.

    Args:
        threads: "one", "all" (as TensorFlow likes), or None: what was settled before, else "one".

    Warns:
        UserWarning: once, if TensorFlow was already running with more threads than one.
    """
    global _settled
    if threads is not None:
        checks.known("threads", threads, ("one", "all"))
    if _settled is not None and threads in (None, _settled):
        return
    _settled = threads or "one"
    wanted = 1 if _settled == "one" else 0
    if tf.config.threading.get_intra_op_parallelism_threads() == wanted:
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(wanted)
    except RuntimeError:
        warnings.warn(
            f"TensorFlow was already running when threads={_settled!r} was asked for, and keeps the number it has. "
            "Results can then differ in the last digits from run to run: build the federation before other "
            "TensorFlow work to avoid it.",
            stacklevel=3,
        )


def available_cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1
