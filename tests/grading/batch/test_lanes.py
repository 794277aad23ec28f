"""Grading side by side, whatever happens to a lane."""

import multiprocessing
import os
import signal
import time
from contextlib import contextmanager
from types import SimpleNamespace

import psutil
import pytest

from fedteach.exercises import chosen
from fedteach.grading.batch import lanes
from fedteach.grading.batch.lanes import Orders, grade
from fedteach.grading.batch.marks import UNGRADED
from fedteach.grading.batch.own_code import own_code
from fedteach.grading.batch.run import _grade_rest
from fedteach.grading.extract import Notebook
from tests.attacks.attack import HONEST, Attack
from tests.traces import all_end


def only_the_mean():
    return chosen(["4.1"])


def honest(tmp_path, *students):
    return [(student, Attack("honest", "", HONEST).write(tmp_path / student)) for student in students]


def orders(tmp_path, **others):
    (tmp_path / "work").mkdir()
    fields = {"exercises": only_the_mean, "assignment": "a", "key": b"k", "memory_bytes": 600 * 2**20}
    return Orders(**(fields | {"load_limit_s": 5.0, "work": tmp_path / "work"} | others))


def lanes_alive():
    return [child for child in multiprocessing.active_children() if child.is_alive()]


def test_each_is_graded_once_and_the_lanes_end(tmp_path):
    hand_ins = honest(tmp_path, *"abcde")
    found = list(grade(hand_ins, orders(tmp_path, stubs={"4.1": "def weighted_mean(updates):"}), 2))
    assert sorted(one.student for one in found) == list("abcde")
    assert {one.marks[0].points for one in found} == {2.0}
    assert all("total = part" in one.code["4.1"] and "def weighted" not in one.code["4.1"] for one in found)
    assert lanes_alive() == []


@pytest.mark.timeout(300)
def test_a_lane_that_is_killed_costs_nobody_their_marks(tmp_path):
    hand_ins, found = honest(tmp_path, *"abcdefgh"), []
    for number, one in enumerate(grade(hand_ins, orders(tmp_path), 2)):
        found.append(one)
        if number == 1:
            os.kill(lanes_alive()[0].pid, signal.SIGKILL)
    assert sorted(one.student for one in found) == list("abcdefgh")
    assert {one.marks[0].points for one in found} == {2.0}


def deadly(student, folder):
    """What a lane does, but for one hand-in that takes it along every time; sent to the lanes by its name."""
    if student == "deadly":
        os._exit(1)
    return lanes._lane.grade(student, folder)


@pytest.mark.timeout(300)
def test_who_takes_every_lane_along_is_given_up_and_told_and_nobody_else(tmp_path, monkeypatch):
    monkeypatch.setattr(lanes, "_grade_one", deadly)
    hand_ins = honest(tmp_path, "a", "deadly", "b", "c", "d")
    found = {one.student: one for one in grade(hand_ins, orders(tmp_path), 2)}
    assert sorted(found) == ["a", "b", "c", "d", "deadly"]
    assert (found["deadly"].marks[0].outcome, found["deadly"].marks[0].points) == (UNGRADED, None)
    assert "the grader itself ended" in found["deadly"].marks[0].hidden_message.lower()
    assert {found[student].marks[0].points for student in "abcd"} == {2.0}


def test_a_fault_of_ours_is_told_for_that_hand_in_and_the_next_is_graded(tmp_path):
    class Broken:
        def read(self, path):
            raise RuntimeError("no sandbox here")

    one = lanes._Lane(orders(tmp_path))
    judge, one.judge = one.judge, Broken()
    (_, folder) = honest(tmp_path, "a")[0]
    graded = one.grade("a", folder)
    assert (graded.marks[0].outcome, graded.marks[0].points) == (UNGRADED, None)
    assert "RuntimeError: no sandbox here" in graded.marks[0].hidden_message
    assert "RuntimeError" not in graded.marks[0].message, "of the instructor's machine a student learns nothing"
    assert "no fault of yours" in graded.marks[0].message
    one.judge = judge
    with judge:
        assert one.grade("a", folder).marks[0].points == 2.0


def test_who_has_handed_in_nothing_of_use_is_not_started_and_no_path_is_told(tmp_path):
    (tmp_path / "empty").mkdir()
    one = lanes._Lane(orders(tmp_path))
    with one.judge:
        (mark,) = one.grade("a", tmp_path / "empty").marks
        assert (mark.outcome, mark.points) == ("not started", 0.0)
        (other,) = one.grade("b", Attack("x", "", "x = 1").write(tmp_path / "b")).marks
        assert other.outcome == "not started"
    assert str(tmp_path) not in mark.message + other.message
    assert "what was handed in" in mark.message


def test_when_nobody_wants_the_rest_the_lanes_end_at_once(tmp_path):
    hand_ins = (
        honest(tmp_path, "a")
        + [("slow", Attack("s", "", "def weighted_mean(updates):\n    while True: pass\n").write(tmp_path / "slow"))]
        * 2
    )
    of_other_tests = set(descendants())
    found = grade(hand_ins, orders(tmp_path), 2)
    assert next(found).student == "a"
    began, lanes_and_sandboxes = time.monotonic(), set(descendants()) - of_other_tests
    assert len(lanes_and_sandboxes) >= 2
    found.close()
    assert time.monotonic() - began < 5
    assert all_end(lanes_and_sandboxes, 10)


def test_when_writing_down_is_interrupted_no_lane_works_on(tmp_path):
    class Interrupted:
        def enter(self, *result):
            raise KeyboardInterrupt

    hand_ins = [SimpleNamespace(student=student, folder=folder) for student, folder in honest(tmp_path, *"abcd")]
    alive_when_it_ends = []

    @contextmanager
    def folder():
        try:
            yield
        finally:  # now the folder that they work in is removed
            alive_when_it_ends.extend(lanes_alive())

    with pytest.raises(KeyboardInterrupt), folder():
        _grade_rest(hand_ins, {}, orders(tmp_path), 2, Interrupted(), "run", lambda graded, total: graded)
    assert alive_when_it_ends == []


def test_a_hand_in_that_takes_for_ever_is_not_waited_for(tmp_path, monkeypatch):
    one = lanes._Lane(orders(tmp_path))
    (_, folder) = honest(tmp_path, "a")[0]
    with one.judge:
        monkeypatch.setattr(lanes, "HAND_IN_LIMIT_S", -1.0)
        (mark,) = one.grade("a", folder).marks
        assert (mark.outcome, mark.points) == ("time out", 0.0)
        assert "was not judged any more" in mark.message
        monkeypatch.setattr(lanes, "READING_LIMIT_S", -1.0)
        (mark,) = one.grade("a", folder).marks
        assert "04_aggregation.ipynb was not read" in mark.message


def descendants():
    """Every process below this one but multiprocessing's own resource tracker, which stays for as long as we do."""
    for process in psutil.Process().children(recursive=True):
        try:
            if "resource_tracker" not in " ".join(process.cmdline()):
                yield process
        except psutil.Error:  # it has ended meanwhile
            continue


def test_what_everybody_was_given_is_not_the_students_own(tmp_path):
    script = tmp_path / "04_x.py"
    script.write_text("import numpy as np\nHALF = 0.5\n\ndef f(x):\n    # TODO 4.1\n    y = HALF * x\n    return y\n")
    program = Notebook(script).program("f")
    assert own_code(program, "def f(x):\n    # TODO 4.1\n    return y\n") == "HALF = 0.5\n    y = HALF * x"
    assert own_code(program, script.read_text()) == ""
