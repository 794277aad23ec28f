"""Step 5: how the global model moves."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fedteach.randomness import rng_for
from fedteach.steps import global_update
from fedteach.steps.global_update import adagrad, adam, add, from_function, momentum, server_learning_rate, yogi

QUICK = settings(max_examples=50, deadline=None)

MAKERS = {
    "add": add(),
    "server_learning_rate": server_learning_rate(0.5),
    "momentum": momentum(),
    "adagrad": adagrad(),
    "adam": adam(),
    "yogi": yogi(),
    "my_update": from_function(lambda weights, delta: [w + d for w, d in zip(weights, delta, strict=True)]),
}


def model(*numbers):
    return [np.array(number, np.float32) for number in numbers]


def moved(optimizer, weights, *deltas):
    """The weights after some rounds, one delta each."""
    state = optimizer.init(weights)
    for delta in deltas:
        weights, state = optimizer.apply(weights, delta, state)
    return weights


def one_weight(optimizer, start, deltas):
    return [
        float(moved(optimizer, model(start), *([model(d) for d in deltas[:n]]))[0]) for n in range(1, len(deltas) + 1)
    ]


NUMBERS = st.floats(-100, 100, width=32)


@st.composite
def moves(draw):
    """Weights and a delta of the same shapes, scalars and empty tensors among them."""
    shapes = draw(st.lists(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3), max_size=3))
    return tuple([draw(hnp.arrays(np.float32, shape, elements=NUMBERS)) for shape in shapes] for _ in range(2))


@pytest.mark.parametrize("name", MAKERS)
@QUICK
@given(move=moves())
def test_every_optimizer_is_pure_and_keeps_shapes_and_dtype(name, move):
    weights, delta = move
    optimizer = MAKERS[name]
    state = optimizer.init(weights)
    given_in = [*weights, *delta, *(tensor for tensors in state.values() for tensor in tensors)]
    before = [tensor.copy() for tensor in given_in]
    new_weights, new_state = optimizer.apply(weights, delta, state)
    assert new_state.keys() == state.keys()
    for tensors in (new_weights, *state.values(), *new_state.values()):
        assert [(t.shape, t.dtype) for t in tensors] == [(w.shape, np.float32) for w in weights]
    for tensor in (tensor for tensors in (new_weights, *new_state.values()) for tensor in tensors):
        tensor[...] = 7
    for tensor, was in zip(given_in, before, strict=True):
        np.testing.assert_array_equal(tensor, was)


@pytest.mark.parametrize("name", MAKERS)
def test_a_run_goes_on_from_saved_weights_and_state(name):
    optimizer, rng = MAKERS[name], rng_for(0, "deltas")
    deltas = [model(rng.normal(size=(2, 3)), rng.normal()) for _ in range(6)]
    start = model(np.ones((2, 3)), 1.0)
    whole = moved(optimizer, start, *deltas)
    weights, state = start, optimizer.init(start)
    for delta in deltas:
        # Read-only copies, as they come out of a checkpoint.
        saved = {
            name: [np.frombuffer(t.tobytes(), np.float32).reshape(t.shape) for t in ts] for name, ts in state.items()
        }
        weights, state = optimizer.apply(weights, delta, saved)
    for one, other in zip(whole, weights, strict=True):
        np.testing.assert_array_equal(one, other)


@QUICK
@given(move=moves())
def test_add_is_float32_addition_bit_for_bit(move):
    for got, w, d in zip(moved(add(), *move), *move, strict=True):
        np.testing.assert_array_equal(got, w + d)


def test_server_learning_rate_goes_part_of_the_way():
    # 1 + 0.25 * 8 = 3
    assert one_weight(server_learning_rate(0.25), 1, [8]) == [3]


def test_momentum_by_hand():
    # v: 1, then 0.5 * 1 + 1 = 1.5, then 0.5 * 1.5 + 0 = 0.75; w: 0 + 2 * 1 = 2, 2 + 2 * 1.5 = 5, 5 + 2 * 0.75 = 6.5
    assert one_weight(momentum(beta=0.5, rate=2), 0, [1, 1, 0]) == [2, 5, 6.5]


def test_momentum_makes_a_steady_delta_count_ten_times():
    # v goes to 1 / (1 - 0.9) = 10; after 200 rounds 0.9^200 = 7e-10 of that is missing
    after = one_weight(momentum(0.9), 0, [1] * 201)
    assert after[-1] - after[-2] == pytest.approx(10, rel=1e-5)


def test_adagrad_by_hand():
    # tau = 1, so v starts at 1. v = 1 + 3 = 4: a step of 2 * sqrt(3) / (2 + 1).
    # Then v = 4 + 12 = 16: a step of 2 * sqrt(12) / (4 + 1).
    first, second = 2 * math.sqrt(3) / 3, 2 * math.sqrt(12) / 5
    assert one_weight(adagrad(rate=2, tau=1), 0, [math.sqrt(3), math.sqrt(12)]) == pytest.approx(
        [first, first + second]
    )


def test_adam_by_hand():
    # m = 0.5 * 0 + 0.5 * 2 = 1; v = 0.75 * 1 + 0.25 * 4 = 1.75; w = 5 + 3 * 1 / (sqrt(1.75) + 1): no bias correction
    expected = 5 + 3 / (math.sqrt(1.75) + 1)
    assert one_weight(adam(rate=3, beta1=0.5, beta2=0.75, tau=1), 5, [2]) == pytest.approx([expected])


def test_yogi_by_hand():
    # m = 1; v = 1 - 0.25 * 4 * sign(1 - 4) = 2; w = 5 + 3 * 1 / (sqrt(2) + 1)
    # then delta 1: m = 0.5 * 1 + 0.5 * 1 = 1; v = 2 - 0.25 * 1 * sign(2 - 1) = 1.75
    first = 5 + 3 / (math.sqrt(2) + 1)
    second = first + 3 / (math.sqrt(1.75) + 1)
    assert one_weight(yogi(rate=3, beta1=0.5, beta2=0.75, tau=1), 5, [2, 1]) == pytest.approx([first, second])


def algorithm_2(kind, x, deltas, eta, beta1, beta2, tau):
    """Reddi et al. (2021), Algorithm 2, server side, line by line for one weight in Python floats."""
    m, v = 0.0, tau**2
    for delta in deltas:
        m = beta1 * m + (1 - beta1) * delta
        if kind == "adagrad":
            v = v + delta**2
        elif kind == "yogi":
            difference = v - delta**2
            sign = (difference > 0) - (difference < 0)
            v = v - (1 - beta2) * delta**2 * sign
        else:
            v = beta2 * v + (1 - beta2) * delta**2
        x = x + eta * m / (math.sqrt(v) + tau)
    return x


@pytest.mark.parametrize("kind", ["adagrad", "adam", "yogi"])
def test_adaptive_optimizers_agree_with_the_paper_s_pseudo_code(kind):
    settings = {"rate": 0.03, "beta1": 0.8, "tau": 1e-2} | ({} if kind == "adagrad" else {"beta2": 0.95})
    optimizer = getattr(global_update, kind)(**settings)
    for seed in range(10):
        rng = rng_for(seed, kind)
        start, deltas = rng.normal(size=4), rng.normal(size=(30, 4)) * [0.001, 0.1, 1, 30]
        got = moved(optimizer, model(start), *[model(delta) for delta in deltas])[0]
        want = [algorithm_2(kind, float(start[i]), deltas[:, i].tolist(), 0.03, 0.8, 0.95, 1e-2) for i in range(4)]
        np.testing.assert_allclose(got, want, rtol=1e-4)


def test_defaults_are_those_of_the_paper():
    # beta1 = 0.9, beta2 = 0.99, tau = 0.001; no momentum in Adagrad
    deltas = [0.3, -0.2, 0.1]
    for kind, beta1 in (("adagrad", 0.0), ("adam", 0.9), ("yogi", 0.9)):
        want = algorithm_2(kind, 1.0, deltas, 0.05, beta1, 0.99, 1e-3)
        assert one_weight(getattr(global_update, kind)(0.05), 1.0, deltas)[-1] == pytest.approx(want, rel=1e-5)


def test_adam_moves_every_weight_at_a_similar_pace():
    # A steady delta d gives m -> d and v -> d^2, so a step of nearly rate for a large d and for one 100 times smaller.
    (before,) = moved(adam(0.01), model([0, 0]), *[model([10, 0.1])] * 1000)
    (after,) = moved(adam(0.01), model([0, 0]), *[model([10, 0.1])] * 1001)
    assert after - before == pytest.approx([0.01, 0.01], rel=0.02)


def test_yogi_forgets_a_burst_more_slowly_than_adam():
    # Two rounds of 10, then twenty of 0.1: adam's v shrinks by a share each round, yogi's by 0.01 * 0.01 at most.
    def v_after(optimizer):
        weights = model(0)
        state = optimizer.init(weights)
        for d in [10] * 2 + [0.1] * 20:
            weights, state = optimizer.apply(weights, model(d), state)
        return float(state["v"][0])

    assert v_after(yogi(beta2=0.9)) == pytest.approx(20 - 20 * 0.001, rel=1e-4)
    # adam: v = 0.9 * 10 + 10 = 19 after the burst, then less than 0.9^20 * 19 + 0.01 = 2.32
    assert v_after(adam(beta2=0.9)) < 2.4


@pytest.mark.parametrize("name", [name for name in MAKERS if name != "my_update"])
def test_a_delta_that_does_not_fit_is_refused(name):
    weights = model([1, 2], 3)
    state = MAKERS[name].init(weights)
    for delta, sentence in [
        (None, "expected a list of 2 arrays, got NoneType"),
        (model([1, 2]), "expected 2 tensors, got 1"),
        (model([1], 3), r"tensor 0: expected shape \(2,\), got \(1,\)"),
        (model([1, 2], np.nan), "tensor 1 holds NaN or infinite numbers"),
        ([np.zeros(2), np.zeros(())], "tensor 0: expected float32, got float64"),
    ]:
        with pytest.raises(ValueError, match=f"{name}: the aggregated delta does not fit the model: {sentence}"):
            MAKERS[name].apply(weights, delta, state)


def test_the_state_of_another_optimizer_is_refused():
    weights = model(1)
    with pytest.raises(ValueError, match=r"adam: expected a state with \['m', 'v'\], got \['v'\]; start with init"):
        adam().apply(weights, weights, momentum().init(weights))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: server_learning_rate(0), "rate must be a number above 0, got 0"),
        (lambda: momentum(1.0), "beta must be a number of at least 0 and below 1, got 1.0; try 0.9"),
        (lambda: momentum(0.9, -1), "rate must be"),
        (lambda: adagrad(0.1, tau=0), "tau must be a number above 0, got 0"),
        (lambda: adam(0.1, beta1=1), "beta1 must be"),
        (lambda: adam(0.1, beta2=1.5), "beta2 must be"),
        (lambda: yogi(0.1, beta2=-0.1), "beta2 must be"),
    ],
)
def test_makers_refuse_what_makes_no_sense(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


def test_a_plain_function_is_an_optimizer_without_memory():
    def half_way(weights, delta):
        return tuple(w + np.float32(0.5) * d for w, d in zip(weights, delta, strict=True))

    optimizer = from_function(half_way)
    assert optimizer.name == "half_way"
    assert optimizer.init(model(1)) == {}
    assert moved(optimizer, model([1.0]), model([4.0]))[0] == 3


def test_a_function_that_works_in_place_changes_only_its_own_copies():
    kept = []

    def in_place(weights, delta):
        for w, d in zip(weights, delta, strict=True):
            w += d
            d[...] = 0
        kept.append(weights)
        return weights

    weights, delta = model([1, 2]), model([3, 4])
    (new,) = moved(from_function(in_place), weights, delta)
    kept[0][0][...] = -1
    assert (weights[0].tolist(), delta[0].tolist(), new.tolist()) == ([1, 2], [3, 4], [4, 6])


def forgets_to_return(weights, delta):
    [w + d for w, d in zip(weights, delta, strict=True)]


def changes_in_place(weights, delta):
    for w, d in zip(weights, delta, strict=True):
        w += d


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (forgets_to_return, r"forgets_to_return returned None, expected the new weights; is a `return` missing\?"),
        (changes_in_place, "changes_in_place returned None.*changed the weights in place: return new ones"),
    ],
)
def test_none_is_refused_with_the_likely_mistake(function, sentence):
    with pytest.raises(ValueError, match=sentence):
        moved(from_function(function), model([1, 2]), model([3, 4]))


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        ("weights", "expected a list of 2 arrays, got str"),
        (np.zeros(2, np.float32), "expected a list of 2 arrays, got ndarray"),
        (model([1, 2]), "expected 2 tensors, got 1"),
        (model([[1, 2]], 3), r"tensor 0: expected shape \(2,\), got \(1, 2\)"),
        ([np.zeros(2), np.zeros(())], "tensor 0: expected float32, got float64"),
        ([1.0, 2.0], "tensor 0: expected a numpy array, got float"),
        (model([1, np.inf], 3), "tensor 0 holds NaN or infinite numbers"),
    ],
)
def test_any_other_result_is_refused_by_name_and_with_an_example(result, sentence):
    def my_update(weights, delta):
        return result

    with pytest.raises(ValueError, match=f"my_update returned weights that do not fit the model: {sentence}; return a"):
        moved(from_function(my_update), model([1, 2], 3), model([0, 0], 0))


def test_what_is_no_function_is_refused():
    with pytest.raises(ValueError, match=r"a global update is a function \(weights, delta\) -> new weights, got 0.5"):
        from_function(0.5)


def test_optimizers_can_be_named():
    from_spec = global_update.global_update_from
    assert one_weight(from_spec("add"), 1, [2]) == [3]
    assert one_weight(from_spec("server_learning_rate:0.5"), 1, [2]) == [2]
    assert one_weight(from_spec("momentum:0.5,2"), 0, [1, 1, 0]) == [2, 5, 6.5]
    assert one_weight(from_spec("adam:0.01"), 1, [2]) == one_weight(adam(rate=0.01), 1, [2])
    assert from_spec("yogi").name == "yogi"
    with pytest.raises(ValueError, match="unknown global update 'adma'.*did you mean 'adam'"):
        from_spec("adma")
