"""A box below a cell: words on a paper of their own, readable in a light and in a dark notebook.

All styles are inline, and all colours come in pairs of text and background, so that nothing of the page around shows
through and nothing leaks out of the box. Whatever a student's code may have put into a text is shown and never obeyed.
"""

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from fedteach.grading.readable import readable as readable

# The paper of the pictures (lab/plots/card.py, which would load matplotlib).
PAPER, EDGE, INK, SOFT, CODE_PAPER = "#F9F6EF", "#D6D0C0", "#1B2733", "#55606A", "#ECE7DA"

_SANS = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
_MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_CODE = (
    f"background-color: {CODE_PAPER}; color: {INK}; border-radius: 4px; font-family: {_MONO}; font-size: 13px; "
    "line-height: 1.45; white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate"
)


@dataclass(frozen=True)
class Look:
    """How a kind of box looks: with a colour, a symbol and a word, each of which would do alone."""

    color: str
    symbol: str
    word: str


LOOKS = {
    "passed": Look("#1B6B3A", "\N{CHECK MARK}", "Passed"),
    "failed": Look("#A8281E", "\N{BALLOT X}", "Not yet"),
    "not started": Look("#8A5200", "\N{WHITE CIRCLE}", "Not started"),
    "waiting": Look("#8A5200", "\N{HORIZONTAL ELLIPSIS}", "Waiting"),
    "hint": Look("#1F5F99", "\N{BLACK RIGHT-POINTING SMALL TRIANGLE}", "Hint"),
    "notice": Look("#8A5200", "!", "Almost"),
}


@dataclass(frozen=True)
class Box:
    """A box, as HTML and as plain text."""

    html: str
    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.text}


def show(shown: Any) -> None:
    """Show a box or a picture below the cell that runs, also if the cell goes on; outside of notebooks, its words."""
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        ipython.display.display(shown)
    else:
        sys.stdout.write(f"{getattr(shown, 'summary', shown)}\n")


def framed(look: Look, heading: str, sentence: str, below: Iterable[str] = (), word: str = "") -> str:
    """Return a box as HTML.

    Args:
        look: its colour, symbol and word.
        heading: what it is about, small, in the first line.
        sentence: what it says, large; a screen reader reads this at once.
        below: further parts, as HTML.
        word: takes the place of the look's word.
    """
    word = word or look.word
    badge = (
        f'<span style="display: inline-block; padding: 1px 10px; margin-right: 6px; border-radius: 10px; '
        f'background-color: {look.color}; color: {PAPER}; font-size: 13px; font-weight: 600">'
        f"{look.symbol} {in_text(word)}</span>"
    )
    return (
        f'<div class="fedteach-answer" role="group" aria-label="{in_text(f"{word}: {heading}")}" '
        f'style="box-sizing: border-box; max-width: 780px; margin: 4px 0 8px 0; padding: 12px 18px 12px 16px; '
        f"overflow: hidden; overflow-wrap: anywhere; background-color: {PAPER}; color: {INK}; "
        f"border: 1px solid {EDGE}; border-left: 6px solid {look.color}; border-radius: 8px; "
        f'font-family: {_SANS}; font-size: 14px; line-height: 1.5">'
        f'<div role="status"><div style="color: {SOFT}">{badge} {in_text(heading)}</div>'
        f'<div class="fedteach-sentence" style="margin: 8px 0 6px 0; color: {INK}; font-size: 17px; font-weight: 600; '
        f'line-height: 1.4; white-space: pre-wrap">{with_code(sentence)}</div></div>'
        f"{''.join(below)}</div>"
    )


def line(text: str) -> Box:
    """Return one line of words without a frame, in the page's own colours; `backticks` mark code."""
    style = f"font-family: {_SANS}; font-size: 14px; overflow-wrap: anywhere"
    html = f'<div class="fedteach-line" role="status" style="{style}">{with_code(text)}</div>'
    return Box(html, readable(text))


def paragraph(text: str) -> str:
    """Return a quiet line of words, in which `backticks` mark code."""
    return f'<div style="margin: 6px 0 0 0; color: {INK}">{with_code(text)}</div>'


def aligned(rows: Iterable[tuple[str, str]]) -> str:
    """Return names with what belongs to them, as two aligned columns.

    Args:
        rows: each a name and its HTML.
    """
    # JupyterLab lets names and values of a list float, in columns of its own.
    plain = "margin: 0; padding: 0; float: none; width: auto; display: block"
    name_style = f"{plain}; color: {SOFT}; font-weight: 400; white-space: nowrap"
    cells = "".join(
        f'<dt style="{name_style}">{in_text(name)}</dt><dd style="{plain}; color: {INK}">{html}</dd>'
        for name, html in rows
    )
    columns = "display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 5px 14px"
    return f'<dl style="{columns}; margin: 8px 0 8px 0; padding: 0">{cells}</dl>' if cells else ""


def folded(summary: str, parts: Sequence[tuple[str, str]]) -> str:
    """Return what opens at a click.

    Args:
        summary: what is to be seen before.
        parts: each a heading and a text, shown as it is; a single part needs no heading.
    """
    if not parts:
        return ""
    inside = "".join(
        (f'<div style="margin: 8px 0 2px 0; color: {SOFT}">{in_text(heading)}</div>' if len(parts) > 1 else "")
        + block(text)
        for heading, text in parts
    )
    style = f"margin: 8px 0 4px 0; color: {INK}; cursor: pointer"
    return f'<details style="margin: 0"><summary style="{style}">{in_text(summary)}</summary>{inside}</details>'


def block(text: str) -> str:
    """Return lines of code or output."""
    style = f"margin: 0; padding: 6px 10px; {_CODE}"
    return f'<pre style="{style}">{in_text(text)}</pre>'


def code(text: str) -> str:
    """Return a value or a piece of code within a line; lines of its own stay lines."""
    style = f"display: inline-block; box-sizing: border-box; max-width: 100%; padding: 1px 5px; {_CODE}"
    return f'<code style="{style}">{in_text(text)}</code>'


def with_code(text: str) -> str:
    """Return words as HTML, in which `backticks` mark code."""
    parts = re.split(r"`([^`\n]+)`", text)
    return "".join(code(part) if place % 2 else in_text(part) for place, part in enumerate(parts))


def in_text(text: str) -> str:
    """Return a text as HTML that shows just this text."""
    return escape(readable(text))


def cut(text: str, most: int, most_lines: int = 40) -> str:
    """Cut the middle out of a text of more than about `most` characters or `most_lines` lines, and say how much."""
    if len(text) > most:
        half = most // 2
        text = f"{text[:half]} [... {len(text) - 2 * half:,} characters left out ...] {text[-half:]}"
    lines = text.split("\n")
    if len(lines) > most_lines:
        half = most_lines // 2
        lines = [*lines[:half], f"[... {len(lines) - 2 * half:,} lines left out ...]", *lines[-half:]]
    return "\n".join(lines)
