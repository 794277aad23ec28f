"""pytest on a student's work: `pytest --submission notebooks/`, one test for each exercise.

The package registers this plug-in with pytest. Until somebody asks for the exercises it does nothing, and importing it
loads no numpy. The tests have no functions of their own: each is the verdict on what the submission holds.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fedteach.grading.isolated import IsolatedJudge
    from fedteach.grading.submission import Submission

TESTS = Path(__file__).parent / "exercises" / "test_exercises.py"
"""What to name to pytest for these tests, as a path; as a package it is `--pyargs fedteach.exercises`."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--submission PATH`."""
    parser.getgroup("fedteach", "fedteach: exercises").addoption(
        "--submission",
        metavar="PATH",
        help="judge the exercises in this notebook or folder of notebooks; default: the folder solutions",
    )
    parser.getgroup("fedteach").addoption(
        "--isolated",
        action="store_true",
        help="run the submission's code in a sandbox, where it can neither touch this computer nor the verdict",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Refuse to run a conftest.py of the submission: pytest would take it for one of ours."""
    options = early_config.known_args_namespace
    if options.submission is None or options.noconftest:
        return
    here = early_config.invocation_params.dir
    path = (here / options.submission).resolve()
    named = [here / str(name).partition("::")[0] for name in options.file_or_dir]
    for place in [place.resolve() for place in named if place.exists()] or [here.resolve()]:
        for folder in (place, *place.parents, *place.glob("test*")):
            if (folder / "conftest.py").is_file() and (path == folder or path in folder.parents):
                raise pytest.UsageError(
                    f"pytest would run the submission's own {folder / 'conftest.py'}; start it from another folder, "
                    "or add --noconftest"
                )


def pytest_configure(config: pytest.Config) -> None:
    """Run the exercises alone if a submission was named and no test."""
    named = config.getoption("submission")
    if named is None:
        return
    path = config.invocation_params.dir / named
    if not path.exists():
        raise pytest.UsageError(f"--submission: there is no file or folder {named}")
    if config.inipath and path in config.inipath.parents:
        raise pytest.UsageError(
            f"pytest took its settings from the submission ({config.inipath}); write --submission={named}, "
            "with an equals sign, and it does not look there"
        )
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args = [str(TESTS)]
        config.args_source = pytest.Config.ArgsSource.ARGS


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the exercises where their file is."""
    if file_path.name == TESTS.name and file_path.samefile(TESTS):
        return Exercises.from_parent(parent, path=file_path)
    return None


class Exercises(pytest.File):
    """All exercises that the submission is about."""

    def collect(self) -> Iterator[pytest.Item]:
        """Make a test for each exercise.

        Raises:
            CollectError: if there is nothing to judge.
        """
        from fedteach.exercises import catalogue
        from fedteach.grading.submission import Submission, SubmissionError

        try:
            judge = _judge(self.config)
            read = judge.read if judge else None
            submission = Submission(_submission(self.config), catalogue().values(), judge=judge, read=read)
        except SubmissionError as error:
            raise self.CollectError(f"--submission: {error}") from None
        for exercise in submission.exercises():
            name = f"exercise[{exercise.id} {exercise.function}]"
            # Below the session, and not below the folders: `-k 3.1` should not find "python3.11" in their names.
            yield ExerciseTest.from_parent(
                self.session,
                name=name,
                nodeid=f"{self.nodeid}::{name}",
                path=self.path,
                submission=submission,
                exercise=exercise.id,
            )


class ExerciseTest(pytest.Item):
    """The verdict on one exercise, as a test."""

    def __init__(self, *, submission: "Submission", exercise: str, **others: object):
        super().__init__(**others)  # type: ignore[arg-type]
        self._submission = submission
        self._exercise = exercise
        # What a student's code warns of is no mistake, whatever this project makes of warnings.
        self.add_marker(pytest.mark.filterwarnings("ignore"))

    def runtest(self) -> None:
        """Fail with the verdict's own words unless it passed."""
        from fedteach.grading.readable import readable

        with _last_words_ignored():
            verdict = self._submission.verdict(self._exercise)
            gc.collect()  # the student's open files and unfinished coroutines are noticed here
        if not verdict.passed:
            pytest.fail(readable(verdict.message), pytrace=False)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Say how the test is called in a report."""
        return self.path, None, self.name.partition("[")[2].rstrip("]")


@contextmanager
def _last_words_ignored() -> Iterator[None]:
    """Let nobody hear of exceptions that have nobody to go to: those of the student's `__del__`, for example."""
    former = sys.unraisablehook
    sys.unraisablehook = lambda unraisable: None
    try:
        yield
    finally:
        sys.unraisablehook = former


def _judge(config: pytest.Config) -> "IsolatedJudge | None":
    """Return what judges in a sandbox, if that is wanted; it is closed at the end of the session."""
    if not config.getoption("isolated"):
        return None
    from fedteach.grading.isolated import IsolatedJudge

    judge = IsolatedJudge()
    config.add_cleanup(judge.close)
    if judge.layers.warning:
        config.issue_config_time_warning(pytest.PytestConfigWarning(judge.layers.warning), stacklevel=2)
    return judge


def _submission(config: pytest.Config) -> Path:
    """Return what was named, else the solutions of this repository."""
    named = config.getoption("submission")
    if named is not None:
        return config.invocation_params.dir / named
    for folder in (config.rootpath, config.invocation_params.dir):
        if (folder / "solutions").is_dir():
            return folder / "solutions"
    raise pytest.Collector.CollectError("name a student's notebooks: pytest --submission=PATH")
