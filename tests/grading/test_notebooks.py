import json
import os

import pytest

from fedteach.grading import notebooks
from fedteach.grading.notebooks import Cell, UnreadableNotebook, code_cells
from tests.submissions import notebook


def test_code_cells_come_in_order_with_the_number_that_jupyter_shows(tmp_path):
    path = notebook(tmp_path / "04_aggregation.ipynb", "a = 1\nb = 2", "%matplotlib inline\nc = 3")
    assert code_cells(path) == [
        Cell("04_aggregation.ipynb, cell 1", "a = 1\nb = 2"),
        Cell("04_aggregation.ipynb, cell 2", "pass\nc = 3"),
    ]


def test_a_cell_that_is_not_for_python_keeps_its_text_aside(tmp_path):
    path = notebook(tmp_path / "a.ipynb", "%%bash\nls", "%%time\nx = 1", "")
    assert code_cells(path) == [
        Cell("a.ipynb, cell 1", "", left_out="%%bash\nls"),
        Cell("a.ipynb, cell 2", "\nx = 1"),
        Cell("a.ipynb, cell 3", ""),
    ]


def test_a_source_may_be_one_text_and_lines_may_end_as_on_windows(tmp_path):
    path = tmp_path / "a.ipynb"
    cells = [{"cell_type": "code", "source": "a = 1\r\nb = 2"}, {"cell_type": "raw", "source": "c"}, "odd", {}]
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({"cells": cells}).encode())
    assert [cell.source for cell in code_cells(path)] == ["a = 1\nb = 2"]


def test_a_script_is_one_cell_with_the_lines_of_the_file(tmp_path):
    path = tmp_path / "04_aggregation.py"
    path.write_text("# %% [markdown]\n# Text\n\n# %%\na = 1\n")
    assert code_cells(path) == [Cell("04_aggregation.py", path.read_text())]


def test_a_script_with_a_broken_cell_is_taken_apart(tmp_path):
    path = tmp_path / "04_aggregation.py"
    path.write_text("import x\n# %% [markdown]\n'not code'\n# %% A title\na = (\n#%%\n!ls\nb = 2\n")
    assert code_cells(path) == [
        Cell("04_aggregation.py", "import x", 1),
        Cell("04_aggregation.py", "a = (", 5),
        Cell("04_aggregation.py", "pass\nb = 2\n", 7),
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b'{"cells": [\0]}', "holds null bytes"),
        (b'{"cells": [', "expected JSON (line 1)"),
        (b"<!DOCTYPE html>", "begins with '<!DOCTYPE html>'"),
        (b"<<<<<<< HEAD\n{}", "begins with '<<<<<<< HEAD"),
        (b"[" * 100_000, "expected JSON"),
        (b"\xff\xfe{", "not a text in UTF-8"),
        (b'["a list"]', "has no cells"),
        (b'{"worksheets": []}', "has no cells"),
        (b'{"cells": 7}', "has no cells"),
    ],
)
def test_what_is_no_notebook_is_named(tmp_path, content, sentence):
    path = tmp_path / "04_aggregation.ipynb"
    path.write_bytes(content)
    with pytest.raises(UnreadableNotebook) as refused:
        code_cells(path)
    assert sentence in str(refused.value)
    assert str(refused.value).startswith("04_aggregation.ipynb ")


def test_a_notebook_full_of_outputs_is_refused_before_it_fills_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "MOST_BYTES", 1000)
    path = notebook(tmp_path / "a.ipynb", "x = 1" + " " * 1000)
    with pytest.raises(UnreadableNotebook, match="clear its outputs"):
        code_cells(path)


def test_a_pipe_is_no_notebook_and_nobody_waits_for_it(tmp_path):
    os.mkfifo(tmp_path / "04_pipe.ipynb")
    with pytest.raises(UnreadableNotebook, match="is not a file"):
        code_cells(tmp_path / "04_pipe.ipynb")
