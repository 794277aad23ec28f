"""What a student hands in: a notebook or a folder of them, and the verdicts on all its exercises.

The seam: `Notebook.program` reads and returns plain data, `load` runs it. Here both happen in one process.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from fedteach.grading.exercise import Exercise
from fedteach.grading.extract import Missing, Notebook, Program
from fedteach.grading.judging import judge_function
from fedteach.grading.not_started import NotStarted
from fedteach.grading.notebooks import UnreadableNotebook
from fedteach.grading.program import Stopped, as_in, ctrl_c, load
from fedteach.grading.verdict import CaseResult, Finding, Verdict

_NAME = re.compile(r"(?P<step>\d\d)_.*\.(?:ipynb|py)")


class SubmissionError(ValueError):
    """There is nothing at this place that could be judged."""


class Submission:
    """The notebooks of one student.

    Args:
        path: a folder, in which every NN_topic.ipynb or .py is read, or one such file.
        exercises: those of the course.
        seed: the same seed asks the same questions.

    Raises:
        SubmissionError: if there is no such file or folder, or no notebook in it.
    """

    def __init__(self, path: Path, exercises: Iterable[Exercise], *, seed: int = 0):
        self.path = Path(path)
        self._exercises = {exercise.id: exercise for exercise in exercises}
        self._seed = seed
        self._notebooks: dict[Path, Notebook | UnreadableNotebook] = {p: _read(p) for p in _files(self.path)}
        self._begun: set[str] = set()
        self._verdicts: dict[str, Verdict] = {}

    def exercises(self) -> list[Exercise]:
        """Return the exercises that this is about: of a folder all, of one notebook those of its step."""
        everything = list(self._exercises.values())
        if self.path.is_dir():
            return everything
        (notebook,) = self._notebooks.values()
        if _step(self.path):
            found = [exercise for exercise in everything if exercise.step == _step(self.path)]
        else:
            found = [e for e in everything if isinstance(notebook, Notebook) and notebook.has(e.function)]
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

    def _judge(self, exercise: Exercise) -> Verdict:
        try:
            notebook, program = self.program(exercise)
        except Missing as missing:
            return _verdict(exercise, missing.finding, "failed" if missing.begun else "not started")
        # Functions may call each other in a circle: what is being judged already does not wait for itself.
        in_progress = self._begun - self._verdicts.keys()
        helpers = [h for h in self._exercises.values() if h.function in program.uses and h.id not in in_progress]
        for helper in helpers:
            self.verdict(helper.id)
        verdict = _run(exercise, program, notebook.path.parent, self._seed)
        to_mend = [h for h in helpers if not self.verdict(h.id).passed]
        return (
            _waiting(exercise, to_mend[0], self.verdict(to_mend[0].id))
            if verdict.state == "failed" and to_mend
            else verdict
        )

    def program(self, exercise: Exercise) -> tuple[Notebook, Program]:
        """Find the student's function, in the notebook of its step or else in any other, with all that it needs.

        Raises:
            Missing: if it is nowhere; says why.
        """
        others = [other.function for other in self._exercises.values() if other is not exercise]
        ranked = sorted(self._notebooks, key=lambda path: _step(path) != exercise.step)
        notebooks = [notebook for path in ranked if isinstance(notebook := self._notebooks[path], Notebook)]
        for notebook in notebooks:
            if notebook.has(exercise.function):
                return notebook, notebook.program(exercise.function, others)
        raise self._nowhere(exercise, notebooks, others)

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
        says = f"There is no notebook {wanted} in {self.path}, and no function {name} in the others."
        return Missing(Finding(says), begun=False)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        if path.suffix not in (".ipynb", ".py"):
            raise SubmissionError(f"{path} is no notebook; expected a name such as 04_aggregation.ipynb")
        return [path]
    if not path.is_dir():
        raise SubmissionError(f"there is no file or folder {path}; expected a notebook or a folder of notebooks")
    # By stem, so that "04_aggregation" comes before its copies "04_aggregation-Copy1".
    found = sorted((p for p in path.iterdir() if _NAME.fullmatch(p.name)), key=lambda p: (p.stem, p.suffix))
    if not found:
        raise SubmissionError(f"there is no notebook in {path}; expected names such as 04_aggregation.ipynb")
    return found


def _read(path: Path) -> Notebook | UnreadableNotebook:
    try:
        return Notebook(path)
    except UnreadableNotebook as reason:
        return reason


def _step(path: Path) -> str:
    """Return the step in a notebook's name, "4" for 04_aggregation.ipynb, or ""."""
    name = _NAME.fullmatch(path.name)
    return str(int(name["step"])) if name else ""


def _run(exercise: Exercise, program: Program, folder: Path, seed: int) -> Verdict:
    """Load a program and judge its function. Nothing that the student's code raises comes out of here."""
    with ctrl_c() as pressed, as_in(folder):
        try:
            return judge_function(exercise, load(program), seed=seed)
        except Stopped as stopped:
            return _verdict(exercise, stopped.finding)
        except NotStarted as error:
            return _not_started(exercise, error.exercise)
        except KeyboardInterrupt:
            if pressed.is_set():
                raise
            says = f"{exercise.function} raises KeyboardInterrupt, as if somebody had pressed Stop."
            return _verdict(exercise, Finding(says))
        except Exception as error:  # a mistake of ours must not take the other exercises along
            says = f"The check of {exercise.id} itself stopped with {type(error).__name__}: {error}. Please report it."
            return _verdict(exercise, Finding(says))


def _verdict(exercise: Exercise, finding: Finding, state: str = "failed") -> Verdict:
    if state == "not started":
        return Verdict(exercise.id, exercise.title, "not started", finding.says)
    found = CaseResult(f"{exercise.function} is there and can be called.", "failed", finding)
    return Verdict(exercise.id, exercise.title, "failed", finding.says, (found,))


def _not_started(exercise: Exercise, missing: str) -> Verdict:
    if missing == exercise.id:
        return Verdict(exercise.id, exercise.title, "not started", f"{exercise.function} is not started yet.")
    says = f"{exercise.function} builds on your {missing}, which is not started yet: that one first."
    return Verdict(exercise.id, exercise.title, "waiting", says)


def _waiting(exercise: Exercise, helper: Exercise, verdict: Verdict) -> Verdict:
    why = "is not started yet" if verdict.state == "not started" else "is not right yet"
    says = f"{exercise.id} calls your {helper.id} ({helper.function}), which {why}: that one first."
    return Verdict(exercise.id, exercise.title, "waiting", says)
