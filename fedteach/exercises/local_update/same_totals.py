"""3.2: equal totals, drawn from everything."""

import numpy as np

from fedteach.exercises.local_update.splits import (
    AS_LABELS,
    ONCE,
    WITHOUT,
    Parts,
    are_labels,
    asked_split,
    class_labels,
    counts_of,
    drawn_with_replacement,
    row,
    seeds_decide,
)
from fedteach.grading import expect
from fedteach.grading.ask import Ask, Wrong
from fedteach.grading.exercise import EXAMPLE, Exercise


def _expect_totals(parts: Parts, labels: np.ndarray, per_client: int) -> None:
    totals = np.array([len(part) for part in parts])
    wrong = np.flatnonzero(totals != per_client)
    if not len(wrong):
        return
    total, likely = int(totals[wrong[0]]), ""
    if total * len(parts) <= per_client:
        likely = "per_client is what each client holds; it is not to be divided among the clients"
    elif total in (len(labels), len(labels) // len(parts)):
        likely = WITHOUT
    elif len(set(totals.tolist())) > 1:
        likely = "the totals differ from client to client; here they are all the same"
    says = f"Each client should hold {per_client} examples; client {wrong[0]} holds {total}."
    raise Wrong(says, got=f"totals {', '.join(map(str, totals))}", expected=f"{per_client} each", likely=likely)


@EXAMPLE
def four_each(ask: Ask, rng: np.random.Generator) -> None:
    """Three examples, two clients, four examples for each: some must come twice."""
    labels = np.array([0, 1, 1])
    _expect_totals(asked_split(ask, rng, labels, 2, 4), labels, 4)


def from_everything(ask: Ask, rng: np.random.Generator) -> None:
    """Seven of ten examples are of class 0, so about seven of ten that a client draws are too, and it varies."""
    labels = class_labels(rng, 700, 100, 100, 100)
    parts = asked_split(ask, rng, labels, 20, 100)
    _expect_totals(parts, labels, 100)
    # 2,000 places out of 1,000 that are all below 4: no honest draw, ever.
    expect.true(not are_labels(parts, labels), "Your split holds no places.", got=parts[0], likely=AS_LABELS)
    counts = counts_of(parts, labels)
    share = counts[:, 0].sum() / counts.sum()
    # 2,000 draws, 0.12 off: by Hoeffding with probability below 2 exp(-2 * 2000 * 0.12**2) = 2e-25.
    expect.true(
        abs(share - 0.7) <= 0.12,
        "Seven of ten examples are of class 0, but the clients draw something else.",
        got=f"{share:.0%} of class 0",
        expected="about 70 %",
        likely="this is the same number of each class, as in 3.1" if abs(share - 0.25) < 0.05 else "",
    )
    # Binomial(100, 0.7) takes no value with more than 0.09: 20 equal ones come with probability below 1e-20.
    expect.true(
        bool((counts != counts[0]).any()),
        "All clients hold the same mix of classes. Drawn from everything, the mix varies a little by chance.",
        got=row(counts[0]),
        likely=ONCE
        if all(np.array_equal(part, parts[0]) for part in parts)
        else "the number of each class is fixed here; draw places without a look at the labels",
    )


def reference_random(labels: np.ndarray, n_clients: int, per_client: int, rng: np.random.Generator) -> Parts:
    """Give every client the same number of examples, drawn from everything."""
    from fedteach.data.experiments import experiment_2

    return list(experiment_2(labels, n_clients, per_client, rng).parts)


RANDOM = Exercise(
    "3.2",
    "split_random",
    "equal totals, drawn from everything",
    hints=(
        "Does it matter for this split which class an example is of? What do you need `labels` for, then?",
        "What does `rng.integers(1000, size=5)` give? Which is the smallest number that can come, and which the "
        "largest?",
    ),
    cases=(four_each, from_everything, drawn_with_replacement(3, 120), seeds_decide(50)),
    reference=reference_random,
)
