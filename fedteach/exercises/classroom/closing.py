"""7.2: when a round ends, who counts in it, and who is lost and why."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fedteach.exercises.classroom.endings import (
    FAULTS,
    LATE,
    NOT_BEFORE,
    NOT_NEEDED,
    Arrival,
    Ending,
    Question,
    ending,
    wrong_lost,
)
from fedteach.exercises.common import several
from fedteach.grading import expect
from fedteach.grading.ask import Ask
from fedteach.grading.exercise import EXAMPLE, SPECIAL, Exercise
from fedteach.grading.plain import kind_of
from fedteach.messages import Update


def _question(asked: str, arrivals: str, window_s: float, enough: int) -> Question:
    """Make a round of a text such as "Anna 2.5, Ben 4": who answers when, in this order."""
    came = [item.rsplit(" ", 1) for item in arrivals.split(", ") if item]
    updates = [Update(name, 1, [np.array([i], np.float32)], 10 + i) for i, (name, _) in enumerate(came)]
    events = [(float(at), name, update) for (name, at), update in zip(came, updates, strict=True)]
    return Question(asked.split(), events, window_s, enough)


@EXAMPLE
def enough_have_answered(ask: Ask, rng: np.random.Generator) -> None:
    """Five are asked, three are enough: the third answer ends the round, and the others are not needed."""
    _expect(ask, _question("Anna Ben Chris Dora Emil", "Chris 2.5, Anna 4, Emil 7, Dora 8, Ben 9", 30.0, 3))


@EXAMPLE
def somebody_is_gone(ask: Ask, rng: np.random.Generator) -> None:
    """All four are wanted, but Dora has closed her laptop, and Ben takes too long: the window ends the round."""
    _expect(ask, _question("Anna Ben Chris Dora", "Chris 3, Anna 5, Ben 24", 20.0, 4))
    _expect(ask, _question("Anna Ben Chris", "Chris 3, Anna 5", 20.0, 3))


@EXAMPLE
def all_have_answered(ask: Ask, rng: np.random.Generator) -> None:
    """All have answered: the round ends with the last of them, and nobody is lost."""
    _expect(ask, _question("Anna Ben Chris", "Ben 1, Chris 2, Anna 6.5", 20.0, 3))


@SPECIAL
def to_the_second(ask: Ask, rng: np.random.Generator) -> None:
    """An answer exactly at the end of the window is in time; one just after it is late."""
    _expect(ask, _question("Anna Ben Chris", "Anna 3, Ben 15, Chris 15.01", 15.0, 3))
    _expect(ask, _question("Anna Ben Chris", "Anna 3, Ben 15, Chris 15.01", 15.0, 2))


@SPECIAL
def twice_and_strangers(ask: Ask, rng: np.random.Generator) -> None:
    """A client that answers twice counts once, with its first answer; who was not asked does not count at all."""
    _expect(ask, _question("Anna Ben Chris Dora", "Ben 1, Ben 2, Anna 5, Chris 6", 30.0, 3))
    _expect(ask, _question("Anna Ben Chris Dora", "Eve 1, Ben 2, Eve 3, Anna 5, Chris 6", 30.0, 3))


@SPECIAL
def nobody_answers(ask: Ask, rng: np.random.Generator) -> None:
    """Nobody answers in time: no update, and all are late."""
    _expect(ask, _question("Anna Ben", "", 10.0, 1))
    _expect(ask, _question("Anna Ben", "Ben 11, Anna 12", 10.0, 2))


def any_round(ask: Ask, rng: np.random.Generator) -> None:
    """Any class, any window, any number that is enough."""
    for n_asked in (2, 5, 8, 12, 20):
        asked = [f"laptop-{i}" for i in rng.permutation(30)[:n_asked]]
        who = [str(name) for name in rng.choice([*asked, "stranger"], size=2 * n_asked)]
        at = np.sort(rng.choice(400, size=len(who), replace=False)) / 10
        came = ", ".join(f"{name} {seconds:g}" for name, seconds in zip(who, at, strict=True))
        window_s = float(rng.choice(at)) if rng.random() < 0.4 else float(rng.integers(5, 50))
        _expect(ask, _question(" ".join(asked), came, window_s, int(rng.integers(1, n_asked + 1))))


def _expect(ask: Ask, question: Question) -> None:
    right, wrong = ending(question), [(ending(question, **fault), cause) for fault, cause in FAULTS]
    asked, lost, end_s = _checked(ask(*question))
    got = Ending([(update.client, update.n_examples) for update in asked], lost, end_s)
    _same_answers(got, right, wrong)
    # The answers are right, so only what would have left them right can be the cause.
    known = [[(one[place], cause) for one, cause in wrong if one.counted == right.counted] for place in (1, 2)]
    for place, says, likely in (
        (1, "The dict of those who are lost is not the right one.", [*known[0], *wrong_lost(question, right)]),
        (2, "The round ends at another moment.", [(question.window_s, NOT_BEFORE), *known[1]]),
    ):
        expect.equal(got[place], right[place], says, [one for one in likely if one[0] != right[place]])


def _same_answers(got: Ending, right: Ending, wrong: Sequence[tuple[Ending, str]]) -> None:
    names, wanted = [client for client, _ in got.counted], [client for client, _ in right.counted]
    says = "These are not the answers that count."
    if names == wanted:
        says = "These are the right clients, but another answer of one of them."
    elif sorted(got.counted) == sorted(right.counted):
        says = "These are the right answers, but not in the order in which their clients were asked."
    likely = next((cause for one, cause in wrong if one.counted == got.counted), "")
    if not likely and len(names) > len(set(names)):
        likely = "a client is in it twice: remember who has answered, in a dict by client"
    expect.true(got.counted == right.counted, says, got=names, expected=wanted, likely=likely)


_PARTS = "the updates, the lost clients and the end"


def _checked(answer: Any) -> tuple[list[Update], dict[str, str], float]:
    expect.true(
        not (isinstance(answer, list | tuple) and answer and isinstance(answer[0], Update)),
        f"Expected three things, {_PARTS}; these are the updates alone.",
        got=answer,
        expected="(updates, lost, end_s)",
        likely="`return updates, lost, end_s` returns all three",
    )
    updates, lost, end_s = several(answer, "updates", "lost", "end_s", are=_PARTS)
    expect.true(
        isinstance(updates, list | tuple) and all(isinstance(update, Update) for update in updates),
        f"The first thing to return is a list of updates; it is {kind_of(updates)}.",
        got=updates,
        likely=_why_no_updates(updates),
    )
    reasons = list(lost.values()) if isinstance(lost, dict) else [lost]
    expect.true(
        all(reason in (LATE, NOT_NEEDED) for reason in reasons if isinstance(reason, str)) and isinstance(lost, dict),
        'The second thing to return is a dict: the name of a lost client -> "late" or "not needed".',
        got=lost,
        expected={"Ben": LATE},
    )
    expect.same_kind(end_s, 0.0, "item 2")
    return list(updates), lost, float(end_s)


def _why_no_updates(updates: Any) -> str:
    if isinstance(updates, dict):
        return "`answers[client] for client in asked if client in answers` makes a list of a dict, in the right order"
    if isinstance(updates, list) and all(isinstance(item, str) for item in updates):
        return "these are the clients' names; return their updates"
    return ""


def reference_close_round(
    asked: Sequence[str], arrivals: Sequence[Arrival], window_s: float, enough: int
) -> tuple[list[Update], dict[str, str], float]:
    """Say which updates count, who is lost and why, and when the round ends."""
    answers: dict[str, Update] = {}
    end_s, why = window_s, LATE
    for seconds, client, update in arrivals:
        if seconds > window_s:
            break
        if client in asked:
            answers.setdefault(client, update)
        if len(answers) >= enough:
            end_s, why = seconds, NOT_NEEDED
            break
    counted = [answers[client] for client in asked if client in answers]
    return counted, {client: why for client in asked if client not in answers}, end_s


CLOSE = Exercise(
    "7.2",
    "close_round",
    "a round that survives a dropped client",
    hints=(
        "You go through the arrivals in the order of time. Which two things can happen that make you stop looking?",
        "A client answers twice. In which kind of container could you look up whether its name is there already?",
        "After the loop, which list do you have to go through so that the updates stand in the order in which the "
        "clients were asked?",
    ),
    cases=(
        enough_have_answered,
        somebody_is_gone,
        all_have_answered,
        to_the_second,
        twice_and_strangers,
        nobody_answers,
        any_round,
    ),
    reference=reference_close_round,
    passes_on=True,
    points=3,
)
