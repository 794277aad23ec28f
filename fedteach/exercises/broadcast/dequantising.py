"""2.5: the numbers that levels stand for."""

import numpy as np

from fedteach.grading import expect
from fedteach.grading.ask import Ask, Wrong
from fedteach.grading.exercise import EXAMPLE, SPECIAL, Exercise


@EXAMPLE
def four_levels(ask: Ask, rng: np.random.Generator) -> None:
    """Levels 0, 100, 113 and 255 with low -1 and scale 0.01 stand for -1, 0, 0.13 and 1.55."""
    _same_numbers(ask, np.array([0, 100, 113, 255], np.uint8), -1.0, 0.01)


def every_level(ask: Ask, rng: np.random.Generator) -> None:
    """All 256 levels, tensors of any shape, large and small scales: float32 comes out, in the same shape."""
    _same_numbers(ask, np.arange(256, dtype=np.uint8).reshape(16, 16), float(rng.normal()), 0.25)
    for shape, low, scale in (((5,), 0.1, 1e-4), ((3, 4), -250.0, 2.5), ((2, 3, 4), 1e4, 30.0)):
        low, scale = low * rng.uniform(1, 2), scale * rng.uniform(1, 2)
        _same_numbers(ask, rng.integers(256, size=shape).astype(np.uint8), low, scale)


@SPECIAL
def scale_zero(ask: Ask, rng: np.random.Generator) -> None:
    """With scale 0 every number is the lowest one."""
    _same_numbers(ask, np.zeros((2, 3), np.uint8), float(rng.normal()), 0.0)


def _same_numbers(ask: Ask, levels: np.ndarray, low: float, scale: float) -> None:
    got = ask(levels, low, scale)
    steps = levels.astype(np.float64)
    want = low + scale * steps
    expect.same_kind(got, want.astype(np.float32))
    room = 1e-6 * (abs(low) + 255 * scale)  # a few roundings of float32
    if np.allclose(got, want, rtol=0, atol=room):
        return
    wrong = (
        (scale * steps, "the levels begin at `low`, not at 0: add it"),
        ((low + steps) * scale, "the scale belongs to the levels alone; add `low` afterwards"),
        (scale * steps - low, "`low` is to be added, not taken off"),
        (low + steps, "one level is one step, and a step is `scale` long"),
        (low * steps + scale, "`low` and `scale` have changed places"),
        (low + scale * (steps - 128), "the levels begin at 0, nothing is to be taken off"),
        (low + scale * steps / 255, "`scale` is already the length of one step: no further 255"),
        (np.trunc(want), "what is behind the point got lost: an integer type cannot hold it"),
    )
    likely = next((cause for other, cause in wrong if np.allclose(got, other, rtol=1e-5, atol=room)), "")
    raise Wrong("These are not the numbers that the levels stand for.", got=got, expected=want, likely=likely)


def reference_dequantise(levels: np.ndarray, low: float, scale: float) -> np.ndarray:
    """Turn levels back into the numbers that they stand for."""
    return np.asarray(low + scale * levels.astype(np.float64)).astype(np.float32)


DEQUANTISE = Exercise(
    "2.5",
    "dequantise",
    "the numbers that levels stand for",
    hints=(
        "Which number does level 0 stand for, and which one level 1?",
        "By how much does the number grow from one level to the next?",
        "What type has the result of a uint8 array times a float? And which type should the weights of a model have?",
    ),
    cases=(four_levels, every_level, scale_zero),
    reference=reference_dequantise,
)
