"""7.3: which updates of a round look poisoned."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fedteach.exercises.classroom.rules import FAR, FAULTS, NORMAL, Rows, far, is_close_call, suspicious
from fedteach.grading import expect
from fedteach.grading.ask import Ask, NoMoreAnswers, Wrong
from fedteach.grading.exercise import EXAMPLE, SPECIAL, Exercise
from fedteach.grading.plain import kind_of
from fedteach.messages import Update, Weights

SHAPES = ((3, 2), (4,))
"""The tensors of the updates that are asked about, but for the plainest ones."""

_CUT, _NUMBERS = 6, 10


@EXAMPLE
def five_numbers(ask: Ask, rng: np.random.Generator) -> None:
    """Five clients with one number each: 1, 2, 3, 4 and 100. Only the last one is far."""
    # The middle is 3, the distances are 2, 1, 0, 1, 97, the usual one is 1; from it they differ by 1, 0, 1, 0, 96,
    # and the median of that is 1. Scores: 0.6745 * (2 - 1) / 1 = 0.67 at most, and 0.6745 * 96 = 64.8.
    _expect(ask, rng, _eve())


@SPECIAL
def all_honest(ask: Ask, rng: np.random.Generator) -> None:
    """All are about equally far from the middle, one is even nearer than the others: no suspect."""
    # Opposite pairs have their median at 0, so all are about 5 away but the last, which sits on the middle.
    rows = np.zeros((9, _NUMBERS))
    for pair in range(4):
        rows[2 * pair, pair] = 5 + 0.1 * pair
        rows[2 * pair + 1, pair] = -5 - 0.1 * pair
    _expect(ask, rng, _updates(rng.permutation(rows)))


def turned_round(ask: Ask, rng: np.random.Generator) -> None:
    """A liar turns its update round: it is as long as all others, but far from the middle."""
    for n_clients in (5, 9):
        _expect(ask, rng, _poisoned(rng, n_clients, -1))


def three_agree(ask: Ask, rng: np.random.Generator) -> None:
    """Three of seven lie, and agree on what to say; all are named, in the order in which they came."""
    _expect(ask, rng, _poisoned(rng, 7, -3, -3, -3))


def claims_count_for_nothing(ask: Ask, rng: np.random.Generator) -> None:
    """A liar that claims to hold a million examples is named all the same."""
    updates = _poisoned(rng, 6, -4)
    liars = suspicious(updates)
    _expect(ask, rng, [replace(u, n_examples=1_000_000) if u.client in liars else u for u in updates])


@SPECIAL
def on_either_side(ask: Ask, rng: np.random.Generator) -> None:
    """Scores on either side of 3.5, and lies that stand in one tensor alone."""
    for updates in _telling(rng):
        _expect(ask, rng, updates)


# ---- updates to ask about -------------------------------------------------------------------------------------------


def _eve() -> list[Update]:
    said = {"Anna": 1, "Ben": 2, "Chris": 3, "Dora": 4, "Eve": 100}
    return _updates([[value] for value in said.values()], list(said), shapes=((1,),))


def _telling(rng: np.random.Generator) -> Iterator[list[Update]]:
    """For each rule that students write instead, yield a question to which it gives a wrong answer."""
    for fault, _ in FAULTS:
        matrix = _one_of_nine(rng)
        while np.array_equal(far(_tensors(matrix), **fault), far(_tensors(matrix))):
            matrix = _one_of_nine(rng)
        yield _updates(matrix)


def _poisoned(rng: np.random.Generator, n_clients: int, *times: float) -> list[Update]:
    """Return updates that are much alike, of which as many as there are `times` are so many times as long."""
    while True:
        noise = rng.normal(size=(n_clients, _NUMBERS))
        noise *= rng.uniform(0.9, 1.1, size=(n_clients, 1)) / np.linalg.norm(noise, axis=1, keepdims=True)
        rows = rng.choice([-2.0, 2.0], size=_NUMBERS) + noise
        rows[rng.choice(n_clients, size=len(times), replace=False)] *= np.array(times)[:, None]
        if not is_close_call(_tensors(rows)):  # where rounding would decide, others are asked about
            return _updates(rows)


def _one_of_nine(rng: np.random.Generator) -> np.ndarray:
    """Return updates that have little in common; one is longer, in the first tensor, the last one or everywhere."""
    while True:
        matrix = rng.normal(size=(9, _NUMBERS)).astype(np.float32)
        where = (slice(0, _CUT), slice(_CUT, None), slice(None))[rng.integers(3)]
        matrix[rng.integers(9), where] *= rng.uniform(1.5, 5)
        if not is_close_call(_tensors(matrix)):
            return matrix


def _tensors(matrix: np.ndarray) -> Rows:
    """Part the numbers of the clients, shape (clients, 10), into those of each tensor."""
    return np.split(matrix.astype(np.float64), [_CUT], axis=1)


def _updates(rows: Any, names: Sequence[str] = (), shapes: Sequence[tuple[int, ...]] = SHAPES) -> list[Update]:
    names = names or [f"client {i}" for i in range(len(rows))]
    cuts = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]

    def delta(row: Any) -> Weights:
        parts = np.split(np.array(row, np.float32), cuts)
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]

    return [Update(name, 1, delta(row), 40 + i) for i, (name, row) in enumerate(zip(names, rows, strict=True))]


# ---- what is said ---------------------------------------------------------------------------------------------------


def _expect(ask: Ask, rng: np.random.Generator, updates: list[Update]) -> None:
    want = suspicious(updates)
    got = _names(ask(updates), updates)
    if got == want:
        return
    cause = _cause(ask, rng, got, updates)
    _names(ask(updates), updates)  # once more, so that this is the question that is told
    says = "Nobody here is far from the others, so nobody is a suspect."
    if want:
        says = f"Far from the others {'is' if len(want) == 1 else 'are'} {', '.join(want)}, and nobody else."
    if sorted(got) == sorted(want):
        says = "These are the right ones; return them in the order in which their updates came."
    expect.true(False, says, got=got, expected=want, likely=cause)


_NOBODY = (
    "nobody is ever suspected: is a comparison turned round? Or is the spread a standard deviation? One liar among "
    "nine makes that so large that nobody is ever 3.5 of them away"
)


def _cause(ask: Ask, rng: np.random.Generator, got: list[str], updates: list[Update]) -> str:
    """Ask some more, and say which of the known rules gives all these answers; "" if none does."""
    # Two rules may well agree on one question; on three times as many as there are rules they do not.
    questions, answers = [updates, _eve(), *(question for _ in range(3) for question in _telling(rng))], [got]
    try:
        answers += [_names(ask(question), question) for question in questions[1:]]
    except NoMoreAnswers:
        raise
    except Wrong:
        return ""
    if not any(answers):
        return _NOBODY
    for fault, cause in FAULTS:
        if all(suspicious(q, **fault) == answer for q, answer in zip(questions, answers, strict=True)):
            return cause
    honest = [[u.client for u in question if u.client not in suspicious(question)] for question in questions]
    return "these are the honest ones; return the suspects" if honest == answers else ""


def _names(answer: Any, updates: Sequence[Update]) -> list[str]:
    expect.true(
        isinstance(answer, list | tuple),
        f"Expected a list of clients' names; your function returned {kind_of(answer)}.",
        got=answer,
        likely="is a `return` missing?" if answer is None else "",
    )
    known = [update.client for update in updates]
    for item in answer:
        expect.true(
            isinstance(item, str) and item in known,
            f"Expected the names of clients; there is {kind_of(item)} in your list.",
            got=list(answer),
            expected=known[:1],
            likely=_instead_of_a_name(item),
        )
    return list(answer)


def _instead_of_a_name(item: Any) -> str:
    if isinstance(item, Update):
        return "these are the updates; `update.client` is the name of who sent one"
    if isinstance(item, int) and not isinstance(item, bool):
        return "these are places in the list; return the names of the clients that stand there"
    return "these say yes or no for each client; return the names for which it is yes" if isinstance(item, bool) else ""


def reference_suspects(updates: Sequence[Update]) -> list[str]:
    """Name the clients whose updates lie far from the middle of all.

    Source:
        The median of each number: Yin et al. (2018), arXiv:1803.01498, Definition 1. The modified z-score with 0.6745
        and 3.5: B. Iglewicz and D. Hoaglin (1993), How to Detect and Handle Outliers. Ours looks upwards only.
    """
    updates = list(updates)
    squares = np.zeros(len(updates))
    for tensors in zip(*(update.delta for update in updates), strict=True):
        stack = np.stack(tensors, dtype=np.float64)
        squares += np.square(stack - np.median(stack, axis=0)).reshape(len(updates), -1).sum(axis=1)
    away = np.sqrt(squares) - np.median(np.sqrt(squares))
    is_far = NORMAL * away > FAR * np.median(np.abs(away))
    return [update.client for update, far in zip(updates, is_far, strict=True) if far]


SUSPECTS = Exercise(
    "7.3",
    "suspects",
    "spotting a poisoned update",
    hints=(
        "Five people guess a weight, and one of them lies wildly. From which point would you measure how far each "
        "guess is off, so that the liar cannot move that point?",
        "If you put each delta into one long row, with `np.concatenate([tensor.ravel() for tensor in update.delta])`, "
        "and all rows on top of each other, what do `np.median(rows, axis=0)` and "
        "`np.linalg.norm(rows - middle, axis=1)` give you?",
        "You have one distance for each client. Which number is their usual one, and what is the median of "
        "`np.abs(distances - usual)`?",
    ),
    cases=(
        five_numbers,
        all_honest,
        turned_round,
        three_agree,
        claims_count_for_nothing,
        on_either_side,
    ),
    reference=reference_suspects,
    passes_on=True,  # who returns the updates is told that names are wanted
    points=3,
)
