"""`fedteach grade` on a class with hostile neighbours: everybody gets exactly their marks."""

import contextlib
import csv
import json
import os
import re
import signal
import subprocess
import sys
import termios
import time

import psutil
import pytest

from tests.attacks.attack import HONEST, Attack
from tests.attacks.forging import FORGING
from tests.attacks.resources import RESOURCES
from tests.traces import all_end

HOSTILE = [
    a for a in (*FORGING, *RESOURCES) if a.id in ("A1", "A7", "A20", "A25", "A30", "B1", "B6a", "B7", "B9", "B15c")
]


def a_class(folder, n_honest=4, hostile=HOSTILE):
    for i in range(n_honest):
        Attack("honest", "", HONEST).write(folder / f"honest{i}")
    for attack in hostile:
        attack.write(folder / f"hostile{attack.id}")
    return folder


def grade(*words, cwd, **how):
    command = [sys.executable, "-m", "fedteach", "grade", *map(str, words)]
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **how)


def graded(*words, cwd):
    process = grade(*words, cwd=cwd)
    said, _ = process.communicate(timeout=300)
    return process.returncode, said


def table(out):
    with (out / "grades.csv").open(newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


ONE = ("--exercise", "4.1", "--time-limit", "4", "--memory-limit", "600")


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_honest_students_get_their_marks_whoever_sits_beside_them(tmp_path):
    a_class(tmp_path / "in")
    code, said = graded("in", "--out", "out", *ONE, "--jobs", "2", cwd=tmp_path)
    assert code == 0, said
    assert "sandbox: namespaces: no network, no other process, read-only system" in said
    rows = table(tmp_path / "out")
    assert len(rows) == 4 + len(HOSTILE)
    for student, row in rows.items():
        if student.startswith("honest"):
            assert (row["4.1"], row["points"]) == ("2.0", "2.0")
        else:
            assert float(row["points"]) < 2.0, student
            assert row["ungraded"] == ""
    outcomes = {}
    for path in (tmp_path / "out" / "students").glob("*/result.json"):
        result = json.loads(path.read_text())
        outcomes[result["student"].removeprefix("hostile")] = result["marks"][0]["outcome"]
    for attack in HOSTILE:
        assert outcomes[attack.id] in (*attack.outcomes, "passed" if attack.id == "A30" else ""), attack.id
    report = next((tmp_path / "out" / "feedback").glob("hostileA30-*/report.txt")).read_text()
    assert "hidden checks" in report


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_killed_at_the_half_it_goes_on_and_grades_nothing_twice(tmp_path):
    a_class(tmp_path / "in", n_honest=14, hostile=[])
    process = grade("in", "--out", "out", *ONE, "--jobs", "2", cwd=tmp_path, start_new_session=True)
    deadline = time.monotonic() + 120
    while len(list((tmp_path / "out").glob("students/*/result.json"))) < 5 and time.monotonic() < deadline:
        time.sleep(0.02)
    family = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert len(family) > 4
    assert all_end(family, 20), "no lane, no fork server and no job lives on"
    before = {path: path.read_bytes() for path in (tmp_path / "out").glob("students/*/result.json")}
    assert 5 <= len(before) < 14
    code, said = graded("in", "--out", "out", *ONE, "--jobs", "2", cwd=tmp_path)
    assert code == 0, said
    assert f"{len(before)} of 14 are graded already" in said
    assert all(path.read_bytes() == content for path, content in before.items())
    rows = table(tmp_path / "out")
    assert [row["points"] for row in rows.values()] == ["2.0"] * 14
    assert len({row["run"] for row in rows.values()}) == 2, "which rows are fresh"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_solutions_get_full_marks_and_the_untouched_course_nothing(tmp_path):
    import shutil
    from pathlib import Path

    repository = Path(__file__).parent.parent
    shutil.copytree(repository / "solutions", tmp_path / "in" / "solved", ignore=shutil.ignore_patterns("mistakes"))
    shutil.copytree(repository / "notebooks", tmp_path / "in" / "untouched")
    code, said = graded("in", "--out", "out", "--jobs", "2", cwd=tmp_path)
    assert code == 0, said
    rows = table(tmp_path / "out")
    assert rows["solved"]["points"] == rows["solved"]["of"]
    assert rows["untouched"]["points"] == "0.0"
    for path in (tmp_path / "out" / "students").glob("untouched-*/result.json"):
        outcomes = {one["outcome"] for one in json.loads(path.read_text())["marks"]}
        assert outcomes == {"not started"}


def test_what_cannot_be_meant_is_one_sentence(tmp_path):
    (tmp_path / "empty").mkdir()
    for words, expected in {
        ("nowhere", "--out", "out"): "there is no file or folder nowhere",
        ("empty", "--out", "out"): "there is no notebook in empty",
        ("empty", "--out", "out", "--exercise", "9.9"): "exercise",
        ("empty", "--out", "out", "--roster", "no.csv"): "cannot be read",
        ("empty", "--out", "out", "--memory-limit", "1"): "memory_limit",
        ("empty", "--out", "out", "--deadline", "soon"): "deadline must be a date with a time",
        ("empty", "--out", "out", "--late-policy", "half"): "late_policy must be none, zero, or such as 10%/day",
        ("empty", "--out", "out", "--format", "blackboard"): "format",
    }.items():
        code, said = graded(*words, cwd=tmp_path)
        assert code == 2, said
        assert expected in said
        assert "Traceback" not in said
        assert not (tmp_path / "out" / ".work").exists()
        assert not (tmp_path / "out" / "course.key").exists()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_ctrl_c_ends_it_at_once_with_everything_kept(tmp_path):
    a_class(tmp_path / "in", n_honest=4, hostile=[a for a in HOSTILE if a.id == "B1"] * 1)
    for i in range(3):
        (tmp_path / "in" / f"slow{i}").mkdir()
        (tmp_path / "in" / f"slow{i}" / "04_aggregation.py").write_text("def weighted_mean(u):\n    while True: pass\n")
    process = grade("in", "--out", "out", *ONE, "--jobs", "2", cwd=tmp_path, start_new_session=True)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "out").glob("students/*/result.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    family = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    began = time.monotonic()
    said, _ = process.communicate(timeout=60)
    assert time.monotonic() - began < 10
    assert process.returncode == 130, said
    assert "stopped; the same command goes on" in said
    assert "Traceback" not in said
    assert all_end(family, 10)
    assert not (tmp_path / "out" / ".work").exists()
    assert list((tmp_path / "out").glob("students/*/result.json"))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_deadline_counts_anew_without_grading_anew(tmp_path):
    a_class(tmp_path / "in", n_honest=2, hostile=[])
    os.utime(tmp_path / "in" / "honest0" / "04_aggregation.ipynb", (1_800_000_000, 1_800_000_000))
    os.utime(tmp_path / "in" / "honest1" / "04_aggregation.ipynb", (1_800_090_000, 1_800_090_000))
    when = ("--deadline", "2027-01-15T08:00:00+00:00", "--late-policy", "25%/day")  # unix 1,800,000,000
    for extra, total in (((), "2.0"), (when, "1.0"), ((*when[:2], "--late-policy", "zero"), "0.0")):
        code, said = graded("in", "--out", "out", *ONE, *extra, cwd=tmp_path)
        assert code == 0, said
        rows = table(tmp_path / "out")
        assert (rows["honest0"]["total"], rows["honest1"]["total"]) == ("2.0", total)
        assert rows["honest1"]["points"] == "2.0"
        assert ("is a new course key" in said) == (extra == ())
    assert "2 of 2 are graded already" in said
    assert [row["fresh"] for row in rows.values()] == ["", ""]
    code, said = graded("in", "--out", "out", *ONE, "--again", cwd=tmp_path)
    assert "graded already" not in said
    assert [row["fresh"] for row in table(tmp_path / "out").values()] == ["fresh", "fresh"]
    (tmp_path / "in" / "honest1").rename(tmp_path / "honest1")
    for i in range(5):  # the same work once more, all of it at the time of a copy
        copy = Attack("honest", "", HONEST).write(tmp_path / "in" / f"copy{i}") / "04_aggregation.ipynb"
        os.utime(copy, (1_800_000_000 + i, 1_800_000_000 + i))
    code, said = graded("in", "--out", "out", *ONE, cwd=tmp_path)
    assert "graded earlier, not handed in now, and so in no table: honest1" in said
    assert "all files have the same time" in said
    assert "honest1" not in table(tmp_path / "out")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_whoever_watches_sees_how_many_are_done_and_how_long_the_rest_takes(tmp_path):
    a_class(tmp_path / "in", n_honest=3, hostile=[])
    terminal, its = os.openpty()
    termios.tcsetwinsize(its, (24, 100))
    command = [sys.executable, "-m", "fedteach", "grade", "in", "--out", "out", *ONE, "--jobs", "1"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=its)
    os.close(its)
    shown = bytearray()
    with contextlib.suppress(OSError):  # a terminal that nobody writes to any more ends so
        while part := os.read(terminal, 4096):
            shown += part
    os.close(terminal)
    assert process.wait() == 0, shown
    for n_done in range(4):
        assert f" {n_done}/3 [".encode() in shown
    # 33%|###   | 1/3 [00:02<00:05,  2.6s/student]
    assert re.search(rb" 1/3 \[\d\d:\d\d<\d\d:\d\d,", shown), shown
