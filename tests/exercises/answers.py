"""What the tests of every step's exercises share: right answers, wrong ones, junk, and a judge that starts fast."""

import subprocess
import sys

import numpy as np

from fedteach.grading.judging import judge_function

SEEDS = range(21)

JUNK = (
    None, True, 0, 1, -1, 0.5, 10**400, float("nan"), np.inf, 1j, "x", b"x", object(), len, np.float32,
    [], {}, (), {1}, range(3), [None], [[]], [[None]], [1], [1, 2], ["x"], [object()], [np.nan],
    (1, 2, 3), ("a", "b"), (None, None), ([], []), ([], [], []), ([], "", {}), ([None], [None]), ([[]], [[]]),
    {"a": 1}, {1: 2}, {1j: 2}, (i for i in ()), np.array(3), np.array("x"), np.array([]), np.array([None]), np.zeros(3),
    np.zeros((2, 2)), [np.zeros(2)], ([np.zeros(2)], [np.zeros(2)]), ([np.array(["a"])], [np.array(["a"])]),
    [np.full((2, 2), 3e38, np.float32)],
)  # fmt: skip
"""Answers to nothing that any exercise asks."""


def passes(exercise, function):
    """Insist on the verdict "passed", whatever the seed."""
    for seed in SEEDS:
        verdict = judge_function(exercise, function, seed=seed)
        assert verdict.passed, f"seed {seed}: {verdict.message}"


def fails(exercise, function, word, seed=0):
    """Insist on the verdict "failed", and on a word in what is said about it."""
    verdict = judge_function(exercise, function, seed=seed)
    assert verdict.state == "failed"
    assert word in verdict.message, verdict.message


def junk_gets_a_verdict(exercise, more=()):
    """Insist on a verdict on all junk and some more: nothing that a function returns may break its judge."""
    all_cases = not exercise.uses_tensorflow  # each network takes a while to build
    for junk in (*JUNK, *more):
        verdict = judge_function(exercise, lambda *arguments, junk=junk: junk, all_cases=all_cases)
        assert verdict.state == "failed", junk
        assert verdict.finding.says


def judging_needs_numpy_only(step):
    """Insist that a step's references pass in a process that loads nothing heavy, but for those that are said to."""
    code = f"""
import sys
from fedteach.exercises.{step} import EXERCISES
from fedteach.grading.judging import judge_function
light = [exercise for exercise in EXERCISES if not exercise.uses_tensorflow]
assert all(judge_function(exercise, exercise.reference).passed for exercise in light)
assert not {{"tensorflow", "keras", "matplotlib"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
