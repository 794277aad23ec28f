"""`fedteach author`, and `python -m fedteach.authoring` for the same."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from fedteach.authoring import command
from fedteach.authoring.command import author_app
from fedteach.authoring.sources import Course
from fedteach.cli import app
from tests.authoring.courses import exercises, small_course, write


@pytest.fixture
def course(tmp_path):
    return small_course(tmp_path)


def author(*words):
    return CliRunner().invoke(author_app, [str(word) for word in words])


def test_build_names_what_it_wrote(course, tmp_path):
    out = tmp_path / "other"
    first = author("build", "--solutions", course.solutions, "--out", out)
    assert (first.exit_code, first.stdout) == (0, "built 00_welcome.ipynb\nbuilt 04_adding.ipynb\n")
    assert author("build", "--solutions", course.solutions, "--out", out).stdout == ""


def test_another_folder_leaves_the_stubs_of_the_course_alone(course, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "COURSE", course)
    course.stubs.unlink()
    assert author("build", "--solutions", course.solutions, "--out", tmp_path / "other").exit_code == 0
    assert not course.stubs.exists()
    assert author("build", "--solutions", course.solutions).exit_code == 0
    assert course.stubs.exists()


@pytest.mark.parametrize("word", ["build", "check"])
def test_other_sources_need_a_folder_of_their_own(course, tmp_path, monkeypatch, word):
    monkeypatch.setattr(command, "COURSE", Course(tmp_path / "its own", tmp_path / "notebooks"))
    before = {path.name: path.read_bytes() for path in course.notebooks.iterdir()}
    write(course.solutions, n00_welcome="# %%\n1 + 1\n")
    result = author(word, "--solutions", course.solutions)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"expected --out DIR for the notebooks of {course.solutions}")
    assert {path.name: path.read_bytes() for path in course.notebooks.iterdir()} == before


def test_the_course_is_known_by_any_path_to_it(course, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "COURSE", course)
    monkeypatch.chdir(tmp_path)
    for words in (("--solutions", "solutions"), ("--solutions", "./solutions/../solutions", "--out", "notebooks")):
        course.stubs.unlink()
        assert author("build", *words).stdout == "built stubs.json\n"


def test_check_says_that_all_is_well_or_what_is_not(course, monkeypatch):
    monkeypatch.setattr("fedteach.exercises.catalogue", exercises)
    folders = ("--solutions", course.solutions, "--out", course.notebooks)
    well = author("check", *folders)
    assert (well.exit_code, well.stdout) == (0, "all is well: 2 exercises keep their promises\n")
    (course.notebooks / "00_welcome.ipynb").unlink()
    course.mistakes.joinpath("04_adding.py").unlink()
    wrong = author("check", *folders)
    assert wrong.exit_code == 1
    assert wrong.stdout == ""
    missing, *others = wrong.stderr.splitlines()
    assert missing == "00_welcome.ipynb is missing: run make notebooks"
    assert len(others) == 2


@pytest.mark.parametrize(
    "words", [("build", "--solutions", "nowhere"), ("check", "--solutions", "nowhere"), ("new", "x")]
)
def test_a_failure_is_one_line_on_stderr(words):
    result = author(*words)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert "expected" in result.stderr


def test_a_catalogue_that_contradicts_itself_is_told_in_words(course, monkeypatch):
    def catalogue():
        raise ValueError("exercises share the same id: 4.1")

    monkeypatch.setattr("fedteach.exercises.catalogue", catalogue)
    folders = ("--solutions", course.solutions, "--out", course.notebooks)
    assert author("check", *folders).stderr == "exercises share the same id: 4.1\n"


def test_it_is_a_part_of_fedteach():
    listed = CliRunner().invoke(app, ["author", "--help"]).stdout
    for name in ("build", "check", "new"):
        assert name in listed


def test_the_module_does_the_same(course, tmp_path):
    words = [
        "-m",
        "fedteach.authoring",
        "build",
        "--solutions",
        str(course.solutions),
        "--out",
        str(tmp_path / "other"),
    ]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "built 00_welcome.ipynb\nbuilt 04_adding.ipynb\n"
