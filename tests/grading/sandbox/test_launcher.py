"""The sandbox: what a job finds in it, how it ends, and that nothing of it stays."""

import ctypes
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from fedteach.grading.extract import Program
from fedteach.grading.sandbox import cgroups, fences, linux
from fedteach.grading.sandbox.launcher import JobFailed, Layers, Sandbox, SandboxError
from fedteach.grading.sandbox.orders import Call, Load, Loaded
from fedteach.grading.statements import Piece
from tests.traces import all_end, family, finding_orphans, left_of


def program(source, name="f"):
    piece = Piece("cell 1", 1, source)
    return Program(name, (piece,), piece, frozenset())


def ask(job, source, *arguments, limit_s=5.0, name="f"):
    loaded = job.ask(Load(program(source, name), {}, 10.0), 12.0)
    assert loaded == Loaded(), loaded
    return job.ask(Call(arguments, limit_s), limit_s + 1)


@pytest.fixture(scope="module", params=["behind walls", "limits alone"])
def sandbox(request):
    with Sandbox(memory_bytes=400 * 2**20, namespaces=None if request.param == "behind walls" else False) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def walls():
    with Sandbox(memory_bytes=400 * 2**20) as sandbox:
        assert not sandbox.layers.namespaces
        yield sandbox


def test_a_function_is_loaded_and_called_with_its_own_modules_beside_it(sandbox):
    beside = {"helper.py": b"def twice(x): return 2 * x"}
    pieces = (Piece("cell 1", 1, "import helper"), Piece("cell 1", 2, "def f(x): return helper.twice(x)"))
    with sandbox.job() as job:
        assert job.ask(Load(Program("f", pieces, pieces[1], frozenset()), beside, 5.0), 6.0) == Loaded()
        assert job.ask(Call((np.arange(3),), 1.0), 2.0).value.tolist() == [0, 2, 4]


def test_what_students_import_is_there_also_when_nobody_has_imported_it_before(sandbox):
    source = """
def f():
    from fedteach import ClientInfo, Experiment, Federation, Plan, Update, data, models, rng_for, steps
    return len(data.load("digits").train), steps.selection.__name__
"""
    with sandbox.job() as job:
        assert ask(job, source, limit_s=30).value == (1297, "fedteach.steps.selection")


def test_one_job_knows_nothing_of_another(sandbox):
    write = "import os, fedteach\ndef f(path): fedteach.left = open(path, 'w').write('x'); return os.listdir('.')"
    read = "import os, fedteach\ndef f(path): return [os.path.exists(path), hasattr(fedteach, 'left'), os.listdir('.')]"
    with sandbox.job() as job:
        assert ask(job, write, "left").value == ["left"]
    with sandbox.job() as job:
        assert ask(job, read, "left").value == [False, False, []]


def test_what_a_job_sees_of_the_computer(walls, monkeypatch):
    monkeypatch.setenv("FEDTEACH_SECRET", "x")
    source = """
import os, socket, sys
def f(home):
    interfaces = [name for _, name in socket.if_nameindex()]
    pids = [name for name in os.listdir("/proc") if name.isdigit()]
    return {"env": sorted(os.environ), "home": os.path.exists(home), "pids": pids, "net": interfaces,
            "user": os.getuid(), "fds": len(os.listdir("/proc/self/fd")), "root": sorted(os.listdir("/"))}
"""
    with walls.job() as job:
        saw = ask(job, source, str(os.path.abspath("tests"))).value
    assert "FEDTEACH_SECRET" not in saw["env"]
    assert not saw["home"], "the repository is not there"
    assert len(saw["pids"]) == 2, "the first process and itself"
    assert saw["net"] == ["lo"]
    assert saw["user"] != os.getuid() or os.getuid() != 0
    assert "home" not in saw["root"]
    assert saw["fds"] <= 6, "three standard ones, the line, nobody's keyboard, and the folder it lists"


@pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64", reason="knows the numbers of one kernel")
@pytest.mark.parametrize("namespaces", [None, False])
def test_keys_of_the_session_are_not_there_and_none_is_left_in_it(namespaces):
    """A login's ring of keys is inherited by every process: tickets for file servers, passwords of encrypted disks."""
    add_key, keyctl, search, session = 248, 250, 10, -3
    source = f"""
import ctypes
def f(names):
    libc = ctypes.CDLL(None)
    libc.syscall({add_key}, b"user", b"left", b"x", 1, {session})
    return [libc.syscall({keyctl}, {search}, {session}, b"user", name.encode(), 0) > 0 for name in names]
"""
    linux.own_keyring()
    if ctypes.CDLL(None).syscall(add_key, b"user", b"secret", b"x", 1, session) < 0:
        pytest.skip("the kernel lets nobody have keys here")
    with Sandbox(namespaces=namespaces) as sandbox, sandbox.job() as job:
        assert ask(job, source, ["secret", "left"]).value == [False, True]
    assert ctypes.CDLL(None).syscall(keyctl, search, session, b"user", b"left", 0) < 0


def test_where_the_instructor_works_is_told_to_nobody(tmp_path, monkeypatch):
    """Neither by the search path, nor by a command's words, nor by what is mounted from where."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # as where a class is graded
    source = """
import sys
def f(path):
    told = [sys.path, sys.orig_argv, [getattr(module, "__file__", "") for module in sys.modules.values()]]
    for name in ("self/mountinfo", "self/cmdline", "1/cmdline"):
        told.append(open("/proc/" + name).read())
    return path in repr(told), "fedteach-package" in repr(told)
"""
    with Sandbox() as sandbox, sandbox.job() as job:
        assert ask(job, source, str(tmp_path)).value == (False, True)
    assert list(tmp_path.iterdir()) == []


def test_the_package_that_a_killed_judge_has_left_goes_a_day_later(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left, fresh, living = (tmp_path / f"fedteach-package-{pid}-x" for pid in (dead.pid, f"{dead.pid}-y", os.getpid()))
    for folder in (left, fresh, living):
        folder.mkdir()
    for folder in (left, living):
        os.utime(folder, (0, 0))
    Sandbox().close()
    assert sorted(tmp_path.iterdir()) == sorted([fresh, living])


def test_questions_and_answers_are_not_there(walls):
    source = """
import importlib, pathlib, fedteach
def f():
    found = []
    for name in ("exercises", "authoring", "grading.judging", "grading.expect", "grading.submission", "lab", "cli"):
        try:
            importlib.import_module("fedteach." + name)
            found.append(name)
        except ImportError:
            pass
    files = {p.name for p in pathlib.Path(fedteach.__file__).parent.rglob("*.py")}
    return found, sorted(files & {"mean.py", "judging.py", "expect.py", "draw.py"})
"""
    with walls.job() as job:
        assert ask(job, source).value == ([], [])


def test_a_package_that_is_installed_beside_the_libraries_is_hidden(tmp_path, monkeypatch):
    """An instructor's wheel puts questions and answers into a folder that jobs must read."""
    library = tmp_path / "site-packages"
    (library / "fedteach").mkdir(parents=True)
    (library / "fedteach" / "answers.py").write_text("x = 1")
    (library / "other.py").write_text("x = 1")
    folders = fences.readable_folders()
    monkeypatch.setattr(fences, "readable_folders", lambda: [*folders, str(library)])
    monkeypatch.setattr("fedteach.grading.sandbox.launcher.INSTALLED", library / "fedteach")
    with Sandbox() as sandbox, sandbox.job() as job:
        source = "import os\ndef f(path): return sorted(os.listdir(path)), os.listdir(path + '/fedteach')"
        assert ask(job, source, str(library)).value == (["fedteach", "other.py"], [])


@pytest.mark.parametrize(
    ("body", "trouble", "says"),
    [
        ("os._exit(0)", "killed", "exit code 0"),
        ("os.kill(os.getpid(), 9)", "killed", "signal 9 .SIGKILL."),
        ("os.abort()", "killed", "signal 6 .SIGABRT."),
        (
            "signal.setitimer(signal.ITIMER_REAL, 0); signal.alarm(0)\n    while True: pass",
            "time out",
            "within 2 seconds",
        ),
        ("return bytes(80 * 2**20)", "output limit", "larger than 64 MB"),
    ],
)
def test_how_a_job_ends_is_told(sandbox, body, trouble, says):
    with sandbox.job() as job:
        job.ask(Load(program(f"import os, signal\ndef f():\n    {body}"), {}, 5.0), 6.0)
        with pytest.raises(JobFailed, match=says) as failed:
            job.ask(Call((), 1.0), 2.0)
    assert failed.value.trouble == trouble


def test_who_deletes_its_folder_has_answered_all_the_same(sandbox):
    source = "import os, shutil\ndef f(n):\n    shutil.rmtree(os.getcwd())\n    return n"
    with sandbox.job() as job:
        assert ask(job, source, 1).value == 1
        assert job.ask(Call((2,), 1.0), 2.0).value == 2


def test_the_home_of_the_fork_server_goes_with_it():
    with Sandbox() as sandbox:
        sandbox.job().close()
        home = Path(psutil.Process(sandbox._server.pid).environ()["HOME"])
        assert home.is_dir()
        assert home.parent == sandbox._package
        with sandbox.job() as job:
            source = "import os\ndef f(): return os.environ['HOME'], os.access(os.environ['HOME'], os.W_OK)"
            assert ask(job, source).value == (fences.HOME, True)
    assert not home.exists()


def test_memory_is_limited(sandbox):
    source = "def f():\n    kept = []\n    while True: kept.append(bytearray(2**24))"
    with sandbox.job() as job:
        assert ran_out_of_memory(lambda: ask(job, source))


def ran_out_of_memory(call):
    """Whether Python noticed it, at the limit of its address space, or the kernel, at that of the group."""
    try:
        return "MemoryError" in call().raised.kinds
    except JobFailed as failed:
        return failed.trouble == "out of memory"


def test_a_job_may_have_some_threads_and_not_many(sandbox):
    source = """
import threading
def f(n):
    wait = threading.Event()
    threads = [threading.Thread(target=wait.wait) for _ in range(n)]
    started = []
    try:
        for thread in threads:
            thread.start()
            started.append(thread)
    except RuntimeError:
        pass
    wait.set()
    for thread in started:
        thread.join()
    return len(started)
"""
    with sandbox.job() as job:
        assert ask(job, source, 16).value == 16
        if not (sandbox.layers.namespaces and sandbox.layers.groups):  # one of the two counts them
            assert ask(job, source, 500).value < sandbox._fences.most_processes


def test_who_forks_and_runs_away_is_caught(sandbox):
    source = """
import os, time
def f():
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                for fd in range(3, 64):
                    try: os.close(fd)
                    except OSError: pass
                time.sleep(1000)
            os._exit(0)
    return 1
"""
    with finding_orphans():
        before = family()
        with sandbox.job() as job:
            assert ask(job, source).value == 1
            assert len(left_of(before, but=[sandbox._server.pid])) >= 3, "until the job is over they are there"
        assert left_of(before, but=[sandbox._server.pid]) == []


def test_a_fork_server_that_is_killed_is_started_anew(sandbox):
    with sandbox.job() as job:
        ask(job, "def f(): return 1")
        of_it = psutil.Process(sandbox._server.pid).children(recursive=True)
        assert of_it
        sandbox._server.send_signal(signal.SIGKILL)
        assert all_end(of_it, 10), "with it ends the job"
        with pytest.raises((JobFailed, SandboxError)):
            job.ask(Call((), 1.0), 2.0)
    with sandbox.job() as job:
        assert ask(job, "def f(): return 2").value == 2


def test_when_the_judge_is_killed_no_process_is_left(tmp_path):
    """Also one that is in the middle of a loop without end."""
    code = """
from fedteach.grading.sandbox.launcher import Sandbox
from fedteach.grading.sandbox.orders import Call, Load
from tests.grading.sandbox.test_launcher import program
with Sandbox() as sandbox, sandbox.job() as job:
    job.ask(Load(program("def f():\\n    while True: pass"), {}, 5.0), 6.0)
    print("loaded", flush=True)
    job.ask(Call((), 1000.0), 1000.0)
"""
    judge = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert judge.stdout.readline() == b"loaded\n"
    time.sleep(0.3)
    family = psutil.Process(judge.pid).children(recursive=True)
    assert len(family) >= 3
    judge.kill()
    judge.wait()
    judge.stdout.close()
    assert all_end(family, 10)


@pytest.mark.slow
def test_tensorflow_works_in_a_child_of_a_process_that_only_imported_it():
    source = """
import tensorflow as tf
def f():
    model = tf.keras.Sequential([tf.keras.layers.Input((4,)), tf.keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    model.fit(tf.ones((8, 4)), tf.ones((8, 2)), verbose=0)
    return float(tf.reduce_sum(tf.ones((3, 3))))
"""
    with Sandbox(with_tensorflow=True) as sandbox:
        for _ in range(2):
            with sandbox.job() as job:
                assert ask(job, source, limit_s=20).value == 9.0


def test_who_tries_the_walls_keeps_the_children_of_its_own(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", "raise SystemExit(7)"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    fences.why_no_namespaces(str(tmp_path))
    assert child.wait() == 7


def test_a_job_sees_few_of_many_processors(monkeypatch):
    chosen = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)), raising=False)
    monkeypatch.setattr(
        os, "sched_setaffinity", lambda pid, processors: chosen.append(tuple(processors)), raising=False
    )
    for _ in range(50):
        fences._see_few_processors()
    assert {len(set(processors)) for processors in chosen} == {8}
    assert len(set(chosen)) > 1, "not all jobs on the same ones"


def test_the_report_names_what_stands_and_warns_of_what_does_not():
    assert Layers("", "").warning == ""
    assert "NOT HERE (no such thing)" in Layers("", "no such thing").lines()[1]
    without = Layers("Windows has no namespaces", "x")
    assert "can read your files" in without.warning
    assert "Windows has no namespaces" in without.lines()[0]


def test_a_group_kills_what_takes_too_much():
    groups, why = cgroups.Groups.find()
    if groups is None:
        assert why
        pytest.skip(f"there are no control groups here: {why}")
    group = groups.make(2**26, 10)
    pid = os.fork()
    if pid == 0:
        for door in group.doors:
            with open(door, "w") as file:
                file.write(str(os.getpid()))
        kept = bytearray(2**28)
        kept[:: 2**12] = b"x" * (2**16)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    assert group.ran_out_of_memory()
    group.remove()
    assert not group.memory.exists()


def test_groups_of_a_judge_that_was_killed_are_removed_by_the_next(walls):
    groups, why = cgroups.Groups.find()
    if groups is None:
        pytest.skip(f"there are no control groups here: {why}")
    made = groups.make(2**26, 10)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = made.memory.with_name(f"fedteach-{dead.pid}-7")
    left.mkdir()
    cgroups.Groups.find()
    assert not left.exists()
    assert made.memory.exists(), "that of a living judge stays"
    made.remove()


@pytest.mark.skipif(os.geteuid() != 0, reason="all the other tests run without root already")
def test_the_walls_stand_without_root_too():
    """In a user namespace root is somebody else: nothing of what root may do is left."""
    code = """
import os
from fedteach.grading.sandbox.launcher import Sandbox
from tests.grading.sandbox.test_launcher import ask
with Sandbox() as sandbox, sandbox.job() as job:
    assert os.geteuid() == 1000 and not sandbox.layers.namespaces, sandbox.layers
    source = "import os, socket\\ndef f(home): return os.getuid(), os.path.exists(home), socket.if_nameindex()"
    print(ask(job, source, os.getcwd() + "/tests").value)
"""
    words = ["unshare", "--user", "--map-user=1000", "--map-group=1000", sys.executable, "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    if done.stderr.startswith("unshare: "):
        pytest.skip(
            "this machine lets nobody have a user namespace, and there is no other way to lose root and keep Python"
        )
    assert done.stdout.strip() == "(1000, False, [(1, 'lo')])", done.stderr
