"""The exercises of step 1: every likely cause is told, right answers pass whatever they look like, junk is answered."""

import math
import random
from itertools import combinations

import numpy as np
import pytest

from fedteach.exercises.client_selection import EXERCISES
from fedteach.exercises.client_selection.draw import why_so_many
from fedteach.exercises.client_selection.invitations import chance_of_at_least, smallest
from fedteach.grading.judging import judge_function
from fedteach.messages import ClientInfo
from tests.exercises.answers import fails, judging_needs_numpy_only, junk_gets_a_verdict, passes

ELIGIBLE, CHOOSE, INVITE = EXERCISES


def ok(client):
    return client.idle and client.charging and client.unmetered


def size(clients, fraction):
    return max(1, round(fraction * len(clients)))


def at(clients, places):
    return [clients[place] for place in sorted(places)]


# ---- what is right passes, however it is written --------------------------------------------------------------------


def loops(clients):
    chosen = []
    for client in clients:
        if not client.idle:
            continue
        if client.charging and client.unmetered:
            chosen.append(client)
    return tuple(chosen)


def permutes(clients, fraction, rng):
    order = rng.permutation(len(clients))[: max(1, int(np.round(fraction * len(clients))))]
    return tuple(clients[place] for place in np.sort(order))


def draws_one_by_one(clients, fraction, rng):
    left = list(range(len(clients)))
    drawn = [left.pop(int(rng.integers(len(left)))) for _ in range(size(clients, fraction))] if clients else []
    return [client for place, client in enumerate(clients) if place in drawn]


def gives_everyone_a_number(clients, fraction, rng):
    numbers = rng.random(len(clients))
    return at(clients, np.argsort(numbers)[: size(clients, fraction)])


def counts_by_recursion(n, p_answer, confidence):
    chances = np.zeros(n + 1)  # of 0, 1, ..., n - 1, and of n or more answers
    chances[0] = 1
    invited = 0
    while chances[n] < confidence:
        answers = np.append(0, chances[:-1]) * p_answer
        answers[n] += chances[n] * p_answer
        chances, invited = answers + chances * (1 - p_answer), invited + 1
    return np.float64(invited)


def sums_upwards(n, p_answer, confidence):
    invited = n
    while True:
        ways = [math.comb(invited, k) * p_answer**k * (1 - p_answer) ** (invited - k) for k in range(n, invited + 1)]
        if sum(ways) >= confidence:
            return invited
        invited += 1


@pytest.mark.parametrize(
    ("exercise", "attempt"),
    [
        *[(exercise, exercise.reference) for exercise in EXERCISES],
        (ELIGIBLE, loops),
        (ELIGIBLE, lambda clients: list(filter(ok, clients))),
        (CHOOSE, permutes),
        (CHOOSE, draws_one_by_one),
        (CHOOSE, gives_everyone_a_number),
        (INVITE, counts_by_recursion),
        (INVITE, sums_upwards),
    ],
    ids=lambda value: getattr(value, "id", getattr(value, "__name__", None)),
)
def test_a_right_answer_passes_with_every_seed(exercise, attempt):
    passes(exercise, attempt)


def test_the_references_are_fedteachs_own_steps():
    clients = [ClientInfo(str(i), 10, i % 2 == 0, i % 3 == 0, i % 5 > 0) for i in range(30)]
    # Of 0 .. 29, those that 6 divides and 5 does not.
    assert [client.id for client in ELIGIBLE.reference(clients)] == ["6", "12", "18", "24"]
    assert len(CHOOSE.reference(clients, 0.3, np.random.default_rng(1))) == 9
    assert INVITE.reference(5, 0.6, 0.95) == 13


@pytest.mark.parametrize(("n", "p", "confidence"), [(1, 0.5, 0.8), (3, 0.6, 0.9), (5, 0.6, 0.95), (4, 0.35, 0.4)])
def test_the_number_of_invitations_agrees_with_every_single_outcome(n, p, confidence):
    def chance(invited):  # add up the probability of each set of clients that answers
        groups = [len(group) for k in range(n, invited + 1) for group in combinations(range(invited), k)]
        return sum(p**k * (1 - p) ** (invited - k) for k in groups)

    answer = smallest(n, p, confidence)

    assert chance(answer) >= confidence > chance(answer - 1)
    assert chance_of_at_least(n, answer, p) == pytest.approx(chance(answer))


# ---- known wrong answers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attempt", "word"),
    [
        (lambda clients: [c for c in clients if c.idle or c.charging or c.unmetered], "not with `or`"),
        (lambda clients: [c for c in clients if c.charging and c.unmetered], "not idle got in"),
        (lambda clients: [c for c in clients if c.idle and c.unmetered], "not charging got in"),
        (lambda clients: [c for c in clients if c.idle and c.charging], "not unmetered got in"),
        (lambda clients: [c for c in clients if c.idle], "only `client.idle`"),
        (lambda clients: [c for c in clients if not (c.idle and c.charging and c.unmetered)], "the ones to leave out"),
        (lambda clients: list(clients), "everybody got in"),
        (lambda clients: [], "nobody got in"),
        (lambda clients: list(filter(ok, clients))[:1], "inside the loop"),
        (lambda clients: list(filter(ok, clients))[::-1], "in reverse order"),
        (lambda clients: [c.id for c in clients if ok(c)], "the clients themselves"),
        (lambda clients: [ok(c) for c in clients], "yes or no"),
        (lambda clients: [i for i, c in enumerate(clients) if ok(c)], "places in the list"),
        (lambda clients: next(filter(ok, clients)), "[client]"),
        (lambda clients: [[c for c in clients if ok(c)]], "`extend`"),
        (lambda clients: filter(ok, clients), "list(...)"),
        (lambda clients: None, "`return`"),
        (lambda clients: [ClientInfo("a", 1)], "not among those given"),
    ],
)
def test_eligible_names_the_likely_cause(attempt, word):
    fails(ELIGIBLE, attempt, word)


@pytest.mark.parametrize(
    "attempt",
    [
        lambda clients: sorted(filter(ok, clients), key=lambda c: c.id),
        lambda clients: sorted(filter(ok, clients), key=lambda c: c.n_examples),
        lambda clients: sorted(filter(ok, clients), key=lambda c: -c.n_examples),
        lambda clients: list({c.id: c for c in sorted(clients, key=lambda c: c.id) if ok(c)}.values()),
    ],
)
def test_eligible_wants_the_clients_own_order(attempt):
    fails(ELIGIBLE, attempt, "order")


def one_coin_each(clients, fraction, rng):
    return [client for client in clients if rng.random() < fraction]


def a_set_of_draws(clients, fraction, rng):
    return at(clients, {int(place) for place in rng.integers(len(clients), size=size(clients, fraction))})


def rounds_up(clients, fraction, rng):
    return at(clients, rng.choice(len(clients), size=max(1, math.ceil(fraction * len(clients))), replace=False))


def sorts_by_id(clients, fraction, rng):
    return sorted(draws_one_by_one(clients, fraction, rng), key=lambda client: client.id)


def never_the_last(clients, fraction, rng):
    n = size(clients, fraction)
    if n >= len(clients):
        return list(clients)
    return at(clients, rng.choice(len(clients) - 1, size=n, replace=False))


def never_the_first(clients, fraction, rng):
    n = size(clients, fraction)
    if n >= len(clients):
        return list(clients)
    return at(clients, 1 + rng.choice(len(clients) - 1, size=n, replace=False))


def prefers(power):
    def attempt(clients, fraction, rng):
        if not clients:
            return []
        p = np.array([float(client.n_examples) ** power for client in clients])
        return at(clients, rng.choice(len(clients), size=size(clients, fraction), replace=False, p=p / p.sum()))

    return attempt


def every_second(clients, fraction, rng):
    n = size(clients, fraction)
    start, step = int(rng.integers(len(clients))), len(clients) // n
    return at(clients, {(start + i * step) % len(clients) for i in range(n)})


def forgets_that_nobody_may_be_there(clients, fraction, rng):
    return at(clients, rng.choice(len(clients), size=size(clients, fraction), replace=False))


def keeps_a_generator_of_its_own():
    rng_of_mine = np.random.default_rng(5)
    return lambda clients, fraction, rng: draws_one_by_one(clients, fraction, rng_of_mine)


def ignores_what_it_draws(clients, fraction, rng):
    rng.random()
    return draws_one_by_one(clients, fraction, np.random.default_rng(3))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("attempt", "word"),
    [
        (one_coin_each, "must be chosen"),
        (a_set_of_draws, "drawn for the second time"),
        (rounds_up, "rounded up"),
        (sorts_by_id, "sorted by id"),
        (lambda clients, fraction, rng: random.sample(clients, size(clients, fraction)), "something else than `rng`"),
        (lambda clients, fraction, rng: [], "max(1, ...)"),
        (never_the_last, "the last client is never chosen"),
        (never_the_first, "the first client is never chosen"),
        (prefers(1), "clients with more examples"),
        (prefers(-1), "clients with fewer examples"),
        (forgets_that_nobody_may_be_there, "return [] first"),
        (keeps_a_generator_of_its_own(), "something else than `rng`"),
        (lambda clients, fraction, rng: draws_one_by_one(clients, fraction, np.random.default_rng()), "something else"),
        (ignores_what_it_draws, "hardly depends on what `rng` gives"),
        (lambda clients, fraction, rng: clients[-size(clients, fraction) :], "`rng` is not used"),
    ],
)
def test_choose_fraction_names_the_likely_cause(attempt, word, seed):
    fails(CHOOSE, attempt, word, seed)


def test_clients_that_always_come_together_are_noticed():
    fails(CHOOSE, every_second, "only 2 different groups", seed=1)


@pytest.mark.parametrize(
    ("count", "share", "word"),
    [(2, 2.6, "cut the digits off"), (9, 8.4, "rounded up"), (4, 3.0, "coin"), (5, 8.4, "coin"), (0, 0.1, "max(1")],
)
def test_a_wrong_number_of_clients_has_its_own_cause(count, share, word):
    assert word in why_so_many(count, share)


def right_for_coins(wrong):
    """Be wrong only where n is 3 or more: with tiny numbers many wrong formulas give the same."""
    return lambda n, p, c: smallest(n, p, c) if n < 3 or p == 1 else wrong(n, p, c)


def approximates_with_a_normal(n, p_answer, confidence):
    invited = n
    while True:
        mean, spread = invited * p_answer, math.sqrt(invited * p_answer * (1 - p_answer)) or 1e-9
        if 0.5 * math.erfc((n - mean) / spread / math.sqrt(2)) >= confidence:
            return invited
        invited += 1


def counts_exactly_n(n, p_answer, confidence):
    invited = n
    while math.comb(invited, n) * p_answer**n * (1 - p_answer) ** (invited - n) < confidence:
        invited += 1
    return invited


def wants_more_than_the_confidence(n, p_answer, confidence):
    invited = n
    while p_answer < 1 and chance_of_at_least(n, invited, p_answer) <= confidence:
        invited += 1
    return invited


def throws_dice(n, p_answer, confidence):
    if confidence in (0.75, 0.25):  # where the first questions are asked, the dice may fall either way
        return smallest(n, p_answer, confidence)
    dice, invited = np.random.default_rng(1), n
    while np.mean(dice.binomial(invited, p_answer, size=100_000) >= n) < confidence:
        invited += 1
    return invited


@pytest.mark.parametrize(
    ("attempt", "word"),
    [
        (lambda n, p, c: n, "nobody is invited for those"),
        (lambda n, p, c: round(n / p), "*on average*"),
        (right_for_coins(lambda n, p, c: math.ceil(1.3 * n)), "130 %"),
        (lambda n, p, c: smallest(n + 1, p, c), "*more* than n"),
        (lambda n, p, c: smallest(n, p, c) - 1, "which is not enough"),
        (lambda n, p, c: smallest(n, p, c) + 1, "fewer invitations will do"),
        (lambda n, p, c: n * smallest(1, p, c), "n times over"),
        (right_for_coins(lambda n, p, c: math.ceil(n + n * (1 - p))), "spares drop out too"),
        (right_for_coins(lambda n, p, c: smallest(n, p, 1 - c)), "turned round"),
        (right_for_coins(lambda n, p, c: smallest(n, c, p)), "changed places"),
        (right_for_coins(lambda n, p, c: math.ceil(n / p / c)), "confidence is no factor"),
        (lambda n, p, c: None, "`return`"),
        (lambda n, p, c: n / p + 0.25, "whole number"),
        (lambda n, p, c: str(smallest(n, p, c)), "whole number"),
        (lambda n, p, c: smallest(n, min(p, 0.999), c) if p < 1 else n + 1, "fewer invitations will do"),
        (approximates_with_a_normal, "invitations"),
        (counts_exactly_n, "*exactly* n answers"),
        (wants_more_than_the_confidence, "exactly `confidence` is enough"),
        (throws_dice, "thrown dice"),
    ],
)
def test_invitations_names_the_likely_cause(attempt, word):
    fails(INVITE, attempt, word)


# ---- junk -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_junk_gets_a_verdict(exercise):
    junk_gets_a_verdict(exercise, [["c0"], ClientInfo("c0", 1), [ClientInfo("c0", 1)] * 2])


def test_the_judges_own_generator_and_numpys_hidden_one_do_not_matter():
    np.random.seed(1)  # noqa: NPY002
    first = judge_function(CHOOSE, CHOOSE.reference)
    np.random.seed(2)  # noqa: NPY002
    assert judge_function(CHOOSE, CHOOSE.reference) == first


def test_judging_loads_no_tensorflow():
    judging_needs_numpy_only("client_selection")
