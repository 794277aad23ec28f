"""The first minute of the course, as a student has it: open the notebook, run it, move, press, watch, stop."""

import re

import pytest

from tests.browser import lab as jupyter


@pytest.fixture
def welcome(lab, page):
    jupyter.open_notebook(page, "00_welcome.ipynb")
    jupyter.run_all(page)
    jupyter.wait_idle(page)
    assert jupyter.errors_in(page) == []
    return page


def test_a_student_sets_runs_watches_stops_and_runs_again(welcome, tmp_path):
    clients = jupyter.slider(welcome, "Clients")
    clients.focus()
    before = jupyter.slider_value(welcome, "Clients")
    clients.press("ArrowLeft")
    clients.press("ArrowLeft")
    assert jupyter.slider_value(welcome, "Clients") == before - 2
    rounds = jupyter.number(welcome, "Rounds")
    rounds.fill("60")
    rounds.press("Enter")
    jupyter.screenshot(welcome, "welcome_before", tmp_path)

    run, stop = jupyter.button(welcome, "Run"), jupyter.button(welcome, "Stop")
    run.click()
    jupyter.wait_for_status(welcome, r"Round \d+ of 60")
    assert len(jupyter.wait_for_pictures(welcome, 3)) >= 3
    assert run.is_disabled()
    jupyter.screenshot(welcome, "welcome_running", tmp_path)

    stop.click()
    stopped = jupyter.wait_for_status(welcome, r"Stopped after \d+ of 60 rounds", limit_s=10)
    last = jupyter.wait_until_still(welcome)
    jupyter.screenshot(welcome, "welcome_stopped", tmp_path)
    assert run.is_enabled()
    assert stop.is_disabled()
    assert stopped == jupyter.wait_for_status(welcome, "Stopped after")

    rounds.fill("2")
    rounds.press("Enter")
    run.click()
    done = jupyter.wait_for_status(welcome, "Done: round 2 of 2")
    assert "server accuracy" in done
    assert jupyter.wait_until_still(welcome) != last
    assert run.is_enabled()
    jupyter.screenshot(welcome, "welcome_done", tmp_path)
    assert jupyter.errors_in(welcome) == []


def test_a_finished_run_leaves_a_table_and_a_picture_in_the_notebook(welcome, tmp_path):
    rounds = jupyter.number(welcome, "Rounds")
    rounds.fill("2")
    rounds.press("Enter")
    jupyter.button(welcome, "Run").click()
    jupyter.wait_for_status(welcome, "Done: round 2 of 2")

    welcome.get_by_role("tab", name="All rounds").click()
    table = welcome.locator(".fedteach-table table")
    assert table.locator("tbody tr").count() == 2
    jupyter.screenshot(welcome, "welcome_table", tmp_path)

    # What stays when the widgets are gone: in the saved file, in HTML or PDF, and for a screen reader.
    welcome.wait_for_timeout(500)
    pictures = [output for output in jupyter.saved_outputs(welcome) if "image/png" in output]
    (kept,) = [output for output in pictures if output["text/plain"].startswith("Accuracy after round 2 of 2")]
    header, *lines = [line for line in kept["text/plain"].splitlines() if re.match(r"\s*(round|\d+) ", line)]
    assert "server accuracy" in header
    assert len(lines) == 2


def test_the_dark_theme_shows_the_same(lab, page, tmp_path):
    jupyter.set_theme(lab, "JupyterLab Dark")
    try:
        jupyter.open_notebook(page, "00_welcome.ipynb")
        jupyter.run_all(page)
        jupyter.wait_idle(page)
        rounds = jupyter.number(page, "Rounds")
        rounds.fill("2")
        rounds.press("Enter")
        jupyter.button(page, "Run").click()
        jupyter.wait_for_status(page, "Done: round 2 of 2")
        page.locator(".fedteach-panel").evaluate("(panel) => panel.scrollIntoView({block: 'start'})")
        assert jupyter.picture(page)
        jupyter.screenshot(page, "welcome_dark", tmp_path)
    finally:
        jupyter.set_theme(lab, "JupyterLab Light")
