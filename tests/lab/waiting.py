"""Waiting with a time limit, and counting the threads of the lab."""

import threading
import time
from collections.abc import Callable


def until(condition: Callable[[], object], limit_s: float = 10) -> bool:
    """Wait until a condition holds; return whether it came to hold in time."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def running() -> int:
    """Return how many threads run a federation now."""
    return sum(thread.name == "fedteach run" for thread in threading.enumerate())
