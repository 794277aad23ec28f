"""Splits by name: who holds which examples.

The functions themselves are in `experiments` (the four of the course, drawn with replacement) and
`dealing` (every example exactly once); all of them can be had from here.
"""

from collections.abc import Callable, Mapping
from typing import Any

from fedteach import checks
from fedteach.data.base import Dataset, Examples
from fedteach.data.dealing import by_writer, dirichlet, iid, quantity, shards
from fedteach.data.experiments import experiment_1, experiment_2, experiment_3, experiment_4
from fedteach.data.partition import Partition, label_counts
from fedteach.randomness import rng_for

__all__ = [
    "SPLITS",
    "Partition",
    "by_writer",
    "check_split",
    "dirichlet",
    "experiment_1",
    "experiment_2",
    "experiment_3",
    "experiment_4",
    "iid",
    "label_counts",
    "quantity",
    "shards",
    "split",
]

SPLITS: Mapping[str, str] = {
    "1": "1 · uniform: every client has the same number of each class",
    "2": "2 · random, equal totals: drawn from everything, same number for everyone",
    "3": "3 · random, totals differ: drawn from everything, some clients have little",
    "4": "4 · skewed: a few classes dominate at each client",
    "iid": "iid: shuffled and dealt evenly, every example once",
    "dirichlet": "dirichlet:ALPHA: label skew; 0.1 is strong, 100 is almost none (0.5 if left out)",
    "shards": "shards:N: sorted by class and cut, N shards for each client (2 if left out)",
    "quantity": "quantity:POWER: a few clients hold most; 0 is even (1 if left out)",
    "by_writer": "by_writer: each client is a person, or several whole persons",
}
"""Name of each split and a line about it, for people to choose from."""

_NUMBERS: Mapping[str, tuple[str, float]] = {
    "dirichlet": ("alpha", 0.5),
    "shards": ("number of shards", 2),
    "quantity": ("power", 1.0),
}
_MOST_PER_CLIENT = 600


def split(
    data: Dataset | Examples,
    name: str | int,
    n_clients: int | None,
    *,
    seed: int,
    per_client: int | None = None,
    round: int = 0,
) -> Partition:
    """Split training examples among clients; the same seed gives the same split.

    Args:
        data: a data set (its training examples are split) or examples.
        name: one of `SPLITS`; "dirichlet", "shards" and "quantity" may carry their number after a
            colon, as in "dirichlet:0.1".
        n_clients: number of clients, >= 1; None only for "by_writer": one client for each writer.
        seed: the experiment's seed, a whole number >= 0.
        per_client: number of examples of each client in experiments 1 and 2, the most in 3; by
            default an even share of the examples, at most 600. The other splits set it themselves.
        round: 0 for the draw that stays; another number for another draw, where clients are to have
            new examples in each round.

    Returns:
        One index array for each client, into the training examples.

    Raises:
        ValueError: if the name is unknown, its number makes no sense, or the split is impossible.
    """
    examples = data.train if isinstance(data, Dataset) else data
    n_classes = data.n_classes if isinstance(data, Dataset) else None
    base, value = check_split(name, per_client)
    checks.whole("round", round)
    if n_clients is not None or base != "by_writer":
        checks.whole("n_clients", n_clients, least=1)
    full_name = base if value is None else f"{base}:{value:.12g}"
    rng = rng_for(seed, "split", full_name, round)
    if base == "by_writer":
        return by_writer(examples.writers, n_clients, rng)
    assert n_clients is not None
    if per_client is None:
        per_client = max(1, min(_MOST_PER_CLIENT, len(examples) // n_clients))
    return _BY_NAME[base](examples.y, n_clients, per_client, value, n_classes, rng)


_BY_NAME: Mapping[str, Callable[..., Partition]] = {
    "1": lambda y, k, per_client, _, n_classes, rng: experiment_1(y, k, per_client, rng, n_classes),
    "2": lambda y, k, per_client, _, n_classes, rng: experiment_2(y, k, per_client, rng),
    "3": lambda y, k, per_client, _, n_classes, rng: experiment_3(y, k, per_client, rng),
    "4": lambda y, k, per_client, _, n_classes, rng: experiment_4(y, k, rng, n_classes),
    "iid": lambda y, k, per_client, _, n_classes, rng: iid(y, k, rng),
    "dirichlet": lambda y, k, per_client, alpha, n_classes, rng: dirichlet(y, k, alpha, rng),
    "shards": lambda y, k, per_client, n_shards, n_classes, rng: shards(y, k, n_shards, rng),
    "quantity": lambda y, k, per_client, power, n_classes, rng: quantity(y, k, power, rng),
}


def check_split(name: str | int, per_client: int | None = None) -> tuple[str, Any]:
    """Cut "dirichlet:0.1" into its name and its number, filling in the default; refuse what makes no sense.

    For the door, before any data are loaded.

    Args:
        name: as for `split`.
        per_client: as for `split`.

    Returns:
        Name and number: ("dirichlet", 0.1), ("shards", 2), or ("iid", None) where there is no number.

    Raises:
        ValueError: if the name is unknown, its number makes no sense, or the split has no `per_client`.
    """
    base, value = _parse(name)
    if value is not None:
        what = f"{_NUMBERS[base][0]} in split {name!r}"
        if base == "shards":
            checks.whole(what, value, least=1)
        else:
            checks.number(what, value, 0, open_left=base == "dirichlet")
    if per_client is not None:
        if base not in ("1", "2", "3"):
            raise ValueError(
                f"split {base!r} sets the number of examples itself: leave the {per_client!r} for each client away"
            )
        checks.whole("per_client", per_client, least=1)
    return base, value


def _parse(name: str | int) -> tuple[str, Any]:
    base, colon, text = str(name).partition(":")
    checks.known("split", base, SPLITS)
    if base not in _NUMBERS:
        if colon:
            raise ValueError(f"split {base!r} takes no number, got {name!r}; write {base!r}")
        return base, None
    what, default = _NUMBERS[base]
    if not colon:
        return base, default
    try:
        return base, type(default)(text)
    except ValueError as error:
        kind = "whole number" if isinstance(default, int) else "number"
        raise ValueError(
            f"split {base!r} takes its {what} after the colon, a {kind} as in '{base}:{default:g}', got {name!r}"
        ) from error
