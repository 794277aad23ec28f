"""2.4: a tensor in 256 levels."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fedteach.exercises.common import WHY_NOT_FINITE, explaining, several
from fedteach.grading import expect
from fedteach.grading.ask import Ask, Wrong
from fedteach.grading.exercise import CONDUCT, EXAMPLE, SPECIAL, Exercise


@EXAMPLE
def four_numbers(ask: Ask, rng: np.random.Generator) -> None:
    """From -1 to 1.55 there are 255 steps of 0.01. The number 0.128 is 112.8 steps above -1: it gets level 113."""
    tensor = np.array([-1, 0, 0.128, 1.55], np.float32)
    with explaining(
        {"is ambiguous": "`if`, `and` and `or` want one yes or no: `.any()` or `.all()` makes it of an array"}
    ):
        answer = ask(tensor)
    _good_levels(answer, tensor)


def any_tensor(ask: Ask, rng: np.random.Generator) -> None:
    """Tensors of any shape, large numbers and small ones: none arrives more than half a step from where it was."""
    for shape, middle, width in (((50,), 0, 1), ((6, 7), 0.02, 1e-3), ((2, 3, 4), -300, 20), ((1, 40), 5, 1e4)):
        tensor = rng.normal(middle, width, size=shape).astype(np.float32)
        _good_levels(ask(tensor), tensor)


@SPECIAL
def all_the_same(ask: Ask, rng: np.random.Generator) -> None:
    """A tensor of equal numbers has scale 0, and arrives exactly as it is: a new bias is all zeros."""
    for tensor in (np.zeros(5, np.float32), np.full((2, 3), -0.75, np.float32), np.array(2.5, np.float32)):
        reply = ask.reply(tensor)
        levels, low, scale = _three_things(reply.value, tensor)
        with np.errstate(all="ignore"):
            arrives = low + scale * levels.astype(np.float64)
        undefined = any("in cast" in warning for warning in reply.warned)
        expect.true(
            bool(np.array_equal(arrives, tensor)) and not undefined,
            f"All numbers are {tensor.flat[0]:g}, so the scale is 0 and there is nothing to divide by.",
            got="levels that were NaN before" if undefined else reply.value,
            expected=(np.zeros(tensor.shape, np.uint8), float(tensor.flat[0]), 0.0),
            likely="0 / 0 is NaN, and what NaN becomes as uint8 differs from computer to computer: give all of them "
            "level 0",
        )


@CONDUCT
def not_finite(ask: Ask, rng: np.random.Generator) -> None:
    """NaN and infinite numbers are refused: they have no place between a smallest and a largest number."""
    for bad in (np.nan, np.inf, -np.inf):
        tensor = rng.normal(size=(3, 2)).astype(np.float32)
        tensor[1, 1] = bad
        ask.refusal(tensor, because=f"one of its numbers is {bad}", likely=WHY_NOT_FINITE[str(bad)])


def _three_things(answer: Any, tensor: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Insist on levels like the tensor and two numbers."""
    levels, low, scale = several(answer, "levels", "low", "scale", are="the levels, the lowest number and the scale")
    if tensor.ndim == 0 and type(levels) is int and 0 <= levels <= 255:
        levels = np.array(levels, np.uint8)  # what numpy makes of a single number
    if isinstance(levels, np.ndarray) and levels.dtype == np.int8:
        raise Wrong(
            "Expected levels of type uint8; yours are int8.",
            got=answer,
            likely="int8 goes from -128 to 127, so half of the levels 0 to 255 do not fit; uint8 holds them all",
        )
    expect.same_kind(levels, reference_quantise(tensor)[0], "item 0")
    return levels, _number(low, "item 1"), _number(scale, "item 2")


def _number(value: Any, part: str) -> float:
    value = value.item() if isinstance(value, np.ndarray) and value.shape == () else value
    expect.same_kind(value, 0.0, part)
    try:
        return float(value)
    except OverflowError:
        raise Wrong(f"{part} of what your function returned is far too large.", got=value) from None


def _good_levels(answer: Any, tensor: np.ndarray) -> None:
    """Insist on the lowest number, the scale, and levels that are within half a step of the numbers."""
    levels, low, scale = _three_things(answer, tensor)
    exact = tensor.astype(np.float64)
    lowest, span = float(exact.min()), float(np.ptp(exact))
    _near(low, lowest, span, answer, "`low` should be the smallest number of the tensor.", _wrong_lows(exact))
    _near(scale, span / 255, span / 255, answer, "`scale` should be (max - min) / 255.", _wrong_scales(exact))
    steps = (exact - lowest) / (span / 255)  # no case has a span of 0
    # Half a step, and a little more for whoever computes in float32.
    off = np.abs(levels - steps) - (0.501 + np.abs(exact).max() * 2.0**-21 / (span / 255))
    worst = np.unravel_index(int(off.argmax()), off.shape)
    expect.true(
        bool(off[worst] <= 0),
        f"{exact[worst]:.5g} is {steps[worst]:.2f} steps above the lowest number: give it the level next to that.",
        got=f"level {levels[worst]}",
        expected=f"level {round(steps[worst])}",
        likely=_why_other_levels(levels, steps, lowest / (span / 255)),
    )


def _near(got: float, want: float, room: float, answer: Any, says: str, wrong: Sequence[tuple[float, str]]) -> None:
    """Insist on a number within a small part of `room`."""
    if not _is_near(got, want, room):
        likely = next((cause for other, cause in wrong if _is_near(got, other, room)), "")
        raise Wrong(says, got=answer, expected=f"{want:.7g}", likely=likely)


def _is_near(got: float, want: float, room: float) -> bool:
    return abs(got - want) <= expect.RELATIVE * max(abs(want), room)


def _wrong_lows(exact: np.ndarray) -> list[tuple[float, str]]:
    return [
        (float(exact.max()), "this is the largest one"),
        (float(exact.mean()), "this is the mean"),
        (float(np.abs(exact).min()), "this is the smallest without its sign; -3 is smaller than 1"),
        (float(exact.flat[0]), "this is the first one"),
    ]


def _wrong_scales(exact: np.ndarray) -> list[tuple[float, str]]:
    span, largest = float(np.ptp(exact)), float(np.abs(exact).max())
    return [
        (span / 256, "256 levels have 255 steps between them; with 256, the largest number would get level 256, which "
        "uint8 turns into 0"),
        (span, "divide the span by the 255 steps between the lowest and the highest level"),
        (255 / span, "this is the other way round: 255 divided by the span"),
        (span / 127, "that is 127 steps, and levels from 0 to 255 have 255"),
        (largest / 127, "levels on both sides of 0 are another scheme; here they begin at the smallest number"),
        (float(exact.max()) / 255, "the levels begin at the smallest number, not at 0: max - min"),
    ]  # fmt: skip


def _why_other_levels(levels: np.ndarray, steps: np.ndarray, offset: float) -> str:
    """Say why; right are `steps`, rounded, and `offset` is how many steps the lowest number is above 0."""
    if np.all((levels == np.floor(steps + 1e-3)) | (levels == np.floor(steps - 1e-3))):
        return "`astype` drops what is behind the point: 112.8 becomes 112. Round first"
    if np.all((levels == np.ceil(steps + 1e-3)) | (levels == np.ceil(steps - 1e-3))):
        return "this rounds up; round to the nearest level"
    if np.all(np.abs(levels - (255 - steps)) <= 1):
        return "the levels run backwards: the lowest number has level 0"
    if np.all(np.abs(levels - np.abs(steps - 128)) <= 1) or np.all(np.abs(levels - (steps + 128) % 256) <= 1):
        return "the levels begin at 0, nothing is to be taken off or added"
    from_zero = steps + offset
    # What becomes of a level outside 0 to 255: most computers begin again at the other end, some stop there.
    around = (levels - from_zero + 128) % 256 - 128
    if np.all((np.abs(around) <= 1) | (np.abs(levels - from_zero.clip(0, 255)) <= 1)):
        return "these are steps above 0, not above the lowest number: take `low` off first"
    return ""


def reference_quantise(tensor: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Turn a tensor into 256 levels between its smallest and its largest number."""
    if not np.isfinite(tensor).all():
        raise ValueError("expected finite numbers, got NaN or infinite ones: they have no level")
    low, high = float(tensor.min()), float(tensor.max())
    scale = (high - low) / 255
    steps = (tensor.astype(np.float64) - low) / (scale or 1.0)
    return np.asarray(np.rint(steps)).astype(np.uint8), low, scale


QUANTISE = Exercise(
    "2.4",
    "quantise",
    "a tensor in 256 levels",
    hints=(
        "How many steps lie between 256 posts of a fence?",
        "How many steps of size `scale` is a number above `low`? And what does `astype(np.uint8)` do to 112.8?",
        "If the scale is 0, what could you divide by instead, so that all numbers get level 0?",
    ),
    cases=(four_numbers, any_tensor, all_the_same, not_finite),
    reference=reference_quantise,
    points=2,
)
