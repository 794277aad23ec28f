"""1.3: how many to invite."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fedteach.exercises.common import counted
from fedteach.grading import expect
from fedteach.grading.ask import Ask
from fedteach.grading.exercise import EXAMPLE, SPECIAL, Exercise
from fedteach.grading.plain import kind_of

_MOST = 400
"""Known wrong answers are looked for up to here."""

_DICE = " Or is the chance only nearly right, by dice or a bell curve? Compute the chance itself"


def chance_of_at_least(n: int, invited: int, p: float) -> float:
    """P(Binomial(invited, p) >= n), as one minus the chances of 0, 1, ..., n - 1 answers."""
    return 1 - math.fsum(math.comb(invited, k) * p**k * (1 - p) ** (invited - k) for k in range(n))


def smallest(n: int, p: float, confidence: float) -> int:
    """Count upwards until the chance of at least n answers is high enough, or up to 400."""
    return _first(n, lambda invited: chance_of_at_least(n, invited, p) >= confidence)


def _first(start: int, holds: Callable[[int], bool]) -> int:
    return next((invited for invited in range(start, _MOST) if holds(invited)), _MOST)


def is_close_call(n: int, p: float, confidence: float) -> bool:
    """Say whether the chance at the answer, or at one less, is so near to `confidence` that rounding would decide."""
    right = smallest(n, p, confidence)
    return any(abs(chance_of_at_least(n, invited, p) - confidence) < 1e-6 for invited in (right - 1, right))


def _expect_invitations(got: Any, n: int, p: float, confidence: float, first: expect.Likely = ()) -> None:
    """Insist on the smallest number; a whole number that comes as a float will do.

    Args:
        got: the answer.
        n: answers needed.
        p: probability that a client answers.
        confidence: wanted probability that at least n do.
        first: wrong answers whose cause this very question brings out, ahead of the usual ones.
    """
    if isinstance(got, float) and got.is_integer():
        got = int(got)
    expect.true(
        isinstance(got, int) and not isinstance(got, bool),
        f"Expected a whole number of clients; your function returned {kind_of(got)}.",
        got=got,
        likely="is a `return` missing, or does the loop end before the answer is found?" if got is None else "",
    )
    right = smallest(n, p, confidence)
    if got != right:
        chance = chance_of_at_least(n, got, p) if n <= got <= _MOST else float(got > n)
        ending = "which is not enough" if got < right else "but fewer invitations will do"
        says = f"With {counted(got, 'invitation')}, the chance of at least {counted(n, 'answer')} is {chance:.4g}, "
        says += f"{ending}."
        expect.equal(got, right, says, [*first, *_known_wrong_numbers(n, p, confidence, right)])


def _known_wrong_numbers(n: int, p: float, c: float, right: int) -> expect.Likely:
    """List the wrong numbers that have a known cause, the likeliest first."""
    alone = "nobody is invited for those who do not answer"
    if smallest(n, 1 - p, c) == n:
        alone += "; p_answer is the chance that a client answers, not that it drops out"
    average = "n / p_answer invitations bring n answers *on average*; nearly every second round has fewer"
    wrong = [
        (n, alone),
        (
            _first(n, lambda invited: math.comb(invited, n) * p**n * (1 - p) ** (invited - n) >= c),
            "this counts *exactly* n answers; at least n: add up n, n + 1, ..., N",
        ),
        (smallest(n + 1, p, c), "this makes sure of *more* than n answers; at least n includes n itself"),
        (math.ceil(n / p), average),
        (round(n / p), average),
        (math.ceil(1.3 * n), "this is 130 % whatever the chances are; work with p_answer and confidence"),
        (math.ceil(n + n * (1 - p)), "this adds a spare for each of n that drops out, but spares drop out too"),
        (math.ceil(n / p / c), "confidence is no factor: it is the chance that at least n answers must reach"),
        (
            _first(n, lambda invited: chance_of_at_least(n, invited, p) - p**invited >= c),
            "the case that all who are invited answer is left out: `range(n, N)` ends at N - 1",
        ),
        (n * smallest(1, p, c), "this makes sure of one answer, n times over; together fewer invitations will do"),
        (smallest(n, c, p), "p_answer and confidence have changed places"),
        (smallest(n, 1 - p, c), "p_answer is the chance that a client answers, not that it drops out"),
        (smallest(n, p, 1 - c), "so many are enough with probability 1 - confidence: is a comparison turned round?"),
        (right - 1, f"this is one too few: does the loop stop one early?{_DICE}"),
        (
            right + 1,
            f"this is one too many: does the loop count on once more when the chance is high enough already?{_DICE}",
        ),
    ]
    return [(number, cause) for number, cause in wrong if number != right]


@EXAMPLE
def one_in_five(ask: Ask, rng: np.random.Generator) -> None:
    """One client in five answers. Two answers come from 4 invitations with about 18 %, from 5 with about 26 %."""
    # P(fewer than 2 of 5) = 0.8^5 + 5 * 0.2 * 0.8^4 = 0.328 + 0.410 = 0.737; of 4: 0.410 + 0.410 = 0.819.
    # First of all, because here even "exactly 2" reaches the confidence (7 invitations: 0.275), and so comes to an end.
    four = (
        "is this a spare for each that drops out, enough for one answer n times over, or a loop that stops one early?"
    )
    _expect_invitations(ask(2, 0.2, 0.25), 2, 0.2, 0.25, [(4, four)])


@EXAMPLE
def coins(ask: Ask, rng: np.random.Generator) -> None:
    """A client answers like a coin: one answer comes from 2 invitations with 3/4, from 3 with 7/8."""
    # P(at least 1 of N) = 1 - (1/2)^N: 1/2, 3/4, 7/8.  P(at least 2 of 4) = 1 - (1 + 4) / 16 = 11/16, of 3: 1/2.
    for n, confidence in ((1, 0.8), (1, 0.7), (2, 0.6)):
        _expect_invitations(ask(n, 0.5, confidence), n, 0.5, confidence)
    # Quarters have no rounding: 2 invitations reach 3/4 to the last bit.
    more = [(3, "exactly `confidence` is enough: go on only while the chance is *below* it")]
    _expect_invitations(ask(1, 0.5, 0.75), 1, 0.5, 0.75, more)


@SPECIAL
def everybody_answers(ask: Ask, rng: np.random.Generator) -> None:
    """Where everybody answers, or nearly, no spare is needed."""
    # 0.95 ** 2 = 0.9025: two invitations bring two answers with more than 0.8.
    for n, p, confidence in ((1, 1.0, 0.9), (7, 1.0, 0.99), (2, 0.95, 0.8)):
        _expect_invitations(ask(n, p, confidence), n, p, confidence)


def any_numbers(ask: Ask, rng: np.random.Generator) -> None:
    """Any number of answers, any chance, any confidence."""
    for confidence in (0.9, 0.95, 0.8, 0.99, 0.4, 0.9):
        n, p = 0, 0.0
        while n == 0 or is_close_call(n, p, confidence):  # where rounding would decide, other numbers are asked
            n, p = int(rng.integers(3, 13)), round(float(rng.uniform(0.3, 0.95)), 2)
        _expect_invitations(ask(n, p, confidence), n, p, confidence)


@SPECIAL
def close_calls(ask: Ask, rng: np.random.Generator) -> None:
    """Chances just above the confidence, and just below it: a formula tells them apart."""
    for side in rng.permutation([-1e-5, 1e-5] * 5):
        n, p = int(rng.integers(2, 8)), round(float(rng.uniform(0.5, 0.9)), 2)
        confidence = round(chance_of_at_least(n, n + 2, p) + float(side), 7)
        dice = "thrown dice come near and miss it by one now and then: compute the chance"
        right = smallest(n, p, confidence)
        _expect_invitations(ask(n, p, confidence), n, p, confidence, [(right - 1, dice), (right + 1, dice)])


@SPECIAL
def a_large_round(ask: Ask, rng: np.random.Generator) -> None:
    """A hundred answers from phones of which one in ten drops out."""
    _expect_invitations(ask(100, 0.9, 0.99), 100, 0.9, 0.99)


def reference_invitations(n: int, p_answer: float, confidence: float) -> int:
    """Say how many clients to invite so that at least n answer with the given confidence."""
    from fedteach.steps import selection

    return selection.invitations_needed(n, p_answer, confidence)


INVITATIONS = Exercise(
    "1.3",
    "invitations",
    "how many to invite",
    hints=(
        "Three clients are invited and each answers with probability p. In how many ways can exactly two of them "
        "answer, and how likely is each way? What does `math.comb(3, 2)` give?",
        "At least n answers: which numbers of answers are that? Or, what may be shorter: which are not?",
        "If N invitations are not enough, which number would you try next? When may you stop?",
    ),
    cases=(one_in_five, coins, everybody_answers, any_numbers, close_calls, a_large_round),
    reference=reference_invitations,
    points=2,
)
