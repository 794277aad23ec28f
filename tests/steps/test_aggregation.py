"""Step 4: what the server makes of the updates."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fedteach.messages import Update
from fedteach.randomness import rng_for
from fedteach.steps.aggregation import aggregation, krum, median, multi_krum, trimmed_mean, weighted_mean

QUICK = settings(max_examples=50, deadline=None)


def update(*tensors, n=1, client="a"):
    return Update(client, 1, [np.array(tensor, np.float32) for tensor in tensors], n)


def crowd(*numbers):
    """One update for each number, a model of a single weight."""
    return [update([number], client=f"c{i}") for i, number in enumerate(numbers)]


RULES = {
    "weighted_mean": weighted_mean,
    "median": median,
    "trimmed_mean": trimmed_mean(0.2),
    "krum": krum(1),
    "multi_krum": multi_krum(1, keep=3),
}

# Subnormal squares would make honest distances equal, and Krum's choice a matter of order.
NUMBERS = st.floats(-1e6, 1e6, width=32, allow_subnormal=False)


@st.composite
def rounds(draw, least=5, numbers=NUMBERS):
    """The updates of one round: 5 to 9 clients, a model of a few tensors of any shape."""
    shapes = draw(st.lists(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3), min_size=1, max_size=3))
    clients = draw(st.integers(least, 9))
    return [
        Update(f"c{i}", 1, [draw(hnp.arrays(np.float32, shape, elements=numbers)) for shape in shapes], n)
        for i, n in enumerate(draw(st.lists(st.integers(1, 1000), min_size=clients, max_size=clients)))
    ]


@pytest.mark.parametrize("name", RULES)
@QUICK
@given(updates=rounds())
def test_every_rule_stays_between_the_smallest_and_the_largest_delta(name, updates):
    for i, got in enumerate(RULES[name](updates)):
        all_deltas = np.stack([u.delta[i] for u in updates])
        assert got.dtype == np.float32
        assert got.shape == updates[0].delta[i].shape
        assert (all_deltas.min(axis=0) <= got).all()
        assert (got <= all_deltas.max(axis=0)).all()


@pytest.mark.parametrize("name", RULES)
@QUICK
@given(updates=rounds())
def test_no_rule_changes_an_update_or_returns_its_memory(name, updates):
    before = [[tensor.copy() for tensor in u.delta] for u in updates]
    for tensor in RULES[name](iter(updates)):
        tensor[...] = np.float32(7)
    for u, tensors in zip(updates, before, strict=True):
        for after, was in zip(u.delta, tensors, strict=True):
            np.testing.assert_array_equal(after, was)


@pytest.mark.parametrize("name", ["weighted_mean", "median", "trimmed_mean"])
@QUICK
@given(updates=rounds(), random=st.randoms())
def test_the_order_of_the_clients_does_not_matter(name, updates, random):
    shuffled = random.sample(updates, len(updates))
    for one, other in zip(RULES[name](updates), RULES[name](shuffled), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", RULES)
@QUICK
@given(delta=hnp.arrays(np.float32, (2, 2), elements=NUMBERS), n=st.integers(5, 9))
def test_when_all_clients_agree_that_is_the_result(name, delta, n):
    (got,) = RULES[name]([Update(f"c{i}", 1, [delta.copy()], i + 1) for i in range(n)])
    np.testing.assert_array_equal(got, delta)


def test_weighted_mean_counts_each_client_by_its_examples():
    # 1 example says +4, 3 examples say 0: (1*4 + 3*0) / 4 = 1
    (mean,) = weighted_mean([update([4], n=1), update([0], n=3)])
    assert mean == pytest.approx([1.0])


@QUICK
@given(updates=rounds(), factor=st.integers(2, 1000))
def test_weighted_mean_depends_on_shares_of_the_examples_only(updates, factor):
    more = [Update(u.client, u.round, u.delta, u.n_examples * factor) for u in updates]
    for one, other in zip(weighted_mean(updates), weighted_mean(more), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)


@QUICK
@given(updates=rounds(least=1))
def test_weighted_mean_agrees_with_plain_loops_in_double_precision(updates):
    for i, got in enumerate(weighted_mean(updates)):
        for place in np.ndindex(got.shape):
            total = sum(u.n_examples * float(u.delta[i][place]) for u in updates)
            exact = total / sum(u.n_examples for u in updates)
            assert got[place] == pytest.approx(exact, rel=1e-6, abs=1e-6)


def test_weighted_mean_does_not_lose_small_deltas_beside_many_examples():
    # float32 sums of n * delta stop growing at 2^24 = 16,777,216: 3 * 10 million ones would not average to 1.
    (mean,) = weighted_mean([update([1.0, 1e-7], n=10_000_001) for _ in range(300)])
    np.testing.assert_array_equal(mean, np.array([1.0, 1e-7], np.float32))


def test_weighted_mean_holds_one_update_at_a_time():
    size = 100_000

    def arriving():
        for i in range(50):
            yield Update(f"c{i}", 1, [np.full(size, i, np.float32)], 1)

    tracemalloc.start()
    (mean,) = weighted_mean(arriving())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert mean[0] == 24.5  # (0 + ... + 49) / 50
    # The first and the present update, a float64 sum and product, a mask: about 7 models, not 50.
    assert peak < 10 * 4 * size


def test_median_by_hand():
    # middle of 1, 2, 9 is 2; of 1, 2, 4, 9 it is (2 + 4) / 2 = 3; n_examples plays no part
    assert median(crowd(9, 1, 2))[0] == 2
    assert median([*crowd(9, 1, 2), update([4], n=10**6)])[0] == 3


def test_trimmed_mean_by_hand():
    # floor(0.2 * 5) = 1 dropped at each end of 1, 2, 3, 6, 100: (2 + 3 + 6) / 3
    assert trimmed_mean(0.2)(crowd(100, 1, 6, 2, 3))[0] == pytest.approx(11 / 3)
    # floor(0.2 * 4) = 0: nothing is dropped
    assert trimmed_mean(0.2)(crowd(1, 2, 3, 6))[0] == 3
    # 0.29 * 100 = 28.999999999999996 in floats, yet 29 of 100 are meant: 29 ones, 42 twos, 29 nines
    assert trimmed_mean(0.29)(crowd(*[1] * 29, *[2] * 42, *[9] * 29))[0] == 2


@QUICK
@given(updates=rounds(least=1), trim=st.floats(0, 0.5, exclude_max=True))
def test_trimmed_mean_agrees_with_sorting_each_number_by_itself(updates, trim):
    assume(abs(trim * len(updates) - round(trim * len(updates))) > 1e-6)
    cut = int(trim * len(updates))
    for i, got in enumerate(trimmed_mean(trim)(updates)):
        for place in np.ndindex(got.shape):
            kept = sorted(float(u.delta[i][place]) for u in updates)[cut : len(updates) - cut]
            assert got[place] == pytest.approx(sum(kept) / len(kept), rel=1e-6, abs=1e-6)


def test_trimmed_mean_always_leaves_someone():
    assert trimmed_mean(0.499999999999)(crowd(1, 3))[0] == 2


@pytest.mark.parametrize("rule", [median, trimmed_mean(0.2), krum(1), multi_krum(1, 3)])
@QUICK
@given(updates=rounds(), poison=st.sampled_from([3e38, -3e38, 1e20]))
def test_one_poisoned_client_cannot_push_a_robust_rule_beyond_the_honest_ones(rule, updates, poison):
    honest = updates[1:]
    assume(len(honest) >= 5)
    attack = Update("attacker", 1, [np.full_like(tensor, poison) for tensor in updates[0].delta], 10**9)
    for i, got in enumerate(rule([*honest[:2], attack, *honest[2:]])):
        said = np.stack([u.delta[i] for u in honest])
        assert (said.min(axis=0) <= got).all()
        assert (got <= said.max(axis=0)).all()


def test_one_poisoned_client_moves_the_mean_anywhere():
    # (4 * 0 + 1000) / 5 = 200
    assert weighted_mean(crowd(0, 0, 0, 0, 1000))[0] == 200


def brute_force_krum(updates, byzantine, keep):
    """Krum as the paper's section 4 says it, on flat vectors and plain lists."""
    flat = [np.concatenate([np.ravel(t).astype(np.float64) for t in u.delta]) for u in updates]
    scored = []
    for i, one in enumerate(flat):
        others = sorted(float(((one - other) ** 2).sum()) for j, other in enumerate(flat) if j != i)
        scored.append((sum(others[: len(flat) - byzantine - 2]), i))
    chosen = [i for _, i in sorted(scored)[:keep]]
    return [sum(updates[i].delta[t].astype(np.float64) for i in chosen) / keep for t in range(len(updates[0].delta))]


@pytest.mark.parametrize(("m", "byzantine", "keep"), [(5, 1, 1), (5, 1, 4), (7, 2, 1), (9, 2, 3), (3, 0, 1), (3, 0, 3)])
def test_krum_agrees_with_brute_force(m, byzantine, keep):
    for seed in range(20):
        rng = rng_for(seed, "krum", m, byzantine, keep)
        updates = [update(rng.normal(size=(3, 2)), rng.normal(size=4), client=f"c{i}") for i in range(m)]
        for got, want in zip(
            multi_krum(byzantine, keep)(updates), brute_force_krum(updates, byzantine, keep), strict=True
        ):
            np.testing.assert_allclose(got, want, rtol=1e-6)


def test_krum_by_hand():
    # m = 5, f = 1: scores are squared distances to the 5 - 1 - 2 = 2 nearest others.
    # 0: 1 + 4 = 5; 1: 1 + 1 = 2; 2: 1 + 4 = 5 (to 1 and 0); 4: 4 + 9 = 13; 50: 46^2 + 48^2
    assert krum(1)(crowd(50, 0, 4, 2, 1))[0] == 1
    # The best three are 1, then 0 and 2: (1 + 0 + 2) / 3
    assert multi_krum(1, keep=3)(crowd(50, 0, 4, 2, 1))[0] == 1
    assert multi_krum(1, keep=4)(crowd(50, 0, 4, 2, 1))[0] == 1.75


def test_krum_takes_the_first_of_equal_scores():
    # 0 and 1 each have the other at distance 1 and one neighbour to count (m - f - 2 = 1)
    assert krum(0)(crowd(1, 0, 9))[0] == 1
    assert krum(0)(crowd(0, 1, 9))[0] == 0


def test_krum_sees_small_differences_beside_large_numbers():
    # Around 10,000 the squares |a|^2 + |b|^2 - 2ab would drown differences of 0.01 in float32.
    assert krum(1)(crowd(10_000.05, 10_000.0, 10_000.01, 10_000.02, -3))[0] == np.float32(10_000.01)


def test_krum_needs_enough_honest_clients():
    # 2 * 1 + 3 = 5 updates; keeping 5 against 1 attacker takes 6
    with pytest.raises(
        ValueError, match="against 1 attackers, keeping 1, needs at least 5 updates, got 4: invite more"
    ):
        krum(1)(crowd(1, 2, 3, 4))
    with pytest.raises(ValueError, match="keeping 5, needs at least 6 updates, got 5"):
        multi_krum(1, keep=5)(crowd(1, 2, 3, 4, 5))


@pytest.mark.parametrize("name", RULES)
def test_nothing_to_average_is_said_so(name):
    with pytest.raises(ValueError, match="nothing to average: no client answered in this round"):
        RULES[name]([])


FINE = [update([1, 2], [[3.0]], client=f"c{i}") for i in range(5)]


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (update([1, 2], [[3.0]], n=0, client="eve"), "n_examples of client 'eve' must be a whole number.*got 0"),
        (update([1, 2], [[3.0]], n=2.5, client="eve"), "n_examples of client 'eve' must be a whole number.*got 2.5"),
        (update([1, 2], [[3.0]], n=10**30, client="eve"), "n_examples of client 'eve' must be"),
        (update([1, 2], client="eve"), "update of client 'eve' cannot be aggregated: expected 2 tensors, got 1"),
        (
            update([1], [[3.0]], client="eve"),
            r"'eve' cannot be aggregated: tensor 0: expected shape \(2,\), got \(1,\)",
        ),
        (update([1, 2], [3.0], client="eve"), r"tensor 1: expected shape \(1, 1\), got \(1,\)"),
        (update([1, np.nan], [[3.0]], client="eve"), "'eve' cannot be aggregated: tensor 0 holds NaN"),
        (Update("eve", 1, [[1, 2], [[3.0]]], 1), "tensor 0: expected a numpy array, got list"),
        (Update("eve", 1, None, 1), "expected a list of 2 arrays, got NoneType"),
    ],
)
def test_an_update_that_does_not_fit_is_refused_by_name(name, wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        RULES[name]([*FINE, wrong])


@pytest.mark.parametrize(
    "first", [update([np.inf], client="eve"), Update("eve", 1, None, 1), Update("eve", 1, [[1]], 1)]
)
def test_the_first_update_is_checked_too(first):
    with pytest.raises(ValueError, match="the update of client 'eve' cannot be aggregated"):
        weighted_mean([first])


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: trimmed_mean(0.5), "trim must be a number of at least 0 and below 0.5, got 0.5; try 0.1"),
        (lambda: trimmed_mean(-0.1), "trim must be"),
        (lambda: krum(-1), "byzantine must be a whole number of at least 0"),
        (lambda: multi_krum(1, 0), "keep must be a whole number of at least 1"),
    ],
)
def test_makers_refuse_what_makes_no_sense(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


def test_rules_can_be_named():
    numbers = crowd(1, 2, 3, 6, 100)
    got = {spec: float(aggregation(spec)(numbers)[0][0]) for spec in ("weighted_mean", "median", "trimmed_mean:0.2")}
    assert got == pytest.approx({"weighted_mean": 22.4, "median": 3, "trimmed_mean:0.2": 11 / 3})
    # Scores to the 2 nearest: 1: 1 + 4, 2: 1 + 1, 3: 1 + 4, 6: 9 + 16, 100: far
    assert aggregation("krum:1")(numbers)[0] == 2
    assert aggregation("multi_krum:1,3")(numbers)[0] == 2
    with pytest.raises(ValueError, match="unknown aggregation 'meen'"):
        aggregation("meen")
    with pytest.raises(ValueError, match="aggregation 'krum' takes byzantine; 'krum' gives 0 numbers"):
        aggregation("krum")
