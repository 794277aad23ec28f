"""How long a student waits for the answer to an attempt, and a teacher for a folder."""

import contextlib
import io
import os
import statistics
import sys
import time

from benchmarks.bench_startup import seconds_of
from benchmarks.measure import ROOT, in_fresh_process, say
from fedteach.exercises import catalogue
from fedteach.grading.exercise import Exercise
from fedteach.lab.checking import check

TURNS = 9

# What a student has: the notebook's TensorFlow is loaded by an earlier cell, then comes the first check.
FIRST_CHECK = """
import os, time
os.environ["FEDTEACH_PROGRESS"] = os.devnull
from fedteach import check
from fedteach.exercises import find
{before}
exercise = find("{id}")
began = time.perf_counter()
check("{id}", lambda *arguments: exercise.reference(*arguments))
result["first_s"] = time.perf_counter() - began
"""


def seconds_to_the_box(exercise: Exercise) -> float:
    """Return the median seconds from check() to the box, in a process where it has run before."""
    seconds = []
    for _ in range(TURNS + 1):
        page = io.StringIO()
        began = time.perf_counter()
        with contextlib.redirect_stdout(page):
            check(exercise.id, lambda *arguments: exercise.reference(*arguments))
        seconds.append(time.perf_counter() - began)
        if "passed" not in page.getvalue():
            raise RuntimeError(f"{exercise.id} was not judged: {page.getvalue()}")
    return statistics.median(seconds[1:])


def slowest(exercises: list[Exercise]) -> str:
    """Say the median over the exercises and the slowest of them."""
    taken = {exercise.id: seconds_to_the_box(exercise) for exercise in exercises}
    last = max(taken, key=lambda id: taken[id])
    return f"{statistics.median(taken.values()):.3f} s (slowest: {last}, {taken[last]:.3f} s)"


def main() -> None:
    """Measure every check, the first of a process, and a whole folder."""
    os.environ["FEDTEACH_PROGRESS"] = os.devnull
    everything = list(catalogue().values())
    light = [exercise for exercise in everything if not exercise.uses_tensorflow]
    heavy = [exercise for exercise in everything if exercise.uses_tensorflow]
    say(f"a check, numpy only ({len(light)} exercises)", slowest(light), "under 0.2 s")
    say(f"a check that trains a model ({len(heavy)})", slowest(heavy), "under 2 s")
    for kind, exercise, before in (
        ("numpy only", light[-1], ""),
        ("that trains a model, TensorFlow loaded", heavy[0], "from fedteach.quiet import keras"),
    ):
        code = FIRST_CHECK.format(id=exercise.id, before=before)
        first = statistics.median(in_fresh_process(code)["first_s"] for _ in range(3))
        say(f"the first check of a process, {kind} ({exercise.id})", f"{first:.2f} s", "under 2 s")
    folder = [sys.executable, "-m", "fedteach.cli", "check", str(ROOT / "solutions")]
    say(f"`fedteach check solutions/`, {len(everything)} exercises", f"{seconds_of(folder, runs=3):.1f} s", "-")


if __name__ == "__main__":
    main()
