"""What the exercises of several steps share: words, likely causes, and a look at several results."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from fedteach.grading import expect
from fedteach.grading.ask import Wrong
from fedteach.grading.plain import kind_of
from fedteach.grading.recipes import Rng

WHY_NOT_FINITE = MappingProxyType(
    {
        "nan": "NaN equals nothing, not even itself: `x == np.nan` is always False. Look for `np.isfinite`",
        "inf": "`np.isnan` does not see infinity; `np.isfinite` sees both",
        "-inf": "minus infinity is no number either: `np.isfinite` sees it",
    }
)
"""Why a number that is not finite may have slipped through."""


def counted(n: int, noun: str) -> str:
    """Return "1 client", "3 clients"."""
    return f"{n} {noun}{'' if n == 1 else 's'}"


def several(answer: Any, *names: str, are: str) -> list[Any]:
    """Insist on so many results, in a tuple or a list, and return them.

    Args:
        answer: what the function returned.
        *names: what to call the two or three results in code.
        are: what they are, in words: "the levels, the lowest number and the scale".
    """
    number, together = {2: ("two", "both"), 3: ("three", "all three")}[len(names)]
    listed = ", ".join(names)
    expect.true(
        isinstance(answer, list | tuple) and len(answer) == len(names),
        f"Expected {number} things, {are}; your function returned {kind_of(answer)}.",
        got=answer,
        expected=f"({listed})",
        likely="is a `return` missing?" if answer is None else f"`return {listed}` returns {together}",
    )
    return list(answer)


@contextmanager
def explaining(causes: Mapping[str, str]) -> Iterator[None]:
    """Tell what the likely cause is where the sentence about a wrong answer, or an error's text in it, gives it away.

    Args:
        causes: a part of the sentence -> the likely cause.
    """
    try:
        yield
    except Wrong as wrong:
        likely = next((cause for part, cause in causes.items() if part in wrong.finding.says), wrong.finding.likely)
        wrong.finding = replace(wrong.finding, likely=likely)
        raise


def is_untouched(seed: int, aftermath: Any) -> bool:
    """Say whether nothing was drawn from the generator `Rng(seed)`, by what became of it."""
    fresh = Rng(seed)
    return bool(aftermath == fresh.aftermath(fresh.make()))
