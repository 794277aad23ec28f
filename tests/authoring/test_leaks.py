"""No line of a solution is in a notebook, not even in a text, a remark or an output."""

import json

import pytest

from fedteach.authoring.building import build
from fedteach.authoring.leaks import leaks
from fedteach.authoring.sources import COURSE, read_sources
from tests.authoring.courses import ADDING, small_course

SECRET = "total = sum((a, b), start=0)"


def found(course):
    (source,) = [source for source in read_sources(course.solutions) if source.name == "04_adding"]
    return leaks(source, course.notebooks / "04_adding.ipynb")


def with_a_cell(course, **cell):
    """Put a cell at the end of the built notebook, as if it had been edited by hand."""
    path = course.notebooks / "04_adding.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["cells"].append({"cell_type": "code", "metadata": {}, "source": "", **cell})
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return course


def test_what_was_built_shows_nothing(tmp_path):
    assert found(small_course(tmp_path)) == []


@pytest.mark.parametrize(
    ("kept", "leak"),
    [
        ("# # Adding up", "# # Adding up\n#\n# Use `total=sum((a, b), start = 0)` here."),
        ('"""Add two numbers."""', f'"""Add two numbers: {SECRET}."""'),
        ('check("4.1", plus)', f'# {SECRET}\ncheck("4.1", plus)'),
        ('check("4.1", plus)', 'check("4.1", plus)  # assert minus(5, 3) == 2, "nobody sees this"'),
        ('check("4.1", plus)', "# difference = plus_one(a) - plus_one(b)"),
        ("# # Adding up", "# sum() takes anything that can be gone through, so a pair will do here"),
    ],
    ids=["text", "docstring", "remark", "hidden test", "line", "remark of the solution"],
)
def test_a_line_of_a_solution_in_a_text_of_the_source_is_found(tmp_path, kept, leak):
    course = small_course(tmp_path, ADDING.replace(kept, leak))
    (sentence,) = found(course)
    assert sentence.startswith("04_adding.ipynb, cell ")
    assert "say it in other words in solutions/04_adding.py" in sentence


@pytest.mark.parametrize(
    "cell",
    [
        {"source": f"{SECRET}\n"},
        {"source": ["a = 1\n", f"    {SECRET}  # mine\n"]},
        {"outputs": [{"output_type": "stream", "name": "stdout", "text": [f"{SECRET}\n"]}]},
        {"metadata": {"note": SECRET}},
    ],
    ids=["text", "lines", "output", "metadata"],
)
def test_a_line_of_a_solution_in_the_file_itself_is_found(tmp_path, cell):
    (sentence,) = found(with_a_cell(small_course(tmp_path), **cell))
    assert sentence == (
        f"04_adding.ipynb, cell 6 shows a line of the solution of 4.1, `{SECRET}`:"
        " say it in other words in solutions/04_adding.py, or put marks around it"
    )


def test_what_stands_outside_of_marks_as_code_is_no_secret(tmp_path):
    course = small_course(tmp_path, f"{ADDING}\n# %%\na, b = 1, 2\n{SECRET}\n")
    assert found(course) == []


def test_short_lines_give_nothing_away(tmp_path):
    assert found(with_a_cell(small_course(tmp_path), source="return total")) == []


@pytest.mark.parametrize("content", [None, "no JSON", "[]", '{"cells": 3}'])
def test_a_file_that_cannot_be_read_is_searched_as_it_would_be_built(tmp_path, content):
    course = small_course(tmp_path, ADDING.replace("# # Adding up", f"# {SECRET}"))
    path = course.notebooks / "04_adding.ipynb"
    path.unlink()
    if content is not None:
        path.write_text(content)
    assert len(found(course)) == 1
    build(course)
    assert len(found(course)) == 1


def test_the_notebooks_of_the_course_show_no_solution():
    sources = read_sources(COURSE.solutions)
    assert [leak for source in sources for leak in leaks(source, COURSE.notebooks / f"{source.name}.ipynb")] == []
