"""Values that come one after another."""

import tracemalloc
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fedteach.grading.plain import arrays_in, show, to_plain


class Updates:
    """Updates as they come in: each can be looked at once, and is gone when nobody holds it any more."""

    def __init__(self, items: tuple[Any, ...], weigh: bool):
        self._items = items
        self._never_any = not items
        self._held: list[weakref.ref[np.ndarray]] = []
        self._weigh = weigh
        self.most_held = 0
        self.most_bytes = 0
        self.asked_again = False

    def __iter__(self) -> Iterator[Any]:
        self.asked_again = self.asked_again or not (self._items or self._never_any)
        return self

    def __next__(self) -> Any:
        """Hand out the next one; see what is still held of the earlier ones, and how much memory has come in use."""
        self._held = [ref for ref in self._held if ref() is not None]
        self.most_held = max(self.most_held, len(self._held))
        if self._weigh:
            tracemalloc.start() if not tracemalloc.is_tracing() else None
            self.most_bytes = max(self.most_bytes, tracemalloc.get_traced_memory()[0])
        if not self._items:
            raise StopIteration
        item, self._items = to_plain(self._items[0]), self._items[1:]
        self._held += [weakref.ref(array) for array in arrays_in(item)]
        return item


@dataclass(frozen=True)
class Passage:
    """What became of a stream.

    Attributes:
        most_held: the most arrays of earlier items that were still there while the next one came.
        most_bytes: the most memory in use at such a moment, copies included; 0 unless the stream was to weigh it.
        asked_again: whether the function went through it once more, when it was at its end.
    """

    most_held: int
    most_bytes: int
    asked_again: bool


@dataclass(frozen=True)
class Stream:
    """Values that arrive one after another. Its aftermath: a `Passage`.

    Attributes:
        items: the values.
        weigh: whether to measure the memory in use, which takes time.
    """

    items: tuple[Any, ...]
    weigh: bool = False

    def make(self) -> Updates:
        """Return an iterator over copies of the items."""
        return Updates(self.items, self.weigh)

    def aftermath(self, live: Updates) -> Passage:
        """Say what became of it."""
        if self.weigh:
            tracemalloc.stop()
        return Passage(live.most_held, live.most_bytes, live.asked_again)

    def show(self) -> str:
        """Show the items."""
        return f"iter({show(list(self.items))})"
