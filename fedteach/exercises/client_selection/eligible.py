"""1.1: who may take part."""

from collections.abc import Callable, Sequence
from itertools import product
from operator import itemgetter

import numpy as np

from fedteach.exercises.client_selection.clients import Clients, expect_clients, members
from fedteach.grading import expect
from fedteach.grading.ask import Ask
from fedteach.grading.exercise import CONDUCT, EXAMPLE, SPECIAL, Exercise
from fedteach.messages import ClientInfo

FLAGS = ("idle", "charging", "unmetered")
_LACKS = {"idle": "in use", "charging": "on battery", "unmetered": "metered"}
"""What a client is called that lacks one of the three."""


def _client(id: str, n_examples: int, flags: Sequence[bool]) -> ClientInfo:
    return ClientInfo(id, n_examples, *(bool(flag) for flag in flags))


def _where(clients: Sequence[ClientInfo], keep: Callable[[tuple[bool, ...]], bool]) -> Clients:
    """Return the clients whose three flags are as wanted."""
    return [client for client in clients if keep(tuple(getattr(client, flag) for flag in FLAGS))]


def _all_but(place: int) -> Callable[[tuple[bool, ...]], bool]:
    return lambda flags: all(flags[:place] + flags[place + 1 :])


def _known_wrong(clients: Sequence[ClientInfo], right: Clients) -> expect.Likely:
    """List the wrong answers that have a known cause; those that happen to be right here are left out."""
    forgotten = [
        (_where(clients, _all_but(i)), f"a client that is not {flag} got in: ask for it too")
        for i, flag in enumerate(FLAGS)
    ]
    alone = [
        (_where(clients, itemgetter(i)), f"only `client.{flag}` was asked for; all three must hold")
        for i, flag in enumerate(FLAGS)
    ]
    by_id, backwards = sorted(right, key=lambda client: client.id), right[::-1]
    reverse = "these are the right clients, in reverse order"
    wrong = [
        (_where(clients, any), "one of the three is enough here; join them with `and`, not with `or`"),
        *forgotten,
        *alone,
        (_where(clients, lambda f: not any(f)), "these are the clients for which none of the three holds"),
        (_where(clients, lambda f: not all(f)), "these are the ones to leave out; keep the others"),
        (list(clients), "everybody got in: is the condition ever asked?"),
        (right[:1], "only the first one is here: does `return` stand inside the loop?"),
        ([], "nobody got in: is the list returned before it is filled, or a condition the wrong way round?"),
        (backwards, f"{reverse}, or sorted by id; leave their order" if by_id == backwards else reverse),
        (by_id, "these are the right clients, sorted by id; leave their order"),
    ]
    return [(clients, cause) for clients, cause in wrong if clients != right]


@EXAMPLE
def five_phones(ask: Ask, rng: np.random.Generator) -> None:
    """Five phones: one in use, one on battery, one on a metered network, one all of that, and one that is free."""
    clients = [_client(_LACKS[flag], 20, [flag != other for other in FLAGS]) for flag in FLAGS]
    clients += [_client("all of that", 20, (False, False, False)), ClientInfo("free", 20)]
    clients = [clients[i] for i in (3, 0, 4, 1, 2)]
    right = [ClientInfo("free", 20)]
    expect_clients(
        members(ask(clients), clients),
        right,
        "Only the phone called 'free' is idle, charging and unmetered.",
        _known_wrong(clients, right),
    )


def every_combination(ask: Ask, rng: np.random.Generator) -> None:
    """Every combination of the three conditions, twice, in any order."""
    clients = []
    for i, flags in enumerate([*product([True, False], repeat=3)] * 2):
        lacks = [_LACKS[name] for name, flag in zip(FLAGS, flags, strict=True) if not flag]
        clients.append(_client(f"{' + '.join(lacks) or 'free'} {i}", 10 + i, flags))
    clients = [clients[place] for place in rng.permutation(len(clients))]
    right = [client for client in clients if client.id.startswith("free")]
    got = members(ask(clients), clients)
    expect_clients(got, right, _says(got, right), _known_wrong(clients, right))


def _says(got: Clients, right: Clients) -> str:
    """Say whether the wrong clients came, or the right ones in another order."""
    if {client.id for client in got} == {client.id for client in right}:
        return "These are the right clients, but not in the order in which they came."
    return "Some clients are missing, or should not be there."


@CONDUCT
def in_their_own_order(ask: Ask, rng: np.random.Generator) -> None:
    """The clients stay in the order in which they came, whatever their ids and their numbers of examples are."""
    for n_clients in (12, 30):
        sizes, ids = rng.permutation(n_clients) + 1, rng.permutation(n_clients)
        flags = rng.random((n_clients, 3)) < 0.8
        flags[:6] = True  # so that there is an order to keep
        clients = [_client(str(id), int(n), f) for id, n, f in zip(ids, sizes, flags, strict=True)]
        right = [client for client, ok in zip(clients, flags.tolist(), strict=True) if all(ok)]
        by_size = sorted(right, key=lambda client: client.n_examples)
        likely = [
            (by_size, "these are the right clients, sorted by their examples; leave their order"),
            (by_size[::-1], "these are the right clients, sorted by their examples; leave their order"),
            *_known_wrong(clients, right),
        ]
        got = members(ask(clients), clients)
        expect_clients(got, right, _says(got, right), likely)


@SPECIAL
def nobody_is_free(ask: Ask, rng: np.random.Generator) -> None:
    """In the rush hour nobody may take part, and with no client at all nobody can: an empty list."""
    busy = [_client(f"phone {i}", 10, flags) for i, flags in enumerate(product([True, False], repeat=3)) if i]
    for clients in (busy, []):
        expect_clients(members(ask(clients), clients), [], "Nobody meets all three conditions: the list is empty.")


def reference_eligible(clients: Sequence[ClientInfo]) -> Clients:
    """Return the clients that are idle, charging and on an unmetered network."""
    return [client for client in clients if client.idle and client.charging and client.unmetered]


ELIGIBLE = Exercise(
    "1.1",
    "eligible",
    "who may take part",
    hints=(
        "A phone is charging and nobody uses it, but its owner pays for every megabyte. Should it be asked?",
        "`client.idle` is True or False. Which little word joins three of these, so that all of them must hold?",
        "How do you walk through a list and keep only some of its items, in their order?",
    ),
    cases=(five_phones, every_combination, in_their_own_order, nobody_is_free),
    reference=reference_eligible,
    passes_on=True,
)
