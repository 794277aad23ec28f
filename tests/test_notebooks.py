"""Every notebook of the course runs from top to bottom, where nobody looks, and leaves its results behind."""

import os
import time
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def executed(request, tmp_path_factory):
    notebook = nbformat.read(request.param, as_version=4)
    folder = tmp_path_factory.mktemp(request.param.stem)
    began = time.monotonic()
    quiet = {**os.environ, "FEDTEACH_HEADLESS": "1", "PYTHONWARNINGS": "error::UserWarning"}
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute(env=quiet)
    return notebook, folder, time.monotonic() - began


@pytest.mark.slow
def test_every_cell_runs_and_says_nothing_on_stderr(executed):
    notebook, _, _ = executed
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            assert output.output_type != "error", cell.source
            assert output.get("name") != "stderr", f"{cell.source}\n{output.get('text')}"


@pytest.mark.slow
def test_a_panel_leaves_a_picture_and_a_table(executed):
    notebook, folder, _ = executed
    for cell in notebook.cells:
        if "panel(" not in cell.source or cell.cell_type != "code":
            continue
        kept = [output.data for output in cell.outputs if "image/png" in output.get("data", {})]
        assert len(kept) == 1
        assert "server accuracy" in kept[0]["text/plain"]
        assert list((folder / "runs" / "logs").glob("*.json"))
        assert list((folder / "runs" / "logs").glob("*.png"))


@pytest.mark.slow
def test_pictures_carry_their_meaning_in_words(executed):
    notebook, _, _ = executed
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if "image/png" in data:
                assert len(data["text/plain"]) > 40
                assert "object at 0x" not in data["text/plain"]


def test_there_is_a_notebook():
    assert [path.stem for path in NOTEBOOKS] == sorted(
        path.stem for path in (NOTEBOOKS[0].parent.parent / "solutions").glob("[0-9]*.py")
    )
