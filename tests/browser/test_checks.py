"""Checks as a student meets them: wrong, right, not started, without end; hints, progress, and back to the stub."""

import pytest

from fedteach.authoring import cells_from, notebook_text
from tests.browser import lab as jupyter

SOURCE = """
# %%
from fedteach import NotStarted, check, hint, progress, reset, use
from fedteach.exercises import stubs
from fedteach.lab import checking
from tests.lab import made_up

checking.catalogue, stubs.stub = lambda: made_up.CATALOGUE, lambda exercise: made_up.STUB

# %% [markdown]
# ## Twice as much

# %%
def double(x):
    # TODO 1.1: replace the next line by your code
    raise NotStarted("1.1")

check("1.1", double)

# %%
def double(x):
    return x

check("1.1", double)

# %%
def double(x):
    print("looking at", x)
    while True:
        x = x + 1

check("1.1", double)

# %%
def double(x):
    print("<b>hello</b>")
    return [1, 2][x] / 0

check("1.1", double)

# %%
hint("1.1")

# %%
check("1.1", double(1) if False else 2)

# %%
def double(x):
    return 2 * x

check("1.1", double)
check("1.2", lambda x: double(x))

# %%
progress()

# %%
twice = use("1.1", double)
louder = use("2.1", None)

# %%
reset("1.1")
"""
STUB, WRONG, ENDLESS, RAISES, HINT, MISUSE, RIGHT, PROGRESS, USE, RESET = range(1, 11)
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


@pytest.fixture
def checks(lab, page):
    (lab.folder / "fedteach_progress.jsonl").unlink(missing_ok=True)
    (lab.folder / "checks.ipynb").write_text(notebook_text(cells_from(SOURCE)), encoding="utf-8")
    jupyter.open_notebook(page, "checks.ipynb")
    return page


def boxes(page, nth):
    """Find the boxes below one code cell."""
    return page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell").nth(nth).locator(".fedteach-answer")


def run(page):
    jupyter.run_all(page)
    jupyter.wait_idle(page)
    assert jupyter.errors_in(page) == []


def show(page, nth):
    """Scroll until a cell is at the top of the window."""
    cell = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell").nth(nth)
    cell.evaluate("(cell) => cell.scrollIntoView({block: 'start'})")
    page.wait_for_timeout(100)


def test_a_student_is_told_what_is_wrong_and_what_comes_next(checks, lab):
    run(checks)
    said = [boxes(checks, nth).all_text_contents() for nth in range(11)]
    assert "Not started" in said[STUB][0]
    assert "Twice 1 is 2." in said[WRONG][0]
    assert "did not come to an end within 0.2 seconds" in said[ENDLESS][0]
    assert "ZeroDivisionError" in said[RAISES][0]
    assert 'hint("1.1") may help: 3 of 3 hints left.' in said[RAISES][0]
    assert "What is twice 1?" in said[HINT][0]
    assert "This is an int, perhaps what your function returned" in said[MISUSE][0]
    right, builds_on = said[RIGHT]
    assert "Right at attempt 4." in right
    assert "Not yet" in builds_on
    line = checks.locator(".fedteach-line").text_content()
    assert line == "2.1 (shout) is no function: fedteach's own is used here. Run this cell again when yours is ready."
    assert all("image/png" in o or "text/html" in o for o in jupyter.saved_outputs(checks)), "prints stay in the boxes"
    assert (lab.folder / "fedteach_progress.jsonl").is_file(), "beside the notebook"


def test_the_traceback_and_the_prints_are_folded_and_open_at_a_click(checks):
    run(checks)
    raises = boxes(checks, RAISES)
    traceback = raises.locator("pre", has_text="return [1, 2][x] / 0")
    assert not traceback.is_visible()
    raises.locator("summary").click()
    assert traceback.is_visible()
    assert raises.locator("pre", has_text="<b>hello</b>").is_visible(), "shown as text, not obeyed"
    assert raises.locator("b").count() == 0


def test_reset_puts_the_stub_into_a_new_cell_below(checks):
    run(checks)
    cells = checks.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell")
    assert cells.count() == 12
    assert "raise NotStarted" in cells.nth(RESET + 1).locator(".cm-content").inner_text()
    assert "1.1 counts as not started again." in boxes(checks, RESET).inner_text()
    jupyter.run_cell(checks, PROGRESS + 1)
    (picture,) = [o for o in jupyter.saved_outputs(checks) if "image/png" in o]
    assert picture["text/plain"].startswith("0 of 3 exercises passed")


def test_progress_and_hints_survive_a_restart(checks):
    run(checks)
    jupyter.run_cell(checks, HINT + 1)
    assert "Hint 1 of 3" in boxes(checks, HINT).inner_text(), "after the reset hints begin anew"
    checks.evaluate("async () => { await jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }")
    jupyter.wait_idle(checks)
    jupyter.run_cell(checks, 0)
    jupyter.run_cell(checks, HINT + 1)
    assert "Hint 2 of 3" in boxes(checks, HINT).inner_text()


LUMINANCE = """(element) => {
    const luminance = (color) => {
        const [r, g, b] = color.match(/[0-9.]+/g).map(Number).slice(0, 3).map((value) => {
            value /= 255;
            return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const paper = (element) => {
        const color = getComputedStyle(element).backgroundColor;
        return /^rgba.*, 0\\)$/.test(color) ? paper(element.parentElement) : color;
    };
    const worst = {ratio: 99, text: ""};
    for (const part of [element, ...element.querySelectorAll("*")]) {
        if (![...part.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim())) continue;
        const [dark, light] = [luminance(getComputedStyle(part).color), luminance(paper(part))].sort((a, b) => a - b);
        const ratio = (light + 0.05) / (dark + 0.05);
        if (ratio < worst.ratio) Object.assign(worst, {ratio, text: part.textContent});
    }
    return [worst.ratio, worst.text];
}"""


@pytest.mark.parametrize("theme", THEMES)
def test_every_word_can_be_read_fresh_and_in_a_notebook_from_a_stranger(lab, page, theme, tmp_path):
    (lab.folder / "fedteach_progress.jsonl").unlink(missing_ok=True)
    (lab.folder / "checks.ipynb").write_text(notebook_text(cells_from(SOURCE)), encoding="utf-8")
    jupyter.set_theme(lab, THEMES[theme])
    try:
        jupyter.open_notebook(page, "checks.ipynb")
        run(page)
        look(page, f"checks_{theme}", tmp_path)
        assert page.get_by_role("group", name="Passed: 1.1 twice as much").count() == 1
        # JupyterLab cleans the outputs of a notebook that it has not seen run: roles and many styles are gone.
        jupyter.save(page)
        saved = (lab.folder / "checks.ipynb").read_text(encoding="utf-8")
        (lab.folder / "stranger.ipynb").write_text(saved.replace("looking at", "looking for"), encoding="utf-8")
        jupyter.open_notebook(page, "stranger.ipynb")
        look(page, f"checks_{theme}_stranger", tmp_path)
        assert boxes(page, RIGHT).first.get_attribute("role") is None
    finally:
        jupyter.set_theme(lab, THEMES["light"])


def look(page, name, tmp_path):
    boxes(page, RAISES).locator("summary").click()
    for place, nth in enumerate((STUB, RAISES, RIGHT, USE)):
        show(page, nth)
        jupyter.screenshot(page, f"{name}_{place}", tmp_path)
    for shown in page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) :is(.fedteach-answer, .fedteach-line)").all():
        ratio, text = shown.evaluate(LUMINANCE)
        assert ratio >= 4.5, (ratio, text)
        if "fedteach-answer" in shown.get_attribute("class"):
            assert shown.evaluate("(box) => getComputedStyle(box).backgroundColor") == "rgb(249, 246, 239)"
