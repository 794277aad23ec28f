"""Notebooks and stubs on disk are what the sources say."""

import json

import pytest

from fedteach.authoring import AuthoringError
from fedteach.authoring.building import build, differences
from fedteach.authoring.sources import COURSE, Course, read_sources
from tests.authoring.courses import ADDING, WELCOME, small_course, write


@pytest.fixture
def course(tmp_path):
    return small_course(tmp_path)


def compared(course):
    return differences(course, read_sources(course.solutions))


def contents(course):
    paths = [*course.notebooks.iterdir(), course.stubs]
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


def test_building_twice_gives_the_same_bytes_and_touches_nothing(course):
    before = contents(course)
    assert set(before) == {"00_welcome.ipynb", "04_adding.ipynb", "stubs.json"}
    assert build(course) == []
    assert contents(course) == before


def test_only_what_differs_is_written(course):
    write(course.solutions, n00_welcome=WELCOME.replace("The end.", "The very end."))
    assert [path.name for path in build(course)] == ["00_welcome.ipynb"]


def test_students_get_stubs_and_no_solutions(course):
    text = (course.notebooks / "04_adding.ipynb").read_text(encoding="utf-8")
    assert 'raise NotStarted(\\"4.1\\")' in text
    for secret in ("sum((a, b)", "plus_one(a) - ", "nobody sees this", "SOLUTION", "HIDDEN"):
        assert secret not in text


def test_the_stub_of_each_exercise_is_written_down(course):
    stubs = json.loads(course.stubs.read_text(encoding="utf-8"))
    assert list(stubs) == ["4.1", "4.2"]
    notebook = json.loads((course.notebooks / "04_adding.ipynb").read_text(encoding="utf-8"))
    cell = "".join(notebook["cells"][2]["source"])
    assert stubs["4.1"] == {"notebook": "04_adding", "function": "plus", "stub": cell}


def test_stubs_stand_in_the_order_of_the_course(tmp_path):
    # As text, "4.10" would come before "4.9".
    course = small_course(tmp_path, ADDING.replace("4.1", "4.10").replace("4.2", "4.9"))
    assert list(json.loads(course.stubs.read_text(encoding="utf-8"))) == ["4.9", "4.10"]


def test_windows_line_ends_in_a_source_make_no_difference(course):
    for path in course.solutions.glob("*.py"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert build(course) == []


def test_all_is_well_after_a_build(course):
    assert compared(course) == []


def test_a_changed_a_missing_and_a_stray_notebook_are_named(course):
    path = course.notebooks / "00_welcome.ipynb"
    run = json.loads(path.read_text(encoding="utf-8"))
    run["cells"][1]["execution_count"] = 1
    path.write_text(json.dumps(run), encoding="utf-8")
    (course.notebooks / "04_adding.ipynb").rename(course.notebooks / "my_notes.ipynb")
    changed, missing, stray = compared(course)
    assert changed.startswith("00_welcome.ipynb differs from solutions/00_welcome.py")
    assert missing.startswith("04_adding.ipynb is missing")
    assert "run make notebooks" in changed
    assert "run make notebooks" in missing
    assert stray.startswith("my_notes.ipynb has no source")


def test_a_missing_last_newline_is_a_difference(course):
    path = course.notebooks / "00_welcome.ipynb"
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert len(compared(course)) == 1


def test_old_stubs_are_a_difference(course):
    course.stubs.write_text("{}\n")
    assert compared(course) == ["stubs.json differs from the stubs in solutions/: run make notebooks"]


def test_a_course_without_a_file_of_stubs_builds_the_notebooks_alone(course, tmp_path):
    elsewhere = Course(course.solutions, tmp_path / "elsewhere")
    assert [path.name for path in build(elsewhere)] == ["00_welcome.ipynb", "04_adding.ipynb"]
    assert compared(elsewhere) == []


def test_an_exercise_in_two_notebooks_is_refused(course):
    write(course.solutions, n05_again=ADDING)
    with pytest.raises(AuthoringError, match=r"05_again.py: exercise 4.1 is in solutions/04_adding.py too"):
        build(course)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("welcome", "# %%\nprint(1)", "expected a name such as 04_aggregation.py"),
        ("02_Broadcast", "# %%\nprint(1)", "expected a name such as 04_aggregation.py"),
        ("02_broadcast", "# %%\n\n", "holds no cell"),
    ],
)
def test_a_source_that_cannot_be_built_is_named(tmp_path, name, text, words):
    (tmp_path / f"{name}.py").write_text(text)
    with pytest.raises(AuthoringError, match=words) as caught:
        read_sources(tmp_path)
    assert name in str(caught.value)


def test_an_empty_folder_is_an_error_in_words(tmp_path):
    with pytest.raises(AuthoringError, match="expected sources such as 00_welcome.py"):
        read_sources(tmp_path)


def test_what_is_wrong_with_several_sources_is_said_at_once(course):
    write(course.solutions, n05_one="# %%\n# SOLUTION 5.1\n", n06_two="# %%\nx = 1\n\n# %%\n# END SOLUTION 6.1\n")
    with pytest.raises(AuthoringError) as caught:
        build(course)
    one, two = caught.value.sentences
    assert one.startswith("solutions/05_one.py, cell 1, line 1: ")
    assert two.startswith("solutions/06_two.py, cell 2, line 1: ")


def test_the_notebooks_of_the_course_are_as_their_sources_say():
    assert compared(COURSE) == []
