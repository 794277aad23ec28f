"""`pytest --submission PATH` as a teacher types it, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.submissions import PLAIN_MEAN, WEIGHTED_MEAN, notebook

ROOT = Path(__file__).parent.parent
HERE = "fedteach/exercises/test_exercises.py"


def run_pytest(*words, cwd=ROOT, **variables) -> subprocess.CompletedProcess:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *map(str, words)]
    return subprocess.run(command, cwd=cwd, env=environment | variables, capture_output=True, text=True, timeout=100)


@pytest.fixture
def right(tmp_path):
    return notebook(tmp_path / "work" / "04_aggregation.ipynb", "%pylab", WEIGHTED_MEAN, "raise SystemExit").parent


@pytest.fixture
def elsewhere(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "elsewhere"


def test_in_the_repository_only_the_exercises_run(right):
    done = run_pytest(f"--submission={right}", "--collect-only", "-q")
    collected = [line for line in done.stdout.splitlines() if "::" in line]
    assert f"{HERE}::exercise[4.1 weighted_mean]" in collected
    assert all(line.startswith(f"{HERE}::exercise[") for line in collected)


def test_k_selects_one_exercise_from_anywhere(right, elsewhere):
    words = ("--pyargs", "fedteach.exercises", "--submission", right)
    done = run_pytest(*words, "-k", "4.1", cwd=elsewhere)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_k_is_not_misled_by_the_folders_of_an_installation(right, tmp_path):
    """Below lib/python3.11/site-packages, `-k 3.1` must find exercise 3.1 and not every test."""
    site = tmp_path / "lib" / "python3.11" / "site-packages"
    site.mkdir(parents=True)
    (site / "fedteach").symlink_to(ROOT / "fedteach")
    words = (site / HERE, f"--submission={right}", "-k", "3.1 or 4.1", "--collect-only", "-q")
    done = run_pytest(*words, cwd=tmp_path)
    collected = [line.partition("::")[2] for line in done.stdout.splitlines() if "::" in line]
    assert "exercise[4.1 weighted_mean]" in collected
    assert all(name.startswith(("exercise[3.1 ", "exercise[4.1 ")) for name in collected)


def test_a_failure_is_the_verdicts_words_and_no_traceback(tmp_path):
    path = notebook(tmp_path / "04_aggregation.ipynb", PLAIN_MEAN)
    done = run_pytest(f"--submission={path}", "-k", "4.1")
    assert done.returncode == 1
    assert "4.1 FedAvg's weighted mean: failed" in done.stdout
    assert "likely cause: each client counts the same" in done.stdout
    for noise in ("Traceback", "pytest_plugin.py", "judging.py", "E   "):
        assert noise not in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "cells",
    [
        {
            "def weighted_mean(updates): exit()": "ends the whole program",
            "def streaming_mean(updates): raise KeyboardInterrupt": "raises KeyboardInterrupt",
            "import pytest\ndef accept(updates, round, weights): pytest.exit('bye')": "bye",
            "def median_update(updates): pytest.skip('later')": "later",
        },
        {
            "if True:\n    exit()\n    k = 1\ndef weighted_mean(updates): return k": "SystemExit",
            "def streaming_mean(updates):\n    while True: pass": "did not come to an end",
            "def accept(updates, round, weights): raise NotStarted('4.3')": "accept is not started",
            "def mediam_update(updates): pass\nfrom fedteach import NotStarted": "no function median_update",
        },
    ],
    ids=["leaving", "not coming to an end"],
)
def test_whatever_a_function_does_the_others_are_judged(tmp_path, cells):
    path = notebook(tmp_path / "04_aggregation.ipynb", *cells)
    done = run_pytest(f"--submission={path}", "-k", "4.1 or 4.2 or 4.3 or 4.4")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "4 failed" in done.stdout
    for words in cells.values():
        assert words in done.stdout


LOUD = """
import sys, warnings

class Dying:
    def __del__(self):
        raise ValueError("in the end")

def noise():
    warnings.warn("look out", DeprecationWarning)
    print("hello")
    print("problem", file=sys.stderr)
    open("/etc/hostname")
    round = Dying()
    round.self = round
    async def nobody_waits(): pass
    nobody_waits()

for _ in [1]:
    noise()
    ready = True
"""


@pytest.mark.parametrize("where", ["repository", "elsewhere"])
def test_noise_costs_nothing_even_where_warnings_are_errors(tmp_path, elsewhere, where):
    loud = WEIGHTED_MEAN.replace("    updates =", "    noise()\n    assert ready\n    updates =", 1)
    path = notebook(tmp_path / "04_aggregation.ipynb", LOUD, loud)
    words = ("--pyargs", "fedteach.exercises", f"--submission={path}", "-k", "4.1", "-W", "error")
    done = run_pytest(*words, cwd=ROOT if where == "repository" else elsewhere)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


@pytest.mark.slow
def test_solutions_are_judged_unless_something_else_is_named(right, elsewhere):
    assert run_pytest(HERE, "-k", "4.1").returncode == 0
    (elsewhere / "solutions").symlink_to(right)
    assert run_pytest("--pyargs", "fedteach.exercises", "-k", "4.1", cwd=elsewhere).returncode == 0
    (elsewhere / "solutions").unlink()
    done = run_pytest("--pyargs", "fedteach.exercises", cwd=elsewhere)
    assert done.returncode == 2
    assert "name a student's notebooks: pytest --submission=PATH" in done.stdout


def test_a_path_that_is_not_there_is_answered_in_one_line(elsewhere):
    done = run_pytest("--submission", "nowhere", cwd=elsewhere)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert done.stderr.strip() == "ERROR: --submission: there is no file or folder nowhere"


def test_settings_in_the_submission_are_not_followed(right, elsewhere):
    (right / "pytest.ini").write_text("[pytest]\naddopts = --collect-only\n")
    done = run_pytest("--submission", right, cwd=elsewhere)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "with an equals sign" in done.stderr
    done = run_pytest(f"--submission={right}", "-k", "4.1", cwd=elsewhere)
    assert "1 passed" in done.stdout


@pytest.mark.parametrize("where", [".", "tests"])
def test_a_conftest_in_the_submission_is_not_run(right, where):
    (right / where).mkdir(exist_ok=True)
    (right / where / "conftest.py").write_text("open('it_ran', 'w')")
    done = run_pytest("--submission", ".", cwd=right)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "pytest would run the submission's own" in done.stderr
    assert "start it from another folder" in done.stderr
    done = run_pytest("--submission", ".", "--noconftest", "-k", "4.1", cwd=right)
    assert "1 passed" in done.stdout
    done = run_pytest("--submission", right.name, "-k", "4.1", cwd=right.parent)
    assert "1 passed" in done.stdout
    assert not list(right.parent.rglob("it_ran"))


def test_a_students_text_gives_the_terminal_no_orders(tmp_path):
    cell = r"def weighted_mean(updates): raise ValueError('\x1b[2J\ud800')"
    done = run_pytest(f"--submission={notebook(tmp_path / '04_aggregation.ipynb', cell)}", "-k", "4.1")
    assert done.returncode == 1
    assert "ValueError: \\ud800" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.slow
def test_tests_that_were_named_are_run_and_a_time_limit_still_works(right, elsewhere):
    (elsewhere / "test_slow.py").write_text("import time\ndef test_slow(): time.sleep(60)\ndef test_quick(): pass\n")
    words = ("--pyargs", "fedteach.exercises", "test_slow.py", f"--submission={right}", "--timeout=3")
    done = run_pytest(*words, "-k", "4.1 or slow or quick", cwd=elsewhere)
    assert "Timeout" in done.stdout
    assert "1 failed, 2 passed" in done.stdout


def test_another_project_notices_nothing(elsewhere):
    ours = "{'numpy', 'fedteach.exercises', 'fedteach.grading'}"
    (elsewhere / "test_own.py").write_text(f"import sys\ndef test_own(): assert not {ours} & set(sys.modules)\n")
    done = run_pytest(cwd=elsewhere)
    assert "1 passed" in done.stdout, done.stdout
