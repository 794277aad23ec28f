"""The judge believes nothing of an answer but that it is one; and what a sandbox that fails means for the marks."""

import dataclasses
import os
import sys
import textwrap
import time

import numpy as np
import pytest

from fedteach.exercises import catalogue
from fedteach.grading.ask import OVERTIME_S
from fedteach.grading.extract import Notebook
from fedteach.grading.isolated import IsolatedJudge, RemoteWorker, modules_in
from fedteach.grading.plain import Strange
from fedteach.grading.recipes import Network, Passage, Probe, Rng, Stream
from fedteach.grading.sandbox import fences
from fedteach.grading.sandbox.launcher import GRACE_S, JobFailed, SandboxError
from fedteach.grading.submission import Submission
from fedteach.grading.verdict import CaseResult, Verdict
from fedteach.grading.worker import Raised, Reply, WorkerLost

RAISED = Raised(("ValueError", "Exception"), "no", "line 1: raise", "way")


class Job:
    """Stands in for a job whose process says what it likes."""

    def __init__(self, says):
        self.says, self.closed = says, False

    def ask(self, order, limit_s):
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    def close(self):
        self.closed = True


@pytest.mark.parametrize(
    ("arguments", "reply"),
    [
        ((1,), Reply("value", value=[np.ones(2)], after=(1,))),
        ((1,), Reply("raised", raised=RAISED, after=(1,))),
        ((Rng(0), Stream(())), Reply("value", after=(5, Passage(1, 2, False)))),
        ((Probe("f", (1,)), Network("logistic", (8,), 2)), Reply("value", after=([(1,), (2,)], [np.ones(1)]))),
        ((), Reply("not started", exercise="4.1")),
    ],
)
def test_an_answer_is_taken_as_it_is(arguments, reply):
    job = Job(reply)
    assert RemoteWorker(job).call(arguments, 1.0) is reply
    assert not job.closed


@pytest.mark.parametrize(
    ("arguments", "reply"),
    [
        ((), None),
        ((), "value"),
        ((), Raised(("E",), "", "", "")),
        ((), Reply("passed")),
        ((), Reply("raised")),
        ((), Reply("raised", raised="ValueError")),
        ((), Reply("raised", raised=dataclasses.replace(RAISED, kinds=()))),
        ((), Reply("raised", raised=dataclasses.replace(RAISED, text=5))),
        ((), Reply("not started", exercise=4.1)),
        ((1,), Reply("value")),
        ((1,), Reply("value", after=[1])),
        ((1,), Reply("value", after=(1, 2))),
        ((Rng(0),), Reply("value", after=(5.0,))),
        ((Rng(0),), Reply("value", after=(True,))),
        ((Stream(()),), Reply("value", after=(None,))),
        ((Stream(()),), Reply("value", after=(Passage("none", 0, False),))),
        ((Probe("f", (1,)),), Reply("value", after=([1],))),
        ((Network("logistic", (8,), 2),), Reply("value", after=([1.0],))),
        ((), Reply("value", jsonable=1)),
        ((), Reply("value", shared=("0",))),
        ((), Reply("value", printed=b"x")),
        ((), Reply("value", warned=(1,))),
        ((), Reply("value", value=Strange(5, "x"))),
    ],
)
def test_what_has_not_the_form_of_an_answer_ends_the_job(arguments, reply):
    job = Job(reply)
    with pytest.raises(WorkerLost) as lost:
        RemoteWorker(job).call(arguments, 1.0)
    assert lost.value.ended == "not plain data"
    assert job.closed


def test_how_a_job_failed_is_passed_on():
    with pytest.raises(WorkerLost, match="too much memory") as lost:
        RemoteWorker(Job(JobFailed("out of memory", "too much memory"))).call((), 1.0)
    assert lost.value.ended == "out of memory"


def test_a_sandbox_that_fails_is_tried_once_more_and_then_told_and_never_a_wrong_answer(tmp_path, monkeypatch):
    (tmp_path / "04_aggregation.py").write_text("def weighted_mean(updates):\n    return 1\n")
    program = Notebook(tmp_path / "04_aggregation.py").program("weighted_mean")
    tries = []

    def broken(self):
        tries.append(1)
        raise SandboxError("no more processes")

    with IsolatedJudge() as judge:
        monkeypatch.setattr("fedteach.grading.sandbox.launcher.Sandbox.job", broken)
        verdict = judge(catalogue()["4.1"], program, tmp_path, 0)
    assert len(tries) == 2
    assert verdict.outcome == "sandbox error"
    assert "no more processes" in verdict.message


def test_a_mistake_of_ours_in_a_question_is_ours_too(tmp_path):
    def broken(ask, rng):
        """It asks for nothing that makes sense."""
        raise KeyError("ours")

    (tmp_path / "04_aggregation.py").write_text("def weighted_mean(updates):\n    return 1\n")
    program = Notebook(tmp_path / "04_aggregation.py").program("weighted_mean")
    exercise = dataclasses.replace(catalogue()["4.1"], cases=(broken,))
    with IsolatedJudge() as judge:
        verdict = judge(exercise, program, tmp_path, 0)
    assert verdict.outcome == "sandbox error"


def test_only_small_modules_of_the_students_own_come_along(tmp_path):
    (tmp_path / "helper.py").write_text("x = 1")
    (tmp_path / "04_aggregation.py").write_text("x = 1")
    (tmp_path / "long.py").write_bytes(b"#" * (2**20 + 1))
    (tmp_path / "link.py").symlink_to(tmp_path / "helper.py")
    (tmp_path / "notes.txt").write_text("x")
    assert modules_in(tmp_path) == {"helper.py": b"x = 1"}


def test_a_time_out_is_tried_once_more_for_a_neighbour_may_have_been_to_blame(tmp_path, monkeypatch):
    (tmp_path / "04_aggregation.py").write_text("def weighted_mean(updates):\n    return 1\n")
    mean, tries = catalogue()["4.1"], []

    def slow_at_first(self, exercise, load, job, seed):
        tries.append(seed)
        ended = "time out" if len(tries) == 1 else "killed"
        cases = tuple(CaseResult("x", "failed") for _ in exercise.cases)
        return Verdict(exercise.id, exercise.title, "failed", "x", cases, ended=ended)

    monkeypatch.setattr(IsolatedJudge, "_judge", slow_at_first)
    with IsolatedJudge() as judge:
        assert Submission(tmp_path, [mean], judge=judge).verdict("4.1").ended == "killed"
    assert len(tries) == 2


def test_the_package_is_hidden_at_every_path_that_leads_to_it(tmp_path):
    package = tmp_path / "real" / "lib" / "site-packages" / "fedteach"
    package.mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    readable = [str(tmp_path / place / "lib") for place in ("real", "link")] + ["/usr"]
    assert list(fences.aliases_of(package, readable)) == [f"{folder}/site-packages/fedteach" for folder in readable[:2]]
    assert list(fences.aliases_of(tmp_path / "link/lib/site-packages/fedteach", readable))[0].startswith(readable[0])


def test_of_an_environment_only_what_is_pythons_can_be_read():
    folders = fences.readable_folders()
    assert sys.prefix not in folders
    assert all(os.path.exists(folder) for folder in folders)


def test_who_switches_the_clock_off_gains_nothing_by_it(tmp_path):
    slowly = """
    import signal, time
    def weighted_mean(updates):
        signal.setitimer(signal.ITIMER_REAL, 0)
        time.sleep(0.9)
        n = sum(update.n_examples for update in updates)
        return [sum(u.n_examples / n * u.delta[i] for u in updates) for i in range(len(updates[0].delta))]
    """
    (tmp_path / "04_aggregation.py").write_text(textwrap.dedent(slowly))
    exercise = catalogue()["4.1"]
    began = time.monotonic()
    with IsolatedJudge() as judge:
        verdict = Submission(tmp_path, [exercise], judge=judge, read=judge.read).verdict("4.1")
    assert verdict.outcome == "time out"
    passed = [case for case in verdict.cases if case.state == "passed"]
    assert len(passed) * 0.9 < exercise.time_limit_s + OVERTIME_S
    assert time.monotonic() - began < 2 * (exercise.time_limit_s + OVERTIME_S + GRACE_S) + 10, "twice, and the start"
