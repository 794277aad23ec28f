"""The bytes of a notebook: the same every time, nothing of a run in them."""

import json

import nbformat
from hypothesis import given
from hypothesis import strategies as st

from fedteach.authoring import Cell, cells_from, notebook_text
from fedteach.authoring.notebook import cell_ids
from tests.authoring.courses import WELCOME

KINDS = st.sampled_from(["code", "markdown"])


def test_a_notebook_holds_no_trace_of_a_run_or_of_a_machine():
    notebook = json.loads(notebook_text(cells_from(WELCOME)))
    assert notebook["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook["cells"]:
        code = {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert set(cell) == {"cell_type", "id", "metadata", "source"} | code
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def test_a_notebook_file_is_tidy_and_valid():
    text = notebook_text(cells_from(WELCOME))
    assert text.endswith("}\n")
    assert not text.endswith("\n\n")
    assert "\r" not in text
    assert "Grüße, 你好" in text  # letters, not \\u00fc
    notebook = json.loads(text)
    assert text == json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    nbformat.validate(nbformat.from_dict(notebook))
    assert notebook["cells"][0]["source"] == ["# Welcome\n", "\n", "Five steps, *five* functions."]


def test_a_changed_cell_leaves_the_other_ids_alone():
    before = cells_from(WELCOME)
    after = [Cell("markdown", "A new start."), *before[:1], Cell("code", "n_clients = 6"), *before[2:]]
    ids, new_ids = cell_ids(before), cell_ids(after)
    assert new_ids[1] == ids[0]
    assert new_ids[3:] == ids[2:]
    assert new_ids[2] != ids[1]


@given(st.lists(st.tuples(KINDS, st.sampled_from(["", "x", "y", "x\n"]))))
def test_ids_are_always_different_and_legal(cells):
    ids = cell_ids([Cell(kind, text) for kind, text in cells])
    assert len(set(ids)) == len(ids)
    assert all(len(id) == 12 and id.isalnum() for id in ids)


@given(st.lists(st.tuples(KINDS, st.text(min_size=1))))
def test_any_text_survives_the_way_into_the_file(cells):
    made = [Cell(kind, text) for kind, text in cells]
    notebook = json.loads(notebook_text(made))
    assert [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]] == cells
