"""4.3: the gate in front of the mean, and what must not get through it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from fedteach.exercises.aggregation.updates import random_updates
from fedteach.exercises.common import WHY_NOT_FINITE, several
from fedteach.grading import expect
from fedteach.grading.ask import Ask
from fedteach.grading.exercise import CONDUCT, SPECIAL, Exercise
from fedteach.grading.plain import difference
from fedteach.messages import Update, Weights

Accepted = tuple[list[Update], dict[str, str]]


@CONDUCT
def good_ones_pass(ask: Ask, rng: np.random.Generator) -> None:
    """Good updates of this round are all accepted, in their order."""
    for n_clients in (3, 1, 5):
        updates = random_updates(rng, n_clients)
        names = [update.client for update in updates]
        says = f"{n_clients} good updates should give a list of {n_clients} and no complaint."
        likely: expect.Likely = [
            (([], names), "all of them are refused: which of your conditions holds for a good update?")
        ]
        expect.equal(_names(ask(updates, 1, _like(updates))), (names, []), says, likely)
    expect.equal(_names(ask([], 1, _like(updates))), ([], []), "Of no updates none is accepted, and none refused.")


def not_a_number(ask: Ask, rng: np.random.Generator) -> None:
    """An update that holds NaN or an infinite number is refused, wherever it stands."""
    for bad in (np.nan, np.inf, -np.inf):
        for tensor in (0, 1, 0, 1):
            updates, place = random_updates(rng, 3), int(rng.integers(3))
            delta = updates[place].delta[tensor]
            delta.flat[rng.integers(delta.size)] = bad
            says = f"One number of client {place}'s update is {bad}: averaged in, it spoils all"
            _refused(ask, updates, 1, place, says, f"{WHY_NOT_FINITE[str(bad)]}: at every number of every tensor")


def wrong_shape(ask: Ask, rng: np.random.Generator) -> None:
    """An update whose arrays do not fit the model is refused: number of arrays, and the shape of each."""
    for says, spoil in (
        ("the first array has shape (1, 2), the model's has (3, 2)", lambda one, two: [one[:1], two]),
        ("there is one array, and the model has two", lambda one, two: [one]),
        ("there are three arrays, and the model has two", lambda one, two: [one, two, two]),
        ("the first array has shape (2, 3), the model's has (3, 2)", lambda one, two: [one.T.copy(), two]),
        ("the second array has shape (2, 1), the model's has (2,)", lambda one, two: [one, two[:, None]]),
        ("the second array has shape (3,), the model's has (2,)", lambda one, two: [one, np.append(two, two[0])]),
        ("there is no array at all, and the model has two", lambda one, two: []),
    ):
        updates, place = random_updates(rng, 3), int(rng.integers(3))
        updates[place] = replace(updates[place], delta=spoil(*updates[place].delta))
        _refused(ask, updates, 1, place, f"In client {place}'s update {says}", _WHY_ANY_SHAPE)


_WHY_ANY_SHAPE = (
    "compare the number of arrays, and the whole `.shape` of each: `zip` stops at the shorter list, and numpy "
    "stretches (1, 2) to (3, 2)"
)


def late(ask: Ask, rng: np.random.Generator) -> None:
    """An update of another round is refused: it starts from a model that is gone."""
    for answered in (4, 2, 6):
        updates, place = [replace(update, round=5) for update in random_updates(rng, 3)], int(rng.integers(3))
        updates[place] = replace(updates[place], round=answered)
        says = f"Client {place}'s update answers round {answered}, and this is round 5"
        _refused(ask, updates, 5, place, says, "`update.round` is the round that it answers: is it this one?")


def twice(ask: Ask, rng: np.random.Generator) -> None:
    """A client that answers twice counts once: the first answer stays."""
    for first in (0, 1):
        updates = random_updates(rng, 3)
        again = replace(updates[2], client=updates[first].client)
        names = [update.client for update in updates[:2]]
        accepted, refused = _checked(ask([*updates[:2], again], 1, _like(updates)))
        expect.equal(
            [update.client for update in accepted],
            names,
            f"Client {first} reported twice and must count once, or the shares no longer sum to 1.",
            likely=[([*names, again.client], "remember whose update was accepted, in a set")],
        )
        expect.true(
            difference(accepted[first].delta, updates[first].delta) is None,
            "Of two answers of the same client, the first one stays.",
            likely="a dictionary by client keeps the last one",
        )
        expect.equal(list(refused), [again.client], "The second answer is to be refused, with its reason.")


def no_examples(ask: Ask, rng: np.random.Generator) -> None:
    """An update that counts less than one example is refused."""
    for n_examples in (0, -3):
        updates, place = random_updates(rng, 3), int(rng.integers(3))
        updates[place] = replace(updates[place], n_examples=n_examples)
        says = f"Client {place}'s update says that it trained on {n_examples} examples"
        _refused(ask, updates, 1, place, says, "an update counts from one example on: `update.n_examples < 1`")


@SPECIAL
def a_bad_one_leaves_no_trace(ask: Ask, rng: np.random.Generator) -> None:
    """A refused answer does not use up a client's turn: its later, good answer counts."""
    for what, spoil in (
        ("NaN", lambda good: replace(good, delta=[np.full_like(tensor, np.nan) for tensor in good.delta])),
        ("an answer to an earlier round", lambda good: replace(good, round=0)),
        ("one of 0 examples", lambda good: replace(good, n_examples=0)),
        ("one array too few", lambda good: replace(good, delta=good.delta[:1])),
    ):
        good, other = random_updates(rng, 2)
        accepted, _ = _checked(ask([spoil(good), other, good], 1, _like([good])))
        expect.equal(
            sorted(update.client for update in accepted),
            ["client 0", "client 1"],
            f"Client 0 first sent {what} and then a good update: the good one counts.",
            likely=[(["client 1"], "a client is remembered as seen although its update was refused")],
        )


def _like(updates: Sequence[Update]) -> Weights:
    return [np.zeros_like(tensor) for tensor in updates[0].delta]


def _checked(answer: object) -> Accepted:
    accepted, refused = several(answer, "accepted", "refused", are="the accepted updates and the refused clients")
    expect.same_kind(accepted, accepted if isinstance(accepted, list) else [], "item 0")
    expect.same_kind(refused, refused if isinstance(refused, dict) else {}, "item 1")
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


def _refused(ask: Ask, updates: list[Update], round: int, place: int, says: str, why_kept: str) -> None:
    """Insist that the update at one place is refused, and the others are not."""
    names = [update.client for update in updates]
    others = [name for name in names if name != names[place]]
    good = updates[place - 1]
    answer = _names(ask(updates, round, _like([good])))
    expect.equal(answer, (others, [names[place]]), f"{says}. Refuse it, keep the others.", [((names, []), why_kept)])


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
