"""What every exercise promises, proved: a stub, a check, hints that ask, a solution that passes, mistakes that fail."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from fedteach.authoring.building import differences
from fedteach.authoring.cells import AuthoringError, Cell
from fedteach.authoring.leaks import leaks
from fedteach.authoring.mistakes import Mistake, mistakes_in, strays
from fedteach.authoring.notebook import notebook_text
from fedteach.authoring.python import calls, comments, parsed_or_empty
from fedteach.authoring.release import Stub
from fedteach.authoring.sources import Course, Source, code_of, read_sources
from fedteach.grading.exercise import Exercise, says
from fedteach.grading.judging import judge_function
from fedteach.grading.submission import Submission
from fedteach.grading.verdict import Verdict

FEWEST_MISTAKES = 2


@dataclass(frozen=True)
class Promise:
    """One exercise with all that belongs to it.

    Attributes:
        exercise: its entry in the catalogue.
        source: the notebook that holds it.
        stub: what students begin with.
        mistakes: its planted mistakes.
    """

    exercise: Exercise
    source: Source
    stub: Stub
    mistakes: Sequence[Mistake] = ()


def check(course: Course, exercises: Mapping[str, Exercise]) -> list[str]:
    """Compare all files with their sources, and prove what every exercise promises.

    Args:
        course: where the files are.
        exercises: the catalogue, by id.

    Returns:
        A sentence for everything that is not as it should be, each with what to change; empty if all is well.
    """
    try:
        sources = read_sources(course.solutions)
        found = differences(course, sources)
    except AuthoringError as error:
        return list(error.sentences)
    for source in sources:
        found += leaks(source, course.notebooks / f"{source.name}.ipynb")
    found += ids_match(sources, exercises)
    mistakes, wrong = all_mistakes(course, sources, exercises)
    found += wrong
    for source in sources:
        for stub in source.release.stubs:
            if stub.exercise in exercises:
                mine = [one for one in mistakes if one.exercise == stub.exercise]
                found += broken(Promise(exercises[stub.exercise], source, stub, mine))
    return found


def ids_match(sources: Sequence[Source], exercises: Mapping[str, Exercise]) -> Iterator[str]:
    """Yield a sentence for each exercise without a stub, and for each id that is of no exercise."""
    there = {stub.exercise for source in sources for stub in source.release.stubs}
    for exercise in exercises.values():
        if exercise.id not in there:
            yield (
                f"exercise {exercise.id} ({exercise.function}) has no stub: mark its solution in"
                f" solutions/{int(exercise.step):02d}_*.py with # BEGIN SOLUTION {exercise.id}"
            )
    for source in sources:
        unknown = [stub.exercise for stub in source.release.stubs if stub.exercise not in exercises]
        for text in code_of(source.release.cells):
            unknown += [
                id for id, _ in calls(parsed_or_empty(text), "check", "hint", "reset", "use") if id not in exercises
            ]
        for id in dict.fromkeys(unknown):
            yield f"{source.file}: there is no exercise {id} in fedteach/exercises: correct the id, or add it there"


def all_mistakes(
    course: Course, sources: Sequence[Source], exercises: Mapping[str, Exercise]
) -> tuple[list[Mistake], list[str]]:
    """Load every file of mistakes; return the mistakes, and a sentence for all that is wrong with the files."""
    names = [source.name for source in sources]
    found: list[Mistake] = []
    wrong = strays(course.mistakes, names)
    for name in names:
        path = course.mistakes / f"{name}.py"
        try:
            mine = mistakes_in(path) if path.is_file() else []
        except AuthoringError as error:
            wrong += error.sentences
            continue
        found += mine
        wrong += [
            f"solutions/mistakes/{path.name}: there is no exercise {one.exercise}: correct the id of {one.name}"
            for one in mine
            if one.exercise not in exercises
        ]
    return found, wrong


def broken(promise: Promise) -> Iterator[str]:
    """Yield a sentence for each promise that an exercise does not keep."""
    yield from _of_the_notebook(promise)
    yield from _of_the_hints(promise.exercise)
    yield from _of_the_verdicts(promise)
    yield from _of_the_mistakes(promise)


def _of_the_notebook(promise: Promise) -> Iterator[str]:
    exercise, source, stub = promise.exercise, promise.source, promise.stub
    if exercise.step != source.step:
        yield f"{source.file} holds exercise {stub.exercise}: in this notebook, ids begin with {source.step}."
    if stub.function != exercise.function:
        yield (
            f"{source.file}: the stub of {stub.exercise} is in {stub.function}, but the catalogue calls its function"
            f" {exercise.function}: rename one of them"
        )
    todo = re.compile(rf"\bTODO {re.escape(stub.exercise)}(?!\d)")  # "4.1" is not in "4.12"
    if not any(todo.search(comment) for _, _, comment in comments(stub.text)):
        yield f"{source.file}: the stub of {stub.exercise} says nowhere `TODO {stub.exercise}`: students look for it"
    later = code_of(source.release.cells[stub.cell - 1 :])
    asked = [call for text in later for id, call in calls(parsed_or_empty(text), "check") if id == stub.exercise]
    if not any(isinstance(call.args[-1], ast.Name) and call.args[-1].id == exercise.function for call in asked):
        yield (
            f'{source.file}: nothing calls check("{stub.exercise}", {exercise.function}) after the stub of'
            f" {stub.exercise}: add it to that cell or a later one"
        )


def _of_the_hints(exercise: Exercise) -> Iterator[str]:
    for number, hint in enumerate(exercise.hints, start=1):
        if not hint.strip().endswith("?") or len(hint.split()) < 2:
            yield f"exercise {exercise.id}, hint {number} is no question: end it with a question mark, got {hint!r}"


def _of_the_verdicts(promise: Promise) -> Iterator[str]:
    exercise, source = promise.exercise, promise.source
    for whose, cells, wanted in (
        ("the stub", source.release.cells, "not started"),
        ("the solution", source.cells, "passed"),
    ):
        verdict = verdict_on(cells, source.name, exercise)
        if verdict.state != wanted:
            said = " / ".join(" ".join(line.split()) for line in verdict.message.splitlines()[1:])
            yield f"{source.file}: {whose} of {exercise.id} should be {wanted!r}, but is {verdict.state!r}: {said}"


def verdict_on(cells: Sequence[Cell], name: str, exercise: Exercise) -> Verdict:
    """Judge an exercise as it would be judged in a student's notebook of these cells.

    The function is found by its name, and only what it needs is run.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.ipynb"
        path.write_text(notebook_text(cells), encoding="utf-8")
        return Submission(path, (exercise,)).verdict(exercise.id)


def _of_the_mistakes(promise: Promise) -> Iterator[str]:
    exercise, file = promise.exercise, f"solutions/mistakes/{promise.source.name}.py"
    if len(promise.mistakes) < FEWEST_MISTAKES:
        yield (
            f"{file}: exercise {exercise.id} has {len(promise.mistakes)} planted mistakes:"
            f" add @mistake({exercise.id!r}, says=...) functions until there are {FEWEST_MISTAKES}"
        )
    for one in promise.mistakes:
        try:
            verdict = judge_function(exercise, one.function)
        except Exception as error:  # not the mistake's fault: that would be a verdict
            yield f"{file}: judging {one.name}, a case of {exercise.id} stopped with {type(error).__name__}: {error}"
            continue
        # Only what was found counts: the title of the exercise may hold the phrase as well.
        said = " ".join(verdict.finding.lines()) if verdict.finding else ""
        if verdict.state != "failed":
            yield f"{file}: {one.name} should fail {exercise.id}, but is {verdict.state!r}: add a case that notices it"
        elif _plain(one.says) not in _plain(said):
            yield (
                f"{file}: {one.name} fails as it should, but the verdict does not say {one.says!r}. It says"
                f" {_cause(verdict)!r}: correct the phrase, or the case that fails"
            )


def unproven(exercise: Exercise, mistakes: Sequence[Mistake]) -> list[str]:
    """Return what those cases ask for that no planted mistake fails first: they could be deleted unseen."""
    verdicts = [judge_function(exercise, one.function) for one in mistakes if one.exercise == exercise.id]
    noticed = {next((case.says for case in verdict.cases if case.finding), "") for verdict in verdicts}
    return [asks for case in exercise.cases if (asks := says(case)) not in noticed]


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _cause(verdict: Verdict) -> str:
    return f"{verdict.finding.says} {verdict.finding.likely}".strip() if verdict.finding else verdict.summary
