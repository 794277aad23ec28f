"""`fedteach release`: what it says, and what it refuses in one sentence."""

import subprocess
import sys

import pytest

from fedteach.authoring.sources import COURSE
from fedteach.cli import app


def release(*words, cwd):
    command = [sys.executable, "-m", "fedteach", "release", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=100)


def tree(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_called_twice_it_gives_the_same_folder_and_the_same_zip(tmp_path):
    first = release("handout", "--notebook", "04_aggregation", "--github-classroom", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("hand-out in handout, packed in ")
    before = tree(tmp_path)
    assert {path.as_posix() for path in before} >= {
        "handout.zip",
        "handout/04_aggregation.ipynb",
        "handout/.github/workflows/classroom.yml",
    }
    assert release("handout", "--notebook", "04_aggregation", "--github-classroom", cwd=tmp_path).returncode == 0
    assert tree(tmp_path) == before


def test_for_nbgrader_it_says_what_comes_next(tmp_path):
    done = release("course", "--nbgrader", "--assignment", "fl-1", "--no-zip", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "nbgrader generate_assignment fl-1" in done.stdout
    assert (tmp_path / "course" / "source" / "fl-1" / "04_aggregation.ipynb").exists()
    assert not (tmp_path / "course.zip").exists()


GITHUB = "https://github.com/a/b"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("a-file",), "a-file is a file"),
        (("a-file/below",), "a-file/below cannot be written"),
        (("mine",), "mine is not empty"),
        ((COURSE.notebooks / "handout",), "a folder of the course itself"),
        (("out", "--notebook", "09_nothing"), "unknown notebook '09_nothing'"),
        (("out", "--binder", "https://example.org/a/b"), "expected an address such as https://github.com/OWNER/REPO"),
        (("out", "--colab", "a/b"), "expected an address such as https://github.com/OWNER/REPO"),
        (("out", "--colab", GITHUB, "--branch", "../x"), "expected a branch such as main"),
        (("out", "--nbgrader", "--assignment", "a/b"), "expected an assignment of letters"),
        (("out", "--nbgrader", "--github-classroom"), "make two hand-outs"),
        (("out", "--nbgrader", "--colab", GITHUB), "make two hand-outs"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence_and_nothing_is_written(tmp_path, words, says):
    (tmp_path / "a-file").write_text("a file")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    before = tree(tmp_path)
    done = release(*words, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("fedteach: ")
    assert done.stderr.count("\n") == 1
    assert says in done.stderr
    assert tree(tmp_path) == before
    assert not (COURSE.notebooks / "handout").exists()


def test_it_is_a_command():
    assert "release" in [command.callback.__name__ for command in app.registered_commands if command.callback]
