"""7.1: the bytes that a class moves, and how long its network is busy with them."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from fedteach.grading import expect
from fedteach.grading.ask import Ask
from fedteach.grading.exercise import EXAMPLE, SPECIAL, Exercise

Round = tuple[Sequence[str], Mapping[str, str]]
"""Who was asked, and who of them was lost and why."""

Traffic = dict[str, float]

_MEGABIT = 1e6


@EXAMPLE
def three_laptops(ask: Ask, rng: np.random.Generator) -> None:
    """Three laptops, two rounds, Ben is lost in the second: 6 messages go down, and 5 come up."""
    everybody = ["Anna", "Ben", "Chris"]
    rounds: list[Round] = [(everybody, {}), (everybody, {"Ben": "late"})]
    # down 6 * 1,200,000; up 5 * 160,000; together 8,000,000 bytes, which are 64 Mbit: 8 s at 8 Mbit/s
    _expect(ask, rounds, 1_200_000, 160_000, 8.0)


def any_class(ask: Ask, rng: np.random.Generator) -> None:
    """Classes of any size, in which others are asked every round, and some of them are lost."""
    for n_rounds in (1, 4, 7):
        rounds = [_round(rng) for _ in range(n_rounds)]
        weights_bytes, update_bytes = (int(size) for size in rng.integers(10_000, 5_000_000, size=2))
        _expect(ask, rounds, weights_bytes, update_bytes, float(rng.choice([6.5, 20.0, 54.0])))


@SPECIAL
def sad_rounds(ask: Ask, rng: np.random.Generator) -> None:
    """Rounds in which everybody is lost, or nobody is asked; and a class that has not begun."""
    gone = {"Anna": "gone", "Ben": "late"}
    sad: list[list[Round]] = [[(list(gone), gone)], [([], {}), (["Anna", "Ben"], {})], []]
    for rounds in sad:
        _expect(ask, rounds, 150_000, 40_000, 10.0)


def _round(rng: np.random.Generator) -> Round:
    asked = [f"laptop {i}" for i in np.sort(rng.choice(30, size=rng.integers(3, 12), replace=False))]
    lost = {client: str(rng.choice(["late", "gone", "not needed"])) for client in asked[:: int(rng.integers(2, 4))]}
    return asked, lost


def _expect(ask: Ask, rounds: Sequence[Round], weights_bytes: int, update_bytes: int, megabits_per_s: float) -> None:
    want = traffic_of(rounds, weights_bytes, update_bytes, megabits_per_s)
    got = ask(list(rounds), weights_bytes, update_bytes, megabits_per_s)
    # As floats, because "whole numbers do for floats", and a float that is whole does for a number of bytes.
    expect.same_kind(got, want)
    for name, says in _SAYS.items():
        wrong = known_wrong(name, rounds, weights_bytes, update_bytes, megabits_per_s)
        likely = [(number, cause) for number, cause in wrong if not np.isclose(number, want[name], rtol=1e-4)]
        expect.equal(got[name], want[name], says, likely)


_SAYS = {
    "down": "These are not the bytes that go down to the clients.",
    "up": "These are not the bytes that come up from the clients.",
    "seconds": "The bytes are right, but the seconds that they take are not.",
}


def traffic_of(
    rounds: Sequence[Round], weights_bytes: int, update_bytes: int, megabits_per_s: float
) -> dict[str, float]:
    """Count what goes down, what comes up, and the seconds that both take."""
    down = float(weights_bytes * sum(len(asked) for asked, _ in rounds))
    up = float(update_bytes * sum(len(asked) - len(lost) for asked, lost in rounds))
    return {"down": down, "up": up, "seconds": 8 * (down + up) / (megabits_per_s * _MEGABIT)}


def known_wrong(
    name: str, rounds: Sequence[Round], weights_bytes: int, update_bytes: int, megabits_per_s: float
) -> Iterator[tuple[float, str]]:
    """Yield wrong numbers with what causes them, the likeliest first."""
    sizes = (weights_bytes, update_bytes, megabits_per_s)
    right, n_lost = traffic_of(rounds, *sizes), sum(len(lost) for _, lost in rounds)
    if name == "seconds":
        yield right["seconds"] / 8, "a network is measured in bits, and a byte has 8 of them"
        yield right["seconds"] * _MEGABIT, "a megabit is a million bits"
        yield right["seconds"] * _MEGABIT / 8, "a megabit is a million bits, and a byte has 8 of them"
        yield right["seconds"] * _MEGABIT / 2**20, "a megabit is a million bits, not 2**20 of them"
        yield right["seconds"] / 64, "a byte has 8 bits: multiply by 8, do not divide"
        for way in ("down", "up"):
            seconds = 8 * right[way] / (megabits_per_s * _MEGABIT)
            yield seconds, f"these are the seconds of the way {way} alone; the network carries both"
        return
    size = {"down": weights_bytes, "up": update_bytes}[name]
    if name == "down":
        yield right["down"] - n_lost * size, "who was lost had been sent the weights all the same"
    else:
        yield right["up"] + n_lost * size, "of a client that was lost no update has come up"
        yield n_lost * size, "these are the clients that were lost; count those that answered"
        yield right["up"] - n_lost * size, "a lost client is taken away twice: it was never added"
    other = {"down": "up", "up": "down"}[name]
    yield right[other], "down and up have changed places: weights go down to the clients, updates come up"
    for place, cause in ((0, "first: does `return` stand inside the loop?"), (-1, "last: add to a sum, `+=`")):
        if rounds:
            yield traffic_of([rounds[place]], *sizes)[name], f"only one round is counted, the {cause}"
            alike = traffic_of([rounds[place]] * len(rounds), *sizes)[name]
            yield alike, "every round counts the same here; others are asked, and lost, in each of them"
    yield len(rounds) * size, "this is one message a round; each client gets one, and each sends one"
    yield 8 * right[name], "these are bits; count bytes here"
    yield right[name] / size, "these are messages; how many bytes does each of them have?"


def reference_traffic(
    rounds: Sequence[Round], weights_bytes: int, update_bytes: int, megabits_per_s: float
) -> dict[str, float]:
    """Count the bytes that a class moves, and the seconds that its network is busy with them."""
    n_down = sum(len(asked) for asked, _ in rounds)
    n_up = n_down - sum(len(lost) for _, lost in rounds)
    down, up = n_down * weights_bytes, n_up * update_bytes
    return {"down": down, "up": up, "seconds": (down + up) * 8 / 1e6 / megabits_per_s}


TRAFFIC = Exercise(
    "7.1",
    "class_traffic",
    "the bytes of a class",
    hints=(
        "A client is asked, fetches the weights, and its laptop is closed. Which way have bytes travelled, and which "
        "way have none?",
        "How many messages went down in a round, if `asked` is the list of those who were asked? And how many came up, "
        "if `lost` names those who were lost?",
        "A network of 8 Mbit/s carries 8 million bits in a second. How many bytes are that?",
    ),
    cases=(three_laptops, any_class, sad_rounds),
    reference=reference_traffic,
)
