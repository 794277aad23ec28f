"""What a student hands in: a notebook or a folder of them, and the verdicts on all its exercises.

The seam: `Notebook.program` reads and returns plain data, and whoever judges runs it: `judge_here` in this process,
`isolated.IsolatedJudge` in another.
"""

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from fedteach.grading.exercise import Exercise
from fedteach.grading.extract import Missing, Notebook, Program
from fedteach.grading.judging import judge_function
from fedteach.grading.not_started import NotStarted
from fedteach.grading.notebooks import UnreadableNotebook
from fedteach.grading.program import Stopped, interrupted, load
from fedteach.grading.surroundings import as_in, ctrl_c
from fedteach.grading.verdict import CaseResult, Ending, Finding, Verdict, not_there_yet, waiting_for

_NAME = re.compile(r"(?<![0-9])(?P<step>[0-9]{1,2})_[^\W\d_]")
"""Of a notebook: the step and its topic, whatever is around them, as in "Copy of 4_aggregation (1).ipynb"."""

_SUFFIXES = (".ipynb", ".py")


class SubmissionError(ValueError):
    """There is nothing at this place that could be judged."""


class Submission:
    """The notebooks of one student.

    Args:
        path: a folder, in which every .ipynb or .py is read that has NN_topic in its name, or one such file.
        exercises: those of the course.
        seed_for: the seed for an exercise, by its number; the same seed asks the same questions.
        judge: what runs a program and judges its function.
        read: what reads a notebook.
        called: how messages call the place; the path, unless something else is said.

    Raises:
        SubmissionError: if there is no such file or folder, or no notebook in it.
    """

    def __init__(
        self,
        path: Path,
        exercises: Iterable[Exercise],
        *,
        seed_for: Callable[[str], int] = lambda exercise: 0,
        judge: "Judge | None" = None,
        read: "Reader | None" = None,
        called: str = "",
    ):
        self.path = Path(path)
        self._called = called or str(path)
        self._exercises = {exercise.id: exercise for exercise in exercises}
        self._seed_for = seed_for
        self._run: Judge = judge or judge_here
        self._notebooks: dict[Path, Notebook | UnreadableNotebook] = {
            p: _read(p, read or Notebook) for p in _files(self.path, self._called)
        }
        self._begun: set[str] = set()
        self._programs: dict[str, tuple[Notebook, Program] | Missing] = {}
        self._judged: dict[str, tuple[Notebook, Program]] = {}
        self._verdicts: dict[str, Verdict] = {}

    def exercises(self) -> list[Exercise]:
        """Return the exercises that this is about: of a folder all, of one notebook those of its step."""
        everything = list(self._exercises.values())
        if self.path.is_dir():
            return everything
        (notebook,) = self._notebooks.values()
        of_step = [exercise for exercise in everything if exercise.step == _step(self.path)]
        there = [e for e in everything if isinstance(notebook, Notebook) and notebook.has(e.function)]
        found = there if there and not any(exercise in there for exercise in of_step) else of_step
        return found or everything

    def verdicts(self) -> Iterator[Verdict]:
        """Judge all that this is about, in the order of the course."""
        for exercise in self.exercises():
            yield self.verdict(exercise.id)

    def verdict(self, exercise_id: str) -> Verdict:
        """Judge one exercise, and before it those that its function calls; once only."""
        if exercise_id not in self._verdicts:
            self._begun.add(exercise_id)
            self._verdicts[exercise_id] = self._judge(self._exercises[exercise_id])
        return self._verdicts[exercise_id]

    def function(self, exercise: Exercise) -> Any:
        """Return the student's function, loaded once more from where it was judged.

        Raises:
            Missing, Stopped, NotStarted: if it cannot be had; says why.
            KeyboardInterrupt: if somebody has pressed Ctrl-C.
        """
        self.verdict(exercise.id)
        notebook, program = self._judged.get(exercise.id) or self.program(exercise)
        with ctrl_c() as pressed, as_in(notebook.path.parent):
            try:
                return load(program)
            except KeyboardInterrupt:
                if pressed.is_set():
                    raise
                raise Stopped(interrupted(exercise.function)) from None

    def program(self, exercise: Exercise) -> tuple[Notebook, Program]:
        """Find the student's function, in the notebook of its step or else in any other, with all that it needs.

        Raises:
            Missing: if it is nowhere; says why.
        """
        if exercise.id not in self._programs:
            self._programs[exercise.id] = self._look_for(exercise)
        found = self._programs[exercise.id]
        if isinstance(found, Missing):
            raise found
        return found

    def _look_for(self, exercise: Exercise) -> tuple[Notebook, Program] | Missing:
        notebooks = self._ranked(exercise)
        try:
            for notebook in notebooks:
                if notebook.has(exercise.function):
                    return notebook, notebook.program(exercise.function, self._others(exercise), exercise.id)
        except Missing as missing:
            return missing
        return self._nowhere(exercise, notebooks, self._others(exercise))

    def _judge(self, exercise: Exercise) -> Verdict:
        try:
            found = self.program(exercise)
        except Missing as missing:
            if not missing.begun:
                return Verdict(exercise.id, exercise.title, "not started", missing.finding.says)
            return cannot_be_had(exercise, missing.finding, "import error")
        verdict = self._judge_in(exercise, *found)
        ranked = self._ranked(exercise)
        copies = [n for n in ranked if _step(n.path) == exercise.step and n.has(exercise.function)]
        for copy in copies if verdict.state == "not started" else ():
            with contextlib.suppress(Missing):
                other = copy, copy.program(exercise.function, self._others(exercise), exercise.id)
                if (judged := self._judge_in(exercise, *other)).state != "not started":
                    found, verdict = other, judged
                    break
        self._judged[exercise.id] = found
        if found[0] is ranked[0]:
            return verdict
        return replace(verdict, summary=f"{verdict.summary} (It was found in {found[0].path.name}.)")

    def _judge_in(self, exercise: Exercise, notebook: Notebook, program: Program) -> Verdict:
        # Functions may call each other in a circle: what is being judged already does not wait for itself.
        in_progress = self._begun - self._verdicts.keys()
        helpers = [h for h in self._exercises.values() if h.function in program.uses and h.id not in in_progress]
        for helper in helpers:
            self.verdict(helper.id)
        verdict = self._run(exercise, program, notebook.path.parent, self._seed_for(exercise.id))
        to_mend = [h for h in helpers if not self.verdict(h.id).passed]
        if verdict.state != "failed" or not to_mend:
            return verdict
        helper = to_mend[0]
        why = "is not started yet" if self.verdict(helper.id).state == "not started" else "is not right yet"
        waits = waiting_for(exercise, f"{helper.id} ({helper.function})", why)
        # What was right all the same counts where a class is graded.
        cases = tuple(replace(one, state="waiting", finding=None) if one.finding else one for one in verdict.cases)
        return replace(waits, cases=cases)

    def _ranked(self, exercise: Exercise) -> list[Notebook]:
        """Return the notebooks that can be read, those of the exercise's step first."""
        ranked = sorted(self._notebooks, key=lambda path: _step(path) != exercise.step)
        return [notebook for path in ranked if isinstance(notebook := self._notebooks[path], Notebook)]

    def _others(self, exercise: Exercise) -> list[str]:
        return [other.function for other in self._exercises.values() if other is not exercise]

    def _nowhere(self, exercise: Exercise, notebooks: list[Notebook], others: list[str]) -> Missing:
        """Say why the function is in none of the notebooks: the one of its step has the first word."""
        name = exercise.function
        unreadable = [self._notebooks[path] for path in self._notebooks if _step(path) in (exercise.step, "")]
        for notebook in notebooks:
            if _step(notebook.path) in (exercise.step, "") or notebook.broken_cell(name):
                try:
                    notebook.program(name, others)
                except Missing as missing:
                    return missing
        for reason in unreadable:
            if isinstance(reason, UnreadableNotebook):
                return Missing(Finding(f"{reason}."))
        wanted = f"{int(exercise.step):02d}_*.ipynb"
        says = f"There is no notebook {wanted} in {self._called}, and no function {name} in the others."
        return Missing(Finding(says), begun=False)


def _files(path: Path, called: str) -> list[Path]:
    if path.is_file():
        if path.suffix.lower() not in _SUFFIXES:
            raise SubmissionError(f"{called} is no notebook; expected a name such as 04_aggregation.ipynb")
        return [path]
    if not path.is_dir():
        raise SubmissionError(f"there is no file or folder {called}; expected a notebook or a folder of notebooks")
    # "04_aggregation" comes before its copies "04_aggregation-Copy1" and "Copy of 04_aggregation".
    files = (
        p
        for p in path.iterdir()
        if p.suffix.lower() in _SUFFIXES
        and not p.name.startswith((".", "_"))
        and (_step(p) or p.suffix.lower() == ".ipynb")
    )
    # A notebook of another name comes last: what is in it counts if it is nowhere else.
    found = sorted(files, key=lambda p: (not _step(p), not _NAME.match(p.name), p.stem, p.suffix.lower()))
    if not found:
        raise SubmissionError(f"there is no notebook in {called}; expected names such as 04_aggregation.ipynb")
    return found


def _read(path: Path, read: "Reader") -> Notebook | UnreadableNotebook:
    try:
        return read(path)
    except UnreadableNotebook as reason:
        return reason


def _step(path: Path) -> str:
    """Return the step in a notebook's name, "4" for 04_aggregation.ipynb, or ""."""
    name = _NAME.search(path.stem)
    return str(int(name["step"])) if name else ""


Reader = Callable[[Path], Notebook]
"""Reads a notebook, or raises `UnreadableNotebook`."""

Judge = Callable[[Exercise, Program, Path, int], Verdict]
"""Runs a program as in a folder, and judges its function by the questions of a seed. It never raises anything for the
student's sake."""


def judge_here(exercise: Exercise, program: Program, folder: Path, seed: int) -> Verdict:
    """Load a program in this process and judge its function; see `Judge`."""
    with ctrl_c() as pressed, as_in(folder):
        try:
            return judge_function(exercise, load(program), seed=seed)
        except Stopped as stopped:
            return cannot_be_had(exercise, stopped.finding, "import error")
        except NotStarted as error:
            return not_there_yet(exercise, error.exercise)
        except KeyboardInterrupt:
            if pressed.is_set():
                raise
            return cannot_be_had(exercise, interrupted(exercise.function), "import error")
        except Exception as error:  # a mistake of ours must not take the other exercises along
            return check_broke(exercise, error)


def check_broke(exercise: Exercise, error: Exception) -> Verdict:
    """Return the verdict where the check itself has stopped, which says nothing about the function."""
    says = f"The check of {exercise.id} itself stopped with {type(error).__name__}: {error}. Please report it."
    return cannot_be_had(exercise, Finding(says), "sandbox error")


def cannot_be_had(exercise: Exercise, finding: Finding, ended: Ending) -> Verdict:
    """Return the verdict on a function that could not be asked anything."""
    found = CaseResult(f"{exercise.function} is there and can be called.", "failed", finding)
    return Verdict(exercise.id, exercise.title, "failed", finding.says, (found,), ended=ended)
