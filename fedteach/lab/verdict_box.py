"""What a student is told, as boxes: a verdict, a hint, a mistake of use.

A verdict's box has the teacher's sentence first and large, then got, expected and likely cause, then the questions that
were asked; the way through the student's own code, what it printed and its warnings are folded.
"""

from collections.abc import Sequence

from fedteach.grading.exercise import Exercise
from fedteach.grading.verdict import CaseResult, Finding, Verdict
from fedteach.lab import box
from fedteach.lab.box import LOOKS, SOFT, Box

MOST_SENTENCE, MOST_VALUE, MOST_LINES, MOST_FOLDED, MOST_WARNINGS = 500, 700, 12, 4000, 10
MOST_TEXT = 20_000

_MARKS = {"passed": ("passed", "right"), "failed": ("failed", "not yet"), "waiting": ("not started", "waits")}


def verdict_box(verdict: Verdict, below: Sequence[str] = (), folded: Finding | None = None) -> Box:
    """Return the box of a verdict; its plain text is the verdict's message.

    Args:
        verdict: what to show.
        below: further sentences, such as how many attempts it took; `backticks` mark code.
        folded: a finding that is not the point now: it is folded away with the rest.
    """
    finding = verdict.finding
    sentence = box.cut(finding.says if finding else verdict.summary, MOST_SENTENCE)
    parts = [
        box.aligned(_rows(finding)) if finding else "",
        _cases(verdict.cases),
        *(box.paragraph(text) for text in below if text),
        _folded(verdict, folded),
    ]
    html = box.framed(LOOKS[verdict.state], f"{verdict.exercise} {verdict.title}", sentence, parts)
    return Box(html, box.readable(box.cut(verdict.message, MOST_TEXT, MOST_TEXT)))


def hint_box(exercise: Exercise, number: int) -> Box:
    """Return the box of one hint, counted from 1; a number above that of the last hint shows all of them again."""
    heading, n_hints = f"{exercise.id} {exercise.title}", len(exercise.hints)
    if number <= n_hints:
        which, hint = f"Hint {number} of {n_hints}", exercise.hints[number - 1]
        html = box.framed(LOOKS["hint"], heading, hint, word=which)
        return Box(html, box.readable(f"{which} for {exercise.id}: {hint}"))
    sentence = "There is no further hint." if n_hints == 1 else f"You have read all {n_hints} hints. Once more:"
    rows = [(f"{place}.", box.with_code(hint)) for place, hint in enumerate(exercise.hints, 1)]
    html = box.framed(LOOKS["hint"], heading, sentence, [box.aligned(rows)])
    numbered = [f"{place}. {hint}" for place, hint in enumerate(exercise.hints, 1)]
    return Box(html, box.readable("\n".join([f"{exercise.id}: {sentence}", *numbered])))


def notice_box(
    heading: str,
    sentence: str,
    below: Sequence[str] = (),
    *,
    look: str = "notice",
    word: str = "",
    code: str = "",
    traceback: str = "",
) -> Box:
    """Return a box that says something about the use of fedteach.

    Args:
        heading: what it is about.
        sentence: what it says; `backticks` mark code, here and below.
        below: further sentences; empty ones are left out.
        look: which of `box.LOOKS`.
        word: takes the place of the look's word.
        code: lines of code to show.
        traceback: what to fold away.
    """
    further = [text for text in below if text]
    parts = [box.paragraph(text) for text in further]
    parts += [box.block(code)] if code else []
    parts += [box.folded("What happened", [("", box.cut(traceback, MOST_FOLDED))])] if traceback else []
    html = box.framed(LOOKS[look], heading, sentence, parts, word=word)
    return Box(html, box.readable("\n".join([sentence, *further, *filter(None, [code])])))


def _rows(finding: Finding) -> list[tuple[str, str]]:
    values = (("called", finding.called), ("got", finding.got), ("expected", finding.expected))
    rows = [(name, box.code(box.cut(text, MOST_VALUE, MOST_LINES))) for name, text in values if text]
    likely = box.cut(finding.likely, MOST_SENTENCE)
    return [*rows, ("likely cause", box.with_code(likely))] if likely else rows


def _cases(cases: Sequence[CaseResult]) -> str:
    if not cases:
        return ""
    right = sum(case.state == "passed" for case in cases)
    count = f"{right} of {len(cases)} questions answered right:" if len(cases) > 1 else "1 question asked:"
    items = "".join(_case(case) for case in cases)
    return (
        f'<div style="margin: 10px 0 2px 0; color: {SOFT}">{count}</div>'
        f'<ul style="margin: 0 0 8px 0; padding: 0; list-style: none">{items}</ul>'
    )


def _case(case: CaseResult) -> str:
    kind, word = _MARKS[case.state]
    waits = case.state == "waiting"
    mark = f"color: {SOFT}" if waits else f"color: {LOOKS[kind].color}; font-weight: 600"
    return (
        '<li style="display: flex; margin: 0; list-style: none">'
        f'<span style="flex: 0 0 86px; {mark}">{LOOKS[kind].symbol} {word}</span>'
        f'<span style="color: {SOFT if waits else box.INK}">{box.with_code(case.says)}</span></li>'
    )


def _folded(verdict: Verdict, aside: Finding | None) -> str:
    """Return what is folded: where the code stopped, what it printed, what it warned."""
    traceback = (verdict.finding or aside or Finding("")).traceback
    warned = [*verdict.warned[:MOST_WARNINGS]]
    if len(verdict.warned) > MOST_WARNINGS:
        warned.append(f"[... {len(verdict.warned) - MOST_WARNINGS} more ...]")
    parts = [
        ("what went wrong meanwhile", "\n".join(aside.lines()) if aside else ""),
        ("where your code was", traceback),
        ("what it printed", verdict.printed.rstrip("\n")),
        ("warnings (they cost nothing)", "\n".join(warned)),
    ]
    filled = [(heading, box.cut(text, MOST_FOLDED)) for heading, text in parts if text.strip()]
    names = " \N{MIDDLE DOT} ".join(heading for heading, _ in filled)
    return box.folded(names[:1].upper() + names[1:], filled)
