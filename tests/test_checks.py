import math

import numpy as np
import pytest

from fedteach import checks


def test_an_unknown_name_gets_the_nearest_one_suggested():
    with pytest.raises(ValueError, match=r"unknown model 'lenett', did you mean 'lenet'\? Known: cnn, lenet"):
        checks.known("model", "lenett", ["cnn", "lenet"])
    with pytest.raises(ValueError, match="unknown model 'xyz'; known: cnn, lenet"):
        checks.known("model", "xyz", ["cnn", "lenet"])


@pytest.mark.parametrize("value", [0, 11, 2.0, "3", None, True, math.nan])
def test_whole_refuses_what_is_no_whole_number_in_range(value):
    with pytest.raises(ValueError, match="rounds must be a whole number from 1 to 10"):
        checks.whole("rounds", value, least=1, most=10)


@pytest.mark.parametrize("value", [1, 10, np.int64(5)])
def test_whole_takes_the_ends_and_numpy_numbers(value):
    assert checks.whole("rounds", value, least=1, most=10) == value
    assert type(checks.whole("rounds", value, least=1, most=10)) is int


@pytest.mark.parametrize("value", [-0.1, 1.0, math.inf, math.nan, "0.5", None, False])
def test_number_refuses_what_lies_outside(value):
    with pytest.raises(ValueError, match="m must be a number of at least 0 and below 1, got .*; try 0.9"):
        checks.number("m", value, least=0, most=1, open_right=True, hint="try 0.9")


def test_an_open_left_end_is_left_out():
    with pytest.raises(ValueError, match="rate must be a number above 0, got 0"):
        checks.number("rate", 0, least=0, open_left=True)
    assert checks.number("rate", np.float32(0.5), least=0, open_left=True) == 0.5
