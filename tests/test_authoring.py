"""Notebooks are built from solutions/: the same bytes every time, nothing of a run in them."""

import json

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedteach import authoring
from fedteach.authoring import AuthoringError, Cell, build, cell_ids, cells_from, check, main, notebook_text

SOURCE = """# ---
# jupyter:
#   kernelspec:
#     display_name: Somebody's own
#     name: python3-old
# ---

# %% [markdown]
# # Welcome
#
# Five steps, *five* functions.

# %% Exercise 0.1: count the clients
n_clients = 5
n_clients

# %% tags=["hide-input"]
# %matplotlib inline
print("Grüße, 你好")

# %%
# %% [markdown]
# The end.
"""


def write_sources(folder, **sources):
    folder.mkdir(exist_ok=True)
    for name, text in sources.items():
        (folder / f"{name.removeprefix('n')}.py").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def solutions(tmp_path):
    return write_sources(tmp_path / "solutions", n00_welcome=SOURCE, n01_client_selection="# %%\nprint(1)\n")


def test_each_cell_of_the_source_is_a_cell_of_the_notebook():
    cells = cells_from(SOURCE)
    assert [cell.kind for cell in cells] == ["markdown", "code", "code", "markdown"]
    assert cells[0].text == "# Welcome\n\nFive steps, *five* functions."
    assert cells[3].text == "The end."


def test_a_title_becomes_the_first_line_of_its_cell():
    assert cells_from(SOURCE)[1] == Cell("code", "# Exercise 0.1: count the clients\nn_clients = 5\nn_clients")


def test_tags_stay_and_magics_come_alive():
    assert cells_from(SOURCE)[2] == Cell(
        "code", '%matplotlib inline\nprint("Grüße, 你好")', metadata={"tags": ["hide-input"]}
    )


def test_a_notebook_holds_no_trace_of_a_run_or_of_a_machine(solutions):
    notebook = json.loads(authoring.built(solutions)["00_welcome.ipynb"])
    assert notebook["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook["cells"]:
        code = {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert set(cell) == {"cell_type", "id", "metadata", "source"} | code
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def test_a_notebook_file_is_tidy_and_valid(solutions):
    text = authoring.built(solutions)["00_welcome.ipynb"]
    assert text.endswith("}\n")
    assert not text.endswith("\n\n")
    assert "\r" not in text
    assert "Grüße, 你好" in text  # letters, not \\u00fc
    notebook = json.loads(text)
    assert text == json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    nbformat.validate(nbformat.from_dict(notebook))
    assert notebook["cells"][0]["source"] == ["# Welcome\n", "\n", "Five steps, *five* functions."]


def test_building_twice_gives_the_same_bytes_and_touches_nothing(solutions, tmp_path):
    out = tmp_path / "notebooks"
    assert [path.name for path in build(solutions, out)] == ["00_welcome.ipynb", "01_client_selection.ipynb"]
    first = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in out.iterdir()}
    assert build(solutions, out) == []
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in out.iterdir()} == first


def test_windows_line_ends_in_a_source_make_no_difference(solutions, tmp_path):
    windows = tmp_path / "windows"
    windows.mkdir()
    for path in solutions.iterdir():
        (windows / path.name).write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert authoring.built(windows) == authoring.built(solutions)


def test_a_changed_cell_leaves_the_other_ids_alone():
    before = cells_from(SOURCE)
    after = [Cell("markdown", "A new start."), *before[:1], Cell("code", "n_clients = 6"), *before[2:]]
    ids, new_ids = cell_ids(before), cell_ids(after)
    assert new_ids[1] == ids[0]
    assert new_ids[3:] == ids[2:]
    assert new_ids[2] != ids[1]


@given(st.lists(st.tuples(st.sampled_from(["code", "markdown"]), st.sampled_from(["", "x", "y", "x\n"]))))
def test_ids_are_always_different_and_legal(cells):
    ids = cell_ids([Cell(kind, text) for kind, text in cells])
    assert len(set(ids)) == len(ids)
    assert all(len(id) == 12 and id.isalnum() for id in ids)


@given(st.lists(st.tuples(st.sampled_from(["code", "markdown"]), st.text(min_size=1))))
def test_any_text_survives_the_way_into_the_file(cells):
    made = [Cell(kind, text) for kind, text in cells]
    notebook = json.loads(notebook_text(made))
    assert [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]] == cells


def test_check_is_content_with_what_build_wrote(solutions, tmp_path):
    build(solutions, tmp_path / "notebooks")
    assert check(solutions, tmp_path / "notebooks") == []


def test_check_names_a_changed_a_missing_and_a_stray_notebook(solutions, tmp_path):
    out = tmp_path / "notebooks"
    build(solutions, out)
    run = json.loads((out / "00_welcome.ipynb").read_text(encoding="utf-8"))
    run["cells"][1]["execution_count"] = 1
    (out / "00_welcome.ipynb").write_text(json.dumps(run), encoding="utf-8")
    (out / "01_client_selection.ipynb").rename(out / "my_notes.ipynb")
    changed, missing, stray = check(solutions, out)
    assert changed.startswith("00_welcome.ipynb differs from solutions/00_welcome.py")
    assert missing.startswith("01_client_selection.ipynb is missing")
    assert "run make notebooks" in changed
    assert "run make notebooks" in missing
    assert stray.startswith("my_notes.ipynb has no source")


def test_a_missing_last_newline_is_a_difference(solutions, tmp_path):
    build(solutions, tmp_path / "notebooks")
    path = tmp_path / "notebooks" / "00_welcome.ipynb"
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert len(check(solutions, tmp_path / "notebooks")) == 1


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
        authoring.built(tmp_path)
    assert name in str(caught.value)


def test_an_empty_folder_is_an_error_in_words(tmp_path):
    with pytest.raises(AuthoringError, match="expected sources such as 00_welcome.py"):
        authoring.built(tmp_path)


def test_the_command_builds_and_checks(solutions, tmp_path, capsys):
    places = ["--solutions", str(solutions), "--out", str(tmp_path / "notebooks")]
    assert main(["check", *places]) == 1
    assert "00_welcome.ipynb is missing: run make notebooks" in capsys.readouterr().err
    assert main(["build", *places]) == 0
    assert capsys.readouterr().out == "built 00_welcome.ipynb\nbuilt 01_client_selection.ipynb\n"
    assert main(["check", *places]) == 0
    assert capsys.readouterr().err == ""


def test_the_command_fails_in_one_line(tmp_path, capsys):
    assert main(["build", "--solutions", str(tmp_path)]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_notebooks_of_the_course_are_as_their_sources_say():
    assert check(authoring.ROOT / "solutions", authoring.ROOT / "notebooks") == []
