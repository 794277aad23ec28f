"""What the exercises of the classroom recognise beyond the mistakes in solutions/mistakes."""

import numpy as np
import pytest

from fedteach import History, RoundRecord, Update
from fedteach.exercises.classroom import CLOSE, EXERCISES, SUSPECTS, TRAFFIC
from fedteach.exercises.classroom.endings import FAULTS as OTHER_ENDINGS
from fedteach.exercises.classroom.endings import Question, ending
from fedteach.exercises.classroom.rules import FAULTS as OTHER_RULES
from fedteach.exercises.classroom.rules import scores, suspicious
from tests.exercises.answers import fails, judging_needs_numpy_only, junk_gets_a_verdict, passes

# ---- right answers, written in other ways ---------------------------------------------------------------------------


def traffic_in_a_loop(rounds, weights_bytes, update_bytes, megabits_per_s):
    down = up = 0
    for asked, lost in rounds:
        for client in asked:
            down += weights_bytes
            if client not in lost:
                up += update_bytes
    bits = 8 * (down + up)
    return {"seconds": bits / 1_000_000 / megabits_per_s, "up": up, "down": np.int64(down)}


def close_by_filtering(asked, arrivals, window_s, enough):
    in_time = [one for one in arrivals if one[0] <= window_s and one[1] in asked]
    first = {}
    for seconds, client, update in in_time:
        if client not in first:
            first[client] = (seconds, update)
    counted = dict(list(first.items())[:enough])
    is_over = len(counted) == enough
    end_s = max(seconds for seconds, _ in counted.values()) if is_over else window_s
    lost = {client: "not needed" if is_over else "late" for client in asked if client not in counted}
    return tuple(counted[client][1] for client in asked if client in counted), lost, float(end_s)


def close_as_in_the_notebook(asked, arrivals, window_s, enough):
    answers, end_s, why = {}, window_s, "late"
    for seconds, client, update in arrivals:
        if seconds > window_s:
            break
        if client in asked and client not in answers:
            answers[client] = update
        if len(answers) == enough:
            end_s, why = seconds, "not needed"
            break
    updates = [answers[client] for client in asked if client in answers]
    return updates, {client: why for client in asked if client not in answers}, end_s


def suspects_tensor_by_tensor(updates):
    squares = 0
    for tensors in zip(*[update.delta for update in updates], strict=True):
        stack = np.stack(tensors)
        axes = tuple(range(1, stack.ndim))
        squares = squares + ((stack - np.median(stack, axis=0)) ** 2).sum(axis=axes)
    distances = squares**0.5
    away = distances - np.median(distances)
    z = 0.6745 * away / np.median(abs(away))
    return [updates[int(place)].client for place in np.flatnonzero(z > 3.5)]


def suspects_in_plain_python(updates):
    rows = [[float(x) for tensor in update.delta for x in tensor.ravel()] for update in updates]
    middle = [np.median(column) for column in zip(*rows, strict=True)]
    distances = [sum((x - m) ** 2 for x, m in zip(row, middle, strict=True)) ** 0.5 for row in rows]
    usual = np.median(distances)
    spread = np.median([abs(distance - usual) for distance in distances])
    named = []
    for update, distance in zip(updates, distances, strict=True):
        if 0.6745 * (distance - usual) > 3.5 * spread:
            named.append(update.client)
    return tuple(named)


RIGHT = [
    (TRAFFIC, traffic_in_a_loop),
    (CLOSE, close_by_filtering),
    (CLOSE, close_as_in_the_notebook),
    (SUSPECTS, suspects_tensor_by_tensor),
    (SUSPECTS, suspects_in_plain_python),
    *((exercise, exercise.reference) for exercise in EXERCISES),
]


@pytest.mark.parametrize(("exercise", "function"), RIGHT, ids=[f"{e.id}-{f.__name__}" for e, f in RIGHT])
def test_a_right_answer_passes_whatever_the_seed(exercise, function):
    passes(exercise, function)


# ---- wrong answers, and the words that name them --------------------------------------------------------------------


def counted(**changes):
    def traffic(rounds, weights_bytes, update_bytes, megabits_per_s):
        right = TRAFFIC.reference(rounds, weights_bytes, update_bytes, megabits_per_s)
        return right | {name: change(right) for name, change in changes.items()}

    return traffic


@pytest.mark.parametrize(
    ("function", "word"),
    [
        (lambda *arguments: None, "is a `return` missing?"),
        (lambda *arguments: (1, 2, 3), "Expected a dict"),
        (lambda *arguments: {"down": 1, "up": 1}, "missing: 'seconds'"),
        (counted(seconds=lambda t: t["seconds"] * 1e6), "a megabit is a million bits"),
        (counted(seconds=lambda t: t["seconds"] * 1e6 / 2**20), "not 2**20"),
        (counted(seconds=lambda t: t["seconds"] / 64), "multiply by 8"),
        (counted(seconds=lambda t: t["down"] * 8 / 8e6), "the way down alone"),
        (counted(down=lambda t: 8 * t["down"]), "these are bits"),
        (counted(up=lambda t: t["up"] / 160_000), "how many bytes does each of them have?"),
    ],
)
def test_what_is_said_about_wrong_traffic(function, word):
    fails(TRAFFIC, function, word)


def ended(**fault):
    """End a round with a fault."""

    def close(asked, arrivals, window_s, enough):
        end = ending(Question(asked, arrivals, window_s, enough), **fault)
        by_mark = {(client, update.n_examples): update for _, client, update in arrivals}
        return [by_mark[mark] for mark in end.counted], end.lost, end.end_s

    return close


@pytest.mark.parametrize(("fault", "cause"), OTHER_ENDINGS, ids=[str(fault) for fault, _ in OTHER_ENDINGS])
def test_every_other_ending_is_told_its_cause_whatever_the_seed(fault, cause):
    for seed in range(3):
        fails(CLOSE, ended(**fault), cause, seed)


def replaced(place, change):
    """End a round as one should, and then change one of the three results."""

    def close(*arguments):
        results = list(CLOSE.reference(*arguments))
        results[place] = change(results[place], *arguments)
        return tuple(results)

    return close


@pytest.mark.parametrize(
    ("function", "word"),
    [
        (lambda *arguments: CLOSE.reference(*arguments)[0], "Expected three things"),
        (replaced(0, lambda updates, *_: [update.client for update in updates]), "these are the clients' names"),
        (replaced(0, lambda updates, *_: {u.client: u for u in updates}), "makes a list of a dict"),
        (replaced(1, lambda lost, *_: list(lost)), "a dict: the name of a lost client"),
        (replaced(1, lambda lost, *_: dict.fromkeys(lost, "too slow")), '"late" or "not needed"'),
        (replaced(1, lambda lost, asked, *_: {}), "also if nothing was heard of it"),
        (replaced(1, lambda lost, asked, *_: dict.fromkeys(asked, "late")), "leave out those that count"),
        (replaced(2, lambda end_s, asked, arrivals, window_s, enough: window_s), "the answer that made it enough"),
        (replaced(2, lambda end_s, *_: str(end_s)), "Expected a number"),
    ],
)
def test_what_is_said_about_a_wrong_ending(function, word):
    fails(CLOSE, function, word)


@pytest.mark.parametrize("place", range(len(OTHER_RULES)), ids=[cause for _, cause in OTHER_RULES])
def test_every_other_rule_is_told_its_cause_whatever_the_seed(place):
    fault, cause = OTHER_RULES[place]
    for seed in range(3):
        fails(SUSPECTS, lambda updates: suspicious(updates, **fault), cause, seed)


@pytest.mark.parametrize(
    ("function", "word"),
    [
        (lambda updates: None, "is a `return` missing?"),
        (lambda updates: [], "nobody is ever suspected"),
        (lambda updates: [0], "these are places in the list"),
        (lambda updates: [u.client in SUSPECTS.reference(updates) for u in updates], "these say yes or no"),
        (lambda updates: [u for u in updates if u.client in SUSPECTS.reference(updates)], "`update.client` is"),
        (
            lambda updates: [u.client for u in updates if u.client not in SUSPECTS.reference(updates)],
            "these are the honest ones",
        ),
        (lambda updates: SUSPECTS.reference(updates)[::-1], "in the order in which their updates came"),
    ],
)
def test_what_is_said_about_wrong_suspects(function, word):
    fails(SUSPECTS, function, word)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_junk_gets_a_verdict(exercise):
    more = [([], {}, 1.0), ([1], {}, 1.0), ([], {"a": 1}, 1.0), ([], [], None), ({}, {"a": "late"}, 1), ["client 0"]]
    junk_gets_a_verdict(exercise, more)


# ---- the expected numbers -------------------------------------------------------------------------------------------


def test_the_expected_scores_are_those_of_the_handbook():
    # Median 3; the differences from it are 2, 1, 0, 1, 97, and their median is 1: 0.6745 * 97 / 1 = 65.43.
    np.testing.assert_allclose(scores(np.array([1.0, 2, 3, 4, 100])), 0.6745 * np.array([-2, -1, 0, 1, 97]))


def test_updates_that_are_all_the_same_are_no_suspects():
    same = [Update(name, 1, [np.ones(3, np.float32)], 5) for name in "abcd"]
    assert SUSPECTS.reference(same) == []
    assert SUSPECTS.reference(same[:1]) == []


def test_one_that_differs_from_all_others_that_are_the_same_is_a_suspect():
    updates = [Update(name, 1, [np.full(3, name == "c", np.float32)], 5) for name in "abcd"]
    assert SUSPECTS.reference(updates) == ["c"]


def test_the_traffic_of_a_history_is_that_which_the_server_has_counted():
    history = History(
        ("0", "1"),
        records=[
            RoundRecord(1, ("0", "1"), {"0": {}, "1": {}}, {}, bytes_down=2 * 900, bytes_up=2 * 500),
            RoundRecord(2, ("0", "1"), {"1": {}}, {"0": "gone"}, bytes_down=2 * 900, bytes_up=500),
        ],
    )
    traffic = TRAFFIC.reference([(record.selected, record.lost) for record in history], 900, 500, 1.0)
    assert traffic["down"] == sum(record.bytes_down for record in history)
    assert traffic["up"] == sum(record.bytes_up for record in history)


def test_judging_needs_numpy_only():
    judging_needs_numpy_only("classroom")
