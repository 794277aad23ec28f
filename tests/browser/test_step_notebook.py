"""One step notebook from end to end, as a student has it: wrong first, then right, then the curve moves."""

import re
import textwrap

import pytest

from tests.browser import lab as jupyter

WRONG = """
deltas = [update.delta for update in updates]
return [sum(tensors) / len(tensors) for tensors in zip(*deltas)]
"""
RIGHT = """
updates = list(updates)
if not updates:
    raise ValueError("nobody answered")
n = sum(update.n_examples for update in updates)
deltas = [[update.n_examples / n * tensor for tensor in update.delta] for update in updates]
return [sum(tensors) for tensors in zip(*deltas)]
"""


@pytest.fixture
def aggregation(lab, page):
    (lab.folder / "fedteach_progress.jsonl").unlink(missing_ok=True)
    untouched = (jupyter.REPOSITORY / "notebooks" / "04_aggregation.ipynb").read_text(encoding="utf-8")
    (lab.folder / "04_aggregation.ipynb").write_text(untouched, encoding="utf-8")
    jupyter.open_notebook(page, "04_aggregation.ipynb")
    return page


def answer(page, place, body):
    """Put a body in the place of the stub's last line, run the cell, and return the box below."""
    stub = jupyter.source_of(page, place)
    before, after = re.split(
        r"\n    # TODO 4\.1.*\n.*\n|\n    # mine\n(?:.*\n)*?(?=\n\n\ncheck|\n\ncheck)", stub, maxsplit=1
    )
    jupyter.type_into(page, place, f"{before}\n    # mine\n{textwrap.indent(body.strip(), '    ')}\n{after}")
    jupyter.run_cell(page, place)
    return box_of(page, place)


def box_of(page, place):
    """Find the newest box below a cell."""
    cell = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell").nth(place)
    return cell.locator(".fedteach-answer").last


def test_a_student_is_wrong_reads_why_mends_it_and_sees_the_curve_move(aggregation, tmp_path):
    page = aggregation
    jupyter.run_cell(page, jupyter.cell_with(page, "from fedteach import"))
    place = jupyter.cell_with(page, "def weighted_mean(")
    jupyter.run_cell(page, place)
    assert "Not started" in box_of(page, place).inner_text()

    told = answer(page, place, WRONG)
    jupyter.screenshot(page, "step_wrong", tmp_path)
    said = told.inner_text()
    assert "The mean over all four examples is (2 + 6 + 6 + 6) / 4 = 5." in said
    assert "[array([4.])]" in said
    assert "[array([5.])]" in said
    assert "each client counts the same" in said

    told = answer(page, place, RIGHT)
    jupyter.screenshot(page, "step_right", tmp_path)
    assert "Passed" in told.inner_text()
    assert "4.2" in told.inner_text(), "says what comes next"

    jupyter.run_cell(page, jupyter.cell_with(page, "uneven = Experiment"))
    jupyter.run_cell(page, jupyter.cell_with(page, 'weighted = use("4.1"'))
    jupyter.run_cell(page, jupyter.cell_with(page, "board = panel"))
    assert page.locator(".fedteach-line").count() == 0, "no fallback: the panel is driven by the student's own mean"
    jupyter.button(page, "Run").click()
    assert len(jupyter.wait_for_pictures(page, 3)) >= 3
    done = jupyter.wait_for_status(page, "Done: round 6 of 6")
    accuracy = float(re.search(r"(\d+\.\d) ?%", done)[1])
    assert accuracy > 80
    jupyter.screenshot(page, "step_curve", tmp_path)
    assert jupyter.errors_in(page) == []


def test_run_all_on_the_untouched_notebook_says_what_is_not_started_and_stops_nowhere(aggregation, tmp_path):
    page = aggregation
    jupyter.run_all(page)
    jupyter.wait_idle(page, limit_s=110)
    assert jupyter.errors_in(page) == []
    said = page.locator(".fedteach-answer").all_text_contents()
    assert ["Not started" in text for text in said] == [True] * 4, said
    assert page.locator(".fedteach-line").count() >= 4
    jupyter.screenshot(page, "step_untouched", tmp_path)
