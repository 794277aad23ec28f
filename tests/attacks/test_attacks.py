"""Every attack is contained, in time, and leaves nothing behind; and who is graded next gets full marks."""

import os
import socket
import time
from dataclasses import replace

import psutil
import pytest

from fedteach.exercises import catalogue
from fedteach.grading.isolated import GRACE_S, IsolatedJudge
from fedteach.grading.submission import Submission
from tests.attacks.attack import HONEST, Attack
from tests.attacks.forging import FORGING
from tests.attacks.host import HOST
from tests.attacks.resources import RESOURCES

ATTACKS = [*FORGING, *RESOURCES, *HOST]
LOAD_LIMIT_S = 4.0
SECRET_SEED = 20_261_126
JOBS_USERS = 2_000_000_000


@pytest.fixture(scope="module")
def judge():
    os.environ["FEDTEACH_SECRET"] = "a secret of the instructor"
    with IsolatedJudge(memory_bytes=600 * 2**20, load_limit_s=LOAD_LIMIT_S) as judge:
        assert not judge.layers.namespaces, judge.layers.lines()
        yield judge
    del os.environ["FEDTEACH_SECRET"]


@pytest.fixture(scope="module")
def listener():
    """Somebody on this computer who would be glad to hear from a submission."""
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(tcp.getsockname())
        tcp.setblocking(False)
        udp.setblocking(False)
        yield tcp, udp


def judged(judge, attack, folder):
    exercise = catalogue()[attack.exercise]
    submission = Submission(folder, catalogue().values(), seed=SECRET_SEED, judge=judge)
    began = time.monotonic()
    verdict = submission.verdict(attack.exercise)
    return verdict, time.monotonic() - began, exercise


def everything_in(folder):
    return {path: path.stat().st_mtime_ns for path in sorted(folder.rglob("*"))}


def survivors():
    """The processes that a job has left, wherever in the system: all children of ours but the fork servers."""
    mine = [child for child in psutil.Process().children(recursive=True) if "fork_server" not in " ".join(words(child))]
    theirs = [
        process for process in psutil.process_iter() if user(process) >= JOBS_USERS or "4242.4242" in words(process)
    ]
    return [words(process) for process in {*mine, *theirs} if words(process)]


def words(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def user(process):
    try:
        return process.uids().real
    except psutil.Error:
        return 0


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.id} {attack.what}")
def test_an_attack_is_contained(attack, judge, tmp_path, listener, monkeypatch):
    monkeypatch.chdir(tmp_path)
    others = tmp_path / "others"
    Attack("honest", "", HONEST).write(others)
    attack = replace(attack, code=attack.code.replace("PORT", str(listener[0].getsockname()[1])))
    folder = attack.write(tmp_path / "submission")
    before = everything_in(tmp_path)
    verdict, seconds, exercise = judged(judge, attack, folder)
    assert verdict.outcome in attack.outcomes, verdict.message
    assert not verdict.passed
    assert seconds < LOAD_LIMIT_S + exercise.time_limit_s + GRACE_S + 2
    assert everything_in(tmp_path) == before, "nothing outside the job has changed"
    assert survivors() == []
    for ear in listener:
        with pytest.raises(BlockingIOError):
            ear.recvfrom(100) if ear.type == socket.SOCK_DGRAM else ear.accept()
    honest, _, _ = judged(judge, Attack("honest", "", HONEST), others)
    assert honest.outcome == "passed", honest.message
