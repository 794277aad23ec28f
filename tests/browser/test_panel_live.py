"""What people do to a panel when nobody looks after them: press twice, type nonsense, close the tab."""

import json
import re

import pytest

from fedteach.authoring import cells_from, notebook_text
from tests.browser import lab as jupyter
from tests.lab.waiting import until

SOURCE = """
# %%
import threading
from fedteach import Experiment, panel

def runs():
    return [thread.name for thread in threading.enumerate()].count("fedteach run")

def my_mean(updates):
    return 1 / 0

def my_training(model, x, y, plan, rng):
    print("training")

def my_selection(clients, rng):
    print("choosing")
    return clients

# %%
board = panel(Experiment(clients=4, rounds=1000, epochs=1, model="logistic"))

# %%
print(runs(), "running,", len(board.history), "rounds")

# %%
broken = panel(Experiment(clients=3, rounds=2, epochs=1, model="logistic"), aggregate=my_mean)

# %%
talking = panel(
    Experiment(clients=2, rounds=2, epochs=1, model="logistic"), select=my_selection, local_update=my_training
)
"""
IMPORTS, PANEL, COUNT, BROKEN, TALKING = range(5)


@pytest.fixture
def notebook(lab, page):
    (lab.folder / "panel.ipynb").write_text(notebook_text(cells_from(SOURCE)), encoding="utf-8")
    jupyter.open_notebook(page, "panel.ipynb")
    jupyter.run_cell(page, IMPORTS)
    jupyter.run_cell(page, PANEL)
    return page


def count(page):
    """Ask the kernel how many threads run a federation."""
    jupyter.run_cell(page, COUNT)
    return int(jupyter.outputs(page)[COUNT].split()[0])


def split(page):
    label = page.locator(".widget-label", has_text=re.compile("^Split"))
    return page.locator(".widget-dropdown").filter(has=label).locator("select").first


def choose_split(page, name):
    options = split(page).locator("option").all_inner_texts()
    split(page).select_option(index=[option.startswith(name) for option in options].index(True))


def fill(page, words, typed):
    box = jupyter.number(page, words).first
    box.fill(typed)
    box.press("Enter")


def test_impatient_people_start_one_run_at_a_time(notebook):
    run, stop = jupyter.button(notebook, "Run"), jupyter.button(notebook, "Stop")
    run.dblclick()
    jupyter.wait_for_status(notebook, r"Round \d+ of 1000: \d of 4")
    assert count(notebook) == 1
    # Nothing can be changed meanwhile, but everything can be looked at.
    jupyter.slider(notebook, "Clients").press("ArrowLeft")
    assert jupyter.slider_value(notebook, "Clients") == 4
    assert jupyter.number(notebook, "Rounds").is_disabled()
    assert split(notebook).is_disabled()
    for tab in ("Who holds what", "Who took part", "Bytes"):
        notebook.get_by_role("tab", name=tab).click()
        assert jupyter.picture(notebook)
    notebook.get_by_role("tab", name="All rounds").click()
    notebook.locator(".fedteach-table tbody tr").nth(2).wait_for()

    # The cell is run again: its older run ends, and the new panel works.
    jupyter.run_cell(notebook, PANEL)
    jupyter.wait_for_status(notebook, "Ready")
    assert count(notebook) == 0
    run.click()
    jupyter.wait_for_status(notebook, r"Round \d+ of 1000: \d of 4")
    jupyter.interrupt(notebook)
    assert count(notebook) == 1, "an interrupt is for cells; Stop is for runs"
    stop.click()
    run.click()
    jupyter.wait_for_status(notebook, r"Round \d+ of 1000: \d of 4")
    assert until(lambda: count(notebook) == 1)
    stop.click()
    jupyter.wait_for_status(notebook, r"Stopped after \d+ of 1000 rounds \(you stopped it\)", limit_s=10)
    assert until(lambda: count(notebook) == 0), "it says so while its thread is about to end"


def test_what_a_step_prints_appears_below_its_panel_whatever_cell_ran_last(notebook):
    jupyter.run_cell(notebook, TALKING)
    jupyter.run_cell(notebook, COUNT)
    jupyter.button(notebook, "Run").nth(1).click()
    jupyter.wait_for_status(notebook, "Done: round 2 of 2", nth=1)
    stream = '.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stdout"]'
    printed = notebook.locator(".jp-CodeCell").nth(TALKING).locator(stream)
    printed.wait_for()
    # Two rounds of two clients. The last words leave the kernel a moment after "Done".
    expected = ["choosing"] * 2 + ["training"] * 4
    assert until(lambda: sorted(printed.inner_text().split()) == expected), printed.inner_text()
    assert jupyter.outputs(notebook)[COUNT] == "0 running, 0 rounds"


def test_nonsense_is_answered_in_words_and_the_saved_notebook_holds_the_result(notebook, lab, tmp_path):
    rounds = jupyter.number(notebook, "Rounds")
    for typed, kept in (("0", "1"), ("99999", "1000"), ("", "1000")):
        fill(notebook, "Rounds", typed)
        if typed:
            jupyter.wait_for_status(notebook, f"from 1 to 1000: {typed} was changed to {kept}")
        notebook.wait_for_timeout(100)
        assert rounds.input_value() == kept
    rounds.press("Control+a")
    notebook.keyboard.type("abc")
    rounds.press("Enter")
    assert rounds.input_value() == "1000"

    impossible = "nobody knows who wrote these examples; take a data set with writers"
    choose_split(notebook, "by_writer")
    jupyter.wait_for_status(notebook, f"This cannot be run.\\s*{impossible}")
    jupyter.button(notebook, "Run").click()
    jupyter.wait_for_status(notebook, f"The run could not begin.\\s*{impossible}")
    choose_split(notebook, "4")
    jupyter.wait_for_status(notebook, "Ready")
    fill(notebook, "Rounds", "2")
    jupyter.button(notebook, "Run").click()
    jupyter.wait_for_status(notebook, "Done: round 2 of 2")
    jupyter.screenshot(notebook, "panel_done", tmp_path)

    jupyter.run_cell(notebook, BROKEN)
    jupyter.button(notebook, "Run").nth(1).click()
    failed = jupyter.wait_for_status(notebook, "Round 1 of 2 failed.", nth=1)
    assert "my_mean failed in round 1: ZeroDivisionError: division by zero" in failed
    assert "In your function my_mean, line 8: return 1 / 0" in failed
    notebook.locator(".fedteach-panel").nth(1).scroll_into_view_if_needed()
    jupyter.screenshot(notebook, "panel_error", tmp_path)
    assert jupyter.errors_in(notebook) == []

    jupyter.save(notebook)
    saved = json.loads((lab.folder / "panel.ipynb").read_text(encoding="utf-8"))
    outputs = [output for cell in saved["cells"] for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} == {"display_data"}
    good, bad = ["".join(o["data"]["text/plain"]) for o in outputs if "image/png" in o["data"]]
    assert good.startswith("Accuracy after round 2 of 2, 4 clients, experiment 4.")
    assert "server accuracy  clients (min-max)" in good
    assert "ZeroDivisionError: division by zero" in bad
    assert "Traceback" not in bad


def test_a_run_goes_on_when_its_tab_is_closed(notebook):
    jupyter.button(notebook, "Run").click()
    jupyter.wait_for_status(notebook, r"Round \d+ of 1000: \d of 4")
    jupyter.save(notebook)
    notebook.evaluate("() => window.jupyterapp.shell.currentWidget.close()")
    notebook.locator(".jp-NotebookPanel").wait_for(state="detached")
    jupyter.open_notebook(notebook, "panel.ipynb")
    jupyter.wait_for_status(notebook, r"Round \d+ of 1000: \d of 4")
    assert len(jupyter.wait_for_pictures(notebook, 3)) >= 3
    jupyter.button(notebook, "Stop").click()
    jupyter.wait_for_status(notebook, r"Stopped after \d+ of 1000", limit_s=10)
    kept = [output["text/plain"] for output in jupyter.saved_outputs(notebook) if "VBox" not in output["text/plain"]]
    assert kept == ["A run of 1000 rounds has begun; its log and picture will be in the folder runs."]
