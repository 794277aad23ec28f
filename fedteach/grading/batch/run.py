"""Grading a class from beginning to end: take in, grade what is not graded yet, write the reports."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fedteach import checks
from fedteach.grading.batch.gradebook import Gradebook, Row
from fedteach.grading.batch.intake import HandIn, Intake, take_in
from fedteach.grading.batch.lanes import Graded, Orders, grade
from fedteach.grading.batch.lateness import Deadline
from fedteach.grading.batch.ledger import Ledger
from fedteach.grading.batch.reports import FORMATS, write_reports
from fedteach.grading.batch.result import Result
from fedteach.grading.batch.roster import Roster
from fedteach.grading.batch.workspace import KEY, workspace
from fedteach.grading.exercise import Exercise, fingerprint
from fedteach.grading.sandbox.launcher import Layers, fences_here
from fedteach.grading.seeds import course_key
from fedteach.threads import available_cores

Track = Callable[[Iterable[Graded], int], Iterable[Graded]]
"""Passes on what is graded as it comes, of so many in all; a progress bar."""


@dataclass(frozen=True)
class Course:
    """What is graded.

    Attributes:
        name: for headings, columns and seeds.
        exercises: returns them; called in every process that judges, for exercises cannot be sent.
        stubs: exercise -> the cell that its student begins with.
    """

    name: str
    exercises: Callable[[], Sequence[Exercise]]
    stubs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Options:
    """How it is graded.

    Attributes:
        roster: a CSV of the class, or None.
        seed_key: the file of the course key, made if it is not there; None: `course.key` in the folder of the results.
        deadline: a date with a time, or None.
        late_policy: what lateness costs; see `LatePolicy.parse`.
        formats: platforms that get a file of their own; empty: the one whose layout the hand-ins have.
        jobs: students graded side by side; 0: one for each processor.
        time_limit_s: seconds for loading what a function needs.
        memory_mb: megabytes that a student's code may use.
        resume: whether results of an earlier run count.
    """

    roster: Path | None = None
    seed_key: Path | None = None
    deadline: str | None = None
    late_policy: str = "none"
    formats: tuple[str, ...] = ()
    jobs: int = 0
    time_limit_s: float = 20.0
    memory_mb: int = 2048
    resume: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        checks.whole("jobs", self.jobs, least=0, most=256)
        checks.number("time_limit", self.time_limit_s, least=0, open_left=True)
        checks.whole("memory_limit", self.memory_mb, least=128)
        for name in self.formats:
            checks.known("format", name, FORMATS)


def grade_class(
    course: Course,
    submissions: Path,
    out: Path,
    options: Options | None = None,
    *,
    tell: Callable[[str], None] = lambda sentence: None,
    track: Track = lambda graded, total: graded,
) -> Gradebook:
    """Grade a class and write its reports.

    Killed at any moment, the same call goes on with what is not graded yet.

    Args:
        course: what is graded.
        submissions: what the platform hands over: a folder, a zip, or one notebook.
        out: the folder for results and reports; see `ledger` and `reports`.
        options: how.
        tell: takes sentences on what was found, as it is found.
        track: passes on what is graded as it comes.

    Raises:
        ValueError: if anything cannot be meant or read; nothing is graded then.
        SandboxError: if this machine can have no sandbox at all.
    """
    options, fences = options or Options(), fences_here()
    roster = Roster.load(options.roster) if options.roster else None
    deadline = Deadline.agreed(options.deadline, options.late_policy, roster)
    exercises = course.exercises()
    _insist_on_apart(submissions, out)
    run = time.strftime("%Y%m%d_%H%M%S", time.gmtime())
    with workspace(out) as work:
        intake = take_in(submissions, work / "intake", roster)
        _tell_intake(intake, tell)
        _tell_fences(fences, tell)
        key = _course_key(options.seed_key or out / KEY, tell)
        ledger = Ledger(out, _settings(course.name, exercises, options, key))
        done = {h.student: result for h in intake.hand_ins if options.resume and (result := ledger.find(h))}
        _tell_list("graded earlier, not handed in now, and so in no table", ledger.others(intake.students()), tell)
        if done:
            tell(f"{len(done)} of {len(intake.hand_ins)} are graded already")
        orders = Orders(
            exercises=course.exercises,
            assignment=course.name,
            key=key,
            memory_bytes=options.memory_mb * 2**20,
            load_limit_s=options.time_limit_s,
            work=work,
            stubs=course.stubs,
        )
        fresh = _grade_rest(intake.hand_ins, done, orders, options.jobs, ledger, run, track)
        results = done | fresh
        in_order = [results[student] for student in intake.students()]
        rows = tuple(Row(result, deadline.lateness(result), result.student in fresh) for result in in_order)
        book = _book(course.name, exercises, rows, intake, fences, run)
        write_reports(book, out, options.formats or tuple({intake.platform.lower()} & FORMATS.keys()))
    return book


def _insist_on_apart(submissions: Path, out: Path) -> None:
    """Refuse results among submissions, where the next run would take them for one, and the other way round."""
    one, other = submissions.resolve(), out.resolve()
    if one == other or one in other.parents or other in one.parents:
        raise ValueError(f"{out} and {submissions} lie in each other; name a folder for the results apart from both")


def _settings(course: str, exercises: Sequence[Exercise], options: Options, key: bytes) -> dict[str, Any]:
    """Return all that a result depends on beside the hand-in."""
    return {
        "course": course,
        "exercises": {exercise.id: fingerprint(exercise) for exercise in exercises},
        "limits": {"time": options.time_limit_s, "memory": options.memory_mb},
        "key": key.hex()[:8],  # the secret seeds belong to it: with another key, everything is asked anew
    }


def _book(
    course: str, exercises: Sequence[Exercise], rows: tuple[Row, ...], intake: Intake, fences: Layers, run: str
) -> Gradebook:
    return Gradebook(
        course=course,
        exercises=tuple(exercise.id for exercise in exercises),
        functions={exercise.id: exercise.function for exercise in exercises},
        rows=rows,
        run=run,
        platform=intake.platform,
        unclear=tuple(intake.unclear),
        missing=tuple(intake.missing),
        fences=tuple(fences.lines()),
        warning=fences.warning,
    )


def _course_key(path: Path, tell: Callable[[str], None]) -> bytes:
    new = not path.exists()
    key = course_key(path)
    if new:
        tell(f"{path} is a new course key: keep it to yourself, and keep it, for the hidden questions come from it")
    return key


def _grade_rest(
    hand_ins: Sequence[HandIn],
    done: Mapping[str, Result],
    orders: Orders,
    jobs: int,
    ledger: Ledger,
    run: str,
    track: Track,
) -> dict[str, Result]:
    """Grade what is not done, and write each result down as soon as it is there."""
    todo = {hand_in.student: hand_in for hand_in in hand_ins if hand_in.student not in done}
    lanes = min(jobs or available_cores(), max(len(todo), 1))
    folders = [(student, hand_in.folder) for student, hand_in in todo.items()]
    # Whatever stops this, the lanes end before their folder goes.
    with closing(grade(folders, orders, lanes)) as graded:
        return {one.student: ledger.enter(todo[one.student], one, run) for one in track(graded, len(todo))}


_MOST_TOLD = 20
_MANY, _A_COPY_S = 5, 60.0
"""So many students do not hand in within so many seconds."""


def _tell_intake(intake: Intake, tell: Callable[[str], None]) -> None:
    tell(f"{len(intake.hand_ins)} students{f' ({intake.platform})' if intake.platform else ''}")
    _tell_list("not graded", intake.unclear, tell)
    _tell_list("nothing came from", intake.missing, tell)
    times = [hand_in.received for hand_in in intake.hand_ins if hand_in.time_from == "file" and hand_in.received]
    if len(times) >= _MANY and max(times) - min(times) < _A_COPY_S:
        tell("Warning: all files have the same time; is it that of a copy? A deadline would count from it")


def _tell_list(words: str, entries: Sequence[str], tell: Callable[[str], None]) -> None:
    for entry in entries[:_MOST_TOLD]:
        tell(f"{words}: {entry}")
    if len(entries) > _MOST_TOLD:
        tell(f"{words}: {len(entries) - _MOST_TOLD} more")


def _tell_fences(fences: Layers, tell: Callable[[str], None]) -> None:
    for line in fences.lines():
        tell(f"sandbox: {line}")
    if fences.warning:
        tell(f"Warning: {fences.warning}")
