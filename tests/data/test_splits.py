"""Who holds which examples: the laws of every split, each one by hand, and what is impossible."""

import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fedteach.data import Dataset, Examples, from_arrays, label_counts, splits
from fedteach.randomness import rng_for

TEN_OF_EACH = np.repeat(np.arange(10), 10)


def rng(seed=0):
    return rng_for(seed, "test")


def examples_of(labels, writers=None) -> Examples:
    labels = np.asarray(labels)
    return Examples(np.zeros((len(labels), 1), np.float32), labels, writers)


def all_indices(partition):
    return np.concatenate(partition.parts)


def assert_dealt_once(partition, n_examples):
    np.testing.assert_array_equal(np.sort(all_indices(partition)), np.arange(n_examples))
    assert partition.repeats == 0


# ---- laws of all splits ------------------------------------------------------------------------------------

labels_of_all_classes = st.integers(1, 8).flatmap(
    lambda n_classes: st.lists(st.integers(0, n_classes - 1), max_size=60).map(
        lambda more: np.array([*range(n_classes), *more])
    )
)
names = st.one_of(
    st.sampled_from(list(splits.SPLITS)),
    st.floats(0.01, 100).map(lambda alpha: f"dirichlet:{alpha:.3g}"),
    st.floats(0, 5).map(lambda power: f"quantity:{power:.3g}"),
    st.integers(1, 3).map(lambda n: f"shards:{n}"),
)


@st.composite
def possible_splits(draw):
    """Examples with writers, a split and a number of clients that it can serve."""
    labels = draw(labels_of_all_classes)
    writers = np.arange(len(labels)) % draw(st.integers(1, 5))
    name = draw(names)
    base, _, number = name.partition(":")
    most = {"by_writer": len(np.unique(writers)), "shards": len(labels) // int(number or 2) if base == "shards" else 0}
    n_clients = draw(st.integers(1, max(1, most.get(base, min(len(labels), 12)))))
    if base == "shards" and most["shards"] == 0:
        name = "shards:1"
    return examples_of(labels, writers), name, n_clients, draw(st.integers(0, 2**40))


@given(possible_splits())
def test_every_client_gets_examples_that_exist(case):
    data, name, n_clients, seed = case
    partition = splits.split(data, name, n_clients, seed=seed)
    assert len(partition) == len(partition.parts) == n_clients
    assert all(part.dtype == np.int64 and part.ndim == 1 for part in partition.parts)
    assert partition.sizes.min() >= 1
    indices = all_indices(partition)
    assert indices.min() >= 0
    assert indices.max() < len(data)


@given(possible_splits())
def test_experiments_count_their_repeats_and_the_others_deal_every_example_once(case):
    data, name, n_clients, seed = case
    partition = splits.split(data, name, n_clients, seed=seed)
    if name in ("1", "2", "3", "4"):
        used = set()
        repeats = 0
        for index in all_indices(partition).tolist():
            repeats += index in used
            used.add(index)
        assert partition.repeats == repeats
    else:
        assert_dealt_once(partition, len(data))


@given(possible_splits())
def test_the_same_seed_gives_the_same_split_and_leaves_the_labels_alone(case):
    data, name, n_clients, seed = case
    before = data.y.copy()
    one, two = (splits.split(data, name, n_clients, seed=seed) for _ in range(2))
    for part_one, part_two in zip(one.parts, two.parts, strict=True):
        np.testing.assert_array_equal(part_one, part_two)
    np.testing.assert_array_equal(data.y, before)


@given(possible_splits())
def test_label_counts_count_what_each_client_holds(case):
    data, name, n_clients, seed = case
    partition = splits.split(data, name, n_clients, seed=seed)
    n_classes = int(data.y.max()) + 2
    counts = label_counts(partition, data.y, n_classes)
    assert counts.shape == (n_clients, n_classes)
    for part, row in zip(partition.parts, counts, strict=True):
        assert row.tolist() == [int((data.y[part] == label).sum()) for label in range(n_classes)]
    np.testing.assert_array_equal(counts, label_counts(partition.parts, data.y, n_classes))


@pytest.mark.parametrize("name", splits.SPLITS)
def test_another_seed_or_round_gives_another_split(name):
    data = examples_of(TEN_OF_EACH, np.arange(100) // 5)
    draws = [
        all_indices(splits.split(data, name, 6, seed=seed, round=round)).tolist()
        for seed, round in [(0, 0), (1, 0), (0, 1), (0, 2)]
    ]
    assert len({tuple(draw) for draw in draws}) == 4


@pytest.mark.parametrize("name", ["1", "2", "3", "4"])
def test_more_clients_leave_the_first_ones_as_they_were(name):
    data = examples_of(TEN_OF_EACH)
    few, many = (splits.split(data, name, n, seed=3, per_client=None if name == "4" else 25) for n in (2, 5))
    for part_few, part_many in zip(few.parts, many.parts, strict=False):
        np.testing.assert_array_equal(part_few, part_many)


def test_parts_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        splits.split(examples_of(TEN_OF_EACH), "iid", 2, seed=0).parts[0][0] = 1


# ---- the four experiments ----------------------------------------------------------------------------------


def test_experiment_1_gives_the_same_number_of_each_class():
    partition = splits.experiment_1(TEN_OF_EACH, 3, 50, rng())
    # 50 / 10 classes = 5 of each
    np.testing.assert_array_equal(label_counts(partition, TEN_OF_EACH, 10), np.full((3, 10), 5))
    # 150 draws from 100 examples: at least 50 repeat
    assert partition.repeats >= 50
    assert partition.name == "1"


def test_experiment_1_gives_the_rest_to_different_classes():
    counts = label_counts(splits.experiment_1(TEN_OF_EACH, 40, 23, rng()), TEN_OF_EACH, 10)
    # 23 = 10 * 2 + 3: seven classes twice, three classes three times
    assert all(sorted(row) == [2] * 7 + [3] * 3 for row in counts.tolist())
    # not the same three for everyone; each class now and then
    assert len({tuple(row) for row in counts.tolist()}) > 10
    assert (counts == 3).any(axis=0).all()


def test_experiment_1_with_fewer_examples_than_classes_gives_different_classes():
    counts = label_counts(splits.experiment_1(TEN_OF_EACH, 5, 4, rng()), TEN_OF_EACH, 10)
    assert all(sorted(row) == [0] * 6 + [1] * 4 for row in counts.tolist())


def test_experiment_2_gives_equal_totals_and_different_class_counts():
    partition = splits.experiment_2(TEN_OF_EACH, 5, 70, rng())
    assert partition.sizes.tolist() == [70] * 5
    counts = label_counts(partition, TEN_OF_EACH, 10)
    assert len({tuple(row) for row in counts.tolist()}) == 5
    # all ten classes, about 35 each: 350 draws, standard deviation sqrt(350 * 0.1 * 0.9) = 5.6; five of them
    assert np.abs(counts.sum(axis=0) - 35).max() < 28


def test_experiment_3_gives_totals_from_1_to_the_limit():
    sizes = splits.experiment_3(TEN_OF_EACH, 400, 7, rng()).sizes
    # each of 1 ... 7 is missed by 400 clients with probability (6/7)^400 < 1e-26
    assert set(sizes.tolist()) == {1, 2, 3, 4, 5, 6, 7}


def test_experiment_3_does_not_shrink_from_round_to_round():
    data = examples_of(TEN_OF_EACH)
    means = [splits.split(data, "3", 50, seed=0, per_client=99, round=round).sizes.mean() for round in range(60)]
    # Uniform from 1 to 99: mean 50, standard deviation 28.6, of 50 clients 4.04, of 20 rounds of them 0.9.
    assert np.mean(means[:20]) == pytest.approx(50, abs=4.5)
    assert np.mean(means[-20:]) == pytest.approx(50, abs=4.5)


def test_experiment_4_lets_1_to_9_draws_of_classes_dominate():
    counts = label_counts(splits.experiment_4(TEN_OF_EACH, 500, rng()), TEN_OF_EACH, 10)
    dominant = (counts >= 60) & (counts <= 109)
    other = (counts >= 1) & (counts <= 9)
    assert (dominant | other).all()
    # At least one class, at most nine; nine draws rarely all differ (10!/10^9 = 0.4 %), six or seven often.
    assert dominant.sum(axis=1).min() == 1
    assert 6 <= dominant.sum(axis=1).max() <= 9
    # both ends of both ranges come up in 500 clients x 10 classes
    assert (counts[dominant].min(), counts[dominant].max()) == (60, 109)
    assert (counts[other].min(), counts[other].max()) == (1, 9)


def test_experiment_4_draws_dominant_classes_with_replacement():
    counts = label_counts(splits.experiment_4(TEN_OF_EACH, 3000, rng()), TEN_OF_EACH, 10)
    # k draws from 10 classes name 10 (1 - 0.9^k) different ones; the mean over k = 1 ... 9 is
    # 10 - (9 + 8.1 + ... + 3.874) / 9 = 10 - 55.13 / 9 = 3.874; without replacement it would be 5.
    assert (counts >= 60).sum(axis=1).mean() == pytest.approx(3.874, abs=0.12)


# ---- the splits that deal ----------------------------------------------------------------------------------


def test_iid_deals_evenly():
    partition = splits.iid(TEN_OF_EACH, 7, rng())
    # 100 = 7 * 14 + 2
    assert sorted(partition.sizes.tolist()) == [14] * 5 + [15] * 2
    # shuffled: no client has the front of the data set
    assert label_counts(partition, TEN_OF_EACH, 10).max() < 10


def skew(partition, labels):
    """Mean over clients of the share of their largest class."""
    counts = label_counts(partition, labels, 10)
    return (counts.max(axis=1) / counts.sum(axis=1)).mean()


def test_dirichlet_with_a_small_alpha_is_skewed_and_with_a_large_one_even():
    labels = np.repeat(np.arange(10), 500)
    shares = [skew(splits.dirichlet(labels, 10, alpha, rng()), labels) for alpha in (0.05, 0.5, 5, 500)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.6
    assert shares[-1] == pytest.approx(0.1, abs=0.02)


@given(
    alpha=st.floats(1e-4, 1e4),
    n_clients=st.integers(1, 30),
    min_size=st.integers(0, 3),
    seed=st.integers(0, 999),
)
@example(alpha=1e-4, n_clients=30, min_size=3, seed=0)
@example(alpha=0.001, n_clients=1, min_size=0, seed=0)
def test_dirichlet_always_ends_with_enough_for_everyone(alpha, n_clients, min_size, seed):
    partition = splits.dirichlet(TEN_OF_EACH, n_clients, alpha, rng(seed), min_size)
    assert partition.sizes.min() >= min_size
    assert_dealt_once(partition, 100)


def test_dirichlet_serves_800_clients_of_mnists_size():
    # A known framework leaves clients empty here and crashes.
    labels = rng().integers(10, size=60_000)
    assert splits.dirichlet(labels, 800, 0.1, rng()).sizes.min() >= 1


def test_dirichlet_can_deal_as_many_clients_as_there_are_examples():
    assert splits.dirichlet(TEN_OF_EACH, 100, 0.1, rng()).sizes.tolist() == [1] * 100


def test_topping_up_takes_from_the_largest_one_at_a_time():
    from fedteach.data.dealing import _top_up

    parts = _top_up([np.array([1, 2, 3, 4]), np.array([5, 6, 7]), np.array([], dtype=int)], min_size=2)
    # The largest gives its last, 4; now both have three, and the first of them gives 3.
    assert [part.tolist() for part in parts] == [[1, 2], [5, 6, 7], [4, 3]]


def test_shards_give_each_client_few_classes():
    labels = rng().permutation(TEN_OF_EACH)
    partition = splits.shards(labels, 5, 2, rng())
    # 10 shards of 10 are exactly the 10 classes: two for each client
    counts = label_counts(partition, labels, 10)
    assert all(sorted(row) == [0] * 8 + [10] * 2 for row in counts.tolist())


@given(labels=labels_of_all_classes, n_clients=st.integers(1, 10), per_client=st.integers(1, 4))
def test_shards_hold_neighbours_in_the_order_of_classes(labels, n_clients, per_client):
    n_shards = n_clients * per_client
    if n_shards > len(labels):
        with pytest.raises(ValueError, match="take at most"):
            splits.shards(labels, n_clients, per_client, rng())
        return
    partition = splits.shards(labels, n_clients, per_client, rng())
    assert_dealt_once(partition, len(labels))
    assert np.ptp(partition.sizes) <= per_client
    # A cut shard touches at most one class more than there are class borders in it: with s shards and
    # c classes, all shards together touch at most s + c - 1 pairs of shard and class.
    classes_seen = sum(len(np.unique(labels[part])) for part in partition.parts)
    assert classes_seen <= n_shards + len(np.unique(labels)) - 1


def test_quantity_by_hand():
    # Power 1, 3 clients, 25 examples: one each, and the law divides 22 by 1 : 1/2 : 1/3 = 6 : 3 : 2: 12, 6, 4.
    assert splits.quantity(np.zeros(25, int), 3, 1.0, rng()).sizes.tolist() == [13, 7, 5]


@given(n=st.integers(1, 300), n_clients=st.integers(1, 40), power=st.floats(0, 1000), seed=st.integers(0, 9))
def test_quantity_falls_from_client_to_client_and_leaves_nobody_empty(n, n_clients, power, seed):
    if n_clients > n:
        return
    partition = splits.quantity(np.zeros(n, int), n_clients, power, rng(seed))
    assert_dealt_once(partition, n)
    assert partition.sizes.min() >= 1
    assert (np.diff(partition.sizes) <= 0).all()


def test_quantity_with_power_0_is_even():
    assert sorted(splits.quantity(TEN_OF_EACH, 7, 0, rng()).sizes.tolist()) == [14] * 5 + [15] * 2


WRITERS = np.array([30, 10, 30, 20, 10, 30, 40])


def test_each_writer_becomes_a_client_in_the_order_of_their_numbers():
    partition = splits.by_writer(WRITERS)
    assert [part.tolist() for part in partition.parts] == [[1, 4], [3], [0, 2, 5], [6]]


def test_fewer_clients_than_writers_get_whole_writers():
    partition = splits.by_writer(WRITERS, 2, rng())
    assert_dealt_once(partition, 7)
    owners = [set(WRITERS[part].tolist()) for part in partition.parts]
    # 4 writers for 2 clients: two each, nobody torn apart
    assert [len(owner) for owner in owners] == [2, 2]
    assert not owners[0] & owners[1]


def test_without_a_generator_writers_are_dealt_in_order():
    partition = splits.by_writer(WRITERS, 2)
    assert [sorted(set(WRITERS[part].tolist())) for part in partition.parts] == [[10, 30], [20, 40]]


@given(st.lists(st.integers(-5, 20), min_size=1, max_size=60), st.data())
def test_no_writer_is_torn_apart_and_numbers_of_writers_differ_by_one_at_most(writers, data):
    writers = np.array(writers)
    n_clients = data.draw(st.integers(1, len(np.unique(writers))))
    partition = splits.by_writer(writers, n_clients, rng())
    assert_dealt_once(partition, len(writers))
    owners = [set(writers[part].tolist()) for part in partition.parts]
    assert sum(len(owner) for owner in owners) == len(np.unique(writers))
    assert max(map(len, owners)) - min(map(len, owners)) <= 1


def test_3500_writers_are_grouped_at_once():
    # Looking for each writer in turn would compare 3,500 x 700,000 numbers and take seconds.
    writers = rng().permutation(np.repeat(np.arange(3500), 200))
    partition = splits.by_writer(writers)
    assert partition.sizes.tolist() == [200] * 3500
    assert (writers[partition.parts[1234]] == 1234).all()


# ---- by name -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", splits.SPLITS)
def test_every_name_has_a_line_of_its_own(name):
    assert splits.SPLITS[name].startswith(name)
    assert 10 < len(splits.SPLITS[name]) < 100


def test_left_out_numbers_are_filled_in():
    data = examples_of(TEN_OF_EACH)
    for short, full in {"dirichlet": "dirichlet:0.5", "shards": "shards:2", "quantity": "quantity:1"}.items():
        one, two = (splits.split(data, name, 4, seed=1) for name in (short, full))
        assert one.name == two.name == full
        np.testing.assert_array_equal(all_indices(one), all_indices(two))


def test_an_experiment_may_be_given_as_a_number():
    data = examples_of(TEN_OF_EACH)
    assert splits.split(data, 2, 4, seed=1).name == "2"


@pytest.mark.parametrize(
    ("n_clients", "per_client"),
    # 100 examples: 100 // 3 = 33; more clients than examples still have one each
    [(3, 33), (1, 100), (100, 1), (250, 1)],
)
def test_without_per_client_everyone_gets_an_even_share(n_clients, per_client):
    partition = splits.split(examples_of(TEN_OF_EACH), "2", n_clients, seed=0)
    assert partition.sizes.tolist() == [per_client] * n_clients


def test_without_per_client_nobody_gets_more_than_600():
    data = examples_of(np.zeros(5000, int))
    assert splits.split(data, "1", 2, seed=0).sizes.tolist() == [600, 600]


def test_per_client_sets_the_size_of_experiments_1_to_3():
    data = examples_of(TEN_OF_EACH)
    assert splits.split(data, "1", 2, seed=0, per_client=30).sizes.tolist() == [30, 30]
    assert splits.split(data, "2", 2, seed=0, per_client=7).sizes.tolist() == [7, 7]
    assert splits.split(data, "3", 50, seed=0, per_client=2).sizes.max() == 2


def data_set(labels, classes, writers=None) -> Dataset:
    x = np.zeros((len(labels), 1), np.float32)
    return from_arrays(x, labels, x[:1], labels[:1], classes=classes, writers=writers)


def test_a_data_set_is_split_by_its_training_examples_and_their_writers():
    dataset = data_set(np.array([0, 1, 0]), ["a", "b"], writers=[5, 6, 5])
    partition = splits.split(dataset, "by_writer", None, seed=0)
    assert [part.tolist() for part in partition.parts] == [[0, 2], [1]]


def test_a_partition_describes_itself_in_one_line():
    partition = splits.split(examples_of(TEN_OF_EACH), "quantity:0", 7, seed=0)
    assert repr(partition) == "Partition('quantity:0', 7 clients with 14 to 15 examples, 0 repeats)"


def test_checking_a_name_needs_no_data():
    assert splits.check_split("dirichlet:0.1") == ("dirichlet", 0.1)
    assert splits.check_split("shards") == ("shards", 2)
    assert splits.check_split(4) == ("4", None)


# ---- what is impossible ------------------------------------------------------------------------------------

DATA = examples_of(TEN_OF_EACH)
GAP = np.array([0, 2, 2, 0])

IMPOSSIBLE = {
    "unknown name": (lambda: splits.split(DATA, "dirichlett", 2, seed=0), "did you mean 'dirichlet'"),
    "five": (lambda: splits.split(DATA, 5, 2, seed=0), "unknown split '5'"),
    "no number": (
        lambda: splits.split(DATA, "dirichlet:x", 2, seed=0),
        "a number as in 'dirichlet:0.5', got 'dirichlet:x'",
    ),
    "empty number": (lambda: splits.split(DATA, "dirichlet:", 2, seed=0), "got 'dirichlet:'"),
    "half a shard": (lambda: splits.split(DATA, "shards:1.5", 2, seed=0), "a whole number as in 'shards:2'"),
    "no shards": (lambda: splits.split(DATA, "shards:0", 2, seed=0), "number of shards in split 'shards:0' must be"),
    "alpha 0": (lambda: splits.split(DATA, "dirichlet:0", 2, seed=0), "alpha in split 'dirichlet:0' must be"),
    "alpha nan": (lambda: splits.split(DATA, "dirichlet:nan", 2, seed=0), "alpha in split 'dirichlet:nan' must be"),
    "power below 0": (lambda: splits.split(DATA, "quantity:-1", 2, seed=0), "power in split 'quantity:-1' must be"),
    "a number too many": (lambda: splits.split(DATA, "iid:3", 2, seed=0), "takes no number, got 'iid:3'"),
    "no clients": (lambda: splits.split(DATA, "iid", 0, seed=0), "n_clients must be a whole number of at least 1"),
    "clients left out": (lambda: splits.split(DATA, "iid", None, seed=0), "n_clients must be a whole number"),
    "round -1": (lambda: splits.split(DATA, "iid", 2, seed=0, round=-1), "round must be a whole number"),
    "seed 0.5": (lambda: splits.split(DATA, "iid", 2, seed=0.5), "seed must be a whole number"),
    "per_client for iid": (
        lambda: splits.split(DATA, "iid", 2, seed=0, per_client=9),
        "leave the 9 for each client away",
    ),
    "per_client 0": (lambda: splits.split(DATA, "2", 2, seed=0, per_client=0), "per_client must be a whole number"),
    "too many clients": (lambda: splits.iid(TEN_OF_EACH, 101, rng()), "got 100; take at most 100 clients"),
    "too few for all": (
        lambda: splits.dirichlet(TEN_OF_EACH, 40, 1, rng(), 3),
        "need 120 examples, got 100; take at most 33",
    ),
    "quantity, too many": (lambda: splits.quantity(TEN_OF_EACH, 101, 1, rng()), "take at most 100 clients"),
    "too many shards": (lambda: splits.shards(TEN_OF_EACH, 30, 4, rng()), "need 120 shards"),
    "more clients than shards": (lambda: splits.shards(TEN_OF_EACH, 101, 1, rng()), "take at most 100 clients"),
    "absent class": (lambda: splits.experiment_1(GAP, 2, 9, rng()), "1 of 3 classes have no example (1)"),
    "absent class in 4": (lambda: splits.experiment_4(GAP, 2, rng(), n_classes=9), "7 of 9 classes have no example"),
    "absent last class": (
        lambda: splits.split(data_set(np.array([0, 1]), ["a", "b", "c"]), "1", 2, seed=0),
        "1 of 3 classes have no example (2); take experiment 2 or 3",
    ),
    "no writers": (
        lambda: splits.split(DATA, "by_writer", 2, seed=0),
        "take a data set with writers: mnist_writers or glyphs",
    ),
    "too few writers": (lambda: splits.by_writer(WRITERS, 5), "5 clients need as many writers, got 4; take fewer"),
    "named writers": (lambda: splits.by_writer(np.array(["Ann", "Bo"])), "writers must be whole numbers"),
    "no labels": (lambda: splits.iid(np.array([], int), 1, rng()), "labels must hold at least one example"),
    "float labels": (lambda: splits.iid(np.array([0.0, 1.0]), 1, rng()), "labels must be whole numbers of shape (n,)"),
    "negative labels": (lambda: splits.iid(np.array([0, -1]), 1, rng()), "labels must be whole numbers of at least 0"),
    "label too large": (
        lambda: label_counts([np.array([0])], np.array([3]), 3),
        "labels must be whole numbers from 0 to 2",
    ),
}


@pytest.mark.parametrize(("attempt", "message"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_the_impossible_is_refused_with_advice(attempt, message):
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        attempt()
    assert "\n" not in str(error.value)


def test_a_split_says_which_examples_are_used_twice():
    labels = np.repeat(np.arange(2), 3)
    dealt = splits.iid(labels, 2, rng_for(0, "x"))
    assert dealt.repeated.tolist() == []
    drawn = splits.experiment_2(labels, 3, 10, rng_for(0, "x"))
    everything = np.concatenate(drawn.parts)
    assert drawn.repeated.tolist() == [i for i in range(6) if (everything == i).sum() > 1]
