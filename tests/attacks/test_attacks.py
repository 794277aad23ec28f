"""Every attack is contained, in time, and leaves nothing behind; and who is graded next gets full marks."""

import ctypes
import os
import platform
import re
import socket
import sys
import time
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import fedteach
from fedteach.exercises import catalogue
from fedteach.grading.batch.marks import mark
from fedteach.grading.isolated import LOAD_LIMIT_S, IsolatedJudge
from fedteach.grading.sandbox import linux
from fedteach.grading.sandbox.cgroups import Groups
from fedteach.grading.submission import Submission
from tests.attacks.attack import (
    HONEST,
    HONEST_SGD,
    NAMESPACES,
    SUCCESS,
    WITHIN_WALLS,
    Attack,
    inside,
    within_limit,
)
from tests.attacks.forging import FORGING
from tests.attacks.host import HOST
from tests.attacks.resources import RESOURCES, WITH_TENSORFLOW
from tests.traces import family, files_outside, finding_orphans, left_of

ATTACKS = [*FORGING, *RESOURCES, *HOST]
SHORT_LOAD_LIMIT_S = 4.0
SECRET_SEED = 20_261_126
HONEST_ONE = Attack("honest", "", HONEST)


@pytest.fixture(scope="module", autouse=True)
def orphans():
    with finding_orphans():
        yield


@pytest.fixture(scope="module")
def secret():
    os.environ["FEDTEACH_SECRET"] = "a secret of the instructor"
    with suppress(AttributeError, OSError, KeyError):  # Linux alone has keys, and not everywhere
        linux.own_keyring()
        add_key, session = {"x86_64": 248, "aarch64": 217}[platform.machine()], -3
        ctypes.CDLL(None).syscall(add_key, b"user", b"fedteach-instructor", b"secret", 6, session)
    yield
    del os.environ["FEDTEACH_SECRET"]


@pytest.fixture(scope="module")
def judge(secret):
    with IsolatedJudge(memory_bytes=600 * 2**20, load_limit_s=SHORT_LOAD_LIMIT_S) as judge:
        assert not judge.layers.namespaces, judge.layers.lines()
        yield judge


class Ears:
    """Who on this computer would be glad to hear from a submission: by TCP, by UDP, and at two sockets of Unix'."""

    def __init__(self, folder):
        self.names = {"NAME": f"fedteach-attack-{os.getpid()}", "SOCKET": str(folder / "ear.sock")}
        self._all = [socket.socket(socket.AF_INET), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)]
        self._all += [socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)]
        tcp, udp, abstract, file = self._all
        tcp.bind(("127.0.0.1", 0))
        udp.bind(tcp.getsockname())
        self.names["PORT"] = str(tcp.getsockname()[1])
        abstract.bind("\0" + self.names["NAME"])
        file.bind(self.names["SOCKET"])
        os.chmod(self.names["SOCKET"], 0o777)
        for ear in self._all:
            ear.setblocking(False)
            if ear is not udp:
                ear.listen()

    def have_heard(self):
        """Return which of them somebody has called."""
        return [ear for ear in self._all if self._called(ear)]

    def _called(self, ear):
        try:
            ear.recvfrom(100) if ear.type == socket.SOCK_DGRAM else ear.accept()[0].close()
        except BlockingIOError:
            return False
        return True

    def close(self):
        for ear in self._all:
            ear.close()


@pytest.fixture(scope="module")
def ears(tmp_path_factory):
    ears = Ears(tmp_path_factory.mktemp("ears"))
    yield ears
    ears.close()


def judged(judge, attack, folder):
    """Judge a submission; return the verdict, the seconds it took, and the exercise."""
    exercise = catalogue()[attack.exercise]
    exercise = replace(exercise, time_limit_s=attack.limit_s or exercise.time_limit_s)
    exercises = catalogue() | {exercise.id: exercise}
    submission = Submission(folder, exercises.values(), seed_for=lambda exercise: SECRET_SEED, judge=judge)
    began = time.monotonic()
    verdict = submission.verdict(attack.exercise)
    return verdict, time.monotonic() - began, exercise


def everything_in(folder):
    return {path: path.lstat().st_mtime_ns for path in sorted(folder.rglob("*"))}


def fork_servers(judge):
    return [sandbox._server.pid for sandbox in judge._sandboxes.values() if sandbox._server]


def copies_of_the_package(judge):
    return [sandbox._package for sandbox in judge._sandboxes.values()]


def is_contained(attack, judge, load_limit_s, tmp_path, ears):
    """Judge an attack, and then an honest submission; see that the one has got nothing, and the other everything."""
    honest = Attack("honest", "", HONEST_SGD, exercise="3.5") if attack.exercise == "3.5" else HONEST_ONE
    others = honest.write(tmp_path / "others")
    folder = attack.aimed(**ears.names, OTHERS=others).write(tmp_path / "submission")
    if not fork_servers(judge):  # it is started by the first job
        judged(judge, honest, others)
    before, outside = everything_in(tmp_path), files_outside(*copies_of_the_package(judge))
    begun = family()
    for _ in range(2 if attack.again else 1):
        verdict, seconds, exercise = judged(judge, attack, folder)
        assert SUCCESS not in repr(verdict), "of any of its cases"
        assert verdict.outcome in attack.outcomes, verdict.message
        assert attack.says in verdict.message
        assert not verdict.passed
        assert mark(exercise, verdict, verdict, seconds).points in (0, None)
        # What loading does not use pays for the second try of a call that took too long; these attacks load at once.
        assert seconds < load_limit_s + exercise.time_limit_s + 2
        assert left_of(begun, but=fork_servers(judge)) == []
    assert everything_in(tmp_path) == before, "nothing outside the job has changed"
    assert files_outside(*copies_of_the_package(judge)) == outside, "nor anywhere else"
    assert ears.have_heard() == []
    verdict, _, _ = judged(judge, honest, others)
    assert verdict.outcome == "passed", verdict.message


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.id} {attack.what}")
def test_an_attack_is_contained(attack, judge, tmp_path, ears, monkeypatch):
    monkeypatch.chdir(tmp_path)
    is_contained(attack, judge, SHORT_LOAD_LIMIT_S, tmp_path, ears)


@pytest.fixture(scope="module")
def judge_with_tensorflow(secret):
    with IsolatedJudge(memory_bytes=600 * 2**20) as judge:
        yield judge


@pytest.mark.slow
@pytest.mark.parametrize("attack", WITH_TENSORFLOW, ids=lambda attack: f"{attack.id} {attack.what}")
def test_an_attack_is_contained_beside_tensorflow(attack, judge_with_tensorflow, tmp_path, ears, monkeypatch):
    monkeypatch.chdir(tmp_path)
    is_contained(attack, judge_with_tensorflow, LOAD_LIMIT_S, tmp_path, ears)


# On a machine without namespaces, a process of its own is all there is: it can read and write what the grader can. What
# needs walls to fail is not run there, each for a reason; everything else is.
_READS, _WRITES = "reads what the grader can read", "writes where the grader can write"
_REACHES = "reaches whom the grader can reach"
_NO_GROUPS = "nothing but control groups limits the processes and threads of one job"
NEEDS_WALLS = {
    **dict.fromkeys(("A15", "A31b", "A31c", "A31d", "C4b", "C6"), _READS),
    **dict.fromkeys(("A24", "C1", "C7", "C7d", "X8", "X9"), _WRITES),
    **dict.fromkeys(("C5a", "C5b"), _REACHES),
    "C7b": "shares keys and memory with every process of the same user",
    "C8a": "kills every process of this user: these tests, and whatever else it runs",
    "C8b": "kills its parents, and with them the walls that are not there",
    "C8c": "may write into its parent, a process of the same user",
    "B12b": "fills the disk's table of files, which only a file system of its own limits",
}
if Groups.find()[0] is None:
    NEEDS_WALLS |= dict.fromkeys(("B7", "B8"), _NO_GROUPS)
WITHOUT_WALLS = [attack for attack in ATTACKS if attack.id not in NEEDS_WALLS]


@pytest.fixture(scope="module")
def bare_judge(secret):
    with IsolatedJudge(memory_bytes=600 * 2**20, load_limit_s=SHORT_LOAD_LIMIT_S, namespaces=False) as judge:
        assert "student code can read your files" in judge.layers.warning
        yield judge


@pytest.mark.slow
@pytest.mark.parametrize("attack", WITHOUT_WALLS, ids=lambda attack: f"{attack.id} {attack.what}")
def test_without_namespaces_no_verdict_is_forged_and_nobody_is_kept_waiting(attack, bare_judge, tmp_path, ears):
    is_contained(attack, bare_judge, SHORT_LOAD_LIMIT_S, tmp_path, ears)


def test_what_would_do_lasting_harm_looks_for_the_walls_first():
    harmful = {id for id, why in NEEDS_WALLS.items() if why not in (_READS, _REACHES, _NO_GROUPS)}
    first_line = WITHIN_WALLS.strip().splitlines()[0]
    assert harmful <= {attack.id for attack in ATTACKS if re.search(rf"\):\n    {first_line}\n", attack.code)}
    greedy = {"B5", "B5-tf", "B6a", "B6b", "B6c", "B7", "B7-tf", "B8", "B12a"}
    looking = r"\):\n    import resource\n    if resource.getrlimit"
    assert greedy == {attack.id for attack in (*ATTACKS, *WITH_TENSORFLOW) if re.search(looking, attack.code)}


def test_an_attack_goes_for_nothing_that_nobody_has_named():
    with pytest.raises(ValueError, match="goes for ..@OTHERS@.., and nobody has said what that is"):
        Attack("", "", inside(WITHIN_WALLS)).aimed()


def goes_on(guard, **targets):
    """Say whether an attack that begins with a guard would go on, were it run in this very process."""
    scope = {}
    exec(Attack("", "", inside(guard, then="return 'it goes on'")).aimed(**targets).code, scope)
    try:
        return scope["weighted_mean"]([]) == "it goes on"
    except RuntimeError as error:
        if str(error) != SUCCESS:
            raise
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there are no walls, and no such attack goes on")
def test_without_walls_an_attack_has_won_and_does_no_harm(monkeypatch, tmp_path):
    with pytest.raises(SyntaxError):
        exec(inside(WITHIN_WALLS), {})  # by hand, aimed at nothing
    can_be_written = set()

    def statvfs(place):
        return SimpleNamespace(f_flag=0 if place in can_be_written else os.ST_RDONLY)

    monkeypatch.setattr(os, "statvfs", statvfs)
    elsewhere = ["mnt:[1]", "pid:[1]"]
    assert goes_on(WITHIN_WALLS, OTHERS=tmp_path, NAMESPACES=elsewhere)
    own = [os.readlink(space) for space in NAMESPACES]
    assert not goes_on(WITHIN_WALLS, OTHERS=tmp_path), "in no namespace of its own"
    assert not goes_on(WITHIN_WALLS, OTHERS=tmp_path, NAMESPACES=[own[0], elsewhere[1]])
    assert not goes_on(WITHIN_WALLS, OTHERS=tmp_path, NAMESPACES=[elsewhere[0], own[1]])
    libraries = [os.path.dirname(module.__file__) for module in (os, np, fedteach)]
    for place in ("/", "/etc", "/usr", str(tmp_path), sys.prefix, sys.base_prefix, *libraries):
        can_be_written = {place}
        assert not goes_on(WITHIN_WALLS, OTHERS=tmp_path, NAMESPACES=elsewhere), f"{place} can be written"


@pytest.mark.parametrize("name", ["RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_FSIZE"])
def test_without_limits_an_attack_has_won_and_uses_nothing_up(name, monkeypatch):
    resource = pytest.importorskip("resource", reason="Windows has no limits")
    unlimited = set()
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (resource.RLIM_INFINITY if kind in unlimited else 60,) * 2)
    assert goes_on(within_limit(name))
    unlimited = {getattr(resource, name)}
    assert not goes_on(within_limit(name))
