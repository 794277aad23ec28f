import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedteach.randomness import int_seed_for, rng_for


def test_the_same_scope_gives_the_same_draws_in_another_process():
    code = "from fedteach.randomness import rng_for; print(rng_for(7, 'fit', 3, 'ada').integers(0, 10**9, 3).tolist())"
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert there == str(rng_for(7, "fit", 3, "ada").integers(0, 10**9, 3).tolist())


scopes = st.lists(st.one_of(st.integers(0, 99), st.text(max_size=3)), max_size=3).map(tuple)


@given(st.tuples(st.integers(0, 9), scopes), st.tuples(st.integers(0, 9), scopes))
def test_different_seeds_or_scopes_give_different_streams(one, other):
    draws = [rng_for(seed, *scope).integers(0, 2**63) for seed, scope in (one, other)]
    assert (draws[0] == draws[1]) == (one == other)


def test_text_and_number_are_different_scopes():
    assert rng_for(0, "1").random() != rng_for(0, 1).random()
    assert rng_for(0, "ab", "c").random() != rng_for(0, "a", "bc").random()


def test_the_global_generators_are_left_alone():
    np.random.seed(1)  # noqa: NPY002
    before = np.random.random()  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    rng_for(0, "select").random()
    int_seed_for(0, "init")
    assert np.random.random() == before  # noqa: NPY002


@pytest.mark.parametrize("seed", [-1, 1.5, "0", None, True])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(ValueError, match="seed must be a whole number >= 0"):
        rng_for(seed)


def test_a_scope_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="a scope holds text and whole numbers, got 1.5"):
        rng_for(0, 1.5)
