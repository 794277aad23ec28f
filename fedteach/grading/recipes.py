"""Arguments that are no data, but can be made from data: each travels as a recipe and is made beside the function.

`make` gives the live argument for one call; `aftermath` says, as plain data, what became of it.
"""

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


class Arriving:
    """Updates as they come in: each can be looked at once, and is gone when nobody holds it any more."""

    def __init__(self, items: tuple[Any, ...]):
        self._items = items
        self._held: list[weakref.ref[np.ndarray]] = []
        self.most_held = 0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        """Hand out the next one, and count the arrays of earlier ones that are still held."""
        self._held = [ref for ref in self._held if ref() is not None]
        self.most_held = max(self.most_held, len(self._held))
        if not self._items:
            raise StopIteration
        item, self._items = to_plain(self._items[0]), self._items[1:]
        self._held += [weakref.ref(array) for array in arrays_in(item)]
        return item


@dataclass(frozen=True)
class Stream:
    """Values that arrive one after another. Its aftermath: the most arrays of earlier values held at once."""

    items: tuple[Any, ...]

    def make(self) -> Arriving:
        """Return an iterator over copies of the items."""
        return Arriving(self.items)

    def aftermath(self, live: Arriving) -> int:
        """Return the most arrays of earlier values that were held while the next one came."""
        return live.most_held

    def show(self) -> str:
        """Show the items."""
        return show(list(self.items))


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
