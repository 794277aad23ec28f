"""4.3: the gate in front of the mean, and what must not get through it."""

from collections.abc import Iterable, Sequence
from typing import cast

import numpy as np

from fedteach.exercises.aggregation.updates import random_updates
from fedteach.exercises.common import WHY_NOT_FINITE
from fedteach.grading import expect
from fedteach.grading.ask import Ask
from fedteach.grading.exercise import Exercise
from fedteach.grading.plain import kind_of
from fedteach.messages import Update, Weights

Accepted = tuple[list[Update], dict[str, str]]


def good_ones_pass(ask: Ask, rng: np.random.Generator) -> None:
    """Good updates of this round are all accepted, in their order."""
    updates = random_updates(rng, 3)
    expect.equal(
        _names(ask(updates, 1, _like(updates))),
        (["client 0", "client 1", "client 2"], []),
        "Three good updates should give a list of three and no complaint.",
    )


def not_a_number(ask: Ask, rng: np.random.Generator) -> None:
    """An update that holds NaN or an infinite number is refused."""
    for bad, where in ((np.nan, 0), (np.inf, 1), (-np.inf, 0)):
        updates = random_updates(rng, 3)
        updates[1].delta[where].flat[-1] = bad
        why = WHY_NOT_FINITE[str(bad)] + (". Do you look at every tensor?" if where else "")
        likely: expect.Likely = [((["client 0", "client 1", "client 2"], []), why)]
        _refused(
            ask, updates, 1, "client 1", f"One number of client 1's update is {bad}: averaged in, it spoils all", likely
        )


def wrong_shape(ask: Ask, rng: np.random.Generator) -> None:
    """An update whose arrays do not fit the model is refused: number of arrays, and the shape of each."""
    updates = random_updates(rng, 3)
    broadcastable = Update("client 1", 1, [updates[1].delta[0][:1], updates[1].delta[1]], 5)
    too_few = Update("client 1", 1, updates[1].delta[:1], 5)
    for bad, says in (
        (broadcastable, "Client 1's first array has shape (1, 2), the model's has (3, 2)"),
        (too_few, "Client 1 sent one array, the model has two"),
    ):
        likely: expect.Likely = [
            (
                (["client 0", "client 1", "client 2"], []),
                "`zip` stops at the shorter list, and numpy stretches (1, 2) to (3, 2): compare lengths and shapes",
            )
        ]
        _refused(ask, [updates[0], bad, updates[2]], 1, "client 1", says, likely)


def late(ask: Ask, rng: np.random.Generator) -> None:
    """An update of an earlier round is refused: it starts from a model that is gone."""
    updates = random_updates(rng, 3)
    updates = [Update(u.client, 4 if i == 1 else 5, u.delta, u.n_examples) for i, u in enumerate(updates)]
    likely: expect.Likely = [
        ((["client 0", "client 1", "client 2"], []), "`update.round` is the round that it answers")
    ]
    _refused(ask, updates, 5, "client 1", "Client 1's update answers round 4, and this is round 5", likely)


def twice(ask: Ask, rng: np.random.Generator) -> None:
    """A client that answers twice counts once: the first answer stays."""
    first, other, again = random_updates(rng, 3)
    again = Update(first.client, 1, again.delta, again.n_examples)
    accepted, refused = _checked(ask([first, other, again], 1, _like([first])))
    expect.equal(
        [update.client for update in accepted],
        [first.client, other.client],
        "Client 0 reported twice and must count once, or the shares no longer sum to 1.",
        likely=[([first.client, other.client, first.client], "remember whose update was accepted, in a set")],
    )
    expect.true(
        bool(np.array_equal(accepted[0].delta[0], first.delta[0])),
        "Of two answers of the same client, the first one stays.",
        likely="a dictionary by client keeps the last one",
    )
    expect.equal(list(refused), [first.client], "The second answer is to be refused, with its reason.")


def no_examples(ask: Ask, rng: np.random.Generator) -> None:
    """An update that counts less than one example is refused."""
    updates = random_updates(rng, 3)
    updates[1] = Update("client 1", 1, updates[1].delta, 0)
    _refused(ask, updates, 1, "client 1", "Client 1 says that it trained on 0 examples", [])


def a_bad_one_leaves_no_trace(ask: Ask, rng: np.random.Generator) -> None:
    """A refused answer does not use up a client's turn: its later, good answer counts."""
    good, other = random_updates(rng, 2)
    broken = Update(good.client, 1, [np.full_like(tensor, np.nan) for tensor in good.delta], good.n_examples)
    accepted, _ = _checked(ask([broken, other, good], 1, _like([good])))
    expect.equal(
        sorted(update.client for update in accepted),
        ["client 0", "client 1"],
        "Client 0 first sent NaN and then a good update: the good one counts.",
        likely=[(["client 1"], "a client is remembered as seen although its update was refused")],
    )


def _like(updates: Sequence[Update]) -> Weights:
    return [np.zeros_like(tensor) for tensor in updates[0].delta]


def _checked(answer: object) -> Accepted:
    expect.true(
        isinstance(answer, tuple) and [type(item) for item in answer] == [list, dict],
        f"Expected two things, the list of accepted updates and the dict of refused ones; your function returned "
        f"{kind_of(answer)}.",
        got=answer,
        expected="(accepted, refused)",
        likely="`return accepted, refused` returns both",
    )
    accepted, refused = cast(Accepted, answer)
    for place, update in enumerate(accepted):
        expect.true(
            isinstance(update, Update),
            f"The first thing to return is a list of updates; its item {place} is something else.",
            got=accepted,
        )
    for client, reason in refused.items():
        expect.true(
            isinstance(client, str) and isinstance(reason, str) and bool(reason.strip()),
            "The second thing to return is a dict: client's name -> the reason, a sentence.",
            got=refused,
            expected={"client 1": "holds NaN"},
        )
    return accepted, refused


def _names(answer: object) -> tuple[list[str], list[str]]:
    accepted, refused = _checked(answer)
    return [update.client for update in accepted], list(refused)


def _refused(ask: Ask, updates: list[Update], round: int, client: str, says: str, likely: expect.Likely) -> None:
    others = [update.client for update in updates if update.client != client]
    good = next(update for update in updates if update.client == others[0])
    answer = _names(ask(updates, round, _like([good])))
    expect.equal(answer, (others, [client]), f"{says}. Refuse it, keep the others.", likely)


def reference_accept(updates: Iterable[Update], round: int, like: Weights) -> Accepted:
    """Sort the updates of a round into those that may be averaged and reasons why the others may not."""
    from fedteach.messages import why_unusable

    accepted: dict[str, Update] = {}
    refused: dict[str, str] = {}
    for update in updates:
        unusable = why_unusable(update.delta, like)
        reason = f"cannot be averaged: {unusable}" if unusable else ""
        if update.round != round:
            reason = f"answers round {update.round}, this is round {round}"
        elif update.client in accepted:
            reason = "has answered already"
        elif update.n_examples < 1:
            reason = "trained on no example"
        if reason:
            refused[update.client] = reason
        else:
            accepted[update.client] = update
    return list(accepted.values()), refused


ACCEPT = Exercise(
    "4.3",
    "accept",
    "refusing what must not be averaged",
    hints=(
        "What is NaN plus anything? And what does one NaN do to a mean over a thousand clients?",
        "Which numpy function says in one go that a number is neither NaN nor infinite? And which reduces many answers "
        "to one?",
        "If a client has answered already, where could you look that up quickly?",
    ),
    cases=(good_ones_pass, not_a_number, wrong_shape, late, twice, no_examples, a_bad_one_leaves_no_trace),
    reference=reference_accept,
    passes_on=True,
    points=3,
)
