"""The rule of 7.2, and each way in which students end a round differently."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fedteach.messages import Update

LATE, NOT_NEEDED = "late", "not needed"

Arrival = tuple[float, str, Update]
"""Seconds since the round began, who answered, and the answer."""


class Question(NamedTuple):
    """What is asked in a case: the four arguments."""

    asked: list[str]
    arrivals: list[Arrival]
    window_s: float
    enough: int


class Ending(NamedTuple):
    """How a round ends. `counted` names clients with the number of examples that tells their answers apart."""

    counted: list[tuple[str, int]]
    lost: dict[str, str]
    end_s: float


def ending(
    question: Question,
    *,
    window: bool = True,
    on_time: bool = True,
    stops: bool = True,
    one_more: int = 0,
    strangers: bool = False,
    first_stays: bool = True,
    twice: bool = False,
    sort: bool = True,
    ends_early: bool = False,
    says_late: bool = False,
) -> Ending:
    """End a round as one should, or with a fault: each argument is one.

    Args:
        question: the round.
        window: whether the window ends it.
        on_time: whether an answer at the very end of the window is in time.
        stops: whether the round ends when enough have answered.
        one_more: how many more than enough are waited for.
        strangers: whether those who were not asked count.
        first_stays: whether the first of two answers counts.
        twice: whether two answers of a client are two of those that are enough.
        sort: whether the answers stand in the order of those who were asked.
        ends_early: whether the last answer ends the round, although others may still come.
        says_late: whether everybody who is lost is called late.
    """
    answers: dict[str, Update] = {}
    end_s, n_answers, is_over = question.window_s, 0, False
    for seconds, client, update in question.arrivals:
        if window and (seconds > question.window_s or (seconds == question.window_s and not on_time)):
            break
        if (client in question.asked or strangers) and (client not in answers or not first_stays or twice):
            n_answers += client not in answers or twice
            answers[client] = answers.get(client, update) if first_stays else update
            end_s = seconds if ends_early else end_s
        if stops and n_answers >= question.enough + one_more:
            end_s, is_over = seconds, True
            break
    in_order = [*question.asked, *(client for client in answers if client not in question.asked)]
    counted = [(client, answers[client].n_examples) for client in (in_order if sort else answers) if client in answers]
    why = NOT_NEEDED if is_over and not says_late else LATE
    return Ending(counted, {client: why for client in question.asked if client not in answers}, end_s)


FAULTS: Sequence[tuple[Mapping[str, Any], str]] = (
    ({"sort": False}, "these stand in the order in which they came; go through `asked` to bring them into its order"),
    ({"stops": False}, "the round goes on although enough have answered: leave the loop with `break`"),
    ({"window": False}, "an answer after the window counts: compare `seconds` with `window_s`"),
    ({"on_time": False}, "an answer exactly at the end of the window is in time: only what comes *after* it is late"),
    ({"one_more": 1}, "the round waits for one more than is enough: look after the answer is counted, not before"),
    ({"strangers": True}, "a stranger is in it: only who was asked may answer"),
    ({"first_stays": False}, "of two answers of a client the first one counts"),
    ({"twice": True}, "a client that answers twice is counted twice: how many *different* clients have answered?"),
    ({"ends_early": True}, "the round ends with its last answer, as if the server knew that nobody else will come"),
    ({"one_more": -1}, "the round ends with one too few: is the answer that makes it enough counted itself?"),
    ({"says_late": True}, 'enough have answered, so the others are "not needed"; they might have been in time'),
)
"""What can go wrong, with what to say about it."""

NOT_BEFORE = "enough had answered before the window ended: the round ends with the answer that made it enough"


def wrong_lost(question: Question, right: Ending) -> list[tuple[dict[str, str], str]]:
    """List wrong dicts that have a known cause."""
    came = [client for _, client, _ in question.arrivals]
    other = {LATE: NOT_NEEDED, NOT_NEEDED: LATE}
    return [
        ({}, "who was asked and does not count is lost, also if nothing was heard of it"),
        (
            {client: why for client, why in right.lost.items() if client in came},
            "who never answered is missing: go through `asked`, not through `arrivals`",
        ),
        (
            {client: why for client, why in right.lost.items() if client not in came},
            "who answered after the end of the round is lost too",
        ),
        (
            {client: other[why] for client, why in right.lost.items()},
            "the reasons have changed places: if the window has ended the round they are late, if enough had answered "
            "they are not needed",
        ),
        (dict.fromkeys(question.asked, LATE), "these are all who were asked; leave out those that count"),
    ]
