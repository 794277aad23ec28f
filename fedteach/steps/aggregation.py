"""Step 4, aggregation: what does the server make of the updates?

An aggregation rule is any function from updates to one delta, in float32, with the model's shapes.
`weighted_mean` takes the updates as a stream: it holds one at a time, however many clients there
are. The robust rules below compare the updates with one another and need all of them in memory.

No rule changes an update, and what it returns shares no memory with one. All refuse, by name of the
client, an update that does not fit the first one or holds numbers that are not finite.
"""

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from fedteach import checks
from fedteach.messages import Update, Weights, why_unusable
from fedteach.steps import specs

Aggregation = Callable[[Iterable[Update]], Weights]
"""From the updates of one round to one delta for the global model."""

MOST_EXAMPLES = 2**53
"""Beyond this, float64 no longer counts one by one, and no client holds so many."""


class TooFewUpdates(ValueError):
    """A rule needs more updates than answered in this round."""


def weighted_mean(updates: Iterable[Update]) -> Weights:
    """Average the deltas, each client by its number of examples: FedAvg.

    The result is what one would get if every example had the same say, wherever it is. The whole
    trust of plain federated learning is in here: one client with huge numbers moves the mean anywhere.

    Args:
        updates: the round's updates, at least one, deltas of equal shapes. Taken one by one, so
            that memory stays at three models for any number of clients.

    Returns:
        sum(n_k * delta_k) / sum(n_k), float32, in the shapes of the deltas. Summed in float64: the
        order of the updates changes the result by less than a float32 can show, or its last bit.

    Raises:
        ValueError: if there is no update, or one of them cannot be averaged; it names the client.

    Source:
        McMahan et al. (2017), arXiv:1602.05629, Algorithm 1, which averages weights. Deltas from
        the same start give the same model.
    """
    n_total = 0
    sums: Weights = []
    for update in _checked(updates):
        if n_total == 0:
            sums = [np.zeros(tensor.shape, np.float64) for tensor in update.delta]
        for total, tensor in zip(sums, update.delta, strict=True):
            total += np.multiply(tensor, update.n_examples, dtype=np.float64)
        n_total += update.n_examples
    return [np.array(total / n_total, dtype=np.float32) for total in sums]


def median(updates: Iterable[Update]) -> Weights:
    """Take the median of each single number over the clients.

    As long as more than half of the clients are honest, no attacker can push a number beyond
    what some honest client said. The price: each client counts the same, whatever it holds, and
    with skewed data an honest minority is outvoted just like an attacker.

    Args:
        updates: as for `weighted_mean`, but needs all of them in memory. n_examples is ignored:
            a client can claim any number.

    Returns:
        One delta, float32. For an even number of clients the mean of the two middle numbers.

    Raises:
        ValueError: as for `weighted_mean`.

    Source:
        Yin et al. (2018), arXiv:1803.01498, Definition 1, coordinate-wise median.
    """
    deltas = [update.delta for update in _checked(updates)]
    return [np.array(np.median(stack, axis=0), dtype=np.float32) for stack in _stacks(deltas)]


def trimmed_mean(trim: float = 0.1) -> Aggregation:
    """Make a rule that drops the highest and lowest values of each single number, and averages the rest.

    Between the mean (`trim=0`) and the median (`trim` near 0.5): it withstands a share of up to
    `trim` attackers and throws away less than the median does.

    Args:
        trim: share dropped at each end, from 0 to below 0.5. Of m updates floor(trim * m) are
            dropped at each end: none of 9 at 0.1, so check that it drops any at all.

    Returns:
        An aggregation rule that needs all updates in memory and ignores n_examples.

    Raises:
        ValueError: if trim lies outside; the rule itself as for `weighted_mean`.

    Source:
        Yin et al. (2018), arXiv:1803.01498, Definition 2, coordinate-wise trimmed mean.
    """
    trim = checks.number("trim", trim, least=0, most=0.5, open_right=True, hint="try 0.1")

    @specs.named(f"trimmed_mean:{trim:g}")
    def trimmed(updates: Iterable[Update]) -> Weights:
        deltas = [update.delta for update in _checked(updates)]
        m = len(deltas)
        # 0.29 * 100 is 28.999999999999996 in floats, and must not become 28.
        cut = min(math.floor(trim * m + 1e-9), (m - 1) // 2)
        return [
            np.array(np.sort(stack, axis=0)[cut : m - cut].mean(axis=0), dtype=np.float32) for stack in _stacks(deltas)
        ]

    return trimmed


def krum(byzantine: int) -> Aggregation:
    """Make a rule that returns the one delta that lies closest to its neighbours.

    An attacker must look like the honest clients to be chosen, and can then do little harm. The
    price: the work of all other clients is thrown away.

    Args:
        byzantine: the paper's f, the number of attackers to withstand, >= 0. Needs more than
            2 * f + 2 updates.

    Returns:
        An aggregation rule that needs all updates in memory, m * (m - 1) / 2 distances for m
        updates, and ignores n_examples. Of equal scores the earlier update wins.

    Raises:
        ValueError: if byzantine < 0; the rule itself if there are too few updates, and as for
            `weighted_mean`.

    Source:
        Blanchard et al. (2017), arXiv:1703.02757, section 4: the score of an update is the sum of
        its squared distances to the m - f - 2 nearest others.
    """
    return multi_krum(byzantine, keep=1)


def multi_krum(byzantine: int, keep: int) -> Aggregation:
    """Make a rule that averages the `keep` deltas that lie closest to their neighbours.

    Between Krum (`keep=1`) and the mean: less is thrown away, and less withstood.

    Args:
        byzantine: as for `krum`.
        keep: number of updates to average, >= 1; at most m - f of m updates, as more would include
            an attacker for sure.

    Returns:
        An aggregation rule as for `krum`; the mean is unweighted, because attackers choose the
        n_examples they report.

    Raises:
        ValueError: if byzantine < 0 or keep < 1; the rule itself as for `krum`.

    Source:
        Blanchard et al. (2017), arXiv:1703.02757, Multi-Krum, with the scores of all m updates.
    """
    byzantine = checks.whole("byzantine", byzantine, least=0)
    keep = checks.whole("keep", keep, least=1)

    @specs.named(f"krum:{byzantine}" if keep == 1 else f"multi_krum:{byzantine},{keep}")
    def closest(updates: Iterable[Update]) -> Weights:
        deltas = [update.delta for update in _checked(updates)]
        m, needed = len(deltas), max(2 * byzantine + 3, byzantine + keep)
        if m < needed:
            raise TooFewUpdates(
                f"Krum against {byzantine} attackers, keeping {keep}, needs at least {needed} updates, got {m}: "
                f"invite more clients or lower byzantine"
            )
        best = np.argsort(_krum_scores(deltas, byzantine), kind="stable")[:keep]
        return [np.array(stack.mean(axis=0), dtype=np.float32) for stack in _stacks([deltas[i] for i in best])]

    return closest


AGGREGATIONS: dict[str, Callable[..., Aggregation]] = {
    "weighted_mean": lambda: weighted_mean,
    "median": lambda: median,
    "trimmed_mean": trimmed_mean,
    "krum": krum,
    "multi_krum": multi_krum,
}
"""The makers of rules by name, for `aggregation`."""


def aggregation(spec: str) -> Aggregation:
    """Make the rule that a text names: `aggregation("median")`, `aggregation("trimmed_mean:0.2")`.

    Raises:
        ValueError: if there is no such rule.
    """
    return specs.make("aggregation", spec, AGGREGATIONS)


def _checked(updates: Iterable[Update]) -> Iterator[Update]:
    """Pass the updates on one by one; stop at the first that cannot be averaged with the first one."""
    like: Weights | None = None
    for update in updates:
        checks.whole(f"n_examples of client {update.client!r}", update.n_examples, least=1, most=MOST_EXAMPLES)
        if like is None:
            like = update.delta if isinstance(update.delta, list | tuple) else []
        problem = why_unusable(update.delta, like)
        if problem:
            raise ValueError(f"the update of client {update.client!r} cannot be aggregated: {problem}")
        yield update
    if like is None:
        raise ValueError("nothing to average: no client answered in this round; wait longer or invite more clients")


def _stacks(deltas: list[Weights]) -> Iterator[np.ndarray]:
    """Yield tensor after tensor of all clients, float64, shape (m, *shape): one tensor's copies at a time."""
    for tensors in zip(*deltas, strict=True):
        yield np.stack(tensors, dtype=np.float64)


def _krum_scores(deltas: list[Weights], byzantine: int) -> list[float]:
    m = len(deltas)
    distances = np.zeros((m, m))
    for i in range(m):
        for j in range(i):
            distances[i, j] = distances[j, i] = _squared_distance(deltas[i], deltas[j])
    return [float(np.sort(np.delete(row, i))[: m - byzantine - 2].sum()) for i, row in enumerate(distances)]


def _squared_distance(one: Weights, other: Weights) -> float:
    # Differences first: |a|^2 + |b|^2 - 2ab would cancel to noise for updates that lie close together.
    return float(sum(np.square(np.subtract(a, b, dtype=np.float64)).sum() for a, b in zip(one, other, strict=True)))
