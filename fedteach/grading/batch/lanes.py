"""Grading side by side: processes that each judge one student after another, in sandboxes of their own."""

import multiprocessing
import os
import signal
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.util import Finalize
from pathlib import Path

from fedteach.grading.batch.marks import Mark, mark, ungraded
from fedteach.grading.batch.own_code import own_code
from fedteach.grading.exercise import Exercise
from fedteach.grading.extract import Missing, Notebook, Program
from fedteach.grading.isolated import IsolatedJudge
from fedteach.grading.notebooks import UnreadableNotebook
from fedteach.grading.seeds import secret_seed, visible_seed
from fedteach.grading.submission import Submission, SubmissionError, cannot_be_had
from fedteach.grading.verdict import Finding, Verdict

READING_LIMIT_S, HAND_IN_LIMIT_S = 120.0, 900.0
"""Seconds that all files of a hand-in may take to be read, and after which no further exercise is judged: each job has
limits of its own, but there may be many."""

_CALLED = "what was handed in"

Work = tuple[str, Path]
"""A student, and the folder with what was handed in."""


@dataclass(frozen=True)
class Orders:
    """What all lanes have in common.

    Attributes:
        exercises: returns what is graded; called in each lane, for exercises hold functions that cannot be sent.
        assignment: its name, for the seeds.
        key: the course key.
        memory_bytes: what a job may use.
        load_limit_s: seconds that everything may take that a function needs.
        work: a folder for what lanes need on disk.
        stubs: exercise -> the cell that its student begins with.
    """

    exercises: Callable[[], Sequence[Exercise]]
    assignment: str
    key: bytes
    memory_bytes: int
    load_limit_s: float
    work: Path
    stubs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Graded:
    """What came of one hand-in.

    Attributes:
        student: whose it is.
        marks: one for each exercise.
        code: exercise -> the lines that the student has written for it.
        seconds: how long it took.
    """

    student: str
    marks: tuple[Mark, ...]
    code: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def grade(hand_ins: Sequence[Work], orders: Orders, jobs: int) -> Generator[Graded]:
    """Grade hand-ins side by side; yield each as it is done.

    A lane that dies takes its pool along, and nobody can tell which hand-in was to blame. So those that had begun are
    graded once more, each alone in a pool of its own, and what takes that one along too is given up, and told.

    Args:
        hand_ins: student and folder.
        orders: what all have in common.
        jobs: number of lanes.
    """
    waiting = deque(hand_ins)
    while waiting:
        begun = yield from _grade_together(waiting, orders, jobs)
        for student, folder in begun:
            if (yield from _grade_together(deque([(student, folder)]), orders, 1)):
                yield _given_up(student, orders.exercises(), "the grader itself ended while it judged this hand-in")


def _grade_together(waiting: deque[Work], orders: Orders, lanes: int) -> Generator[Graded, None, list[Work]]:
    """Grade what waits, in a new pool, until all is done or a lane dies.

    Returns:
        What had begun when a lane died; what had not still waits.
    """
    begun: dict[Future[Graded], Work] = {}
    with _pool(orders, lanes) as pool:
        try:
            while waiting or begun:
                while waiting and len(begun) <= lanes:  # one more than there are lanes, so that none has to wait
                    begun[pool.submit(_grade_one, *waiting[0])] = waiting[0]
                    waiting.popleft()
                for future in wait(begun, return_when=FIRST_COMPLETED).done:
                    graded = future.result()
                    del begun[future]
                    yield graded
        except BrokenProcessPool:
            pass
    return list(begun.values())


@contextmanager
def _pool(orders: Orders, lanes: int) -> Iterator[ProcessPoolExecutor]:
    context, others = multiprocessing.get_context("spawn"), multiprocessing.active_children()
    with ProcessPoolExecutor(lanes, mp_context=context, initializer=_begin, initargs=(orders,)) as pool:
        try:
            yield pool
        except BaseException:  # Ctrl-C, or nobody wants the rest: then nobody waits for what is being judged
            for lane in multiprocessing.active_children():
                if lane not in others:
                    lane.kill()
            raise


def _given_up(student: str, exercises: Sequence[Exercise], why: str) -> Graded:
    return Graded(student, tuple(ungraded(exercise, why) for exercise in exercises))


# ---- in a lane ------------------------------------------------------------------------------------------------


_lane: "_Lane | None" = None


def _begin(orders: Orders) -> None:
    global _lane
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever has started this lane, and ends it
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
        """Judge all exercises of a hand-in, with the public questions and the secret ones. Never raises."""
        began = time.monotonic()
        judging = _Judging(self.judge, self._orders, student)
        try:
            submission = Submission(
                folder,
                self._exercises,
                seed_for=judging.visible_seed,
                judge=judging,
                read=judging.read,
                called=_CALLED,
            )
            verdicts = [submission.verdict(one.id) for one in self._exercises]
            code = {one.id: text for one in self._exercises if (text := self._own_code(submission, one))}
        except SubmissionError as error:
            verdicts, code = [Verdict(one.id, one.title, "not started", f"{error}.") for one in self._exercises], {}
        except Exception as error:  # of ours: a sandbox that cannot be had, say. The next hand-in may fare better.
            return _given_up(student, self._exercises, f"the grader stopped with {type(error).__name__}: {error}")
        marks = tuple(
            mark(one, verdict, judging.hidden.get(one.id), judging.seconds.get(one.id, 0.0))
            for one, verdict in zip(self._exercises, verdicts, strict=True)
        )
        return Graded(student, marks, code, round(time.monotonic() - began, 3))

    def _own_code(self, submission: Submission, exercise: Exercise) -> str:
        try:
            _, program = submission.program(exercise)
        except Missing:
            return ""
        return own_code(program, self._orders.stubs.get(exercise.id, ""))


class _Judging:
    """A `submission.Judge` for one student, which asks everything twice and remembers what came of the secret half.

    Args:
        judge: who asks.
        orders: what all lanes have in common.
        student: whose work it is.
    """

    def __init__(self, judge: IsolatedJudge, orders: Orders, student: str):
        self._judge, self._orders, self._student = judge, orders, student
        self._began = time.monotonic()
        self.hidden: dict[str, Verdict | None] = {}
        self.seconds: dict[str, float] = {}

    def read(self, path: Path) -> Notebook:
        """Read a notebook, unless the others of the hand-in have taken too long; a `submission.Reader`."""
        if time.monotonic() - self._began > READING_LIMIT_S:
            minutes = READING_LIMIT_S / 60
            raise UnreadableNotebook(f"{path.name} was not read, as those before it took {minutes:g} minutes")
        return self._judge.read(path)

    def __call__(self, exercise: Exercise, program: Program, folder: Path, seed: int) -> Verdict:
        if time.monotonic() - self._began > HAND_IN_LIMIT_S:
            minutes = HAND_IN_LIMIT_S / 60
            says = f"Everything before it took {minutes:g} minutes, so {exercise.function} was not judged any more."
            return cannot_be_had(exercise, Finding(says), "time out")
        asked, orders = time.monotonic(), self._orders
        secret = secret_seed(orders.key, orders.assignment, exercise.id, self._student)
        public, *others = self._judge.judge_with(exercise, program, folder, (seed, secret))
        self.hidden[exercise.id] = others[0] if others else None
        self.seconds[exercise.id] = time.monotonic() - asked
        return public

    def visible_seed(self, exercise: str) -> int:
        """Return the seed of the questions that the student may know."""
        return visible_seed(self._orders.assignment, exercise, self._student)
