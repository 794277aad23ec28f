"""Steps by name."""

import pytest

from fedteach.steps import specs

MAKERS = {"plain": lambda: "plain", "scaled": lambda rate, beta=0.9: (rate, beta)}


@pytest.mark.parametrize(
    ("spec", "made"),
    [("plain", "plain"), ("scaled:0.5", (0.5, 0.9)), ("scaled:1,0.25", (1, 0.25)), ("scaled:1e-3", (0.001, 0.9))],
)
def test_a_name_with_numbers_calls_the_maker_with_them(spec, made):
    assert specs.make("thing", spec, MAKERS) == made


def test_whole_numbers_stay_whole():
    rate, _ = specs.make("thing", "scaled:3", MAKERS)
    assert type(rate) is int


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("scale:1", "unknown thing 'scale'.*did you mean 'scaled'"),
        ("plain:1", "thing 'plain' takes no numbers; 'plain:1' gives 1"),
        ("scaled", "thing 'scaled' takes rate, beta; 'scaled' gives 0 numbers"),
        ("scaled:1,2,3", "gives 3 numbers"),
        ("scaled:", "expected numbers after the colon, as in 'name:0.1', got ''"),
        ("scaled:fast", "thing 'scaled:fast': expected numbers after the colon.*got 'fast'"),
        (0.5, "expected the name of a known thing, such as 'plain', got 0.5"),
    ],
)
def test_anything_else_is_refused_with_advice(spec, sentence):
    with pytest.raises(ValueError, match=sentence):
        specs.make("thing", spec, MAKERS)
