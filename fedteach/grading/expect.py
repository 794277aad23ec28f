"""What a case expects of an answer; each function raises `Wrong` with got, expected and the likely cause."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from fedteach.grading.ask import Wrong
from fedteach.grading.plain import Strange, kind_of, show
from fedteach.messages import Weights

Likely = Sequence[tuple[Any, str]]
"""Known wrong answers with what causes them: the first that equals the answer is told. A wrong answer
of None stands for one that does not apply."""

RELATIVE, ABSOLUTE, ROUNDING = 1e-5, 1e-7, 2e-6
"""How far a number may be off: well above the rounding of float32, well below any mistake. The last one is a part of
the largest number in the same array."""


def equal(got: Any, want: Any, says: str, likely: Likely = ()) -> None:
    """Insist on an answer that is equal in kind and value; numbers may differ by rounding.

    Args:
        got: the answer, plain data.
        want: the right answer: None, a number, text, bytes, an array, or lists, tuples and dicts of these. An array
            also wants its shape and dtype.
        says: the teacher's sentence if the value differs.
        likely: wrong answers that have a known cause.
    """
    cause = next((text for wrong, text in likely if wrong is not None and _like(got, wrong)), "")
    try:
        same_kind(got, want)
    except Wrong:
        if not cause:
            raise
    else:
        if _close(got, want):
            return
    raise Wrong(says, got=got, expected=want, likely=cause)


def same_kind(got: Any, want: Any, part: str = "") -> None:
    """Insist on the same types, lengths, shapes and dtypes, all the way down; whole numbers do for floats.

    Args:
        got: the answer.
        want: what it should look like.
        part: which part of the answer this is, such as "item 0"; "" for the whole.
    """
    if isinstance(want, np.ndarray):
        _same_array(got, want, part)
    elif isinstance(want, list | tuple):
        if type(got) is not type(want) or len(got) != len(want):
            raise _other_kind(got, want, part)
        for place, (inner, wanted) in enumerate(zip(got, want, strict=True)):
            same_kind(inner, wanted, _within(part, f"item {place}"))
    elif isinstance(want, dict):
        _same_keys(got, want, part)
        for key in want:
            same_kind(got[key], want[key], _within(part, f"item {key!r}"))
    elif isinstance(want, float):
        if isinstance(got, bool) or not isinstance(got, int | float):
            raise _other_kind(got, want, part, "a number")
    elif type(got) is not type(want):
        raise _other_kind(got, want, part)


def _within(part: str, inner: str) -> str:
    return f"{inner} of {part}" if part else inner


def _returned(part: str) -> str:
    return f"{part} of what your function returned is" if part else "your function returned"


def _other_kind(got: Any, want: Any, part: str, wanted: str = "") -> Wrong:
    likely = got.likely if isinstance(got, Strange) else ""
    if got is None and not part:
        likely = "is a `return` missing?"
    says = f"Expected {wanted or kind_of(want)}; {_returned(part)} {kind_of(got)}."
    return Wrong(says, got=show(got), expected=want, likely=likely)


def _same_array(got: Any, want: np.ndarray, part: str) -> None:
    if not isinstance(got, np.ndarray):
        wrong = _other_kind(got, want, part, "an array")
        if isinstance(got, list):
            wrong = Wrong(wrong.finding.says, got=got, expected=want, likely="np.array(...) makes an array of a list")
        raise wrong
    if got.shape != want.shape:
        says = f"Expected an array of shape {want.shape}; {_returned(part)} one of shape {got.shape}."
        raise Wrong(says, got=got, expected=want)
    if got.dtype != want.dtype:
        raise Wrong(
            f"Expected numbers of type {want.dtype}; {_returned(part)} an array of {got.dtype}.",
            got=got,
            expected=want,
            likely=f"`.astype(np.{want.dtype})` converts an array",
        )


def _same_keys(got: Any, want: dict[Any, Any], part: str) -> None:
    if not isinstance(got, dict):
        raise _other_kind(got, want, part)
    missing, further = [key for key in want if key not in got], [key for key in got if key not in want]
    if missing or further:
        named = (("missing", missing), ("not asked for", further))
        listed = "; ".join(f"{name}: {', '.join(map(repr, keys))}" for name, keys in named if keys)
        raise Wrong(f"The keys of the dict are not the expected ones ({listed}).", got=got, expected=want)


def weights(got: Any, want: Weights, says: str, likely: Likely = ()) -> None:
    """Insist on a list of arrays near `want`, of any float type: a mean taken in float64 is no mistake.

    Args:
        got: the answer.
        want: the right list of arrays.
        says: the teacher's sentence if numbers differ.
        likely: wrong answers that have a known cause.
    """
    if isinstance(got, np.ndarray):
        says = "Expected a list of arrays, one for each tensor of the model; your function returned one array."
        raise Wrong(says, got=got, expected=want, likely="put it into a list, or make one array for each tensor")
    wanted = _as_float32(want, want)
    equal(_as_float32(got, want), wanted, says, [(_as_float32(wrong, want), cause) for wrong, cause in likely])


def _as_float32(value: Any, like: Weights) -> Any:
    """Return a list or tuple of arrays of floats as a list of float32 arrays; anything else as it is.

    A single number stands for an array without an axis, where one is wanted.
    """
    if not isinstance(value, list | tuple):
        return value
    scalars = [tensor.shape == () for tensor in like]
    alone = [*scalars, *([False] * (len(value) - len(scalars)))]
    with np.errstate(over="ignore"):
        return [
            np.asarray(item, np.float32) if _is_float(item, may_be_alone) else item
            for item, may_be_alone in zip(value, alone, strict=False)
        ]


def _is_float(item: Any, may_be_alone: bool) -> bool:
    return (isinstance(item, float) and may_be_alone) or (isinstance(item, np.ndarray) and item.dtype.kind == "f")


def _close(got: Any, want: Any) -> bool:
    if isinstance(want, list | tuple):
        return all(_close(inner, wanted) for inner, wanted in zip(got, want, strict=True))
    if isinstance(want, dict):
        return all(_close(got[key], wanted) for key, wanted in want.items())
    if isinstance(want, float) or (isinstance(want, np.ndarray) and want.dtype.kind in "fc"):
        with np.errstate(all="ignore"), suppress(OverflowError):  # a number as large as 10**400 is simply not near
            # Where large numbers cancel to a small one, float32 has rounded the large ones.
            largest = np.max(np.abs(want), initial=0.0, where=np.isfinite(want))
            return bool(np.allclose(got, want, rtol=RELATIVE, atol=ABSOLUTE + ROUNDING * largest, equal_nan=True))
        return False
    if isinstance(want, np.ndarray):
        return bool(np.array_equal(got, want))
    return bool(got == want)


def _like(got: Any, wrong: Any) -> bool:
    """Say whether the answer is this wrong one, whose kind may be another than the right one's."""
    try:
        same_kind(got, wrong)
    except Wrong:
        return False
    return _close(got, wrong)


def true(holds: bool, says: str, *, got: Any = "", expected: Any = "", likely: str = "") -> None:
    """Insist on anything else that can be said as yes or no."""
    if not holds:
        raise Wrong(says, got=got, expected=expected, likely=likely)
