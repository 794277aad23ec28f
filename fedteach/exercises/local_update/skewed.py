"""3.4: a few classes dominate."""

import numpy as np

from fedteach.exercises.local_update.splits import (
    AS_LABELS,
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
from fedteach.grading.exercise import SPECIAL, Exercise

MANY, FEW = range(60, 110), range(1, 10)


def _skewed(ask: Ask, rng: np.random.Generator, labels: np.ndarray, n_clients: int) -> np.ndarray:
    """Ask for a split, and return the counts of each class; each must be one of `MANY` or one of `FEW`."""
    parts = asked_split(ask, rng, labels, n_clients)
    counts = counts_of(parts, labels)
    wrong = ~(np.isin(counts, MANY) | np.isin(counts, FEW))
    for i, label in np.argwhere(wrong):
        n = int(counts[i, label])
        raise Wrong(
            f"A class has 60 to 109 examples at a client, or 1 to 9; client {i} holds {n} of class {label}.",
            got=row(counts[i]),
            likely=AS_LABELS if are_labels(parts, labels) else _why_so_many(counts[wrong]),
        )
    lacks = np.flatnonzero((counts < 60).all(axis=1))
    expect.true(
        len(lacks) == 0,
        "At every client at least one class dominates; here is one where none does.",
        got=row(counts[lacks[0]]) if len(lacks) else "",
        likely="is the number of draws sometimes 0? It is 1 to 9",
    )
    return counts


def _why_so_many(wrong: np.ndarray) -> str:
    if (wrong == 0).any():
        return "the classes that do not dominate are left out, or their draw may give 0; they have 1 to 9 examples"
    if (wrong > 119).any():
        return "a class that is drawn twice gets its examples twice; it still dominates once"
    if (wrong > 110).any():
        return "a dominating class gets its 1 to 9 on top; it gets 60 to 109, and no more"
    ends = {10, 110} & set(wrong.tolist())
    return "the upper end is too high by one: `rng.integers(60, 110)` ends at 109" if ends else ""


@SPECIAL
def a_single_class(ask: Ask, rng: np.random.Generator) -> None:
    """With a single class, that one dominates everywhere: each client has 60 to 109 of it."""
    _skewed(ask, rng, np.zeros(5, np.int64), 4)


def many_or_few(ask: Ask, rng: np.random.Generator) -> None:
    """Three classes: one, two or all three dominate, for a class may be drawn more than once."""
    counts = _skewed(ask, rng, class_labels(rng, 50, 20, 90), 60)
    _expect_different_ones(counts)


def _expect_different_ones(counts: np.ndarray) -> None:
    # Of three classes, all three dominate with probability 0.52, which is the likeliest: 60 times
    # with 0.52**60 = 1e-17.
    dominates = counts >= 60
    expect.true(
        bool((dominates != dominates[0]).any()),
        "The same classes dominate at every client.",
        got=f"always classes {', '.join(map(str, np.flatnonzero(dominates[0])))}",
        likely="the dominating classes are drawn once, before the loop over the clients; each client draws its own",
    )


def over_many_clients(ask: Ask, rng: np.random.Generator) -> None:
    """400 clients and ten classes: the whole range of 1 to 9 draws, of 60 to 109 and of 1 to 9 examples is used."""
    counts = _skewed(ask, rng, class_labels(rng, *range(11, 21)), 400)
    _expect_different_ones(counts)
    dominating = (counts >= 60).sum(axis=1)
    _expect_number_of_draws(dominating)
    # About 355 clients have two dominating classes or more, and two equal numbers each with probability 1/50.
    alike = [len(set(held[held >= 60])) == 1 for held in counts if (held >= 60).sum() > 1]
    expect.true(
        not all(alike),
        "At each client all dominating classes have the same number of examples.",
        got=row(counts[int(np.argmax(dominating))]),
        likely="60 to 109 is drawn once for all classes; draw it anew for each",
    )
    # About 1,550 counts of 60 to 109 and 2,450 of 1 to 9; fewer than 1,200 of the former come with less than 1e-12,
    # and then one number of the fifty stays away with probability 0.98**1200 = 3e-11.
    for name, wanted, drawn in (("60 to 109", MANY, counts[counts >= 60]), ("1 to 9", FEW, counts[counts < 60])):
        for end in (wanted[0], wanted[-1]):
            expect.true(
                end in drawn,
                f"In {len(drawn):,} draws of {name} examples, {end} never comes.",
                got=f"only {drawn.min()} to {drawn.max()}",
                expected=name,
                likely="`rng.integers(low, high)` leaves out `high`" if end == wanted[-1] else "",
            )
    expect.true(
        bool((counts >= 60).any(axis=0).all()),
        "Some class never dominates, at none of the 400 clients.",
        got=f"class {np.flatnonzero(~(counts >= 60).any(axis=0)).tolist()}",
        likely="is the upper end of a draw too low by one?",
    )


def _expect_number_of_draws(dominating: np.ndarray) -> None:
    """Look at how many classes dominate, over 400 clients; 1 to 9 draws with replacement from ten classes."""
    # One draw: 1/9 of the clients, so nobody has exactly one with (8/9)**400 = 3e-21. Five or more classes: above 1/3.
    for holds, says, likely in (
        ((dominating == 1).any(), "No client has just one dominating class.", "can the number of draws be 1?"),
        ((dominating >= 5).any(), "No client has five dominating classes.", "can the number of draws be as high as 9?"),
    ):
        got = f"{dominating.min()} to {dominating.max()} dominating classes"
        cause = "the number of draws is always the same; draw it too, from 1 to 9" if np.ptp(dominating) < 5 else likely
        expect.true(
            bool(holds), says, got=got, expected="1 to 9 draws, of which some name the same class", likely=cause
        )
    # Nine draws with replacement name nine classes with probability 0.0036, so a client does with 0.0004: eight of 400
    # do with probability below 0.162**8 / 8! = 1e-11. Without replacement about 44 of them do.
    expect.true(
        (dominating == 9).sum() < 8,
        "Too often nine classes dominate: of nine draws with replacement some name the same class.",
        got=f"nine dominating classes at {(dominating == 9).sum()} of 400 clients",
        expected="hardly ever",
        likely="the classes are drawn without replacement",
    )


def reference_skewed(labels: np.ndarray, n_clients: int, rng: np.random.Generator) -> Parts:
    """Let a few classes dominate at each client, others at another."""
    from fedteach.data.experiments import experiment_4

    return list(experiment_4(labels, n_clients, rng).parts)


SKEWED = Exercise(
    "3.4",
    "split_skewed",
    "a few classes dominate",
    hints=(
        "Which three things does a client draw before it draws any example? In which order?",
        "If the draws are 4, 7 and 4, which classes dominate? How could you give *every* class its 1 to 9 first, and "
        "then overwrite a few of these numbers?",
        "`rng.integers(60, 110)`: which numbers can come? And once you know how many of each class there should be, "
        "what is different from 3.1?",
    ),
    cases=(a_single_class, many_or_few, drawn_with_replacement(40), over_many_clients, seeds_decide()),
    reference=reference_skewed,
    points=3,
    time_limit_s=6.0,  # one draw for each example is slow, and right
)
