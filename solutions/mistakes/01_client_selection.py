"""Known mistakes of 01_client_selection: each must fail, with a message that names it."""

import math
import random

import numpy as np

from fedteach.authoring import mistake

# ---- 1.1 ------------------------------------------------------------------------------------------------------------


@mistake("1.1", says="with `and`, not with `or`")
def one_condition_is_enough(clients):
    return [client for client in clients if client.idle or client.charging or client.unmetered]


@mistake("1.1", says="a client that is not unmetered got in")
def forgets_who_pays_for_the_bytes(clients):
    return [client for client in clients if client.idle and client.charging]


@mistake("1.1", says="return the clients themselves")
def returns_the_ids(clients):
    return [client.id for client in clients if client.idle and client.charging and client.unmetered]


@mistake("1.1", says="does `return` stand inside the loop?")
def returns_inside_the_loop(clients):
    chosen = []
    for client in clients:
        if client.idle and client.charging and client.unmetered:
            chosen.append(client)
            return chosen
    return chosen


@mistake("1.1", says="changes what it was given")
def removes_from_the_list_it_was_given(clients):
    for client in list(clients):
        if not (client.idle and client.charging and client.unmetered):
            clients.remove(client)
    return clients


@mistake("1.1", says="sorted by id")
def sorts_by_id(clients):
    free = [client for client in clients if client.idle and client.charging and client.unmetered]
    return sorted(free, key=lambda client: client.id)


@mistake("1.1", says="returned None")
def returns_nothing_for_nobody(clients):
    free = [client for client in clients if client.idle and client.charging and client.unmetered]
    if free:
        return free


# ---- 1.2 ------------------------------------------------------------------------------------------------------------


def pick(clients, places):
    """Return the clients at these places, in order."""
    return [clients[place] for place in sorted(places)]


@mistake("1.2", says="replace=False")
def draws_with_replacement(clients, fraction, rng):
    if not clients:
        return []
    return pick(clients, rng.choice(len(clients), size=max(1, round(fraction * len(clients)))))


@mistake("1.2", says="even the smallest fraction chooses one client")
def a_small_fraction_is_nobody(clients, fraction, rng):
    if not clients:
        return []
    return pick(clients, rng.choice(len(clients), size=round(fraction * len(clients)), replace=False))


@mistake("1.2", says="cut the digits off")
def cuts_the_digits_off(clients, fraction, rng):
    if not clients:
        return []
    return pick(clients, rng.choice(len(clients), size=max(1, int(fraction * len(clients))), replace=False))


@mistake("1.2", says="sort the places that were drawn")
def leaves_them_as_they_were_drawn(clients, fraction, rng):
    if not clients:
        return []
    places = rng.choice(len(clients), size=max(1, round(fraction * len(clients))), replace=False)
    return [clients[place] for place in places]


@mistake("1.2", says="something else than `rng` was drawn from")
def draws_from_the_global_generator(clients, fraction, rng):
    if not clients:
        return []
    n = max(1, round(fraction * len(clients)))
    return pick(clients, np.random.choice(len(clients), size=n, replace=False))  # noqa: NPY002


@mistake("1.2", says="something else than `rng` was drawn from")
def samples_with_pythons_own_generator(clients, fraction, rng):
    if not clients:
        return []
    return random.sample(clients, max(1, round(fraction * len(clients))))


@mistake("1.2", says="forgets the experiment's")
def brings_a_seed_of_its_own(clients, fraction, rng):
    if not clients:
        return []
    n = max(1, round(fraction * len(clients)))
    return pick(clients, np.random.default_rng(0).choice(len(clients), size=n, replace=False))


@mistake("1.2", says="always the first ones")
def takes_the_first_ones(clients, fraction, rng):
    return list(clients[: max(1, round(fraction * len(clients)))])


@mistake("1.2", says="`n_examples` must not matter here")
def favours_those_with_many_examples(clients, fraction, rng):
    if not clients:
        return []
    sizes = np.array([client.n_examples for client in clients])
    n = max(1, round(fraction * len(clients)))
    return pick(clients, rng.choice(len(clients), size=n, replace=False, p=sizes / sizes.sum()))


@mistake("1.2", says="a random start with its neighbours")
def draws_one_start_for_all(clients, fraction, rng):
    if not clients:
        return []
    start = rng.integers(len(clients))
    return pick(clients, [(start + i) % len(clients) for i in range(max(1, round(fraction * len(clients))))])


@mistake("1.2", says="changes what it was given")
def shuffles_the_clients(clients, fraction, rng):
    order = list(clients)
    rng.shuffle(clients)
    chosen = clients[: max(1, round(fraction * len(clients)))]
    return [client for client in order if client in chosen]


@mistake("1.2", says="these are sorted by id")
def sorts_the_ids_as_text(clients, fraction, rng):
    if not clients:
        return []
    places = rng.choice(len(clients), size=max(1, round(fraction * len(clients))), replace=False)
    return sorted((clients[place] for place in places), key=lambda client: client.id)


@mistake("1.2", says="max(1, 0) still asks for one")
def chooses_one_even_of_nobody(clients, fraction, rng):
    return pick(clients, rng.choice(len(clients), size=max(1, round(fraction * len(clients))), replace=False))


# ---- 1.3 ------------------------------------------------------------------------------------------------------------


def count_up(n, confidence, chance):
    """Count invitations upwards until the chance is high enough."""
    invited = n
    while chance(invited) < confidence:
        invited += 1
    return invited


def exactly(k, invited, p):
    """Return the chance that exactly k of those invited answer."""
    return math.comb(invited, k) * p**k * (1 - p) ** (invited - k)


@mistake("1.3", says="*on average*")
def divides_by_the_chance(n, p_answer, confidence):
    return math.ceil(n / p_answer)


@mistake("1.3", says="*more* than n answers")
def asks_for_more_than_n(n, p_answer, confidence):
    return count_up(n, confidence, lambda N: 1 - sum(exactly(k, N, p_answer) for k in range(n + 1)))


@mistake("1.3", says="ends at N - 1")
def leaves_out_that_all_answer(n, p_answer, confidence):
    if p_answer == 1:
        return n
    return count_up(n, confidence, lambda N: sum(exactly(k, N, p_answer) for k in range(n, N)))


@mistake("1.3", says="not that it drops out")
def takes_answering_for_dropping_out(n, p_answer, confidence):
    drops = p_answer if p_answer < 1 else 0
    return count_up(n, confidence, lambda N: sum(exactly(k, N, 1 - drops) for k in range(n, N + 1)))


@mistake("1.3", says="this counts *exactly* n answers")
def waits_for_exactly_n(n, p_answer, confidence):
    return count_up(n, confidence, lambda N: exactly(n, N, p_answer))


@mistake("1.3", says="exactly `confidence` is enough")
def goes_on_while_the_chance_is_just_enough(n, p_answer, confidence):
    invited = n
    while sum(exactly(k, invited, p_answer) for k in range(n, invited + 1)) <= confidence and p_answer < 1:
        invited += 1
    return invited


@mistake("1.3", says="this is one too many")
def invites_one_more(n, p_answer, confidence):
    return 1 + count_up(n, confidence, lambda N: sum(exactly(k, N, p_answer) for k in range(n, N + 1)))


@mistake("1.3", says="ompute the chance")
def throws_dice(n, p_answer, confidence):
    dice = np.random.default_rng(0)
    return count_up(n, confidence, lambda N: np.mean(dice.binomial(N, p_answer, size=20_000) >= n))


@mistake("1.3", says="by dice or a bell curve")
def takes_a_bell_for_the_coins(n, p_answer, confidence):
    def chance(invited):
        room = math.sqrt(invited * p_answer * (1 - p_answer)) or 1e-9
        return 0.5 * (1 - math.erf((n - 0.5 - invited * p_answer) / room / math.sqrt(2)))

    return count_up(n, confidence, chance)


@mistake("1.3", says="fewer invitations will do")
def invites_one_to_spare_at_least(n, p_answer, confidence):
    invited = n + 1
    while sum(exactly(k, invited, p_answer) for k in range(n, invited + 1)) < confidence:
        invited += 1
    return invited


@mistake("1.3", says="does the loop end before the answer is found")
def counts_no_further_than_fifty(n, p_answer, confidence):
    for invited in range(n, 51):
        if sum(exactly(k, invited, p_answer) for k in range(n, invited + 1)) >= confidence:
            return invited
