"""Grading side by side: processes that each judge one student after another, in sandboxes of their own."""

import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.util import Finalize
from pathlib import Path

from fedteach.grading.batch.marks import UNGRADED, Mark, mark
from fedteach.grading.batch.seeds import PUBLIC_SEED, secret_seed
from fedteach.grading.exercise import Exercise
from fedteach.grading.extract import Program
from fedteach.grading.isolated import IsolatedJudge
from fedteach.grading.submission import Submission, SubmissionError
from fedteach.grading.verdict import Verdict

_ATTEMPTS = 2
"""A hand-in whose grading took the grader along is graded once more, alone in a fresh process."""


@dataclass(frozen=True)
class Orders:
    """What all lanes have in common.

    Attributes:
        exercises: returns what is graded; called in each lane, for exercises hold functions that cannot be sent.
        assignment: its name, for the secret seeds.
        key: the course key.
        memory_bytes: what a job may use.
        load_limit_s: seconds that everything may take that a function needs.
        work: a folder for what lanes need on disk.
    """

    exercises: Callable[[], Sequence[Exercise]]
    assignment: str
    key: bytes
    memory_bytes: int
    load_limit_s: float
    work: Path


@dataclass(frozen=True)
class Graded:
    """What came of one hand-in.

    Attributes:
        student: whose it is.
        marks: one for each exercise.
        seconds: how long it took.
    """

    student: str
    marks: tuple[Mark, ...]
    seconds: float


def grade(hand_ins: Sequence[tuple[str, Path]], orders: Orders, jobs: int) -> Iterator[Graded]:
    """Grade hand-ins side by side; yield each as it is done.

    Args:
        hand_ins: student and folder.
        orders: what all have in common.
        jobs: number of lanes.
    """
    waiting = [(student, folder, 1) for student, folder in hand_ins]
    while waiting:
        together = [task for task in waiting if task[2] == 1]
        batch, lanes = (together, jobs) if together else (waiting[:1], 1)
        left = [task for task in waiting if task not in batch]
        yield from _run(batch, orders, lanes, left)
        waiting = left


def _run(
    batch: list[tuple[str, Path, int]], orders: Orders, lanes: int, left: list[tuple[str, Path, int]]
) -> Iterator[Graded]:
    """Grade a batch in a pool; what a broken pool takes along comes into `left`, or is given up and told."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(lanes, mp_context=context, initializer=_begin, initargs=(orders,)) as pool:
        futures: dict[Future[Graded], tuple[str, Path, int]] = {}
        open_tasks = iter(batch)
        try:
            for task in open_tasks:
                futures[pool.submit(_grade_one, *task[:2])] = task
                if len(futures) > lanes:  # no more than can be begun: what is not begun needs no second attempt
                    yield from _done(futures)
            while futures:
                yield from _done(futures)
        except BrokenProcessPool:
            for student, folder, attempt in [*futures.values(), *open_tasks]:
                if attempt < _ATTEMPTS:
                    left.append((student, folder, attempt + 1))
                else:
                    yield Graded(student, tuple(map(_ungraded, orders.exercises())), 0.0)


def _done(futures: dict[Future[Graded], tuple[str, Path, int]]) -> Iterator[Graded]:
    for future in wait(futures, return_when=FIRST_COMPLETED).done:
        graded = future.result()
        del futures[future]
        yield graded


def _ungraded(exercise: Exercise) -> Mark:
    says = "The grader itself ended while it judged this hand-in. Please report it; nothing is scored."
    return Mark(exercise.id, exercise.title, UNGRADED, None, exercise.points, (), says, says, 0.0)


# ---- in a lane ------------------------------------------------------------------------------------------------


_lane: "_Lane | None" = None


def _begin(orders: Orders) -> None:
    global _lane
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    tempfile.tempdir = str(orders.work)  # what is left of a lane that is killed goes with the folder
    _lane = _Lane(orders)
    Finalize(None, _lane.judge.close, exitpriority=10)


def _end_with_the_parent() -> None:
    """End this lane, and with it its sandboxes, when whoever started it was killed: nobody waits for it any more."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _grade_one(student: str, folder: Path) -> Graded:
    assert _lane is not None
    return _lane.grade(student, folder)


class _Lane:
    """Judges one student after another.

    Args:
        orders: what all lanes have in common.
    """

    def __init__(self, orders: Orders):
        self._orders, self._exercises = orders, tuple(orders.exercises())
        self.judge = IsolatedJudge(memory_bytes=orders.memory_bytes, load_limit_s=orders.load_limit_s)

    def grade(self, student: str, folder: Path) -> Graded:
        """Judge all exercises of a hand-in, with the public questions and the secret ones."""
        began = time.monotonic()
        hidden: dict[str, Verdict | None] = {}
        seconds: dict[str, float] = {}

        def judge(exercise: Exercise, program: Program, folder: Path, seed: int) -> Verdict:
            asked = time.monotonic()
            secret = secret_seed(self._orders.key, self._orders.assignment, exercise.id, student)
            public, *others = self.judge.judge_with(exercise, program, folder, (seed, secret))
            hidden[exercise.id] = others[0] if others else None
            seconds[exercise.id] = time.monotonic() - asked
            return public

        exercises = self._exercises
        try:
            submission = Submission(folder, exercises, seed=PUBLIC_SEED, judge=judge, read=self.judge.read)
        except SubmissionError as error:
            says = str(error).replace(str(folder), "what was handed in")
            verdicts = [Verdict(one.id, one.title, "not started", says) for one in exercises]
        else:
            verdicts = [submission.verdict(one.id) for one in exercises]
        marks = tuple(
            mark(one, verdict, hidden.get(one.id), seconds.get(one.id, 0.0))
            for one, verdict in zip(exercises, verdicts, strict=True)
        )
        return Graded(student, marks, round(time.monotonic() - began, 3))
