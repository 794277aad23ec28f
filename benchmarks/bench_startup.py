"""How long a person waits for the first answer."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import in_fresh_process, say

FIRST_PLOT = """
import os, time
from fedteach import Experiment
from fedteach.lab import plots
federation = Experiment(epochs=1).federation()
federation.run(1)
plots.accuracy(federation.history).png()
result["first_s"] = time.time() - float(os.environ["FEDTEACH_BEGAN"])
"""


def seconds_of(command: list[str], runs: int = 9) -> float:
    """Return the median wall time of a command, after one run that fills the caches."""
    times = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def course() -> None:
    """Run the original course's set-up and state its accuracy."""
    if not os.environ.get("FEDTEACH_DATA"):
        say("`--preset course`, server accuracy after 5 rounds", "not measured: needs MNIST, set FEDTEACH_DATA", "0.90")
        return
    from fedteach.history import History

    with tempfile.TemporaryDirectory() as out:
        began = time.perf_counter()
        command = [sys.executable, "-m", "fedteach.cli", "run", "--preset", "course", "--out", out]
        subprocess.run(command, check=True, capture_output=True)
        seconds = time.perf_counter() - began
        history = History.from_json(next(Path(out).glob("logs/*.json")))
    full = history[-1].server["full_accuracy"]
    say(
        "`--preset course`, server accuracy after 5 rounds",
        f"{history[-1].server_accuracy:.3f} (all 10,000 test images: {full:.3f}; {seconds:.0f} s)",
        "at least 0.90",
    )


def main() -> None:
    """Measure import, help, first picture and the course preset."""
    python = sys.executable
    bare = seconds_of([python, "-c", "pass"])
    say(
        "`import fedteach`, above a bare Python",
        f"{seconds_of([python, '-c', 'import fedteach']) - bare:.3f} s",
        "0.15 s",
    )
    say("`fedteach --help`", f"{seconds_of([python, '-m', 'fedteach.cli', '--help']):.2f} s", "under 0.5 s")
    first = statistics.median(in_fresh_process(FIRST_PLOT)["first_s"] for _ in range(3))
    say("first round plotted after process start (digits)", f"{first:.1f} s", "within 6 s")
    course()


if __name__ == "__main__":
    main()
