"""4.1 and 4.2: FedAvg's weighted mean, and the same mean with one update in memory."""

from collections.abc import Iterable

import numpy as np

from fedteach.exercises.aggregation.updates import SHAPES, combined, mean_of, nobody_answered, random_updates
from fedteach.grading import expect
from fedteach.grading.ask import Ask
from fedteach.grading.exercise import CONDUCT, EXAMPLE, SPECIAL, Exercise, Group
from fedteach.grading.recipes import Stream
from fedteach.messages import Update, Weights

MOST_HELD = 6
"""Updates' worth of memory that a stream may need: a running mean, a new one, the update at hand, and some to spare."""

MEMORY = Group("one update at a time", 6)
"""What 4.2 is about, beside the rule."""


@EXAMPLE
def by_hand(ask: Ask, rng: np.random.Generator) -> None:
    """Two clients: one example says 2, three examples say 6. The mean is 5."""
    two, six = np.array([2.0], np.float32), np.array([6.0], np.float32)
    says = "The mean over all four examples is (2 + 6 + 6 + 6) / 4 = 5."
    causes = {
        4.0: "each client counts the same here; weigh it by its number of examples",
        20.0: "the sum is not divided by the total number of examples",
        10.0: "the sum is divided by the number of clients; divide by the total number of examples",
        5.6: "the number of examples is multiplied in twice",
        6.0: "only the last update has arrived in the result",
        2.0: "only the first update has arrived in the result",
        0.0: "nothing has arrived in the result: is the sum kept, and is `//` meant to be `/`?",
        14.0: "the share is one of *all* examples so far: add the new ones before you divide",
    }
    expect.weights(
        ask(Stream((Update("Anna", 1, [two], 1), Update("Ben", 1, [six], 3)))),
        [np.array([5.0])],
        says,
        likely=[([np.array([wrong])], cause) for wrong, cause in causes.items()],
    )


def any_number_of_clients(ask: Ask, rng: np.random.Generator) -> None:
    """Any number of clients, models of several tensors."""
    for n_clients in (1, 2, 5, 8):
        updates = random_updates(rng, n_clients)
        sizes = [update.n_examples for update in updates]
        expect.weights(
            ask(Stream(tuple(updates))),
            mean_of(updates),
            "The mean is not the one over all examples.",
            likely=[
                (mean_of(updates, [1] * n_clients), "each client counts the same; weigh it by its number of examples"),
                (combined(updates, lambda stack: stack.sum(axis=0)), "this is the sum, not the mean"),
                (mean_of(updates[:-1]) if n_clients > 1 else None, "the last update is left out"),
                (mean_of(updates[1:]) if n_clients > 1 else None, "the first update is left out"),
                (mean_of(updates, [n**2 for n in sizes]), "the number of examples is multiplied in twice"),
                (
                    combined(updates, lambda stack: np.tensordot(sizes, stack, axes=1)),  # noqa: B023
                    "the shares do not sum to 1: divide by the total number of examples",
                ),
                (
                    combined(updates, lambda stack: np.tensordot(sizes, stack, axes=1) / len(stack)),  # noqa: B023
                    "the sum is divided by the number of clients; divide by the total number of examples",
                ),
            ],
        )


@CONDUCT
def a_list_will_do(ask: Ask, rng: np.random.Generator) -> None:
    """It takes a list as well, and leaves the updates in it alone."""
    updates = random_updates(rng, 3)
    expect.weights(ask(updates), mean_of(updates), "The mean of a list of updates is not the right one.")


@SPECIAL
def one_client_gets_a_copy(ask: Ask, rng: np.random.Generator) -> None:
    """The mean of a single update is a copy of it: changing it must not change the client's own arrays."""
    updates = random_updates(rng, 1)
    expect.weights(ask(updates), updates[0].delta, "The mean of one update is that update.")


@MEMORY
def one_at_a_time(ask: Ask, rng: np.random.Generator) -> None:
    """While the next update comes in, the ones before are gone: memory for one update, not for all."""
    updates = random_updates(rng, 12)
    reply = ask.reply(Stream(tuple(updates)))
    # `for update in updates` itself holds one while it fetches the next; the first may be kept to know the shapes.
    _few_held(reply.after[0].most_held // len(SHAPES), "the updates themselves")
    expect.weights(reply.value, mean_of(updates), "The mean of 12 updates that arrive one by one is not the right one.")
    large = [Update(u.client, 1, [rng.normal(size=20_000).astype(np.float32)], u.n_examples) for u in updates]
    reply = ask.reply(Stream(tuple(large), weigh=True))
    # Copies count as well: a running sum in float64 takes 2 updates' bytes, and the update at hand one.
    _few_held(round(reply.after[0].most_bytes / large[0].delta[0].nbytes), "copies or parts of them")
    expect.weights(reply.value, mean_of(large), "The mean of 12 large updates is not the right one.")


def _few_held(held: int, what: str) -> None:
    expect.true(
        held <= (2 if "themselves" in what else MOST_HELD),
        f"Your function held {held} updates at once; a thousand clients would fill the memory.",
        got=f"memory for {held} of 12 updates in use at the same time ({what})",
        expected="memory for the one that has just come in, and for a running mean",
        likely="`list(updates)`, a comprehension or `append` collects them all; keep a running sum instead",
    )


def reference_mean(updates: Iterable[Update]) -> Weights:
    """Average the deltas by examples, one at a time; unlike fedteach's own mean it refuses nothing, which 4.3 needs."""
    n = 0
    mean: Weights = []
    for update in updates:
        n += update.n_examples
        mean = mean or [np.zeros_like(tensor) for tensor in update.delta]
        mean = [m + update.n_examples / n * (d - m) for m, d in zip(mean, update.delta, strict=True)]
    if not n:
        raise ValueError("nothing to average: no client answered")
    return mean


MEAN = Exercise(
    "4.1",
    "weighted_mean",
    "FedAvg's weighted mean",
    hints=(
        "If all examples lay on one computer, how much would one client's share of them be?",
        "Each update has `n_examples`. What do you have to divide it by, so that all shares together make 1?",
        "A model is a list of arrays. What does `for tensors in zip(*deltas)` give you, one after another?",
    ),
    cases=(by_hand, any_number_of_clients, a_list_will_do, one_client_gets_a_copy, nobody_answered),
    reference=reference_mean,
    points=2,
)

STREAM = Exercise(
    "4.2",
    "streaming_mean",
    "the same mean as a stream",
    hints=(
        "Which two things must you remember to know the mean of everything seen so far?",
        "Say the mean of the first 30 examples is m, and 10 more come with the value d. By what share does m move "
        "towards d?",
        "What does `for update in updates:` keep in memory, and what does `list(updates)` keep?",
    ),
    cases=(by_hand, any_number_of_clients, one_at_a_time, a_list_will_do, one_client_gets_a_copy, nobody_answered),
    reference=reference_mean,
    points=2,
)
