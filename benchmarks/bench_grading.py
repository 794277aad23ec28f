"""Grading a class of 300: speed, memory, a kill at the half, and the same by executing notebooks in cold processes."""

import csv
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import psutil

from benchmarks.generated_class import GeneratedClass
from benchmarks.measure import ROOT, in_fresh_process, ratio, say, take_turns
from fedteach.exercises import catalogue
from fedteach.grading.extract import Notebook
from fedteach.grading.isolated import IsolatedJudge
from fedteach.threads import available_cores

N_STUDENTS = int(os.environ.get("FEDTEACH_BENCH_STUDENTS", "300"))
LANES = 2

# What a course does that has no grader of its own: a new process for each hand-in, in which its notebooks run in a
# kernel from top to bottom, checks included.
COLD = """
import sys
from pathlib import Path
import nbformat
from nbclient import NotebookClient
for path in sorted(Path(sys.argv[1]).glob("*.ipynb")):
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=600, allow_errors=True, resources={"metadata": {"path": sys.argv[1]}}).execute()
"""


def grading(folder: Path) -> subprocess.Popen[bytes]:
    """Start grading a class."""
    words = ["grade", "in", "--out", "out", "--jobs", str(LANES), "--time-limit", "5", "--memory-limit", "1024"]
    return subprocess.Popen(
        [sys.executable, "-m", "fedteach", *words], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def watch(process: subprocess.Popen[bytes], folder: Path, until: int) -> dict[int, float]:
    """Wait until so many students are graded or it ends; return the megabytes that it held as their number grew."""
    held: dict[int, float] = {}
    while process.poll() is None and (done := len(written(folder))) < until:
        held[done] = max(held.get(done, 0.0), megabytes(process.pid))
        time.sleep(1)
    return held


def results(folder: Path) -> dict[Path, bytes]:
    """Return what is written down."""
    return {path: path.read_bytes() for path in written(folder)}


def written(folder: Path) -> list[Path]:
    """Return the files of the results that are there."""
    return list((folder / "out").glob("students/*/result.json"))


def megabytes(pid: int) -> float:
    """Return the memory of a process and all its children, shared pages counted once."""
    total = 0
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        try:
            total += process.memory_full_info().pss
        except psutil.Error:
            continue  # it has just ended
    return total / 2**20


def rows(folder: Path) -> list[dict[str, str]]:
    """Return the rows of the class."""
    with (folder / "out" / "grades.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def a_whole_class(folder: Path) -> float:
    """Grade the class, killed at the half; return seconds for each student."""
    kinds = GeneratedClass().write(folder / "in", N_STUDENTS)
    began = time.perf_counter()
    first = grading(folder)
    held = watch(first, folder, N_STUDENTS // 2)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    half, before = time.perf_counter() - began, results(folder)
    began = time.perf_counter()
    second = grading(folder)
    held |= watch(second, folder, N_STUDENTS + 1)
    if second.wait():
        raise RuntimeError("the class could not be graded")
    seconds = half + time.perf_counter() - began
    after, table = results(folder), rows(folder)
    kept = sum(after[path] == content for path, content in before.items())
    fresh = sum(bool(row["fresh"]) for row in table)
    solved = [row for row in table if kinds[row["student"]] == "solved"]
    full = sum(row["points"] == row["of"] for row in solved)
    say(
        f"{N_STUDENTS} submissions, {LANES} lanes",
        f"{60 * N_STUDENTS / seconds:.0f} a minute ({seconds / 60:.1f} min)",
        "-",
    )
    say("solved ones with full marks", f"{full} of {len(solved)}", "all")
    say(
        f"killed after {len(before)}, then `--resume`: kept as they were / graded in the second run",
        f"{kept} / {fresh}",
        f"{len(before)} / {N_STUDENTS - len(before)}",
    )
    early = max(mb for done, mb in held.items() if done <= N_STUDENTS // 3)
    late = max(mb for done, mb in held.items() if done >= 2 * N_STUDENTS // 3)
    say("memory of all processes, first / last third of the class", f"{early:.0f} / {late:.0f} MB", "the same")
    return seconds / N_STUDENTS


def cold_seconds(folder: Path) -> float:
    """Return seconds for each student if its notebooks are executed, as many side by side as there are lanes."""
    students = GeneratedClass(seed=1).write(folder / "cold", 2 * LANES)
    if "hostile" in students.values():
        raise RuntimeError("nothing holds back a hostile student here: choose a smaller class")
    environment = {**os.environ, "FEDTEACH_HEADLESS": "1", "PYTHONPATH": str(ROOT)}
    began, waiting = time.perf_counter(), list(students)
    while waiting:
        pair, waiting = waiting[:LANES], waiting[LANES:]
        running = [
            subprocess.Popen(
                [sys.executable, "-c", COLD, str(folder / "cold" / student)],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for student in pair
        ]
        if any(process.wait() for process in running):
            raise RuntimeError("a notebook could not be executed")
    return (time.perf_counter() - began) / len(students)


def a_job() -> None:
    """Compare judging one function in a forked job with doing so in a new process that imports what it needs."""
    exercises, solutions = catalogue(), ROOT / "solutions"
    kinds = {"numpy alone": ("4.1", "04_aggregation.py"), "TensorFlow": ("3.5", "03_local_update.py")}
    cold = (
        "from fedteach.exercises import catalogue\n"
        "from fedteach.grading.submission import Submission\n"
        "verdict = Submission({path!r}, [catalogue()[{id!r}]]).verdict({id!r})\n"
        "assert verdict.passed, verdict.message"
    )
    with IsolatedJudge() as judge:
        for what, (id, name) in kinds.items():
            exercise, path = exercises[id], solutions / name
            program = Notebook(path).program(exercise.function)
            times = take_turns(
                {
                    "job": partial(judge, exercise, program, solutions, 0),
                    "cold": partial(in_fresh_process, cold.format(path=str(path), id=id)),
                },
                turns=5,
            )
            least, median, most = ratio(times["cold"], times["job"])
            say(
                f"a cold process / a forked job, {id} ({what})",
                f"{median:.1f} times ({least:.1f} to {most:.1f}); a job {statistics.median(times['job']):.2f} s, "
                f"a process {statistics.median(times['cold']):.2f} s",
                "-",
            )


def main() -> None:
    """Print the rows about grading."""
    a_job()
    with tempfile.TemporaryDirectory(prefix="fedteach-bench-") as folder:
        graded = a_whole_class(Path(folder))
        cold = cold_seconds(Path(folder))
    say(
        f"a cold process with executed notebooks / `fedteach grade`, a submission ({available_cores()} cores)",
        f"{cold / graded:.1f} times ({cold:.0f} s against {graded:.1f} s)",
        "at least 8 times",
    )


if __name__ == "__main__":
    main()
