"""The marks of a source: comments that say what students write themselves, and what they never see.

    # BEGIN SOLUTION 4.1          lines of their own around one or more whole statements
    # END SOLUTION 4.1
    total = ...  # SOLUTION 4.1   behind a statement of one line
    # BEGIN HIDDEN TESTS 4.1      lines of their own; these vanish, and all between them
    # END HIDDEN TESTS 4.1

They are found among the comments, so a string that holds the same words is left alone. A comment that only looks like a
mark is refused: a misspelt one would give the solution away.
"""

import re
from dataclasses import dataclass
from typing import Literal

from fedteach.authoring.python import comments
from fedteach.grading.magics import without_magics

Kind = Literal["begin", "end", "line"]

_MARK = re.compile(r"# (BEGIN|END) (SOLUTION|HIDDEN TESTS)(?: (\d+\.\d+))?")
_LINE_MARK = re.compile(r"(?:.*\s)?# SOLUTION(?: (\d+\.\d+))?")
_ALMOST = re.compile(
    r"#\s*(?:(?i:(?:begin|end)[\s_-]*(?:solutions?|hidden[\s_-]*tests?))\b|SOLUTION\b|(?i:solution)[ \t\d.]*$)",
    re.MULTILINE,
)


class Fault(ValueError):
    """What is wrong at one line of a cell; the caller knows which cell of which file it is."""

    def __init__(self, line: int, what: str):
        super().__init__(what)
        self.line = line


@dataclass(frozen=True)
class Mark:
    """One mark.

    Attributes:
        kind: it begins or ends a region, or stands behind a line.
        what: "SOLUTION" or "HIDDEN TESTS".
        exercise: the id in it, or None.
        line: its line in the cell, from 1.
    """

    kind: Kind
    what: str
    exercise: str | None
    line: int


def may_hold_marks(text: str) -> bool:
    """Say whether anything in a cell looks like a mark, be it a comment or not."""
    return _ALMOST.search(text) is not None


def marks_of(text: str) -> list[Mark]:
    """Find the marks of a cell that can be parsed, in order.

    Raises:
        Fault: at a comment that looks like a mark and is none, or stands where it must not.
    """
    lines = text.split("\n")
    _no_mark_among_magics(lines, without_magics(text).split("\n"))
    marks = []
    for line, column, comment in comments(text):
        comment = comment.rstrip()
        alone = not lines[line - 1][:column].strip()
        if region := _MARK.fullmatch(comment):
            if not alone:
                raise Fault(line, f"{comment!r} must stand on a line of its own: move it to the line above or below")
            kind: Kind = "begin" if region[1] == "BEGIN" else "end"
            marks.append(Mark(kind, region[2], region[3], line))
        elif behind := _LINE_MARK.fullmatch(comment):
            if alone:
                raise Fault(
                    line,
                    f"{comment!r} stands alone: put it behind the line that students write, or use"
                    " # BEGIN SOLUTION and # END SOLUTION around several",
                )
            marks.append(Mark("line", "SOLUTION", behind[1], line))
        elif _ALMOST.search(comment):
            raise Fault(
                line,
                f"{comment!r} looks like a mark and is none: write # BEGIN SOLUTION 4.1, # END SOLUTION 4.1,"
                " # SOLUTION 4.1, # BEGIN HIDDEN TESTS 4.1 or # END HIDDEN TESTS 4.1, or other words",
            )
    return marks


def _no_mark_among_magics(lines: list[str], python: list[str]) -> None:
    """Refuse marks in what is no Python, such as a cell of %%bash: nobody would see them."""
    for line, text in enumerate(lines, start=1):
        left_out = line > len(python) or text.rstrip() != python[line - 1].rstrip()
        if left_out and _ALMOST.search(text):
            raise Fault(line, f"{text.strip()!r} is a line of IPython's own and cannot hold a mark: take the mark out")
