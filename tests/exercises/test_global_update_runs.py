"""What exercises 5.4 to 5.6, a run and its log, recognise beyond the mistakes in solutions/mistakes."""

import json
import os
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from fedteach.exercises.global_update import LOG, NAME, PLAY
from fedteach.exercises.global_update.log import KEYS
from fedteach.grading.judging import judge_function
from fedteach.grading.recipes import InSeoul
from fedteach.grading.recipes.clocks import set_zone
from tests.exercises.answers import JUNK, fails, junk_gets_a_verdict, passes

# ---- right answers, written in other ways ---------------------------------------------------------------------------


def play_with_an_album(weights, next_delta, evaluate, rounds):
    album, r = [weights], 0
    while r < rounds:
        r += 1
        album.append([w + d for w, d in zip(album[-1], next_delta(album[-1], r), strict=True)])
    return album[-1], tuple(map(evaluate, album[1:]))


def log_through_numpy(client_number, experiment, max_round, clients_acc, server_acc):
    clients = {f"{client}": np.array(values, float).tolist() for client, values in clients_acc.items()}
    values = (client_number, experiment, max_round, clients, [value.item() for value in np.array(server_acc)], None)
    return dict(
        zip(
            ("client number", "experiment", "max round", "clients acc", "server acc", "final weight"),
            values,
            strict=True,
        )
    )


def name_by_the_time_module(now):
    return time.strftime("%Y%m%d_%H%M%S", time.gmtime(now)) + ".json"


RIGHT = [
    (PLAY, play_with_an_album),
    (LOG, log_through_numpy),
    (NAME, name_by_the_time_module),
]


@pytest.mark.parametrize(("exercise", "function"), RIGHT, ids=[f"{e.id}-{f.__name__}" for e, f in RIGHT])
def test_a_right_answer_passes_whatever_the_seed(exercise, function):
    passes(exercise, function)


# ---- wrong answers, and the word that names them --------------------------------------------------------------------


def moved(weights, delta):
    return [w + d for w, d in zip(weights, delta, strict=True)]


def evaluates_the_delta(weights, next_delta, evaluate, rounds):
    accuracies = []
    for r in range(1, rounds + 1):
        delta = next_delta(weights, r)
        weights = moved(weights, delta)
        accuracies.append(evaluate(delta))
    return weights, accuracies


def evaluates_the_beginning_too(weights, next_delta, evaluate, rounds):
    accuracies = [evaluate(weights)]
    for r in range(1, rounds + 1):
        weights = moved(weights, next_delta(weights, r))
        accuracies.append(evaluate(weights))
    return weights, accuracies


def keeps_one_page_in_its_album(weights, next_delta, evaluate, rounds):
    weights, album = [w.copy() for w in weights], []
    for r in range(1, rounds + 1):
        for w, d in zip(weights, next_delta(weights, r), strict=True):
            w += d
        album.append(weights)
    return weights, [evaluate(page) for page in album]


def returns_the_weights_alone(weights, next_delta, evaluate, rounds):
    return PLAY.reference(weights, next_delta, evaluate, rounds)[0]


def returns_the_first_weights(weights, next_delta, evaluate, rounds):
    _, accuracies = PLAY.reference(weights, next_delta, evaluate, rounds)
    return [w.copy() for w in weights], accuracies


def returns_them_swapped(*arguments):
    return PLAY.reference(*arguments)[::-1]


def begins_its_list_anew(weights, next_delta, evaluate, rounds):
    weights, accuracies = PLAY.reference(weights, next_delta, evaluate, rounds)
    return weights, accuracies[-1:]


def forgets_the_number_of_the_round(weights, next_delta, evaluate, rounds):
    return PLAY.reference(weights, lambda weights, r: next_delta(weights), evaluate, rounds)


def plays_one_round(weights, next_delta, evaluate, rounds):
    return PLAY.reference(weights, next_delta, evaluate, 1)


def computes_with_one_array(weights, next_delta, evaluate, rounds):
    weights, accuracies = np.array(weights), []
    for r in range(1, rounds + 1):
        weights = weights + np.array(next_delta(weights, r))
        accuracies.append(evaluate(weights))
    return weights, accuracies


def returns_one_array(weights, next_delta, evaluate, rounds):
    weights, accuracies = PLAY.reference(weights, next_delta, evaluate, rounds)
    return weights[0], accuracies


def evaluates_the_lists_joined(weights, next_delta, evaluate, rounds):
    accuracies = []
    for r in range(1, rounds + 1):
        delta = next_delta(weights, r)
        accuracies.append(evaluate(weights + delta))
        weights = moved(weights, delta)
    return weights, accuracies


WRONG_RUNS = [
    (evaluates_the_delta, "this is the delta; evaluate the weights"),
    (evaluates_the_beginning_too, "before round 1 is evaluated as well"),
    (keeps_one_page_in_its_album, "the model of the last round"),
    (returns_the_weights_alone, "`return weights, accuracies` returns both"),
    (returns_the_first_weights, "the very beginning"),
    (returns_them_swapped, "swapped"),
    (begins_its_list_anew, "begin anew in each round"),
    (forgets_the_number_of_the_round, "the weights and the number of the round"),
    (plays_one_round, "once in each of 3 rounds"),
    (computes_with_one_array, "a model is a list of arrays"),
    (returns_one_array, "Expected a list of arrays"),
    (evaluates_the_lists_joined, "puts two lists together"),
]


def log_with(**changes):
    """Make an answer to 5.5 that differs from the right one under some keys."""

    def make_log(*arguments):
        log = LOG.reference(*arguments)
        return log | {key.replace("_", " "): rule(log[key.replace("_", " ")]) for key, rule in changes.items()}

    return make_log


WRONG_LOGS = [
    (lambda *arguments: json.dumps(LOG.reference(*arguments)), "`json.dumps` comes later"),
    (log_with(final_weight=lambda _: []), "Expected None"),
    (log_with(client_number=lambda n: n + 1), "'client number' of the log"),
    (log_with(experiment=str), "Expected an int"),
    (log_with(clients_acc=lambda lists: list(lists.values())), "'clients acc' is a dictionary"),
    (log_with(clients_acc=lambda lists: dict(list(lists.items())[1:])), "'clients acc' is a dictionary"),
    (log_with(server_acc=lambda values: values[-1:]), "only the last round is there"),
    (log_with(server_acc=lambda values: [round(value, 2) for value in values]), "keeps all digits"),
    (log_with(server_acc=lambda values: [100 * value for value in values]), "not percents"),
    (log_with(server_acc=lambda values: [str(value) for value in values]), "Expected a number"),
    (lambda *arguments: LOG.reference(*arguments) | {"weights": []}, "not asked for: 'weights'"),
]


def name_as(form, **shift):
    return lambda now: (datetime.fromtimestamp(now, tz=UTC) + timedelta(**shift)).strftime(form)


WRONG_NAMES = [
    (name_as("%Y%M%d_%H%m%S.json"), "%m is the month"),
    (name_as("%Y%m%d_%I%M%S.json"), "%I counts to 12"),
    (name_as("%Y%d%m_%H%M%S.json"), "month comes before the day"),
    (name_as("%Y%m%d%H%M%S.json"), "an underscore stands between"),
    (name_as("%Y-%m-%d_%H-%M-%S.json"), "nothing between the digits"),
    (name_as("%Y-%m-%dT%H:%M:%S.json"), "nothing between the digits"),
    (name_as("%Y%m%d_%H%M%S.json", hours=5, minutes=45), "the time of another place"),
    (name_as("%Y%m%d_%H%M%S.json", hours=-8), "the time of another place"),
    (name_as("%Y%m%d_%H%M%S.json", seconds=1), "19700101_000000.json"),
    (name_as("%y%m%d_%I%M%S.json"), "two letters are others"),
    (lambda now: f"{datetime.now():%Y%m%d_%H%M%S}.json", "the seconds in `now`"),
    (lambda now: time.strftime("%Y%m%d_%H%M%S.json", time.localtime(now)), "the time of another place"),
]

WRONG = [
    (exercise, function, word)
    for exercise, wrong in (
        (PLAY, WRONG_RUNS),
        (LOG, WRONG_LOGS),
        (NAME, WRONG_NAMES),
    )
    for function, word in wrong
]


@pytest.mark.parametrize(("exercise", "function", "word"), WRONG, ids=[f"{e.id}-{word}" for e, _, word in WRONG])
def test_a_wrong_answer_is_told_what_is_wrong_with_it(exercise, function, word):
    fails(exercise, function, word)


def test_a_wrong_answer_fails_whatever_the_seed():
    for exercise, function, _ in WRONG:
        for seed in (1, 2, 3):
            fails(exercise, function, exercise.id, seed)


# ---- a computer elsewhere -------------------------------------------------------------------------------------------


@pytest.fixture
def move_to():
    """Move this computer to a time zone, and back home afterwards."""
    if not hasattr(time, "tzset"):
        pytest.skip("Windows cannot be told another time zone")
    home = os.environ.get("TZ")
    yield set_zone
    set_zone(home)


@pytest.mark.parametrize("zone", [None, "UTC0", "PST8PDT"])
def test_the_computer_stands_in_seoul_for_one_call_only(zone, move_to):
    move_to(zone)
    before = os.environ.get("TZ"), time.localtime(0)
    recipe = InSeoul(0.5)
    now = recipe.make()
    assert (now, time.localtime(0).tm_hour, recipe.show()) == (0.5, 9, "0.5")
    assert recipe.aftermath(now) is None
    assert (os.environ.get("TZ"), time.localtime(0)) == before


@pytest.mark.parametrize("zone", ["UTC0", "PST8PDT", "KST-9"])
def test_the_clock_on_the_wall_is_refused_wherever_the_computer_stands(zone, move_to):
    move_to(zone)
    fails(NAME, lambda now: f"{datetime.fromtimestamp(now):%Y%m%d_%H%M%S}.json", "the time of another place")
    assert os.environ["TZ"] == zone
    passes(NAME, name_by_the_time_module)


# ---- junk -----------------------------------------------------------------------------------------------------------


def test_junk_in_place_of_a_log_is_answered_with_a_verdict():
    junk_gets_a_verdict(LOG, [{"client number": 1}, {"clients acc": 3}, dict.fromkeys(KEYS)])


def test_junk_deep_in_a_log_is_answered_with_a_verdict():
    for junk in JUNK:
        for key in ("clients_acc", "server_acc", "max_round"):
            verdict = judge_function(LOG, log_with(**{key: lambda _, junk=junk: junk}), all_cases=True)
            assert verdict.state == "failed", (key, junk)
        verdict = judge_function(LOG, log_with(clients_acc=lambda lists, junk=junk: dict.fromkeys(lists, junk)))
        assert verdict.state == "failed", junk


def test_junk_in_the_hands_of_the_probes_is_answered_with_a_verdict():
    for junk in JUNK:

        def play(weights, next_delta, evaluate, rounds, junk=junk):
            for _ in range(rounds):
                next_delta(junk, junk)
                evaluate(junk)
            return junk, junk

        assert judge_function(PLAY, play, all_cases=True).state == "failed", junk


def test_a_log_that_passes_is_read_back_as_it_was_written():
    log = LOG.reference(2, 1, 2, {0: np.array([0.5, 0.75], np.float32), 1: [np.array(0.25), 0.5]}, [np.float32(0.5), 1])
    assert json.loads(json.dumps(log)) == log
