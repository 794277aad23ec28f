"""Splits of the data: what every one must look like, and the cases that all four are judged by."""

from typing import Any

import numpy as np

from fedteach.exercises.common import explaining, is_untouched
from fedteach.grading import expect
from fedteach.grading.ask import Ask
from fedteach.grading.exercise import CONDUCT, Case
from fedteach.grading.plain import kind_of
from fedteach.grading.recipes import Rng

Parts = list[np.ndarray]

AS_LABELS = "these look like labels; what is wanted is where the examples stand: their places, counted from 0"


def split_of(answer: Any, labels: np.ndarray, n_clients: int) -> Parts:
    """Insist on one array of places for each client; a tuple, lists and the rows of a matrix will do."""
    expect.true(
        isinstance(answer, list | tuple) or (isinstance(answer, np.ndarray) and answer.ndim == 2),
        f"Expected a list with one array for each client; your function returned {kind_of(answer)}.",
        got=answer,
        likely="is a `return` missing?" if answer is None else "",
    )
    parts = [_places_of(f"client {i}", part, len(labels)) for i, part in enumerate(answer)]
    expect.true(
        len(parts) == n_clients,
        f"There are {n_clients} clients, so the list must hold {n_clients} arrays; yours holds {len(parts)}.",
        got=answer,
        likely="does `return` stand inside the loop, or `append` outside?" if len(parts) <= 1 else "",
    )
    return parts


def _places_of(client: str, part: Any, n_examples: int) -> np.ndarray:
    if isinstance(part, list | tuple) and all(type(item) is int and abs(item) < 2**60 for item in part):
        part = np.array(part, np.int64)
    expect.true(
        isinstance(part, np.ndarray) and part.ndim == 1 and part.dtype.kind in "iu",
        f"Expected an array of places for each client, whole numbers; what stands for {client} is {kind_of(part)}.",
        got=part,
        likely=_why_no_places(part),
    )
    outside = part[(part < 0) | (part >= n_examples)]
    expect.true(
        len(outside) == 0,
        f"There are {n_examples} examples, so their places are 0 to {n_examples - 1}; {client} holds another one.",
        got=f"place {outside[0]}" if len(outside) else "",
        likely="the upper end of a draw is too high by one, or these are no places" if n_examples in outside else "",
    )
    return np.asarray(part)


def _why_no_places(part: Any) -> str:
    if isinstance(part, int):
        return "the clients' places run together into one list; `append` each client's array, where `extend` joins them"
    if isinstance(part, list | tuple) and any(isinstance(item, np.ndarray | list) for item in part):
        return "one array for each class; `np.concatenate` makes a single one of them"
    if isinstance(part, np.ndarray) and part.dtype.kind == "b":
        return "this says yes or no for each example; `np.flatnonzero` gives the places of yes"
    return "places are whole numbers: `.astype(int)`" if isinstance(part, np.ndarray) and part.dtype.kind == "f" else ""


def asked_split(ask: Ask, rng: np.random.Generator, labels: np.ndarray, n_clients: int, *sizes: int) -> Parts:
    """Ask for a split with a new seed; `sizes` follow the number of clients."""
    with explaining(_WHY_STOPPED):
        answer = ask(labels, n_clients, *sizes, Rng(int(rng.integers(10_000))))
    return split_of(answer, labels, n_clients)


ONCE = "the examples are drawn once, before the loop over the clients; each client draws its own"
WITHOUT = "something is drawn without replacement and runs out; `rng.choice` and `rng.integers` draw with replacement"

_WHY_STOPPED = {
    "replace is False": WITHOUT,
    "low >= high": "`rng.integers(1, 1)` has nothing to draw: the upper end is left out unless `endpoint=True`",
    "cannot be empty": "there is no example of that class: `np.unique(labels)` says which classes there are",
}


def counts_of(parts: Parts, labels: np.ndarray) -> np.ndarray:
    """Count the classes of each client, shape (clients, classes)."""
    return np.stack([np.bincount(labels[part], minlength=labels.max() + 1) for part in parts])


def class_labels(rng: np.random.Generator, *sizes: int) -> np.ndarray:
    """Return the labels of so many examples of class 0, 1, ..., in any order."""
    return rng.permutation(np.repeat(np.arange(len(sizes)), sizes))


def are_labels(parts: Parts, labels: np.ndarray) -> bool:
    """Say whether all that stands in a split could be labels."""
    return set(np.concatenate(parts).tolist()) <= set(labels.tolist())


def row(counts: np.ndarray) -> str:
    """Return "3 of class 0, 4 of class 1"."""
    return ", ".join(f"{n} of class {label}" for label, n in enumerate(counts))


def seeds_decide(*sizes: int) -> Case:
    """Make the case that asks twice with the same seed, and with others; `sizes` follow the number of clients."""

    @CONDUCT
    def case(ask: Ask, rng: np.random.Generator) -> None:
        """The same seed gives the same split, another seed another one, and each client draws examples of its own."""
        labels = class_labels(rng, *[100] * 10)
        seeds = [int(seed) for seed in rng.choice(10_000, size=4, replace=False)]
        splits = []
        for seed in seeds:
            one, again = (split_of(ask(labels, 5, *sizes, Rng(seed)), labels, 5) for _ in range(2))
            expect.true(
                all(np.array_equal(a, b) for a, b in zip(one, again, strict=True)),
                "Two generators with the same seed must give the same split, or nobody can repeat the experiment.",
                likely="something else than `rng` was drawn from: `np.random`, or a new generator of your own",
            )
            splits.append(one)
        # An honest draw is the same for all five clients, or for all four seeds, with probability below 1e-12: even
        # where the total is drawn from 1 to 200, two clients agree in total and places with less than 1e-5.
        reply = ask.reply(labels, 5, *sizes, Rng(seeds[0]))
        unused = is_untouched(seeds[0], reply.after[-1])
        expect.true(
            any(not np.array_equal(split[0], splits[0][0]) for split in splits),
            "Generators with different seeds all give the same split.",
            likely="`rng` is not used; draw with it, and with nothing else" if unused else "",
        )
        expect.true(
            any(not np.array_equal(part, splits[0][0]) for part in splits[0]),
            "All clients hold the very same examples.",
            likely=ONCE,
        )

    return case


def drawn_with_replacement(n_clients: int, *sizes: int) -> Case:
    """Make the case that draws far more examples than there are; `sizes` follow the number of clients."""

    def case(ask: Ask, rng: np.random.Generator) -> None:
        """Twelve examples in three classes, and far more to be drawn: every example comes, again and again."""
        labels = class_labels(rng, 4, 4, 4)
        parts = asked_split(ask, rng, labels, n_clients, *sizes)
        # Each of the 12 is missed with probability below 0.75**120 = 1e-15 (3.1), (11/12)**360 = 3e-14 (3.2), and
        # where the numbers are random too (40 clients): 0.09**40 = 1e-42 (3.3), 0.31**40 = 5e-21 (3.4).
        times = np.bincount(np.concatenate(parts), minlength=12)
        never = np.flatnonzero(times == 0)
        shown = ", ".join(map(str, never)) or "none"
        likely = AS_LABELS if are_labels(parts, labels) else _why_never(never, labels)
        expect.true(len(never) == 0, f"Some examples never come: those at {shown}.", got=times, likely=likely)
        # One example stands for a twelfth of 120 draws and more: 120 different ones do not exist.
        expect.true(times.max() > n_clients, "No example comes twice to a client.", likely=WITHOUT)

    return case


def _why_never(never: np.ndarray, labels: np.ndarray) -> str:
    if len(never) > len(labels) / 2:
        return "always the same few examples; draw among all of them"
    lasts = {int(np.flatnonzero(labels == label)[-1]) for label in np.unique(labels)}
    firsts = {int(np.flatnonzero(labels == label)[0]) for label in np.unique(labels)}
    if set(never.tolist()) in (lasts, {len(labels) - 1}):
        return "the last one is never drawn: `rng.integers(n)` leaves out n itself already, so n - 1 is one too few"
    return "the first one is never drawn: places begin at 0" if set(never.tolist()) in (firsts, {0}) else ""
