"""The record of a student's progress: what follows from it, and what it survives."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fedteach.grading import progress
from fedteach.grading.progress import Event, Standing, append, read, standings
from fedteach.grading.verdict import CaseResult, Finding, Verdict

REPOSITORY = Path(__file__).parent.parent.parent

WRITER = """
import sys
from pathlib import Path
from fedteach.grading.progress import Event, append
path, name, n = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
print("begun", flush=True)
for i in range(1, n + 1):
    append(path, Event("hint", name, hint=i))
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / progress.FILE_NAME


def check(state, exercise="4.1", passed=0, of=3):
    return Event("check", exercise, state, passed, of)


def stand(*events):
    return standings(events).get("4.1", Standing())


def start_writer(path, name, n):
    command = [sys.executable, "-c", WRITER, str(path), name, str(n)]
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE)


def test_nothing_happened_means_not_started():
    assert stand() == Standing("not started", attempts=0, hints=0)


def test_attempts_are_counted_up_to_the_first_that_passes():
    assert stand(check("failed", passed=1)) == Standing("tried", attempts=1, passed=1, of=3)
    assert stand(check("failed"), check("failed"), check("passed", passed=3)) == Standing("passed", 3, 0, 3, 3, True)
    # Running the whole notebook again passes again: no further attempt.
    assert stand(check("passed"), check("passed"), check("passed")).attempts == 1


def test_what_was_right_and_is_broken_again_is_tried_and_counts_no_further_attempts():
    assert stand(check("passed"), check("failed")) == Standing("tried", attempts=1, of=3, has_passed=True)
    there_and_back = [check("failed"), check("passed"), check("failed"), check("failed"), check("passed")]
    assert stand(*there_and_back).attempts == 2
    assert stand(*there_and_back, Event("reset", "4.1"), check("failed"), check("passed")).attempts == 2


def test_a_stub_and_a_wait_for_another_exercise_are_no_attempts():
    assert stand(check("not started")) == Standing(of=3)
    assert stand(check("waiting")) == Standing("tried", attempts=0, of=3)
    assert stand(check("failed"), check("not started")) == Standing("not started", attempts=1, of=3)


def test_a_hint_counts_once_however_often_it_was_given():
    # Two notebooks that give the first hint at the same moment give one hint.
    hints = [Event("hint", "4.1", hint=1), Event("hint", "4.1", hint=1), Event("hint", "4.1", hint=2)]
    assert stand(*hints).hints == 2


def test_after_a_reset_all_begins_anew():
    before = [check("failed"), Event("hint", "4.1", hint=2), check("passed")]
    assert stand(*before, Event("reset", "4.1")) == Standing()
    assert stand(*before, Event("reset", "4.1"), check("failed")).attempts == 1


def test_exercises_do_not_mix():
    assert standings([check("passed"), check("failed", "4.2")])["4.1"].stage == "passed"


def test_what_is_written_is_read_back(path):
    verdict = Verdict("4.1", "t", "failed", "s", (CaseResult("a", "passed"), CaseResult("b", "failed", Finding("no"))))
    event = progress.checked(verdict, 0.01234)
    append(path, event)
    append(path, Event("hint", "4.1", hint=1))
    first, second = read(path)
    assert (first.state, first.passed, first.of, first.seconds) == ("failed", 1, 2, 0.012)
    assert first.time.endswith("Z")
    assert (second.do, second.hint) == ("hint", 1)
    for line in path.read_bytes().splitlines():
        assert len(line) < 200
        assert json.loads(line)["exercise"] == "4.1"


def test_without_a_file_nothing_happened_yet(path):
    assert read(path) == []
    assert not path.exists()


@pytest.mark.parametrize("torn", ['{"do":"check","exercise":"4.1","sta', "\x00\x00", "{"])
def test_a_torn_last_line_is_left_out_and_the_next_begins_on_a_line_of_its_own(path, torn):
    append(path, check("failed"))
    with path.open("a") as file:
        file.write(torn)
    assert stand(*read(path)).attempts == 1
    append(path, check("passed"))
    assert [event.state for event in read(path)] == ["failed", "passed"]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        "3",
        '"text"',
        "{}",
        '{"do":"check"}',
        '{"do":"dance","exercise":"4.1"}',
        '{"do":"check","exercise":41,"state":"passed"}',
        '{"do":"check","exercise":"4.1","state":["passed"]}',
        '{"do":["check"],"exercise":"4.1"}',
        '{"do":"hint","exercise":"4.1","hint":"3"}',
        '{"do":"hint","exercise":"4.1","hint":-3}',
        "[" * 100_000,
    ],
)
def test_a_line_that_makes_no_sense_is_left_out(path, line):
    path.write_text(f"{line}\n")
    append(path, check("passed"))
    assert [event.state for event in read(path)] == ["passed"]


def test_a_line_of_a_later_version_is_understood_as_far_as_possible(path):
    path.write_text('{"do":"check","exercise":"4.1","state":"passed","mood":"good"}\n')
    assert stand(*read(path)).stage == "passed"


def test_a_file_that_is_no_text_harms_nothing(path):
    path.write_bytes(bytes(range(256)) * 100)
    append(path, check("passed"))
    assert [event.state for event in read(path)] == ["passed"]


@pytest.mark.slow
def test_two_writers_at_once_lose_nothing(path):
    writers = [start_writer(path, name, 2000) for name in ("1.1", "1.2")]
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0
    events = read(path)
    assert len(events) == 4000
    for name in ("1.1", "1.2"):
        assert [event.hint for event in events if event.exercise == name] == list(range(1, 2001))


@pytest.mark.slow
def test_a_killed_writer_leaves_every_line_but_the_last_whole(path):
    for _ in range(3):
        size_before = path.stat().st_size if path.exists() else 0
        writer = start_writer(path, "1.1", 10**9)
        writer.stdout.readline()
        while not path.exists() or path.stat().st_size == size_before:
            time.sleep(0.01)
        time.sleep(0.1)
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
    append(path, check("passed"))
    lines = path.read_text().splitlines()
    events = read(path)
    assert len(lines) - 3 <= len(events) <= len(lines)
    assert events[-1].state == "passed"


def test_it_lies_in_the_current_folder_or_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.delenv("FEDTEACH_PROGRESS", raising=False)
    monkeypatch.chdir(tmp_path)
    assert progress.file() == tmp_path / "fedteach_progress.jsonl"
    monkeypatch.setenv("FEDTEACH_PROGRESS", str(tmp_path / "elsewhere.jsonl"))
    assert progress.file() == tmp_path / "elsewhere.jsonl"
    monkeypatch.setenv("FEDTEACH_PROGRESS", str(tmp_path))
    assert progress.file() == tmp_path / "fedteach_progress.jsonl"


def test_another_folder_takes_the_place_of_the_current_one(tmp_path, monkeypatch):
    monkeypatch.delenv("FEDTEACH_PROGRESS", raising=False)
    assert progress.file(tmp_path) == tmp_path / "fedteach_progress.jsonl"
    monkeypatch.setenv("FEDTEACH_PROGRESS", "mine.jsonl")
    assert progress.file(tmp_path) == tmp_path / "mine.jsonl"
    assert progress.file() == Path.cwd() / "mine.jsonl"
    monkeypatch.setenv("FEDTEACH_PROGRESS", "~/mine.jsonl")
    assert progress.file(tmp_path) == Path.home() / "mine.jsonl"


def test_an_event_keeps_the_time_at_which_it_happened(path):
    event = progress.stamped(Event("hint", "4.1", hint=1, time="2026-11-23T08:30:00Z"))
    append(path, event)
    assert read(path) == [event]


def test_a_missing_folder_is_made(tmp_path):
    append(tmp_path / "new" / "progress.jsonl", check("passed"))
    assert len(read(tmp_path / "new" / "progress.jsonl")) == 1


def test_what_cannot_be_written_or_read_is_an_os_error(tmp_path):
    (tmp_path / "a file").write_text("")
    with pytest.raises(OSError, match="a file"):
        append(tmp_path / "a file" / "progress.jsonl", check("passed"))
    with pytest.raises(OSError, match="director"):
        read(tmp_path)


def test_nothing_is_kept_in_the_bin_of_the_system():
    append(Path(os.devnull), check("passed"))
    assert read(Path(os.devnull)) == []


def test_a_short_write_is_an_error(path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:10]))
    with pytest.raises(OSError, match="disk is full"):
        append(path, check("passed"))
    monkeypatch.undo()
    append(path, check("passed"))
    assert len(read(path)) == 1
