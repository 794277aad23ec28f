"""4.4: the median of each single number, which one poisoned client cannot move far."""

from collections.abc import Iterable, Sequence

import numpy as np

from fedteach.exercises.aggregation.updates import SHAPES, combined, mean_of, nobody_answered, random_updates
from fedteach.grading import expect
from fedteach.grading.ask import Ask
from fedteach.grading.exercise import CONDUCT, EXAMPLE, Exercise
from fedteach.grading.recipes import Stream
from fedteach.messages import Update, Weights


@EXAMPLE
def middle_of_three(ask: Ask, rng: np.random.Generator) -> None:
    """Three clients say 1, 2 and 1000. The median is 2, whatever the third one makes of it."""
    updates = [Update(name, 1, [np.array([x], np.float32)], 1) for name, x in (("a", 1), ("b", 1000), ("c", 2))]
    expect.weights(
        ask(Stream(tuple(updates))),
        [np.array([2.0])],
        "In order they are 1, 2, 1000: the one in the middle is 2.",
        likely=[
            ([np.array([1003 / 3])], "this is the mean: one poisoned client moves it anywhere"),
            ([np.array([1000.0])], "this is the one in the middle of the list as it came: sort by value first"),
        ],
    )


def number_by_number(ask: Ask, rng: np.random.Generator) -> None:
    """The median is taken for every single number, over the clients."""
    for n_clients in (3, 5, 4):
        updates = random_updates(rng, n_clients)
        expect.weights(
            ask(Stream(tuple(updates))),
            combined(updates, lambda stack: np.median(stack, axis=0)),
            "Some numbers are not the median over the clients.",
            likely=[
                (mean_of(updates), "this is the weighted mean"),
                (_with_copies(updates), "each client counts once here, whatever its n_examples says"),
                *(
                    (update.delta, "this is one client's whole update; the median is taken number by number")
                    for update in updates
                ),
                (
                    [np.full(shape, np.median(t), np.float32) for shape, t in zip(SHAPES, _stacks(updates))],  # noqa: B905
                    "this is the median over a whole tensor; `axis=0` takes it over the clients alone",
                ),
                (
                    combined(updates, lambda stack: np.sort(stack, axis=0)[len(stack) // 2]),
                    "with an even number of clients the median is the mean of the two in the middle",
                ),
            ],
        )


def _with_copies(updates: Sequence[Update]) -> Weights:
    """Take the median as if each client stood there as often as it has examples."""
    sizes = [update.n_examples for update in updates]
    return combined(updates, lambda stack: np.median(np.repeat(stack, sizes, axis=0), axis=0))


def _stacks(updates: Sequence[Update]) -> list[np.ndarray]:
    return [np.stack(tensor) for tensor in zip(*(update.delta for update in updates), strict=True)]


@CONDUCT
def a_list_is_left_alone(ask: Ask, rng: np.random.Generator) -> None:
    """It takes a list as well, leaves the updates in it alone, and returns new arrays."""
    for n_clients in (1, 2, 3):
        updates = random_updates(rng, n_clients)
        expect.weights(
            ask(updates),
            combined(updates, lambda stack: np.median(stack, axis=0)),
            f"The median of a list of {n_clients} updates is not the right one.",
        )


def everybody_counts_the_same(ask: Ask, rng: np.random.Generator) -> None:
    """A poisoned client that claims to hold a million examples still counts once."""
    updates = random_updates(rng, 5)
    updates[2] = Update("client 2", 1, [np.full(shape, 1e6, np.float32) for shape in SHAPES], 1_000_000)
    expect.weights(
        ask(Stream(tuple(updates))),
        combined(updates, lambda stack: np.median(stack, axis=0)),
        "Client 2 claims a million examples. The number that a client claims must not matter here.",
    )


def reference_median(updates: Iterable[Update]) -> Weights:
    """Take the median of each single number over the clients."""
    from fedteach.steps.aggregation import median

    return median(updates)


MEDIAN = Exercise(
    "4.4",
    "median_update",
    "the median against a poisoned client",
    hints=(
        "Five people guess a weight, one of them says a million kilograms. Which summary of the five would you trust?",
        "How can you put the same tensor of all clients on top of each other, as one array of shape (clients, ...)?",
        "Over which axis of that stack do the clients lie?",
    ),
    cases=(middle_of_three, number_by_number, everybody_counts_the_same, a_list_is_left_alone, nobody_answered),
    reference=reference_median,
)
