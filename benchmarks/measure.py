"""Fair timing on a noisy machine: candidates take turns, and only ratios within a run are compared."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def take_turns(candidates: Mapping[str, Callable[[], Any]], turns: int) -> dict[str, list[float]]:
    """Time each candidate once a turn, after one warm-up each; return their seconds, turn by turn."""
    for work in candidates.values():
        work()
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(turns):
        for name, work in candidates.items():
            began = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - began)
    return seconds


def ratio(above: list[float], below: list[float]) -> tuple[float, float, float]:
    """Return (least, median, most) of the turn-by-turn ratios."""
    ratios = sorted(a / b for a, b in zip(above, below, strict=True))
    return ratios[0], statistics.median(ratios), ratios[-1]


def in_fresh_process(code: str) -> dict[str, Any]:
    """Run Python code in a new process; return the JSON object it prints last, with its wall time and peak memory.

    `seconds` counts from before the process starts; `peak_mb` is the largest resident set of the process, as the
    kernel of Linux tells it (getrusage counts the parent's memory at the time of the fork, too); 0 elsewhere.
    """
    tail = (
        "\nimport json as _j, pathlib as _p, re as _r\n"
        "_s = _p.Path('/proc/self/status')\n"
        "result['peak_mb'] = int(_r.search(r'VmHWM:\\s*(\\d+)', _s.read_text())[1]) / 1024 if _s.exists() else 0\n"
        "print(_j.dumps(result))\n"
    )
    began = time.time()
    environment = {**os.environ, "FEDTEACH_BEGAN": repr(began)}
    head = f"import sys; sys.path[:0] = {[str(ROOT)]!r}\nresult = {{}}\n"
    done = subprocess.run(
        [sys.executable, "-c", head + code + tail], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return {**json.loads(done.stdout.splitlines()[-1]), "seconds": time.time() - began}


def say(what: str, figure: str, goal: str) -> None:
    """Print one line of the report, as a row of a Markdown table."""
    print(f"| {what} | {figure} | {goal} |", flush=True)
