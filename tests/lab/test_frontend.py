"""Which front end is it, and what does a notebook keep? With real kernels, executed by nbclient."""

import base64
import contextlib
import os
import re
import sys
import threading
import types

import comm
import ipywidgets as widgets
import nbclient
import nbformat
import pytest

from fedteach.lab import frontend

BOARD = """
from fedteach import Experiment, panel
from fedteach.lab import frontend
board = panel(Experiment(model="logistic", epochs=1, clients=3, rounds=2, workers=1), out=None)
"""


def execute(*cells, monkeypatch, **environment):
    """Run cells in a fresh kernel, as nbclient and nbconvert do, and return their outputs."""
    for name in [name for name in os.environ if name.startswith(("FEDTEACH_HEADLESS", "NBGRADER"))]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", os.getcwd())
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    assert "widgets" not in notebook.metadata, "what widgets say where nobody looks would be kept with all its pictures"
    return [cell.outputs for cell in notebook.cells]


def kept(outputs):
    """Return what a notebook shows of a panel when the panel is gone."""
    (data,) = [output["data"] for output in outputs if "image/png" in output.get("data", {})]
    return data


@pytest.mark.slow
@pytest.mark.parametrize("environment", [{"FEDTEACH_HEADLESS": "1"}, {}], ids=["told", "finds out itself"])
def test_a_notebook_run_by_a_program_keeps_picture_and_table_and_prints_in_the_right_cell(monkeypatch, environment):
    told = """
def told(updates):
    print("in my mean")
    return weighted_mean(updates)
from fedteach.steps.aggregation import weighted_mean
"""
    with_print = BOARD.replace("out=None)", "out=None, aggregate=told)")
    first, second, third, fourth, last = execute(
        told + with_print,
        'print("second cell", frontend.headless())',
        "board",
        "len(board.result()), board._run.state",
        BOARD.replace("board = ", "").replace("out=None)", "out=None, aggregate=lambda updates: 1 / 0)"),
        monkeypatch=monkeypatch,
        **environment,
    )
    assert base64.b64decode(kept(first)["image/png"]).startswith(b"\x89PNG")
    text = kept(first)["text/plain"]
    assert text.startswith("Accuracy after round 2 of 2, 3 clients, experiment 1. Server: ")
    header, one, two = [line for line in text.splitlines() if re.match(r"\s*(round|\d+) ", line)]
    assert "server accuracy" in header
    assert [one.split()[0], two.split()[0]] == ["1", "2"]
    # Two rounds, one line each, in the cell whose panel ran; nothing of it in the next.
    assert [output["text"].splitlines() for output in first if output.output_type == "stream"] == [["in my mean"] * 2]
    assert [output["text"] for output in second] == ["second cell True\n"]
    # Shown again, the panel shows the same result and does not run again.
    assert kept(third)["text/plain"] == text
    assert not [output for output in third if output.output_type == "stream"]
    assert fourth[0]["data"]["text/plain"] == "(2, 'done')"
    shown = [output.data for outputs in (first, second, third, fourth, last) for output in outputs if "data" in output]
    assert not [data for data in shown if "VBox" in data["text/plain"] or "widget" in "".join(data)]
    # As the last value of a cell a panel is shown once. An error is words in what is kept; only `result` raises it.
    assert "ZeroDivisionError: division by zero" in kept(last)["text/plain"]
    assert "In your function <lambda>, line" in kept(last)["text/plain"]
    assert not [output for output in last if output.output_type in ("stream", "error")]


# Where are we?


class Kernel:
    """IPython's shell as a front end for people presents it."""

    kernel = object()
    execution_count = 3

    def __init__(self, cell_id="cell-7"):
        self.cell_id = cell_id

    def get_parent(self):
        return {"metadata": {"cellId": self.cell_id} if self.cell_id else {}}


@pytest.fixture
def live(monkeypatch):
    """A live front end: JupyterLab that runs the cell "cell-7"."""
    monkeypatch.delenv("FEDTEACH_HEADLESS", raising=False)
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.setattr(frontend, "_can_import", lambda name: False)
    here = Kernel()
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: here))
    return here


def test_a_live_front_end_is_one_that_names_its_cell(live):
    assert frontend.cell() == ("cell-7", 3)
    assert not frontend.headless()
    assert frontend.mode_for() == "thread"


def test_a_front_end_that_names_no_cell_is_a_program(live):
    live.cell_id = ""
    assert frontend.cell() == ("", 3)
    assert frontend.headless()
    assert frontend.mode_for() == "blocking"


@pytest.mark.parametrize(("name", "value"), [("FEDTEACH_HEADLESS", "1"), ("NBGRADER_EXECUTION", "autograde")])
def test_the_environment_can_say_that_nobody_looks(live, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert frontend.headless()
    assert frontend.mode_for() == "blocking"
    assert frontend.mode_for("thread") == "thread", "who asks for it gets it"


@pytest.mark.parametrize("value", ["", "0"])
def test_headless_can_be_switched_off(live, monkeypatch, value):
    monkeypatch.setenv("FEDTEACH_HEADLESS", value)
    assert not frontend.headless()


def test_colab_and_a_python_without_threads_are_blocking(live, monkeypatch):
    monkeypatch.setattr(sys, "platform", "emscripten")
    assert frontend.mode_for() == "blocking"
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    assert frontend.mode_for() == "blocking"


def test_outside_of_a_notebook_there_is_no_cell_and_nothing_to_keep(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: None))
    assert frontend.shell() is None
    assert frontend.cell() == ("", 0)
    frontend.SavedOutput("words").replace("other words")


def test_in_colab_somebody_looks_though_it_names_no_cell(live, monkeypatch):
    live.cell_id = ""
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    assert not frontend.headless()
    assert frontend.mode_for() == "blocking"


def test_widgets_are_unheard_only_where_that_was_asked_for():
    usual = comm.create_comm
    with contextlib.suppress(ZeroDivisionError), frontend.unheard():
        assert isinstance(widgets.HTML("said to nobody").comm, comm.DummyComm)
        assert comm.create_comm is not usual
        raise ZeroDivisionError
    assert comm.create_comm is usual, "also after an error"


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="unknown mode 'threads', did you mean 'thread'"):
        frontend.mode_for("threads")


def test_a_thread_can_print_where_its_panel_is(live):
    followed = []
    live.set_thread_parent = lambda parent: followed.append((parent["metadata"]["cellId"], threading.current_thread()))
    here = frontend.output_here()
    live.cell_id = "another cell"
    thread = threading.Thread(target=here)
    thread.start()
    thread.join()
    assert followed == [("cell-7", thread)]


def test_where_threads_cannot_be_told_apart_nothing_happens(live):
    assert frontend.output_here()() is None


def test_what_comes_first_comes_first_and_the_step_keeps_its_name():
    said = []

    def my_training(model, x):
        said.append((model, x))
        return "trained"

    both = frontend.preceded_by(lambda: said.append("first"), my_training)
    assert both("a model", 3) == "trained"
    assert said == ["first", ("a model", 3)]
    assert both.__name__ == "my_training"


# Whose line was it?


def inner():
    return {}["key"]


def test_the_place_is_the_innermost_line_of_the_students_own_code():
    def outer():
        try:
            inner()
        except KeyError as error:
            raise RuntimeError("wrapped") from error

    with pytest.raises(RuntimeError) as caught:
        outer()
    line = inner.__code__.co_firstlineno + 1
    expected = f'In your function inner, line {line}: return {{}}["key"]'
    assert frontend.student_place(caught.value) == expected
    frontend.with_place(caught.value)
    frontend.with_place(caught.value)
    assert caught.value.__notes__ == [expected], "noted once"


def test_an_error_in_none_of_the_students_code_has_no_place():
    with pytest.raises(ValueError, match="unknown mode") as caught:
        frontend.mode_for("fast")
    assert "test_an_error_in_none" in frontend.student_place(caught.value)
    without_this_test = caught.value.with_traceback(caught.tb.tb_next)
    assert frontend.student_place(without_this_test) == ""
