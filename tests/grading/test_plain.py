from collections import Counter, OrderedDict, defaultdict, deque, namedtuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fedteach import Plan, Update
from fedteach.grading.plain import Strange, arrays_in, difference, kind_of, same, shorten, show, to_plain
from fedteach.messages import ClientInfo

atoms = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
arrays = hnp.arrays(st.sampled_from([np.float32, np.int64, np.bool_]), hnp.array_shapes(min_dims=0, max_dims=3))
plain = st.recursive(
    atoms | arrays,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=12,
)


@given(plain)
def test_a_copy_is_the_same_and_shares_no_memory(value):
    copy = to_plain(value)
    assert same(value, copy)
    for one, other in zip(arrays_in(value), arrays_in(copy), strict=True):
        assert not np.shares_memory(one, other)


@given(plain, plain)
def test_same_and_difference_agree_in_both_directions(one, other):
    assert same(one, other) == (difference(other, one) is None)


class Sly:
    """Claims to equal everything."""

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 0

    def __repr__(self):
        raise RuntimeError("no")


class SlyArray(np.ndarray):
    pass


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (Sly(), "Sly"),
        (np.zeros(2).view(SlyArray), "SlyArray"),
        ((i for i in range(3)), "generator"),
        (len, "builtin_function_or_method"),
        ({1, 2}, "set"),
        (type("MyInt", (int,), {})(3), "MyInt"),
    ],
)
def test_what_is_not_exactly_plain_is_strange(value, kind):
    assert to_plain(value).kind == kind
    assert to_plain([value])[0].kind == kind


def test_numpy_scalars_become_numbers():
    assert to_plain(np.float32(0.5)) == 0.5
    assert type(to_plain(np.int64(3))) is int
    assert type(to_plain(np.bool_(True))) is bool


def test_an_array_of_objects_is_a_list():
    one, other = ClientInfo("a", 1), ClientInfo("b", 2)
    assert to_plain(np.array([one, other])) == [one, other]
    assert to_plain(np.array([Sly()], dtype=object)).kind == "ndarray"
    assert to_plain(np.array([np.zeros(2), np.zeros(3)], dtype=object)).kind == "ndarray"


def test_a_list_that_holds_itself_ends():
    circle: list = []
    circle.append(circle)
    assert "Strange" in repr(to_plain(circle))


def test_a_flood_of_values_is_not_looked_at():
    doubled: list = []
    for _ in range(25):
        doubled = [doubled, doubled]
    for flood in (list(range(1_000_000)), dict.fromkeys(range(1_000_000)), doubled):
        assert "too many to look at" in to_plain(flood).text
    assert arrays_in(doubled[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]) == []


def test_relatives_of_list_tuple_and_dict_become_these():
    Pair = namedtuple("Pair", "one two")
    for value, plain in (
        (defaultdict(int, a=1), {"a": 1}),
        (OrderedDict(a=1), {"a": 1}),
        (Counter("aab"), {"a": 2, "b": 1}),
        (deque([1, 2]), [1, 2]),
        (Pair(1, [2]), (1, [2])),
    ):
        assert same(to_plain(value), plain)


def test_records_are_copied_with_all_that_is_in_them():
    update = Update("a", 1, [np.ones(2, np.float32)], 3, {"loss": 0.5})
    copy = to_plain(update)
    assert same(update, copy)
    copy.delta[0][0] = 7
    assert update.delta[0][0] == 1
    assert same(to_plain(Plan(epochs=2)), Plan(epochs=2))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (True, 1),
        ([1], (1,)),
        (np.zeros(2), np.zeros(2, np.float32)),
        (np.zeros((2, 1)), np.zeros((1, 2))),
        (np.array([0.0]), np.array([-0.0])),
        ({"a": 1}, {"b": 1}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (ClientInfo("a", 1), ClientInfo("a", 1, idle=False)),
    ],
)
def test_values_that_look_alike_are_not_the_same(one, other):
    assert not same(one, other)


def test_nan_is_the_same_as_nan():
    assert same([float("nan")], [float("nan")])
    assert same(np.array([np.nan]), np.array([np.nan]))


def test_a_difference_says_where_it_is():
    before = [Update("a", 1, [np.zeros(2), np.zeros(1)], 1)]
    after = to_plain(before)
    after[0].delta[1][0] = 5
    found = difference(before, after, "argument 1")
    assert found.where == "argument 1, item 0, delta, item 1"
    assert (found.one.tolist(), found.other.tolist()) == ([0.0], [5.0])
    assert difference({"a": [1]}, {"a": [2]}).where == "key 'a', item 0"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.array([[4.0]], np.float32), "array([[4.]])"),
        (np.zeros((30, 2), np.float32), "an array of shape (30, 2), float32"),
        (np.float32(0.1) + 0, "0.1"),
        (0.1 + 0.2, "0.3"),
        ((1,), "(1,)"),
        ({"a": [1.5]}, "{'a': [1.5]}"),
        (ClientInfo("7", 3), "client '7'"),
        (Plan(epochs=2, batch_size=None), "Plan(epochs=2, batch_size=None)"),
        (Plan(), "Plan()"),
        (Update("a", 1, [np.array([4.0])], 1), "Update(client 'a', round 1, 1 example, [array([4.])])"),
        (np.array(3.0), "array(3.0)"),
    ],
)
def test_values_are_shown_short_and_clear(value, text):
    assert show(to_plain(value)) == text


def test_long_values_are_cut_in_the_middle():
    text = show(list(range(10_000)))
    assert len(text) <= 300
    assert text.startswith("[0, 1")
    assert text.endswith("9999]")
    assert shorten("abc", 3) == "abc"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "None"),
        ([], "an empty list"),
        ((1, 2), "a tuple of 2 items"),
        ([1], "a list of 1 item"),
        (np.zeros(3), "an array of shape (3,), float64"),
        (1, "an int"),
        (Strange("generator", "<g>"), "a generator"),
    ],
)
def test_kinds_are_named_in_words(value, words):
    assert kind_of(value) == words
