"""`fedteach author new`: a notebook that keeps every promise before its author has begun."""

import json
import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fedteach import exercises
from fedteach.authoring import AuthoringError
from fedteach.authoring.skeleton import begin
from fedteach.authoring.sources import ROOT
from tests.authoring.courses import WELCOME, write

FILES = ["solutions/08_topic.py", "solutions/mistakes/08_topic.py", "fedteach/exercises/topic.py"]


@pytest.fixture(autouse=True)
def sources(tmp_path):
    (tmp_path / "solutions").mkdir()


@pytest.fixture
def copied(tmp_path):
    """Return a course with this package and a welcome, and no exercise yet."""
    leave_out = shutil.ignore_patterns("__pycache__", "stubs.json")
    shutil.copytree(ROOT / "fedteach", tmp_path / "fedteach", ignore=leave_out)
    for path in (tmp_path / "fedteach" / "exercises").iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in ("__init__.py", "stubs.py"):
            path.unlink()
    write(tmp_path / "solutions", n00_welcome=WELCOME)
    return tmp_path


def author(*words: str, course: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "fedteach.cli", "author", *words]
    return subprocess.run(command, cwd=course, capture_output=True, text=True, timeout=100)


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_a_new_notebook_builds_and_checks_at_once(copied):
    new = author("new", "08_topic", course=copied)
    assert new.returncode == 0, new.stderr
    for told in (*FILES, "exercise 8.1", "fedteach author build", "fedteach author check"):
        assert told in new.stdout
    built = author("build", course=copied)
    assert built.stdout == "built 00_welcome.ipynb\nbuilt 08_topic.ipynb\nbuilt stubs.json\n"
    checked = author("check", course=copied)
    assert (checked.stdout, checked.stderr) == ("all is well: 1 exercise keeps its promises\n", "")
    stubs = json.loads((copied / "fedteach" / "exercises" / "stubs.json").read_text())
    assert stubs["8.1"]["function"] == "topic_total"
    assert 'raise NotStarted("8.1")' in stubs["8.1"]["stub"]
    assert json.loads((copied / "notebooks" / "08_topic.ipynb").read_text())["cells"][0]["source"][0] == "# Topic\n"


@pytest.mark.slow
def test_check_names_what_is_missing_and_fails(copied):
    author("new", "08_topic", course=copied)
    (copied / "solutions" / "mistakes" / "08_topic.py").unlink()
    checked = author("check", course=copied)
    assert checked.returncode == 1
    assert "Traceback" not in checked.stderr
    assert [line.partition(":")[0] for line in checked.stderr.splitlines()] == [
        "00_welcome.ipynb is missing",
        "08_topic.ipynb is missing",
        "stubs.json differs from the stubs in solutions/",
        "solutions/mistakes/08_topic.py",
    ]


@pytest.mark.parametrize("name", ["08_topic", "10_a", "99_a_topic_of_thirty_letters_xx"])
def test_what_is_written_passes_our_own_linter(tmp_path, name):
    for path in begin(name, tmp_path):
        place = path.relative_to(tmp_path).as_posix()
        for action in (["check"], ["format", "--check"]):
            command = [sys.executable, "-m", "ruff", *action, "--no-cache", "--stdin-filename", place, "-"]
            done = subprocess.run(command, cwd=ROOT, input=path.read_text(), capture_output=True, text=True)
            assert done.returncode == 0, f"{place}: {done.stdout}"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("topic", "expected a name such as 08_topic: two digits, then small letters, got 'topic'"),
        ("8_topic", "expected a name such as 08_topic"),
        ("08_Topic", "expected a name such as 08_topic"),
        ("08_my-topic", "expected a name such as 08_topic"),
        ("08_topic.py", "expected a name such as 08_topic"),
        ("08_", "expected a name such as 08_topic"),
        ("../08_topic", "expected a name such as 08_topic"),
        ("08_2nd", "expected a name such as 08_topic"),
        ("08_topic\n", "expected a name such as 08_topic"),
        ("08_class", "'class' cannot be the name of a module of exercises"),
        ("08_stubs", "'stubs' cannot be the name"),
        ("08_common", "'common' cannot be the name"),
        ("08_test_me", "'test_me' cannot be the name"),
        ("08_" + "a" * 31, "expected a topic of up to 30 letters, got 31"),
    ],
)
def test_a_bad_name_is_refused_and_nothing_is_written(tmp_path, name, words):
    with pytest.raises(AuthoringError) as caught:
        begin(name, tmp_path)
    assert words in str(caught.value)
    assert files_of(tmp_path) == {}


@pytest.mark.parametrize("there", [*FILES, "solutions/08_another.py"])
def test_what_is_there_is_never_overwritten(tmp_path, there):
    (tmp_path / there).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / there).write_text("mine")
    with pytest.raises(AuthoringError, match=f"nothing was written, for there is already {there}"):
        begin("08_topic", tmp_path)
    assert files_of(tmp_path) == {there: b"mine"}


def test_a_folder_of_exercises_would_hide_the_new_ones(tmp_path):
    package = tmp_path / "fedteach" / "exercises" / "topic" / "__init__.py"
    package.parent.mkdir(parents=True)
    package.write_text("mine")
    with pytest.raises(AuthoringError, match="there is already fedteach/exercises/topic$"):
        begin("08_topic", tmp_path)
    assert files_of(tmp_path) == {"fedteach/exercises/topic/__init__.py": b"mine"}


def test_every_module_of_exercises_is_taken(tmp_path):
    for module in pkgutil.iter_modules(exercises.__path__):
        there = ROOT / "fedteach" / "exercises" / (module.name if module.ispkg else f"{module.name}.py")
        copied = tmp_path / there.relative_to(ROOT)
        copied.parent.mkdir(parents=True, exist_ok=True)
        copied.mkdir() if module.ispkg else copied.touch()
        with pytest.raises(AuthoringError):
            begin(f"08_{module.name}", tmp_path)
    assert not list((tmp_path / "solutions").iterdir())


def test_a_folder_without_sources_is_no_course(tmp_path):
    with pytest.raises(AuthoringError, match="expected the sources of the course in .*solutions"):
        begin("08_topic", tmp_path / "fedteach")
