"""What is in a hand-out, and what must not be."""

import json
import re
import shutil

import pytest
import yaml

from fedteach.authoring.leaks import leaks
from fedteach.authoring.sources import COURSE, ROOT, Course
from fedteach.handout import contents
from fedteach.handout.links import repository
from fedteach.handout.making import Order, files
from tests.handout.students import put

HERE = repository("https://github.com/teacher/course")
ORDERS = [
    Order(),
    Order(github_classroom=True),
    Order(binder=HERE, colab=HERE),
    Order(nbgrader="fedteach"),
]


@pytest.fixture
def without_jupytext(monkeypatch):
    monkeypatch.setattr(contents, "find_spec", lambda name: None)


def test_it_holds_notebooks_a_readme_and_what_installs_them(everything):
    names = set(everything)
    (wheel,) = (name for name in names if name.endswith(".whl"))
    others = {"README.md", "requirements.txt", "constraints.txt", "environment.yml", wheel}
    assert names - others == {path.name for path in COURSE.notebooks.glob("*.ipynb")}
    assert f"./{wheel}" in everything["requirements.txt"].decode().splitlines()


def test_notebooks_are_those_of_the_repository(everything):
    for path in COURSE.notebooks.glob("*.ipynb"):
        assert everything[path.name] == path.read_bytes(), path.name


@pytest.mark.parametrize("order", ORDERS, ids=["plain", "classroom", "links", "nbgrader"])
def test_no_line_of_a_solution_no_hidden_test_and_no_mistake_is_in_it(order, sources, solutions, tmp_path):
    made = files(order)
    put(tmp_path, made)
    for path in tmp_path.rglob("*.ipynb"):
        assert leaks(sources[path.stem], path) == []
    assert len(list(tmp_path.rglob("*.ipynb"))) == len(sources)
    texts = {name: content.decode() for name, content in made.items() if not name.endswith(".whl")}
    for name, text in texts.items():
        assert not re.search(r"HIDDEN TESTS|@mistake|course\.key", text), name
        for answer in solutions.values():
            assert answer not in text, name
            assert json.dumps(answer)[1:-1] not in text, name
    assert not [name for name in made if "mistakes" in name or "solutions" in name or name.endswith(".key")]


def test_without_jupytext_the_built_notebooks_are_taken_as_they_are(without_jupytext, everything):
    assert files(Order()) == everything


def test_an_answer_in_a_built_notebook_is_not_handed_out(without_jupytext, tmp_path):
    shutil.copytree(COURSE.notebooks, tmp_path / "notebooks")
    course = Course(tmp_path / "solutions", tmp_path / "notebooks")
    path = tmp_path / "notebooks" / "04_aggregation.ipynb"
    path.write_text(path.read_text().replace('raise NotStarted(\\"4.2\\")', "return 42"))
    with pytest.raises(ValueError, match=r"04_aggregation\.ipynb: the cell of 4\.2 is not as students should get it"):
        files(Order(), course)


def test_outputs_of_a_built_notebook_stay_behind(without_jupytext, tmp_path, everything):
    shutil.copytree(COURSE.notebooks, tmp_path / "notebooks")
    path = tmp_path / "notebooks" / "00_welcome.ipynb"
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["execution_count"] = 7
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["a run\n"]}]
    path.write_text(json.dumps(notebook))
    made = files(Order(), Course(tmp_path / "solutions", tmp_path / "notebooks"))
    assert made["00_welcome.ipynb"] == everything["00_welcome.ipynb"]


def test_where_there_is_no_course_one_sentence_says_what_to_do(without_jupytext, tmp_path):
    with pytest.raises(ValueError, match=r"^there are no notebooks in .*: call fedteach release in a checkout"):
        files(Order(), Course(tmp_path / "solutions", tmp_path / "notebooks"))
    with pytest.raises(ValueError, match=r"^expected the course's pins in .*constraints\.txt"):
        files(Order(("00_welcome",)), COURSE, tmp_path)


def test_only_the_notebooks_that_are_named(everything):
    made = files(Order(("04_aggregation",)))
    assert [name for name in made if name.endswith(".ipynb")] == ["04_aggregation.ipynb"]
    readme = made["README.md"].decode()
    assert "jupyter lab 04_aggregation.ipynb" in readme
    assert 'check("4.1", weighted_mean)' in readme
    assert "00_welcome" not in readme
    with pytest.raises(ValueError, match=r"unknown notebook '04_agregation', did you mean '04_aggregation'\?"):
        files(Order(("04_agregation",)))


def test_the_readme_names_every_exercise_and_every_file_to_hand_in(everything, sources):
    readme = everything["README.md"].decode()
    for source in sources.values():
        for stub in source.release.stubs:
            assert f"{stub.exercise} " in readme
        assert (f"- `{source.name}.ipynb`" in readme) == bool(source.release.stubs)


def test_pins_are_those_of_the_course(everything):
    pins = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert [line for line in everything["constraints.txt"].decode().splitlines() if not line.startswith("#")] == pins
    assert b"-c constraints.txt" in everything["requirements.txt"]
    environment = yaml.safe_load(everything["environment.yml"])
    assert environment["dependencies"] == ["python=3.11", "pip", {"pip": ["-r requirements.txt"]}]
