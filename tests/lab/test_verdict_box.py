"""A verdict as a box: what stands in it, in which order, and how it grows no larger than a screen."""

from dataclasses import replace

import pytest

from fedteach.grading.verdict import CaseResult, Finding, Verdict
from fedteach.lab.verdict_box import hint_box, notice_box, verdict_box
from tests.lab.made_up import DOUBLE, SHOUT
from tests.lab.test_box import Reader

FINDING = Finding(
    "The mean is too small.",
    called="mean([1, 3])",
    got="1.0",
    expected="2.0",
    likely="it divides by `n_clients`",
    traceback='line 3, in mean:\n    return a / b\nZeroDivisionError: "division"',
)
CASES = (
    CaseResult("one client", "passed"),
    CaseResult("two clients", "failed", FINDING),
    CaseResult("many clients", "waiting"),
    CaseResult("no clients", "waiting"),
)
FAILED = Verdict("4.1", "a mean", "failed", "There is something to mend.", CASES, "so far: 4\n", ("RuntimeWarning: x",))
PASSED = Verdict("4.1", "a mean", "passed", "All is right.", tuple(CaseResult(c.says, "passed") for c in CASES))
UNTOUCHED = Verdict("4.1", "a mean", "not started", "mean is not started yet.")


def seen(shown):
    return Reader(shown.html).text


def in_order(text, *parts):
    places = [text.index(part) for part in parts]
    assert places == sorted(places), dict(zip(parts, places, strict=True))
    return True


@pytest.mark.parametrize("verdict", [FAILED, PASSED, UNTOUCHED, replace(UNTOUCHED, state="waiting")])
def test_the_plain_text_is_the_verdicts_message(verdict):
    shown = verdict_box(verdict, ["said below"], FINDING)
    assert shown.text == verdict.message
    assert shown._repr_mimebundle_()["text/plain"] == verdict.message


def test_the_teachers_sentence_comes_first_and_the_traceback_is_folded():
    shown = verdict_box(FAILED, ["Attempt 3."])
    assert in_order(
        seen(shown), "Not yet", "4.1 a mean", "The mean is too small.", "called", "mean([1, 3])", "got", "1.0",
        "expected", "2.0", "likely cause", "it divides by", "1 of 4 questions", "one client", "Attempt 3.",
        "Where your code was", "ZeroDivisionError", "so far: 4", "RuntimeWarning",
    )  # fmt: skip
    before, folded = shown.html.split("<details")
    assert "ZeroDivisionError" not in before
    assert "so far: 4" not in before
    assert "RuntimeWarning" in folded


def test_each_question_has_its_mark_in_a_symbol_and_a_word():
    text = seen(verdict_box(FAILED))
    assert in_order(text, "✓ right", "one client", "✗ not yet", "two clients", "○ waits", "many clients")
    assert text.count("○ waits") == 2


def test_what_is_not_there_takes_no_room():
    text = seen(verdict_box(Verdict("4.1", "a mean", "failed", "s", (CaseResult("c", "failed", Finding("No.")),))))
    for name in ("called", "got", "expected", "likely cause", "Where your code was", "printed", "warnings"):
        assert name not in text
    assert "<details" not in verdict_box(PASSED).html
    assert "<ul" not in verdict_box(UNTOUCHED).html


def test_a_state_is_told_by_symbol_and_word():
    words = {"passed": "✓ Passed", "failed": "✗ Not yet", "not started": "○ Not started", "waiting": "… Waiting"}
    for state, words_of_state in words.items():
        assert words_of_state in seen(verdict_box(replace(UNTOUCHED, state=state)))


def test_what_went_wrong_meanwhile_is_folded():
    shown = verdict_box(replace(UNTOUCHED, state="waiting"), folded=FINDING)
    before, folded = shown.html.split("<details")
    assert "The mean is too small." not in before
    assert "The mean is too small." in folded
    assert "ZeroDivisionError" in folded


def test_a_flood_stays_small():
    flood = Finding(*["<&\u202e" * 10**6] * 6)
    verdict = replace(
        FAILED,
        cases=(CaseResult("c", "failed", flood),),
        printed="line\n" * 10**5,
        warned=tuple(f"warning {i}" for i in range(1000)),
    )
    shown = verdict_box(verdict)
    assert len(shown.html) < 150_000
    assert len(shown.text) < 150_000
    text = seen(shown)
    assert "characters left out" in text
    assert "[... 990 more ...]" in text


def test_hints_come_one_by_one_and_then_all_again():
    first = hint_box(DOUBLE, 1)
    assert in_order(seen(first), "Hint 1 of 3", "1.1 twice as much", "What is twice 1?")
    assert first.text == "Hint 1 of 3 for 1.1: What is twice 1?"
    for number in (4, 5):
        again = hint_box(DOUBLE, number)
        assert in_order(seen(again), "You have read all 3 hints.", "What is twice 1?", "3.", "return")
        assert again.text.splitlines()[0] == "1.1: You have read all 3 hints. Once more:"
    assert "There is no further hint." in seen(hint_box(SHOUT, 2))


def test_a_notice_says_what_to_do_instead():
    shown = notice_box("check", "No `function`.", ["Write one.", ""], code="def f():", traceback="Error: x")
    assert in_order(
        seen(shown), "Almost", "check", "No function.", "Write one.", "def f():", "What happened", "Error: x"
    )
    assert shown.text == "No `function`.\nWrite one.\ndef f():"
