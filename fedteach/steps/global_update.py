"""Step 5, global update: how does the global model move?

The aggregated delta is a suggestion. A server optimizer decides how far to follow it: it takes the
delta in the role of a negative gradient (the "pseudo-gradient" of Reddi et al. 2021) and may remember
something from round to round. What it remembers is a value, the state, that goes in and comes out;
so a run can be saved, resumed and replayed.

All functions here are pure: weights, delta and state that go in are never changed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fedteach import checks
from fedteach.messages import Weights, why_unusable
from fedteach.steps import specs

State = dict[str, Weights]
"""What a server optimizer remembers: named float32 arrays like the weights; {} for nothing."""


@dataclass(frozen=True)
class ServerOptimizer:
    """How the server moves the global weights, as a pair of pure functions.

    Attributes:
        name: short name for logs ("adam").
        init: the weights before the first round to the first state.
        apply: `(weights, delta, state)` to `(new weights, new state)`.
    """

    name: str
    init: Callable[[Weights], State]
    apply: Callable[[Weights, Weights, State], tuple[Weights, State]]


def add() -> ServerOptimizer:
    """Add the delta to the weights: w <- w + delta.

    With `aggregation.weighted_mean` this is FedAvg: the new model is the mean of the clients' models.

    Source:
        McMahan et al. (2017), arXiv:1602.05629, Algorithm 1.
    """
    return _without_memory("add", lambda w, d: w + d)


def server_learning_rate(rate: float) -> ServerOptimizer:
    """Follow the delta by a part of its length: w <- w + rate * delta.

    Below 1 the server is careful, which calms a model that jumps between rounds with few clients.

    Args:
        rate: > 0, no unit; 1 is `add`.

    Raises:
        ValueError: if rate <= 0.

    Source:
        Reddi et al. (2021), arXiv:2003.00295, Algorithm 1 with SGD as the server's optimizer.
    """
    rate = _rate(rate)
    return _without_memory("server_learning_rate", lambda w, d: w + rate * d)


def momentum(beta: float = 0.9, rate: float = 1.0) -> ServerOptimizer:
    """Keep some of the earlier deltas' speed: v <- beta * v + delta, then w <- w + rate * v.

    Evens out rounds whose clients pull in different directions. A delta that stays the same ends
    up counting 1 / (1 - beta) times: 10 times at 0.9, so try a rate below 1 when the model overshoots.

    Args:
        beta: share of the speed kept, from 0 to below 1; 0 is `server_learning_rate`.
        rate: > 0.

    Returns:
        A server optimizer with state {"v"}, v = 0 at first.

    Raises:
        ValueError: if beta lies outside or rate <= 0.

    Source:
        Hsu et al. (2019), arXiv:1909.06335, section 4.3, FedAvgM. Theirs has no `rate`.
    """
    beta, rate = _decay("beta", beta), _rate(rate)

    def init(weights: Weights) -> State:
        return {"v": _each(np.zeros_like, weights)}

    def step(weights: Weights, delta: Weights, state: State) -> tuple[Weights, State]:
        v = _each(lambda v, d: beta * v + d, state["v"], delta)
        return _each(lambda w, v: w + rate * v, weights, v), {"v": v}

    return _optimizer("momentum", init, step)


def adagrad(rate: float = 0.1, beta1: float = 0.0, tau: float = 1e-3) -> ServerOptimizer:
    """Give each weight its own step, smaller the more it has moved so far: v <- v + delta^2.

    Weights that rarely move, such as those of rare words or classes, keep large steps. Steps only
    ever shrink.

    Args:
        rate: the server's learning rate (eta), > 0.
        beta1: share of the earlier mean delta kept in m, from 0 to below 1. The paper uses 0.
        tau: > 0; the larger, the less the steps differ. v starts at tau^2.

    Returns:
        A server optimizer with state {"m", "v"}.

    Raises:
        ValueError: if an argument lies outside.

    Source:
        Reddi et al. (2021), arXiv:2003.00295, Algorithm 2, FedAdagrad.
    """
    return _adaptive("adagrad", rate, beta1, tau, lambda v, d: v + d**2)


def adam(rate: float = 0.01, beta1: float = 0.9, beta2: float = 0.99, tau: float = 1e-3) -> ServerOptimizer:
    """Give each weight its own step, by how much it moved lately: v <- beta2 * v + (1 - beta2) * delta^2.

    All weights move at a similar pace, up to `rate` a round, however small their deltas are: good
    where layers differ much, and in need of a `rate` that is tuned.

    Args:
        rate: the server's learning rate (eta), > 0.
        beta1: share of the earlier mean delta kept in m, from 0 to below 1.
        beta2: share of the earlier mean square kept in v, from 0 to below 1.
        tau: > 0; the larger, the less the steps differ. v starts at tau^2.

    Returns:
        A server optimizer with state {"m", "v"}.

    Raises:
        ValueError: if an argument lies outside.

    Source:
        Reddi et al. (2021), arXiv:2003.00295, Algorithm 2, FedAdam; as there, without the bias
        correction of Kingma & Ba (2015). Flower starts with v = 0 instead of the paper's tau^2.
    """
    beta2 = _decay("beta2", beta2)
    return _adaptive("adam", rate, beta1, tau, lambda v, d: beta2 * v + (1 - beta2) * d**2)


def yogi(rate: float = 0.01, beta1: float = 0.9, beta2: float = 0.99, tau: float = 1e-3) -> ServerOptimizer:
    """Like `adam`, but v moves towards delta^2 by a limited amount: v <- v - (1 - beta2) * delta^2 * sign(v - delta^2).

    After a burst of large deltas v sinks slowly, so that one wild round does not make the next
    steps large again.

    Args:
        rate: as for `adam`.
        beta1: as for `adam`.
        beta2: as for `adam`.
        tau: as for `adam`.

    Returns:
        A server optimizer with state {"m", "v"}.

    Raises:
        ValueError: if an argument lies outside.

    Source:
        Reddi et al. (2021), arXiv:2003.00295, Algorithm 2, FedYogi.
    """
    beta2 = _decay("beta2", beta2)
    return _adaptive("yogi", rate, beta1, tau, lambda v, d: v - (1 - beta2) * d**2 * np.sign(v - d**2))


def from_function(function: Callable[[Weights, Weights], Weights]) -> ServerOptimizer:
    """Make a server optimizer without memory of a plain function, and check what it returns.

    The function gets copies, so nothing is lost if it changes them in place.

    Args:
        function: `(weights, delta) -> new weights`: one float32 array for each one in `weights`,
            same shapes, all numbers finite.

    Returns:
        A server optimizer with the function's name. Its `apply` raises ValueError, with that name
        and the likely mistake, if the function returns anything else.

    Raises:
        ValueError: if it is not a function.
    """
    if not callable(function):
        raise ValueError(f"a global update is a function (weights, delta) -> new weights, got {function!r}")
    name = specs.name_of(function)

    def step(weights: Weights, delta: Weights, state: State) -> tuple[Weights, State]:
        own_weights, own_delta = _each(np.copy, weights), _each(np.copy, delta)
        result: Any = function(own_weights, own_delta)
        if result is None:
            untouched = all(np.array_equal(own, w) for own, w in zip(own_weights, weights, strict=True))
            likely = "is a `return` missing?" if untouched else "it changed the weights in place: return new ones"
            raise ValueError(f"{name} returned None, expected the new weights; {likely}")
        if isinstance(result, list | tuple):
            # numpy makes w + d a plain number where w and d have no dimensions.
            result = [np.asarray(tensor) if isinstance(tensor, np.generic) else tensor for tensor in result]
        problem = why_unusable(result, like=weights)
        if problem:
            raise ValueError(
                f"{name} returned weights that do not fit the model: {problem}; return a list with one float32 "
                f"array for each of the {len(weights)} in weights, as [w + d for w, d in zip(weights, delta)] does"
            )
        return _each(np.copy, result), state

    return _optimizer(name, lambda weights: {}, step)


GLOBAL_UPDATES: dict[str, Callable[..., ServerOptimizer]] = {
    "add": add,
    "server_learning_rate": server_learning_rate,
    "momentum": momentum,
    "adagrad": adagrad,
    "adam": adam,
    "yogi": yogi,
}
"""The makers by name, for `global_update_from`."""


def global_update_from(spec: str) -> ServerOptimizer:
    """Make the server optimizer that a text names: `"add"`, `"adam:0.01"` (rate), `"momentum:0.9"` (beta).

    Raises:
        ValueError: if there is no such optimizer.
    """
    return specs.make("global update", spec, GLOBAL_UPDATES)


def _adaptive(
    name: str, rate: float, beta1: float, tau: float, next_v: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> ServerOptimizer:
    """Algorithm 2 of Reddi et al. (2021), whose three variants differ in one line: `next_v`."""
    rate, beta1 = _rate(rate), _decay("beta1", beta1)
    tau = checks.number("tau", tau, least=0, open_left=True, hint="try 0.001")

    def init(weights: Weights) -> State:
        return {"m": _each(np.zeros_like, weights), "v": _each(lambda w: np.full_like(w, tau**2), weights)}

    def step(weights: Weights, delta: Weights, state: State) -> tuple[Weights, State]:
        m = _each(lambda m, d: beta1 * m + (1 - beta1) * d, state["m"], delta)
        v = _each(next_v, state["v"], delta)
        return _each(lambda w, m, v: w + rate * m / (np.sqrt(v) + tau), weights, m, v), {"m": m, "v": v}

    return _optimizer(name, init, step)


def _without_memory(name: str, rule: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> ServerOptimizer:
    def step(weights: Weights, delta: Weights, state: State) -> tuple[Weights, State]:
        return _each(rule, weights, delta), {}

    return _optimizer(name, lambda weights: {}, step)


def _optimizer(
    name: str,
    init: Callable[[Weights], State],
    step: Callable[[Weights, Weights, State], tuple[Weights, State]],
) -> ServerOptimizer:
    """Put the checks before the step: the delta fits the weights, the state is one of this optimizer."""

    def apply(weights: Weights, delta: Weights, state: State) -> tuple[Weights, State]:
        problem = why_unusable(delta, like=weights)
        if problem:
            raise ValueError(f"{name}: the aggregated delta does not fit the model: {problem}")
        expected = init([])
        if set(state) != set(expected):
            raise ValueError(f"{name}: expected a state with {sorted(expected)}, got {sorted(state)}; start with init")
        return step(weights, delta, state)

    return ServerOptimizer(name, init, apply)


def _each(rule: Callable[..., np.ndarray], *weights: Weights) -> Weights:
    """Apply a rule tensor by tensor, in float64; return fresh float32 arrays of the same shapes."""
    return [
        np.array(rule(*(tensor.astype(np.float64) for tensor in tensors)), dtype=np.float32)
        for tensors in zip(*weights, strict=True)
    ]


def _rate(rate: float) -> float:
    return checks.number("rate", rate, least=0, open_left=True, hint="try 1.0 for momentum and 0.01 for adam")


def _decay(name: str, value: float) -> float:
    return checks.number(name, value, least=0, most=1, open_right=True, hint="try 0.9")
