import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fedteach.history import History
from tests.submissions import PLAIN_MEAN, WEIGHTED_MEAN, notebook

QUICK = ("run", "--model", "logistic", "--epochs", "1", "--rounds", "2")


def fedteach(*words, **options) -> subprocess.CompletedProcess:
    options = {"capture_output": True, "text": True, "timeout": 90, **options}
    return subprocess.run([sys.executable, "-m", "fedteach.cli", *words], **options)


def refused(*words, **options) -> str:
    """Run a command that must fail, in one line and without a traceback; return the line."""
    done = fedteach(*words, **options)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess]:
    out = tmp_path_factory.mktemp("run")
    return out, fedteach(*QUICK, "--json", "--out", str(out))


def test_json_prints_one_object_a_round_and_nothing_else(finished):
    _, done = finished
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["round"] for line in lines] == [1, 2]
    for key in ("server_accuracy", "seconds", "bytes_down", "bytes_up", "lost"):
        assert key in lines[0]
    assert lines[0]["lost"] == {}
    assert 0.1 < lines[1]["server_accuracy"] <= 1
    assert lines[1]["full_accuracy"] is not None


def test_log_picture_table_and_weights_are_on_disk(finished):
    out, _ = finished
    (log,) = (out / "logs").glob("*.json")
    assert re.fullmatch(r"\d{8}_\d{6}\.json", log.name)
    assert {p.suffix for p in (out / "logs").iterdir()} == {".json", ".csv", ".png", ".safetensors"}
    assert log.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert History.from_json(log).settings["model"] == "logistic"


def test_nothing_of_tensorflow_is_on_stderr(finished):
    _, done = finished
    assert [line for line in done.stderr.splitlines() if "saved in" not in line] == []


def test_resume_goes_on_and_says_when_there_is_nothing_left(finished):
    out, done = finished
    assert "all 2 rounds" in refused("run", "--resume", str(out))
    more = fedteach("run", "--resume", str(out), "--rounds", "3", "--json")
    assert [json.loads(line)["round"] for line in more.stdout.splitlines()] == [3]
    assert "--epochs cannot be given" in refused("run", "--resume", str(out), "--epochs", "2")
    assert "--out cannot be given" in refused("run", "--resume", str(out), "--out", str(out / "other"))
    assert "all 3 rounds" in refused("run", "--resume", str(out), "--rounds", "1")
    straight = fedteach(*QUICK[:-1], "3", "--json", "--out", str(out / "straight"))
    last = json.loads(straight.stdout.splitlines()[-1])
    assert last["server_accuracy"] == json.loads(more.stdout)["server_accuracy"]


def test_plot_draws_the_picture_of_a_log_beside_it(finished, tmp_path):
    out, _ = finished
    (log,) = (out / "logs").glob("*.json")
    copy = tmp_path / log.name
    copy.write_bytes(log.read_bytes())
    done = fedteach("plot", str(copy))
    assert f"plot saved in {copy.with_suffix('.png')}" in done.stdout
    assert copy.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    named = fedteach("plot", str(copy), "--out", str(tmp_path / "a.svg"))
    assert named.returncode == 0
    assert b"<svg" in (tmp_path / "a.svg").read_bytes()


def test_plot_refuses_what_is_no_log(tmp_path):
    assert "there is no log" in refused("plot", str(tmp_path / "no.json"))
    (tmp_path / "cut.json").write_text('{"client number": 2')
    assert "cannot be read as a JSON log" in refused("plot", str(tmp_path / "cut.json"))


def test_datasets_lists_what_is_here_and_how_to_get_the_rest(tmp_path):
    bare = {**os.environ, "FEDTEACH_DATA": "", "HOME": str(tmp_path), "KERAS_HOME": str(tmp_path)}
    done = fedteach("datasets", env=bare, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert any(re.match(r"digits +here", line) for line in lines)
    assert any(re.match(r"mnist +not here", line) for line in lines)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--dataset", "mnst"), "unknown data set 'mnst', did you mean 'mnist'"),
        (("--clients", "0"), "clients must be a whole number from 1"),
        (("--split", "9"), "unknown split '9'"),
        (("--preset", "curse"), "unknown preset 'curse', did you mean 'course'"),
        (("--clients", "5000", "--split", "iid"), "5,000 clients"),
        (("--model", "lenet", "--epochs", "1"), "needs images of at least 16x16"),
    ],
)
def test_bad_input_is_answered_in_one_line(words, sentence, tmp_path):
    assert sentence in refused("run", *words, "--out", str(tmp_path))
    assert list(tmp_path.iterdir()) == [], "nothing half-written"


def test_an_unwritable_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    assert "choose a folder you may write" in refused(*QUICK, "--out", str(tmp_path / "file"))


def test_a_damaged_checkpoint_is_named(finished, tmp_path):
    import shutil

    out, _ = finished
    shutil.copytree(out, tmp_path / "copy")
    newest = sorted((tmp_path / "copy").glob("checkpoints/*/weights-*.safetensors"))[-1]
    newest.write_bytes(newest.read_bytes()[:-4])
    sentence = refused("run", "--resume", str(tmp_path / "copy"), "--rounds", "9")
    assert newest.name in sentence
    assert "remove that file to resume from the round before" in sentence


def test_check_prints_a_table_with_points(tmp_path):
    path = notebook(tmp_path / "04_aggregation.ipynb", PLAIN_MEAN)
    done = fedteach("check", str(path), "--exercise", "4.1")
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"4\.1 +FedAvg's weighted mean +failed +0 of \d", lines[1])
    assert re.fullmatch(r"total +0 of \d", lines[2])
    assert "    likely cause: each client counts the same" in done.stdout
    assert max(map(len, lines)) <= 100


def test_check_is_content_with_what_is_right_and_prints_it_as_json_too(tmp_path):
    notebook(tmp_path / "notebooks" / "04_aggregation.ipynb", "print('noise')", WEIGHTED_MEAN)
    done = fedteach("check", "--exercise", "4.1", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["exercises"]
    assert (row["exercise"], row["function"], row["state"]) == ("4.1", "weighted_mean", "passed")
    assert row["points"] == row["of"] > 0


def test_check_counts_an_exercise_once_however_often_it_is_named(tmp_path):
    path = notebook(tmp_path / "04_aggregation.ipynb", WEIGHTED_MEAN)
    done = fedteach("check", str(path), "--exercise", "4.1", "--exercise", "4.1", "--json")
    found = json.loads(done.stdout)
    assert len(found["exercises"]) == 1
    assert found["points"] == found["of"] == found["exercises"][0]["of"]


def test_check_shows_a_students_text_whatever_is_in_it(tmp_path):
    cell = r"def weighted_mean(updates): raise ValueError('\x1b[2J\ud800')"
    done = fedteach("check", str(notebook(tmp_path / "04_aggregation.ipynb", cell)), "--exercise", "4.1")
    assert done.returncode == 1, done.stderr
    assert "ValueError: \\ud800" in done.stdout


def test_check_refuses_what_it_cannot_judge(tmp_path):
    assert "there is no file or folder notebooks" in refused("check", cwd=tmp_path)
    path = notebook(tmp_path / "04_aggregation.ipynb", WEIGHTED_MEAN)
    assert "unknown exercise '4.11'" in refused("check", str(path), "--exercise", "4.11")
    assert fedteach("check", "nowhere", cwd=tmp_path).returncode == 2


LONG = ("run", "--model", "logistic", "--epochs", "1", "--rounds", "100000", "--json")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_within_a_second_with_everything_saved(tmp_path, number):
    # A second to stop, four to draw the picture. A machine that stands still for a moment gets two more chances.
    tries = []
    for attempt in range(3):
        stopped_s, ended_s = _interrupted(tmp_path / str(attempt), number)
        if stopped_s < 1 and ended_s < 5:
            return
        tries.append((stopped_s, ended_s))
    pytest.fail(f"it stopped, and ended, so many seconds after the signal: {tries}")


def _interrupted(out, number):
    """Interrupt a long run; see that everything is saved; return the seconds to its last round, and to its end."""
    out.mkdir()
    with (out / "said").open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "fedteach.cli", *LONG, "--out", str(out)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    process.stdout.readline()
    process.send_signal(number)
    began = last = time.monotonic()
    printed = 1
    for _ in process.stdout:  # through the buffer that may hold more than the first line
        printed, last = printed + 1, time.monotonic()
    process.stdout.close()
    assert process.wait(30) == 130
    ended = time.monotonic()
    said = (out / "said").read_text()
    assert "Traceback" not in said
    assert "go on with: fedteach run --resume" in said
    (log,) = (out / "logs").glob("*.json")
    assert len(History.from_json(log)) == printed
    assert log.with_suffix(".png").exists()
    return last - began, ended - began


def test_a_reader_that_walks_away_is_no_error(tmp_path):
    command = f"{sys.executable} -m fedteach.cli {' '.join(QUICK)} --json --out {tmp_path} | head -n 0"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=90)
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_a_terminal_gets_a_progress_bar(tmp_path):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "fedteach.cli", *QUICK, "--out", str(tmp_path)], stdout=subprocess.PIPE, stderr=theirs
    )
    out, _ = process.communicate(timeout=90)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert "2/2" in shown
    assert "server accuracy" in shown
    assert b"plot saved in" in out


def test_the_version_is_the_packages():
    from fedteach import __version__

    assert fedteach("--version").stdout.strip() == f"fedteach {__version__}"


@pytest.mark.slow
def test_two_processes_with_other_cores_and_workers_give_the_same_bits(tmp_path):
    """Convolutions, dropout-free and with momentum; one process on one core with one worker, one on two with two."""
    saved = []
    cores = sorted(os.sched_getaffinity(0))
    for workers, mine in ((1, cores[:1]), (2, cores[:2])):
        out = tmp_path / str(workers)
        words = ("--epochs", "1", "--rounds", "2", "--momentum", "0.9", "--keep-momentum", "--workers", str(workers))
        done = fedteach("run", *words, "--out", str(out), preexec_fn=lambda mine=mine: os.sched_setaffinity(0, mine))
        assert done.returncode == 0, done.stderr
        (weights,) = (out / "logs").glob("*.safetensors")
        saved.append(weights.read_bytes())
    assert saved[0] == saved[1]
