"""Step 1: who takes part in a round, and what a selection step may return."""

import functools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedteach.messages import ClientInfo
from fedteach.randomness import rng_for
from fedteach.steps import selection
from fedteach.steps.selection import Cohort, invitations_needed, run_selection

QUICK = settings(max_examples=50, deadline=None)


def people(*sizes):
    return [ClientInfo(f"client-{i}", size) for i, size in enumerate(sizes)]


def ids(chosen):
    return [client.id for client in chosen]


def nobody_answers(clients):
    return {}


def no_one_may_ask(clients):
    raise AssertionError("this step has no reason to ask for losses")


def choose(step, clients, seed=0, losses=no_one_may_ask):
    return run_selection(step, clients, rng_for(seed, "select", 1), losses)


TEN = people(*[10] * 10)

MAKERS = {
    "fraction": selection.fraction(0.3),
    "count": selection.count(3),
    "available": selection.available(selection.count(3)),
    "by_data_size": selection.by_data_size(3),
    "power_of_choice": selection.power_of_choice(3, candidates=6),
    "over_select": selection.over_select(3),
}


@st.composite
def federations(draw):
    n = draw(st.integers(0, 12))
    flags = st.booleans()
    return [ClientInfo(f"c{i}", draw(st.integers(0, 50)), draw(flags), draw(flags), draw(flags)) for i in range(n)]


@pytest.mark.parametrize("name", MAKERS)
@QUICK
@given(clients=federations(), seed=st.integers(0, 1000))
def test_every_step_chooses_different_members_in_their_own_order(name, clients, seed):
    chosen = run_selection(
        MAKERS[name], clients, rng_for(seed, "select", 1), lambda asked: dict.fromkeys(ids(asked), 1.0)
    )
    places = [clients.index(client) for client in chosen.clients]
    assert places == sorted(set(places))


@pytest.mark.parametrize("name", MAKERS)
def test_every_step_returns_its_clients_in_their_own_order_also_when_called_directly(name):
    step = MAKERS[name]
    asks = name in ("available", "power_of_choice")
    losses = {client.id: float(place) for place, client in enumerate(TEN)}.copy
    result = step(TEN, rng_for(3, "x"), lambda asked: losses()) if asks else step(TEN, rng_for(3, "x"))
    chosen = ids(result.clients if isinstance(result, Cohort) else result)
    assert chosen == sorted(chosen)


@pytest.mark.parametrize("name", [name for name in MAKERS if name != "power_of_choice"])
def test_the_same_seed_chooses_the_same_clients_and_another_seed_others(name):
    runs = [[choose(MAKERS[name], TEN, seed) for seed in range(5)] for _ in range(2)]
    assert runs[0] == runs[1]
    assert len(set(runs[0])) > 1


@pytest.mark.parametrize("name", MAKERS)
def test_an_empty_federation_gives_an_empty_cohort(name):
    assert choose(MAKERS[name], [], losses=nobody_answers).clients == ()


def test_fraction_takes_that_share_and_at_least_one():
    # round(0.25 * 10) = round(2.5) = 2, halves to the even one; max(1, round(0.01 * 10)) = 1; C = 0 means one
    sizes = [len(choose(selection.fraction(share), TEN).clients) for share in (0, 0.01, 0.25, 0.35, 0.5, 1)]
    assert sizes == [1, 1, 2, 4, 5, 10]


def test_fraction_gives_every_client_the_same_chance():
    times = dict.fromkeys(ids(TEN), 0)
    for seed in range(2000):
        for client in choose(selection.fraction(0.3), TEN, seed).clients:
            times[client.id] += 1
    # Each is chosen in 600 of 2000 rounds, standard deviation sqrt(2000 * 0.3 * 0.7) = 20.5; five of them are 102.
    assert all(abs(n - 600) < 102 for n in times.values()), times


def test_count_takes_all_clients_where_there_are_fewer():
    assert [len(choose(selection.count(n), TEN).clients) for n in (1, 7, 10, 11)] == [1, 7, 10, 10]


@pytest.mark.parametrize("missing", ["idle", "charging", "unmetered"])
def test_available_leaves_out_whoever_lacks_one_condition(missing):
    busy = ClientInfo("busy", 10, **{missing: False})
    chosen = choose(selection.available(selection.fraction(1.0)), [busy, *TEN])
    assert ids(chosen.clients) == ids(TEN)


def test_available_with_nobody_available_chooses_nobody_and_asks_nobody():
    asleep = [ClientInfo("a", 1, charging=False), ClientInfo("b", 1, idle=False)]
    assert choose(selection.available(selection.power_of_choice(1, 2)), asleep) == Cohort(())


def test_available_keeps_what_the_inner_step_says_about_enough():
    assert choose(selection.available(selection.over_select(3)), TEN).enough == 3


def test_available_names_the_inner_step_when_it_goes_wrong():
    def my_choice(clients, rng):
        pass

    with pytest.raises(ValueError, match=r"my_choice returned None.*`return`"):
        choose(selection.available(my_choice), TEN)


def test_by_data_size_includes_clients_as_often_as_successive_draws_should():
    sizes, rounds = [10, 30, 60], 4000
    times = np.zeros(3)
    for seed in range(rounds):
        for client in choose(selection.by_data_size(2), people(*sizes), seed).clients:
            times[int(client.id[-1])] += 1
    # P(k among 2) = p_k + sum over j != k of p_j * p_k / (1 - p_j), for p = 0.1, 0.3, 0.6:
    # 0.1 + 0.3*0.1/0.7 + 0.6*0.1/0.4 = 0.2929; 0.3 + 0.1*0.3/0.9 + 0.6*0.3/0.4 = 0.7833;
    # 0.6 + 0.1*0.6/0.9 + 0.3*0.6/0.7 = 0.9238; standard deviation at most sqrt(0.25 / 4000) = 0.008
    np.testing.assert_allclose(times / rounds, [0.2929, 0.7833, 0.9238], atol=0.035)


def test_by_data_size_never_draws_a_client_without_examples():
    assert ids(choose(selection.by_data_size(5), people(0, 4, 0, 2)).clients) == ["client-1", "client-3"]
    assert choose(selection.by_data_size(5), people(0, 0)).clients == ()


def test_power_of_choice_takes_the_highest_losses_of_those_it_asked():
    asked_for = []

    def losses(asked):
        asked_for.extend(asked)
        return {client.id: float(client.id[-1]) for client in asked}

    chosen = choose(selection.power_of_choice(2, candidates=4), TEN, losses=losses)
    assert len(asked_for) == 4
    # The loss is the last digit of the id, so the two highest are the last two of the four in order.
    assert ids(chosen.clients) == sorted(ids(asked_for))[2:]


def test_power_of_choice_breaks_ties_by_the_clients_own_order():
    chosen = choose(
        selection.power_of_choice(3, candidates=10), TEN, losses=lambda asked: dict.fromkeys(ids(asked), 1.0)
    )
    assert ids(chosen.clients) == ids(TEN[:3])


def test_power_of_choice_leaves_out_clients_without_a_finite_loss():
    answers = {"client-2": 0.5, "client-4": math.nan, "client-6": math.inf, "client-8": 0.1}
    chosen = choose(selection.power_of_choice(4, candidates=10), TEN, losses=lambda asked: answers)
    assert ids(chosen.clients) == ["client-2", "client-8"]


def test_power_of_choice_asks_at_least_as_many_as_it_chooses():
    with pytest.raises(ValueError, match="candidates must be a whole number of at least 5, got 4"):
        selection.power_of_choice(5, candidates=4)


def test_over_select_invites_more_and_says_how_many_are_enough():
    # ceil(1.3 * 3) = ceil(3.9) = 4; 1.1 * 50 = 55.00000000000001 in floats, yet 55 are meant
    cohort = choose(selection.over_select(3), TEN)
    assert (len(cohort.clients), cohort.enough) == (4, 3)
    assert len(choose(selection.over_select(50, 1.1), people(*[1] * 60)).clients) == 55
    cohort = choose(selection.over_select(10), TEN)
    assert (len(cohort.clients), cohort.enough) == (10, 10)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: selection.fraction(1.5), "share must be a number of at least 0 and at most 1, got 1.5; try 0.1"),
        (lambda: selection.fraction(-0.1), "share must be a number"),
        (lambda: selection.count(0), "n must be a whole number of at least 1, got 0"),
        (lambda: selection.count(2.5), "n must be a whole number"),
        (lambda: selection.by_data_size(0), "n must be a whole number"),
        (lambda: selection.over_select(3, 0.9), "factor must be a number of at least 1, got 0.9"),
    ],
)
def test_makers_refuse_what_makes_no_sense(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


def test_invitations_needed_by_hand():
    # Of 2 clients who answer with probability 1/2, one at least answers with probability 1 - 1/4 = 0.75.
    assert invitations_needed(1, 0.5, 0.75) == 2
    assert invitations_needed(1, 0.5, 0.76) == 3
    # 1 - 0.1^2 = 0.99, 1 - 0.5^3 = 0.875 and 0.8: just enough, and not one more because of the last bit of a float.
    assert invitations_needed(1, 0.9, 0.99) == 2
    assert invitations_needed(1, 0.5, 0.875) == 3
    assert invitations_needed(1, 0.8, 0.8) == 1
    assert invitations_needed(7, 1.0, 0.999) == 7
    assert invitations_needed(7, 0.999, 0.5) == 7


def exact_chance_of_enough(n, invited, p):
    """The binomial tail as a sum of whole-number fractions: no rounding at all."""
    p = Fraction(p)
    return sum(math.comb(invited, k) * p**k * (1 - p) ** (invited - k) for k in range(n, invited + 1))


@QUICK
@given(st.integers(1, 15), st.integers(5, 99), st.integers(1, 99))
def test_invitations_needed_is_the_smallest_number_that_does(n, percent, confidence):
    p, wanted = percent / 100, confidence / 100
    invited = invitations_needed(n, p, wanted)
    assert invited >= n
    assert exact_chance_of_enough(n, invited, p) >= wanted - 1e-8
    if invited > n:
        assert exact_chance_of_enough(n, invited - 1, p) < wanted


def test_invitations_needed_stays_exact_near_certainty_and_for_crowds():
    # P(nobody of N answers) = 0.5^N <= 2^-40 just at N = 40
    assert invitations_needed(1, 0.5, 1 - 2.0**-40) == 40
    # 0.3 ** 100000 is far too small for a float; the normal approximation gives
    # N * 0.3 - 1.6449 * sqrt(N * 0.3 * 0.7) = 99,999.66 at N = 334,786, good to a few
    assert abs(invitations_needed(100_000, 0.3, 0.95) - 334_786) < 5


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((3, 0, 0.9), "p_answer must be a number above 0 and at most 1, got 0"),
        ((3, 1.2, 0.9), "p_answer must be"),
        ((0, 0.5, 0.9), "n must be a whole number from 1 to 100000, got 0"),
        ((3, 0.5, 1.0), "confidence must be a number above 0 and below 1, got 1"),
        ((3, 1e-12, 0.9), "more than 1,000,000,000 invitations needed: p_answer 1e-12 is too small"),
    ],
)
def test_invitations_needed_refuses_the_impossible(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        invitations_needed(*arguments)


def test_steps_can_be_named():
    sizes = {
        spec: len(choose(selection.selection(spec), TEN, losses=lambda asked: dict.fromkeys(ids(asked), 1.0)).clients)
        for spec in ("fraction:0.3", "count:4", "available", "available:0.2", "by_data_size:5", "power_of_choice:3,6")
    }
    assert list(sizes.values()) == [3, 4, 10, 2, 5, 3]
    assert choose(selection.selection("over_select:4"), TEN).enough == 4
    # The name makes the very same step: the same draws from the same seed.
    assert choose(selection.selection("fraction:0.3"), TEN, 5) == choose(selection.fraction(0.3), TEN, 5)
    with pytest.raises(ValueError, match="unknown selection 'fracton'.*did you mean 'fraction'"):
        selection.selection("fracton:0.1")


class FirstTwo:
    def __call__(self, clients, rng):
        return clients[:2]


def with_a_setting(clients, rng, n=2):
    return clients[:n]


def with_losses_by_name(clients, rng, *, losses=None):
    return clients[:2] if losses(clients) == {} else []


def with_a_third_argument(clients, rng, ask):
    return clients[:2] if ask(clients) == {} else []


def with_anything(*args):
    return args[0][:2]


@pytest.mark.parametrize(
    "step",
    [
        lambda clients, rng: clients[:2],
        lambda clients, rng: (clients[1], clients[0]),
        lambda clients, rng: Cohort((clients[0], clients[1])),
        lambda clients, rng: np.array(clients, dtype=object)[:2],
        FirstTwo(),
        FirstTwo().__call__,
        with_a_setting,
        functools.partial(with_a_setting, n=2),
        with_losses_by_name,
        with_a_third_argument,
        with_anything,
    ],
)
def test_any_function_with_the_right_arguments_is_a_step(step):
    assert run_selection(step, TEN, rng_for(0, "select", 1), nobody_answers) == Cohort(tuple(TEN[:2]))


def test_a_step_may_choose_nobody():
    assert choose(lambda clients, rng: [], TEN) == Cohort(())


def test_a_step_that_shuffles_its_list_does_not_shuffle_the_federation():
    def shuffled(clients, rng):
        rng.shuffle(clients)
        return [clients.pop() for _ in range(3)]

    before = list(TEN)
    chosen = ids(choose(shuffled, TEN).clients)
    assert before == TEN
    assert chosen == sorted(chosen)


STRANGER = ClientInfo("stranger", 3)


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (None, r"my_choice returned None, expected a list of clients; is a `return` missing\?"),
        ({TEN[0]}, "my_choice returned set, expected a list of clients"),
        ("client-1", "my_choice returned str, expected a list of clients"),
        (TEN[0], "my_choice returned ClientInfo, expected a list of clients"),
        (["client-1"], "my_choice chose 'client-1', expected one of the clients itself, not an id or a place"),
        ([0, 1], "my_choice chose 0, expected one of the clients itself"),
        ([TEN[0], STRANGER], "my_choice chose client 'stranger', who is not one of the 10 it was given"),
        ([ClientInfo("client-0", 99)], "my_choice chose client 'client-0', who is not one of the 10"),
        ([TEN[0], TEN[1], TEN[0]], "my_choice chose client 'client-0' twice; try drawing without replacement"),
        (Cohort((STRANGER,)), "my_choice chose client 'stranger'"),
        (Cohort((TEN[0],), enough=0), "my_choice: enough must be a whole number of at least 1, got 0"),
    ],
)
def test_a_wrong_answer_is_refused_in_one_sentence_that_names_the_step(result, sentence):
    def my_choice(clients, rng):
        return result

    with pytest.raises(ValueError, match=sentence):
        choose(my_choice, TEN)


def test_what_cannot_be_called_as_a_step_is_refused_with_advice():
    with pytest.raises(ValueError, match=r"a selection step is a function \(clients, rng\), got 0.1; try"):
        choose(0.1, TEN)
    with pytest.raises(ValueError, match=r"fraction.* cannot be called as a selection step.*call it first"):
        choose(selection.fraction, TEN)
    with pytest.raises(ValueError, match="cannot be called as a selection step"):
        choose(lambda clients: clients, TEN)


def test_a_step_with_its_own_mistake_shows_that_mistake():
    def broken(clients, rng):
        return clients[0] + 1

    with pytest.raises(TypeError, match="unsupported operand"):
        choose(broken, TEN)
