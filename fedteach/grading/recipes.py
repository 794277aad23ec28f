"""Arguments that are no data, but can be made from data: each travels as a recipe and is made beside the function.

`make` gives the live argument for one call; `aftermath` says, as plain data, what became of it.
"""

import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from fedteach.grading.plain import arrays_in, show, to_plain
from fedteach.messages import Weights


@runtime_checkable
class Recipe(Protocol):
    """How to make one argument."""

    def make(self) -> Any:
        """Return the live argument, new for every call."""

    def aftermath(self, live: Any) -> Any:
        """Return what became of it, as plain data."""

    def show(self) -> str:
        """Return what a student reads in the place of the argument."""


@dataclass(frozen=True)
class Rng:
    """A generator of random numbers. Its aftermath: how it would go on, so that no draw stays unseen."""

    seed: int

    def make(self) -> np.random.Generator:
        """Return a fresh generator."""
        return np.random.default_rng(self.seed)

    def aftermath(self, live: np.random.Generator) -> int:
        """Return the generator's next draw."""
        return int(live.integers(2**62))

    def show(self) -> str:
        """Return its name."""
        return "rng"


class Updates:
    """Updates as they come in: each can be looked at once, and is gone when nobody holds it any more."""

    def __init__(self, items: tuple[Any, ...], weigh: bool):
        self._items = items
        self._held: list[weakref.ref[np.ndarray]] = []
        self._weigh = weigh
        self.most_held = 0
        self.most_bytes = 0
        self.asked_again = False

    def __iter__(self) -> Iterator[Any]:
        self.asked_again = self.asked_again or not self._items
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


@dataclass(frozen=True)
class Probe:
    """A function that answers from a list and remembers what it was asked. Its aftermath: each call's arguments."""

    name: str
    answers: tuple[Any, ...]

    def make(self) -> Callable[..., Any]:
        """Return the function; it repeats its last answer when the list is at its end."""
        calls: list[tuple[Any, ...]] = []

        def probe(*arguments: Any) -> Any:
            calls.append(to_plain(arguments))
            return to_plain(self.answers[min(len(calls), len(self.answers)) - 1])

        probe.__name__ = self.name
        probe.calls = calls  # type: ignore[attr-defined]
        return probe

    def aftermath(self, live: Any) -> list[tuple[Any, ...]]:
        """Return the arguments of each call, in order."""
        return list(live.calls)

    def show(self) -> str:
        """Return its name."""
        return self.name


@dataclass(frozen=True)
class Network:
    """A small Keras model with given weights. Its aftermath: its weights after the call.

    Attributes:
        name: name of the model in `fedteach.models`, such as "logistic".
        input_shape: shape of one example.
        n_classes: number of outputs.
        weights: what it starts from; None: as it is built.
    """

    name: str
    input_shape: tuple[int, ...]
    n_classes: int
    weights: Weights | None = None

    def make(self) -> Any:
        """Build the model; loads TensorFlow."""
        from fedteach.models import build, builder

        model = build(builder(self.name, self.input_shape, self.n_classes), seed=0)
        if self.weights is not None:
            model.set_weights(self.weights)
        return model

    def aftermath(self, live: Any) -> Weights:
        """Return the model's weights."""
        return [np.array(tensor) for tensor in live.get_weights()]

    def show(self) -> str:
        """Return its name."""
        return "model"


def live(argument: Any) -> Any:
    """Make an argument for one call: by its recipe, or a copy of the data."""
    return argument.make() if isinstance(argument, Recipe) else to_plain(argument)
