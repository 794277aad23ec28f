"""The first exercise of all: one line, to see how checks and hints work."""

import math

import numpy as np

from fedteach.grading import expect
from fedteach.grading.ask import Ask
from fedteach.grading.exercise import EXAMPLE, Exercise


def reference_megabytes(n_weights: int, n_clients: int) -> float:
    """Return the megabytes of one round: every client gets all weights, 4 bytes each, and sends as many back."""
    return 8 * n_weights * n_clients / 1e6


def known_wrong(n_weights: int, n_clients: int) -> expect.Likely:
    """Return what the usual mistakes give."""
    right = reference_megabytes(n_weights, n_clients)
    return [
        (right / 2, "this is one way only: the clients also send something back"),
        (right * 1e6, "these are bytes: a megabyte is a million of them"),
        (right * 1e3, "these are kilobytes: a megabyte is a million bytes"),
        (right / 4, "each weight is counted as one byte; it takes 4"),
        (right / n_clients, "this is for one client: each of them gets the weights and sends them back"),
        (right * 8, "these are megabits: a weight takes 4 bytes, and a byte is counted whole"),
        (right * 1e6 / 2**20, "a megabyte is taken as 1024 * 1024 bytes; here it is a million"),
        (right / 2 * 1e6, "these are bytes, and one way only"),
        *_cut(n_weights, n_clients),
    ]


def _cut(n_weights: int, n_clients: int) -> expect.Likely:
    """Return what is left of the right number without some of its digits."""
    right = reference_megabytes(n_weights, n_clients)
    rounded = [(round(right, digits), "the result is rounded; return it as it comes") for digits in range(6)]
    cut = [(float(math.floor(right)), "`//` and `int(...)` cut the digits off; divide with `/`")]
    return [*cut, *rounded]


@EXAMPLE
def the_model_above(ask: Ask, rng: np.random.Generator) -> None:
    """38,282 weights and 5 clients: 1.53128 megabytes."""
    # 38,282 weights x 4 bytes x 5 clients x 2 ways = 1,531,280 bytes
    expect.equal(ask(38_282, 5), 1.53128, "38,282 x 4 bytes, to 5 clients and back.", known_wrong(38_282, 5))


def other_models(ask: Ask, rng: np.random.Generator) -> None:
    """Other models and other numbers of clients."""
    for _ in range(5):
        n_weights, n_clients = int(rng.integers(1_000, 9_000_000)), int(rng.integers(2, 500))
        expect.equal(
            ask(n_weights, n_clients),
            reference_megabytes(n_weights, n_clients),
            f"Right for the model above, but not for {n_weights:,} weights and {n_clients} clients.",
            [
                *known_wrong(n_weights, n_clients),
                (1.53128, "the number for the model above is returned for every model"),
            ],
        )


EXERCISES = (
    Exercise(
        "0.1",
        "megabytes_per_round",
        "how much travels in a round",
        hints=(
            "How many bytes does the server send to *one* client?",
            "The clients answer with as many weights as they got. What does that do to the number?",
            "How many bytes make a megabyte?",
        ),
        cases=(the_model_above, other_models),
        reference=reference_megabytes,
    ),
)
