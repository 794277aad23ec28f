"""From an exercise and a worker to a verdict: ask case after case, and tell the first thing that is wrong."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fedteach.grading.ask import Ask, NoMoreAnswers, NotThereYet, Wrong
from fedteach.grading.exercise import Case, Exercise, says
from fedteach.grading.verdict import CaseResult, Finding, Verdict, not_there_yet
from fedteach.grading.worker import Here, Worker
from fedteach.randomness import rng_for


def judge(exercise: Exercise, worker: Worker, *, seed: int = 0, all_cases: bool = False) -> Verdict:
    """Judge one function.

    Args:
        exercise: what is asked.
        worker: who holds the function and calls it.
        seed: the same seed asks the same questions.
        all_cases: ask on after a failure, so that what is right can be counted; a notebook tells the first failure
            and lets the others wait.
    """
    ask = Ask(exercise.function, worker, exercise.time_limit_s, may_share=exercise.passes_on)
    results: list[CaseResult] = []
    ask_on = True
    for case in exercise.cases:
        if not ask_on:
            results.append(CaseResult(says(case), "waiting"))
            continue
        try:
            finding = _put(case, ask, exercise, seed)
        except NotThereYet as missing:
            if missing.exercise not in ("", exercise.id) or not any(one.state == "passed" for one in results):
                return not_there_yet(exercise, missing.exercise or exercise.id)
            finding = Finding("A part of your function is not written yet: here it ended at its stub.", ask.called)
        except NoMoreAnswers as up:
            finding, ask_on = replace(up.finding, called=ask.called), False
        results.append(CaseResult(says(case), "failed" if finding else "passed", finding))
        ask_on = ask_on and (all_cases or finding is None)
    return _verdict(exercise, results, ask)


def judge_function(
    exercise: Exercise, function: Callable[..., Any], *, seed: int = 0, all_cases: bool = False
) -> Verdict:
    """Judge a function of this process; see `judge`."""
    return judge(exercise, Here(function), seed=seed, all_cases=all_cases)


class NotPassed(AssertionError):
    """A function does not pass its exercise; says why, as `Verdict.message` does."""

    def _render_traceback_(self) -> list[str]:
        # IPython asks for this: what is wrong with the function, and not where this was raised.
        return str(self).split("\n")


def must_pass(exercise: Exercise, function: Callable[..., Any]) -> None:
    """Judge a function of this process, and say nothing if it is right.

    For graders that count a cell of a notebook as right if it ends without an error, such as nbgrader. Whoever the
    student is, the questions are those that a notebook asks before it knows.

    Raises:
        NotPassed: if it is not right, or not started.
    """
    verdict = judge_function(exercise, function)
    if not verdict.passed:
        raise NotPassed(verdict.message)


def _put(case: Case, ask: Ask, exercise: Exercise, seed: int) -> Finding | None:
    """Put one case, and return what is wrong, or None."""
    try:
        case(ask, rng_for(seed, "exercise", exercise.id, case.__name__))
    except NoMoreAnswers:
        raise
    except Wrong as wrong:
        return replace(wrong.finding, called=ask.called, likely=ask.clue or wrong.finding.likely)
    return None


def _verdict(exercise: Exercise, results: list[CaseResult], ask: Ask) -> Verdict:
    failed = any(result.state != "passed" for result in results)
    return Verdict(
        exercise.id,
        exercise.title,
        "failed" if failed else "passed",
        "There is something to mend." if failed else "Everything that was asked is right.",
        tuple(results),
        printed=ask.printed,
        warned=tuple(ask.warned),
        ended=ask.ended if failed else "",
    )
