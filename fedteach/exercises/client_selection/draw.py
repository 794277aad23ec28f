"""1.2: a seeded draw."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fedteach.exercises.client_selection.clients import Clients, expect_clients, members
from fedteach.exercises.common import counted, explaining, is_untouched
from fedteach.grading import expect
from fedteach.grading.ask import Ask
from fedteach.grading.exercise import CONDUCT, SPECIAL, Exercise
from fedteach.grading.recipes import Rng
from fedteach.messages import ClientInfo


def _federation(n_clients: int) -> Clients:
    """Return clients whose ids are longer than one digit, so that sorting them as text shows."""
    return [ClientInfo(f"c{place}", 20) for place in range(n_clients)]


def _places(answer: Any, clients: Clients, fraction: float) -> list[int]:
    """Check an answer's kind, number and order; return the places of the chosen clients."""
    places = _drawn(answer, clients, fraction)
    chosen = [clients[place] for place in places]
    by_id = chosen == sorted(chosen, key=lambda client: client.id)
    expect.true(
        places == sorted(places),
        "The chosen clients are not in the order in which they came.",
        got=chosen,
        expected=[clients[place] for place in sorted(places)],
        likely="these are sorted by id, and as text 'c10' comes before 'c2'; sort the places that were drawn"
        if by_id
        else "a draw comes in any order; sort the places that were drawn before you pick the clients",
    )
    return places


def _drawn(answer: Any, clients: Clients, fraction: float) -> list[int]:
    """Check an answer's kind and number; return the places of the chosen clients, in the order of the answer."""
    chosen = members(answer, clients)
    n, want = len(clients), max(1, round(fraction * len(clients)))
    share = fraction * n
    expect.true(
        len(chosen) == want,
        f"{_times(fraction, n)}, so {want} of {counted(n, 'client')} must be chosen; you chose {len(chosen)}.",
        got=chosen,
        expected=counted(want, "client"),
        likely=why_so_many(len(chosen), share),
    )
    return [clients.index(client) for client in chosen]


def _times(fraction: float, n: int) -> str:
    return f"{fraction:g} times {n} is {fraction * n:.4g}"


def why_so_many(count: int, share: float) -> str:
    """Say why a number of clients may be wrong; right is `share`, rounded."""
    if count == 0:
        return "even the smallest fraction chooses one client: max(1, ...)"
    if abs(share - round(share)) > 1e-9 and count == math.ceil(share):
        return "the number is rounded up; `round(...)` goes to the nearest whole number"
    if count == math.floor(share) and share != count:
        return "`int(...)` and `//` cut the digits off; `round(...)` goes to the nearest whole number"
    return "is a client dropped when it is drawn for the second time, or each one chosen by a coin of its own?"


def how_many(ask: Ask, rng: np.random.Generator) -> None:
    """Ten clients: 0.3 of them are three, all of them are ten, and the smallest fraction is still one."""
    clients = _federation(10)
    for fraction in (0.3, 1.0, 0.01, 0.0, 0.26, 0.84):
        _drawn(ask(clients, fraction, Rng(int(rng.integers(1000)))), clients, fraction)


@CONDUCT
def nobody_twice(ask: Ask, rng: np.random.Generator) -> None:
    """Nobody is chosen twice, and the chosen clients stay in the order in which they came."""
    for n_clients, fraction in ((12, 0.9), (40, 0.5), (7, 0.6), (1, 0.3), (100, 0.29)):
        clients = _federation(n_clients)
        _places(ask(clients, fraction, Rng(int(rng.integers(1000)))), clients, fraction)


def same_seed_same_clients(ask: Ask, rng: np.random.Generator) -> None:
    """A generator with the same seed chooses the same clients; one with another seed chooses others."""
    clients = _federation(30)
    seeds = [int(seed) for seed in rng.choice(10_000, size=4, replace=False)]
    choices = []
    for seed in seeds:
        first, again = (_drawn(ask(clients, 0.5, Rng(seed)), clients, 0.5) for _ in range(2))
        expect.true(
            first == again,
            "Two generators with the same seed must choose the same clients, or nobody can repeat the experiment.",
            got=f"places {first}, then places {again}",
            likely="something else than `rng` was drawn from: `np.random`, `random`, or a new generator of your own",
        )
        choices.append(first)
    # Four honest draws of 15 out of 30 are all the same with probability 1e-24.
    reply = ask.reply(clients, 0.5, Rng(seeds[0]))
    untouched = is_untouched(seeds[0], reply.after[2])
    expect.true(
        any(choice != choices[0] for choice in choices),
        "Four generators with different seeds all choose the same clients.",
        got=f"places {choices[0]} each time",
        expected="another choice for another seed",
        likely=_why_the_same(choices[0], untouched),
    )


def _why_the_same(places: list[int], untouched: bool) -> str:
    if sorted(places) == list(range(len(places))):
        return "these are always the first ones; draw their places from `rng`"
    if untouched:
        return "`rng` is not used: a generator with a seed of its own, as in `default_rng(0)`, forgets the experiment's"
    return "the draw hardly depends on what `rng` gives"


_DRAWS = 100


def the_same_chance(ask: Ask, rng: np.random.Generator) -> None:
    """Everybody has the same chance: the first and the last client, those with many examples and those with few."""
    sizes = rng.permutation([1, 2, 3, 1000, 2000, 3000])
    clients = [ClientInfo(f"c{place}", int(size)) for place, size in enumerate(sizes)]
    start = int(rng.integers(10**6))
    draws = [_places(ask(clients, 0.5, Rng(start + i)), clients, 0.5) for i in range(_DRAWS)]
    times = np.bincount(np.concatenate(draws), minlength=6)
    # Each count is Binomial(100, 1/2). Hoeffding: 35 off with probability below 2 exp(-2 * 35**2 / 100) = 5e-11.
    expect.true(
        bool((abs(times - _DRAWS / 2) <= 35).all()),
        f"In {_DRAWS} draws of 3 out of 6, each client should be chosen about {_DRAWS // 2} times.",
        got=", ".join(f"{client.id}: {n}" for client, n in zip(clients, times, strict=True)),
        expected="nearly the same number for each",
        likely=_who_is_favoured(times, sizes),
    )
    # There are 20 groups. 100 fair draws all fall into 8 of them with probability below 2**17 * 0.4**100 = 2e-35.
    groups = sorted({tuple(places) for places in draws})
    expect.true(
        len(groups) > 8,
        f"Each client is chosen equally often, but in {_DRAWS} draws of 3 out of 6 only {len(groups)} different groups"
        " came up; there are 20.",
        got=f"always one of the places {', '.join(map(str, groups))}",
        likely="one draw decides on the whole group, as a random start with its neighbours does; draw each client",
    )


def _who_is_favoured(times: np.ndarray, sizes: np.ndarray) -> str:
    big = sizes >= 1000
    if times[big].min() > times[~big].max():
        return "clients with more examples are chosen more often; `n_examples` must not matter here"
    if times[big].max() < times[~big].min():
        return "clients with fewer examples are chosen more often; `n_examples` must not matter here"
    if times[-1] == 0:
        return "the last client is never chosen: a draw from n - 1 places leaves one out"
    return "the first client is never chosen: places begin at 0" if times[0] == 0 else ""


@SPECIAL
def nobody_there(ask: Ask, rng: np.random.Generator) -> None:
    """Without any client nobody can be chosen: an empty list, and no error."""
    for fraction in (0.3, 1.0):
        with explaining({"stopped with a": "no clients: max(1, 0) still asks for one; return [] first"}):
            answer = ask([], fraction, Rng(1))
        expect_clients(members(answer, []), [], "Of no clients, none can be chosen.")


def reference_choose_fraction(clients: Sequence[ClientInfo], fraction: float, rng: np.random.Generator) -> Clients:
    """Choose a fraction of the clients, each with the same chance."""
    from fedteach.steps import selection

    chosen: Clients = selection.fraction(fraction)(clients, rng)  # type: ignore[assignment]
    return chosen


CHOOSE_FRACTION = Exercise(
    "1.2",
    "choose_fraction",
    "a seeded draw",
    hints=(
        "How many clients are 0.3 of 10, and 0.01 of 10? Which Python function makes a whole number of it, and what "
        "keeps it from being 0?",
        "You may also draw *places* in the list. What does `rng.choice(10, size=3, replace=False)` give you, and what "
        "would it give without `replace=False`?",
        "The places come in any order: what puts them in order? And what happens if there is no client to draw from?",
    ),
    cases=(how_many, same_seed_same_clients, nobody_twice, the_same_chance, nobody_there),
    reference=reference_choose_fraction,
    passes_on=True,
    points=2,
)
