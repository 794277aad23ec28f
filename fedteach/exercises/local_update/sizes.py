"""3.3: totals that differ."""

import numpy as np

from fedteach.exercises.local_update.splits import (
    WITHOUT,
    Parts,
    asked_split,
    class_labels,
    drawn_with_replacement,
    seeds_decide,
)
from fedteach.grading import expect
from fedteach.grading.ask import Ask
from fedteach.grading.exercise import SPECIAL, Exercise

SHRINKS = "the last client's total has become the limit of the next one; every client draws from 1 to per_client"
_FEW_EXAMPLES = (40, 40)


def _totals(ask: Ask, rng: np.random.Generator, n_clients: int, per_client: int) -> np.ndarray:
    """Ask for a split, and return the totals; each must lie between 1 and `per_client`."""
    labels = class_labels(rng, *_FEW_EXAMPLES)
    parts = asked_split(ask, rng, labels, n_clients, per_client)
    totals = np.array([len(part) for part in parts])
    for wrong, likely in (
        (totals < 1, "a draw that may give 0 makes a client without examples"),
        (totals > per_client, "the upper end is too high by one"),
    ):
        i = int(np.argmax(wrong))
        expect.true(
            not wrong.any(),
            f"Each client holds 1 to {per_client} examples; client {i} holds {totals[i]}.",
            got=f"totals {', '.join(map(str, totals[:12]))}{', ...' if n_clients > 12 else ''}",
            likely=likely,
        )
    return totals


@SPECIAL
def just_one(ask: Ask, rng: np.random.Generator) -> None:
    """Where nobody can have more than one example, everybody has exactly one."""
    _totals(ask, rng, 3, 1)


def from_one_to_ten(ask: Ask, rng: np.random.Generator) -> None:
    """400 clients with at most 10 examples: every number from 1 to 10 comes, one as often as another."""
    totals = _totals(ask, rng, 400, 10)
    # A number from 1 to 10 stays away with probability below 10 * 0.9**400 = 5e-18.
    never = [n for n in range(1, 11) if n not in totals]
    ends = "`rng.integers(1, 10)` leaves 10 out: add `endpoint=True`" if never == [10] else ""
    expect.true(
        not never,
        f"In 400 draws from 1 to 10 some numbers never come: {', '.join(map(str, never))}.",
        got=f"totals {', '.join(map(str, totals[:12]))}, ...",
        likely=_why_these_totals(totals) or ends,
    )
    # The mean is 5.5. By Hoeffding it is 1.6 off with probability below 2 exp(-2 * 400 * (1.6 / 9)**2) = 2e-11.
    expect.true(
        abs(totals.mean() - 5.5) <= 1.6,
        "In 400 draws from 1 to 10, each as likely as another, the mean should be about 5.5.",
        got=f"a mean of {totals.mean():.2f}",
        likely=_why_these_totals(totals),
    )


def the_limit_stays(ask: Ask, rng: np.random.Generator) -> None:
    """A hundred clients, at most 200 examples each: the last clients may have as many as the first."""
    totals = _totals(ask, rng, 100, 200)
    # Each of the last 50 holds more than 100 with probability 1/2: none does with 2**-50 = 9e-16.
    expect.true(
        totals[-50:].max() > 100,
        "Of the last 50 clients none has more than half of the 200 examples that it may have.",
        got=f"the first totals are {', '.join(map(str, totals[:5]))}, the last ones {', '.join(map(str, totals[-5:]))}",
        likely=_why_these_totals(totals),
    )


def _why_these_totals(totals: np.ndarray) -> str:
    if (totals == totals[0]).all():
        return "the total is drawn once, before the loop over the clients; each client draws its own"
    if (np.diff(totals) <= 0).all():
        return SHRINKS
    return WITHOUT if totals.max() == sum(_FEW_EXAMPLES) else ""


def reference_sizes(labels: np.ndarray, n_clients: int, per_client: int, rng: np.random.Generator) -> Parts:
    """Give clients different numbers of examples, drawn from everything."""
    from fedteach.data.experiments import experiment_3

    return list(experiment_3(labels, n_clients, per_client, rng).parts)


SIZES = Exercise(
    "3.3",
    "split_sizes",
    "totals that differ",
    hints=(
        "How is this different from 3.2? Which one number has to be drawn first, for each client anew?",
        "Which numbers can `rng.integers(1, 6)` give? And `rng.integers(1, 6, endpoint=True)`?",
        "After the first client, from which limit must the second one draw? Is any name in your loop overwritten?",
    ),
    cases=(just_one, the_limit_stays, from_one_to_ten, drawn_with_replacement(40, 120), seeds_decide(200)),
    reference=reference_sizes,
)
