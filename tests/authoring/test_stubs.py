"""The stubs as `reset` reads them: without anything that only authors have."""

import subprocess
import sys

import pytest

from fedteach.exercises import stubs as module
from fedteach.exercises.stubs import Stub, stub, stubs
from tests.authoring.courses import small_course


@pytest.fixture
def built(tmp_path, monkeypatch):
    """Read the stubs of a small course, in the place of those of the course."""
    small_course(tmp_path)
    monkeypatch.setattr(module, "files", lambda package: tmp_path)
    stubs.cache_clear()
    yield tmp_path
    stubs.cache_clear()


def test_a_stub_is_the_cell_that_a_student_begins_with(built):
    assert stub("4.1").startswith("def plus(a, b):")
    assert 'raise NotStarted("4.1")' in stub("4.1")
    assert stubs()["4.2"] == Stub("04_adding", "minus", stub("4.2"))
    assert list(stubs()) == ["4.1", "4.2"]


def test_an_exercise_without_a_stub_is_refused_with_those_there_are(built):
    with pytest.raises(ValueError, match=r"unknown exercise '4.9', did you mean .*: 4.1, 4.2"):
        stub("4.9")


def test_stubs_that_were_never_built_are_told_in_words(built):
    (built / "stubs.json").unlink()
    with pytest.raises(
        ValueError, match="stubs.json is missing: build the notebooks first, with fedteach author build"
    ):
        stub("4.1")


def test_reading_them_needs_none_of_the_tools_of_an_author():
    code = (
        "import sys; import fedteach.exercises.stubs; print({'nbformat', 'jupytext', 'tensorflow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "set()\n", done.stderr
