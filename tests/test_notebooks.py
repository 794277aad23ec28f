"""Every notebook of the course runs from top to bottom, where nobody looks, and leaves its results behind.

Twice: as its author wrote it, with the solutions, and as a student gets it, with nothing filled in.
"""

import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from fedteach.authoring import cells_from, notebook_text
from fedteach.exercises import catalogue

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SOURCES = sorted((ROOT / "solutions").glob("[0-9]*.py"))


def read(path):
    if path.suffix == ".ipynb":
        return nbformat.read(path, as_version=4)
    return nbformat.reads(notebook_text(cells_from(path.read_text(encoding="utf-8"))), as_version=4)


@pytest.fixture(scope="module", params=[*NOTEBOOKS, *SOURCES], ids=lambda path: f"{path.parent.name}/{path.stem}")
def executed(request, tmp_path_factory):
    notebook = read(request.param)
    folder = tmp_path_factory.mktemp(request.param.stem)
    quiet = {**os.environ, "FEDTEACH_HEADLESS": "1", "PYTHONWARNINGS": "error::UserWarning"}
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(folder)}}).execute(env=quiet)
    return notebook, folder, request.param


def outputs_of(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_every_cell_runs_and_says_nothing_on_stderr(executed):
    notebook, _, _ = executed
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            assert output.output_type != "error", cell.source
            assert output.get("name") != "stderr", f"{cell.source}\n{output.get('text')}"


@pytest.mark.slow
def test_each_exercise_says_how_it_stands(executed):
    notebook, _, path = executed
    step = str(int(path.stem[:2]))
    said = [output.data["text/plain"] for output in outputs_of(notebook) if "text/plain" in output.get("data", {})]
    verdicts = [re.fullmatch(r"(\d\.\d) .*: (passed|failed|not started|waiting)", text.split("\n")[0]) for text in said]
    states = {verdict[1]: verdict[2] for verdict in verdicts if verdict}
    wanted = "not started" if path.suffix == ".ipynb" else "passed"
    assert states == {exercise.id: wanted for exercise in catalogue().values() if exercise.step == step}


@pytest.mark.slow
def test_a_panel_leaves_a_picture_and_a_table(executed):
    notebook, folder, _ = executed
    for cell in notebook.cells:
        if not re.search(r"\bpanel\(", cell.source) or cell.cell_type != "code":
            continue
        kept = [output.data for output in cell.outputs if "image/png" in output.get("data", {})]
        assert len(kept) == 1
        assert "server accuracy" in kept[0]["text/plain"]
        assert list((folder / "runs" / "logs").glob("*.json"))
        assert list((folder / "runs" / "logs").glob("*.png"))


@pytest.mark.slow
def test_pictures_carry_their_meaning_in_words(executed):
    notebook, _, _ = executed
    for output in outputs_of(notebook):
        data = output.get("data", {})
        if "image/png" in data:
            assert len(data["text/plain"]) > 40
            assert "object at 0x" not in data["text/plain"]


def test_there_is_a_notebook_for_each_source():
    assert [path.stem for path in NOTEBOOKS] == [path.stem for path in SOURCES]
