"""Step 1, client selection: who takes part in this round?

A selection step is any function `(clients, rng) -> list of clients`. The server knows of each client
only its `ClientInfo`. A step that must ask the clients something first takes a third argument,
`losses`: a function that sends the global model to some clients and returns their losses on it.

The makers below return such functions: `fraction(0.1)` is a step. All return the chosen clients in
the clients' own order, whatever order they were drawn in, so that plots keep their colours and sums
of floats their order.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from fedteach import checks
from fedteach.messages import ClientInfo
from fedteach.steps import specs
from fedteach.steps.cohort import Cohort, Losses, SelectionStep, in_order, run_selection

__all__ = [
    "SELECTIONS",
    "Cohort",
    "Losses",
    "SelectionStep",
    "available",
    "by_data_size",
    "count",
    "fraction",
    "invitations_needed",
    "over_select",
    "power_of_choice",
    "run_selection",
    "selection",
]

MOST_INVITATIONS = 10**9
"""`invitations_needed` gives up here: more clients than any federation has."""


def fraction(share: float) -> SelectionStep:
    """Choose a share of the clients, each with the same chance.

    The selection of FedAvg, and the one to compare all others with: unbiased, and blind to what
    clients hold. Small shares make cheap, noisy rounds.

    Args:
        share: the paper's C, from 0 to 1. Of n clients, max(1, C * n) are chosen, rounded to the
            nearest whole number and halves to the even one, as Python's `round` does; so 0 means one.

    Returns:
        A selection step. It returns no client only where there is none.

    Raises:
        ValueError: if the share lies outside [0, 1].

    Source:
        McMahan et al. (2017), arXiv:1602.05629, Algorithm 1. The paper leaves the rounding open.
    """
    share = checks.number("share", share, least=0, most=1, hint="try 0.1 for a tenth of the clients")

    @specs.named(f"fraction:{share:g}")
    def choose_fraction(clients: Sequence[ClientInfo], rng: np.random.Generator) -> list[ClientInfo]:
        return _draw(clients, max(1, round(share * len(clients))), rng)

    return choose_fraction


def count(n: int) -> SelectionStep:
    """Choose n clients, each with the same chance; all of them where there are fewer.

    Choose this over `fraction` when the size of a round should not follow the size of the federation.

    Raises:
        ValueError: if n is not a whole number >= 1.
    """
    n = checks.whole("n", n, least=1)

    @specs.named(f"count:{n}")
    def choose_count(clients: Sequence[ClientInfo], rng: np.random.Generator) -> list[ClientInfo]:
        return _draw(clients, n, rng)

    return choose_count


def available(then: SelectionStep) -> SelectionStep:
    """Let `then` choose among the clients that are idle, charging and on an unmetered network.

    So training never bothers a phone's owner. The price: whoever rarely meets the conditions
    rarely has a say in the model.

    Args:
        then: the selection step that chooses among those available.

    Returns:
        A selection step. It returns no client where none is available, and the round is then empty.

    Source:
        Bonawitz et al. (2019), arXiv:1902.01046, section 3; on the bias see its section 11.
    """

    @specs.named("available")
    def choose_available(clients: Sequence[ClientInfo], rng: np.random.Generator, losses: Losses) -> Cohort:
        present = [client for client in clients if client.idle and client.charging and client.unmetered]
        return run_selection(then, present, rng, losses) if present else Cohort(())

    return choose_available


def by_data_size(n: int) -> SelectionStep:
    """Choose n clients one after another, each draw with probability proportional to n_examples.

    Clients with much data are heard more often. Together with a mean that weights by n_examples
    they count twice: compare the two.

    Args:
        n: number of clients, >= 1. Clients without examples are never drawn, so it may be fewer.

    Raises:
        ValueError: if n is not a whole number >= 1.

    Source:
        Li et al. (2020), arXiv:1812.06127, Algorithm 2: device k is chosen with probability p_k.
    """
    n = checks.whole("n", n, least=1)

    @specs.named(f"by_data_size:{n}")
    def choose_by_data_size(clients: Sequence[ClientInfo], rng: np.random.Generator) -> list[ClientInfo]:
        return _draw_by_size(clients, n, rng)

    return choose_by_data_size


def power_of_choice(n: int, candidates: int) -> SelectionStep:
    """Ask some candidates how bad the global model is for them, and choose the n with the highest loss.

    Learns faster at first, because it goes where there is most to learn, but the model then leans
    towards the clients that find the task hard. More candidates, more of both.

    Args:
        n: number of clients to choose (the paper's m), >= 1.
        candidates: number of clients to ask (d), >= n; drawn with probability proportional to
            n_examples, without replacement. `candidates == n` is `by_data_size(n)`.

    Returns:
        A selection step that also takes `losses`. A candidate without a finite loss is left out;
        of equal losses the earlier client wins.

    Raises:
        ValueError: if n < 1 or candidates < n.

    Source:
        Cho et al. (2020), arXiv:2010.01243, the strategy pow-d.
    """
    n = checks.whole("n", n, least=1)
    candidates = checks.whole("candidates", candidates, least=n, hint="ask at least as many as you choose")

    @specs.named(f"power_of_choice:{n},{candidates}")
    def choose_highest_loss(
        clients: Sequence[ClientInfo], rng: np.random.Generator, losses: Losses
    ) -> list[ClientInfo]:
        asked = _draw_by_size(clients, candidates, rng)
        loss = losses(asked)
        answered = [client for client in asked if math.isfinite(loss.get(client.id, math.nan))]
        # Python's sort is stable: equal losses stay in the clients' own order.
        return in_order(clients, sorted(answered, key=lambda client: -loss[client.id])[:n])

    return choose_highest_loss


def over_select(n: int, factor: float = 1.3) -> SelectionStep:
    """Invite more clients than needed and end the round when n have answered.

    A round no longer waits for its slowest client. The price: work thrown away, and slow clients
    are heard less often. `invitations_needed` tells how many to invite.

    Args:
        n: number of answers wanted, >= 1.
        factor: how many are invited for each answer wanted, >= 1.

    Returns:
        A selection step that returns a `Cohort` of ceil(factor * n) clients, or all if there are
        fewer, with `enough = n`.

    Raises:
        ValueError: if n < 1 or factor < 1.

    Source:
        Bonawitz et al. (2019), arXiv:1902.01046, section 9: 6 to 10 % of the phones drop out, and
        130 % of the target number are invited, to be rid of stragglers as well.
    """
    n = checks.whole("n", n, least=1)
    factor = checks.number("factor", factor, least=1, hint="try 1.3")

    @specs.named(f"over_select:{n},{factor:g}")
    def choose_too_many(clients: Sequence[ClientInfo], rng: np.random.Generator) -> Cohort:
        # 1.1 * 50 is 55.00000000000001 in floats, and must not become 56.
        invited = _draw(clients, math.ceil(factor * n - 1e-9), rng)
        return Cohort(tuple(invited), enough=n)

    return choose_too_many


SELECTIONS: dict[str, Callable[..., SelectionStep]] = {
    "fraction": fraction,
    "count": count,
    "available": lambda share=1.0: available(fraction(share)),
    "by_data_size": by_data_size,
    "power_of_choice": power_of_choice,
    "over_select": over_select,
}
"""The makers by name, for `selection`; "available:0.1" takes a tenth of those available."""


def selection(spec: str) -> SelectionStep:
    """Make the step that a text names: `selection("fraction:0.1")`, `selection("power_of_choice:3,6")`.

    Raises:
        ValueError: if there is no such step.
    """
    return specs.make("selection", spec, SELECTIONS)


def invitations_needed(n: int, p_answer: float, confidence: float) -> int:
    """Say how many clients to invite so that at least n answer, with the given confidence.

    Each client answers with probability p_answer, independently of the others; that is the weak
    point of the sum, because in practice whole networks and whole nights fail together.

    Args:
        n: answers wanted, from 1 to 100,000.
        p_answer: probability that an invited client answers, above 0 and at most 1.
        confidence: wanted probability that at least n answer, above 0 and below 1.

    Returns:
        The smallest N with P(Binomial(N, p_answer) >= n) >= confidence; n if p_answer is 1.

    Raises:
        ValueError: if an argument lies outside, or a billion invitations would not do.
    """
    n = checks.whole("n", n, least=1, most=100_000)
    p = checks.number("p_answer", p_answer, least=0, most=1, open_left=True)
    confidence = checks.number(
        "confidence", confidence, least=0, most=1, open_left=True, open_right=True, hint="try 0.95"
    )
    # The hair of slack: 2 invitations at p = 0.5 do give one answer with probability 0.75.
    risk = (1 - confidence) * (1 + 1e-9)
    if p == 1:
        return n
    too_few, enough = n - 1, n
    while _chance_of_fewer(n, enough, p) > risk:
        if enough == MOST_INVITATIONS:
            raise ValueError(f"more than {MOST_INVITATIONS:,} invitations needed: p_answer {p:g} is too small")
        too_few, enough = enough, min(2 * enough, MOST_INVITATIONS)
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        if _chance_of_fewer(n, middle, p) > risk:
            too_few = middle
        else:
            enough = middle
    return enough


def _chance_of_fewer(n: int, invited: int, p: float) -> float:
    """P(Binomial(invited, p) < n), from logarithms, as (1 - p) ** invited may be too small a float."""
    k = np.arange(n - 1)
    # P(k + 1) / P(k) = (invited - k) / (k + 1) * p / (1 - p)
    steps = np.log((invited - k) / (k + 1)) + math.log(p) - math.log1p(-p)
    logs = invited * math.log1p(-p) + np.concatenate([[0.0], np.cumsum(steps)])
    return float(np.exp(logs.max()) * np.exp(logs - logs.max()).sum())


def _draw(
    clients: Sequence[ClientInfo], n: int, rng: np.random.Generator, p: np.ndarray | None = None
) -> list[ClientInfo]:
    if not clients:
        return []
    places = rng.choice(len(clients), size=min(n, len(clients)), replace=False, p=p)
    return [clients[place] for place in sorted(places)]


def _draw_by_size(clients: Sequence[ClientInfo], n: int, rng: np.random.Generator) -> list[ClientInfo]:
    holders = [client for client in clients if client.n_examples > 0]
    sizes = np.array([client.n_examples for client in holders], dtype=np.float64)
    return _draw(holders, n, rng, sizes / sizes.sum())
