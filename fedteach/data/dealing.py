"""Splits that deal every example exactly once, like cards: iid, Dirichlet, shards, quantity, by writer."""

from typing import Any

import numpy as np

from fedteach import checks
from fedteach.data.partition import Partition, check_enough, check_labels, make


def iid(labels: Any, n_clients: int, rng: np.random.Generator) -> Partition:
    """Shuffle and deal evenly: every client sees a small copy of the whole.

    The yardstick: what federated learning reaches here, it can at best reach elsewhere.

    Args:
        labels: class of each example, whole numbers >= 0, shape (n,).
        n_clients: number of clients, 1 <= n_clients <= n.
        rng: generator from `randomness.rng_for`.

    Returns:
        One index array for each client; sizes differ by at most one.

    Raises:
        ValueError: if there are more clients than examples.

    Source:
        McMahan et al. (2017), arXiv:1602.05629, section 3.
    """
    labels, n_clients = _door(labels, n_clients)
    return make(np.array_split(rng.permutation(len(labels)), n_clients), "iid")


def dirichlet(labels: Any, n_clients: int, alpha: float, rng: np.random.Generator, min_size: int = 1) -> Partition:
    """Deal examples to clients with label skew set by alpha.

    For each class, the clients' shares are drawn from Dirichlet(alpha, ..., alpha). Small alpha: a
    client sees few classes. Large alpha: close to uniform.

    Args:
        labels: class of each example, whole numbers >= 0, shape (n,).
        n_clients: number of clients, >= 1, n_clients * min_size <= n.
        alpha: concentration, > 0 (no unit); 0.1 is strong skew, 100 is almost none.
        rng: generator from `randomness.rng_for`.
        min_size: least number of examples of a client. A client whose draw gave it fewer is topped up,
            one example at a time, by whoever then holds most; so it always ends, and never fails.

    Returns:
        One index array for each client, shapes (n_k,), n_k >= min_size.

    Raises:
        ValueError: if alpha is not above 0, or there are too few examples for min_size.

    Source:
        Yurochkin et al. (2019), arXiv:1905.12022, heterogeneous partition of the experiments; others
        draw again until nobody is too small, which may never end. Hsu et al. (2019),
        arXiv:1909.06335, draw per client instead.
    """
    checks.whole("min_size", min_size, least=0)
    labels, n_clients = _door(labels, n_clients, least=min_size)
    alpha = checks.number("alpha", alpha, 0, open_left=True, hint="try 0.1 for strong skew, 100 for almost none")
    parts: list[list[np.ndarray]] = [[] for _ in range(n_clients)]
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        shares = rng.dirichlet(np.full(n_clients, alpha))
        cuts = np.round(np.cumsum(shares)[:-1] * len(members)).astype(int)
        for part, chunk in zip(parts, np.split(members, cuts), strict=True):
            part.append(chunk)
    # Shuffled within each client, so that what is given away below is not always the last class.
    dealt = [rng.permutation(np.concatenate(part)) for part in parts]
    return make(_top_up(dealt, min_size), f"dirichlet:{alpha:.12g}")


def shards(labels: Any, n_clients: int, per_client: int, rng: np.random.Generator) -> Partition:
    """Sort by class, cut into shards, deal each client a few: most see only a class or two.

    The classic hard case ("pathological non-IID").

    Args:
        labels: class of each example, whole numbers >= 0, shape (n,).
        n_clients: number of clients, >= 1.
        per_client: number of shards of each client, >= 1; n_clients * per_client <= n.
        rng: generator from `randomness.rng_for`.

    Returns:
        One index array for each client; sizes differ by at most `per_client`.

    Raises:
        ValueError: if there are more shards than examples.

    Source:
        McMahan et al. (2017), arXiv:1602.05629, section 3: 200 shards of 300, two for each client.
    """
    labels, n_clients = _door(labels, n_clients)
    n_shards = n_clients * checks.whole("per_client", per_client, least=1)
    if n_shards > len(labels):
        raise ValueError(
            f"{n_clients:,} clients with {per_client} shards each need {n_shards:,} shards of at least one example, "
            f"got {len(labels):,} examples; take at most {len(labels) // n_clients} shards each, or fewer clients"
        )
    shuffled = rng.permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    pieces = np.array_split(by_class, n_shards)
    hands = rng.permutation(n_shards).reshape(n_clients, per_client)
    return make([np.concatenate([pieces[shard] for shard in hand]) for hand in hands], f"shards:{per_client}")


def quantity(labels: Any, n_clients: int, power: float, rng: np.random.Generator) -> Partition:
    """Deal at random, but a few clients hold most: sizes follow a power law.

    Everybody has the same mix of classes; only the amounts differ, as they do between phones.

    Args:
        labels: class of each example, whole numbers >= 0, shape (n,).
        n_clients: number of clients, 1 <= n_clients <= n.
        power: how steep, >= 0 (no unit); client k = 1, 2, ... gets a share in proportion to k**-power.
            0 is even, 1 gives the first client twice what the second has.
        rng: generator from `randomness.rng_for`.

    Returns:
        One index array for each client, largest first, n_k >= 1.

    Raises:
        ValueError: if power is negative or there are more clients than examples.

    Source:
        Zipf's law; "quantity skew" in Li et al. (2022), arXiv:2102.02079, section 4, who draw the
        shares from a Dirichlet distribution instead.
    """
    labels, n_clients = _door(labels, n_clients)
    power = checks.number("power", power, 0, hint="0 deals evenly, 1.5 is steep")
    # One example for everybody first, the law divides the rest.
    weights = np.arange(1, n_clients + 1) ** -power
    sizes = 1 + _apportion(weights / weights.sum(), len(labels) - n_clients)
    return make(np.split(rng.permutation(len(labels)), np.cumsum(sizes)[:-1]), f"quantity:{power:.12g}")


def by_writer(writers: Any, n_clients: int | None = None, rng: np.random.Generator | None = None) -> Partition:
    """Make each person a client, as in life; or deal whole people to fewer clients.

    Args:
        writers: writer of each example, whole numbers, shape (n,).
        n_clients: number of clients, at most the number of writers; by default one for each writer,
            in the order of their numbers.
        rng: generator from `randomness.rng_for`: who goes together where there are fewer clients than
            writers. Without it, writers are dealt in the order of their numbers.

    Returns:
        One index array for each client; numbers of writers differ by at most one.

    Raises:
        ValueError: if nobody knows the writers, or there are more clients than writers.

    Source:
        LEAF's natural partition of FEMNIST, Caldas et al. (2018), arXiv:1812.01097.
    """
    if writers is None:
        raise ValueError("nobody knows who wrote these examples; take a data set with writers: mnist_writers or glyphs")
    writers = np.asarray(writers)
    if writers.ndim != 1 or writers.dtype.kind not in "iu" or len(writers) == 0:
        raise ValueError(f"writers must be whole numbers of shape (n,), got {writers.dtype} of shape {writers.shape}")
    # One sort finds everybody's examples; looking for each writer in turn would take minutes for thousands.
    order = np.argsort(writers, kind="stable")
    starts = np.flatnonzero(np.diff(writers[order])) + 1
    people = np.split(order, starts)
    if n_clients is None or n_clients == len(people):
        return make(people, "by_writer")
    checks.whole("n_clients", n_clients, least=1)
    if n_clients > len(people):
        raise ValueError(f"{n_clients:,} clients need as many writers, got {len(people):,}; take fewer clients")
    seats = np.arange(len(people)) if rng is None else rng.permutation(len(people))
    return make([np.concatenate([people[p] for p in seats[k::n_clients]]) for k in range(n_clients)], "by_writer")


def _door(labels: Any, n_clients: int, least: int = 1) -> tuple[np.ndarray, int]:
    """Check what all dealing splits are given."""
    checks.whole("n_clients", n_clients, least=1)
    labels = check_labels(labels)
    check_enough(len(labels), n_clients, least)
    return labels, int(n_clients)


def _top_up(parts: list[np.ndarray], min_size: int) -> list[np.ndarray]:
    """Move examples, one at a time, from the largest part to those below `min_size`."""
    sizes = np.array([len(part) for part in parts])
    gifts: list[list[int]] = [[] for _ in parts]
    for client in np.flatnonzero(sizes < min_size):
        while sizes[client] < min_size:
            # The largest is above min_size as long as somebody is below: there are enough for all.
            giver = int(np.argmax(sizes))
            sizes[giver] -= 1
            sizes[client] += 1
            gifts[client].append(int(parts[giver][-1]))
            parts[giver] = parts[giver][:-1]
    return [np.concatenate([part, np.array(gift, dtype=np.int64)]) for part, gift in zip(parts, gifts, strict=True)]


def _apportion(shares: np.ndarray, total: int) -> np.ndarray:
    """Divide `total` in proportion to `shares`; what rounding leaves goes to the largest fractions."""
    exact = shares * total
    sizes = np.floor(exact).astype(np.int64)
    left = total - int(sizes.sum())
    sizes[np.argsort(sizes - exact, kind="stable")[:left]] += 1
    return sizes
