"""The harness itself, on a notebook made for it: if these fail, look here before blaming the course."""

import pytest

from fedteach.authoring import cells_from, notebook_text
from tests.browser import lab as jupyter

SOURCE = '''
# %% [markdown]
# # A notebook for the harness

# %%
import os, struct, threading, zlib
import ipywidgets as widgets
from IPython.display import display

def grey(level):
    """A PNG of 8 by 8 pixels of one grey."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = (b"\\0" + bytes([level]) * 8) * 8
    signature = b"\\x89PNG\\r\\n\\x1a\\n"
    header = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    return signature + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")

print("headless:", os.environ.get("FEDTEACH_HEADLESS", "no"))

# %%
frames = widgets.IntSlider(description="Frames", min=1, max=255, value=200)
image = widgets.Image(value=grey(255), format="png", layout={"width": "80px", "height": "80px"})
state = widgets.HTML("nothing yet")
run, stop = widgets.Button(description="Run"), widgets.Button(description="Stop")
stopped = threading.Event()

def draw():
    for i in range(frames.value):
        image.value = grey(i)
        if stopped.wait(0.05):
            break
    state.value = f"stopped after {i + 1}" if stopped.is_set() else f"all {i + 1} shown"

def start(_):
    stopped.clear()
    threading.Thread(target=draw).start()

run.on_click(start)
stop.on_click(lambda _: stopped.set())
display(widgets.VBox([frames, widgets.HBox([run, stop]), image, state]))

# %%
7 * 6
'''


@pytest.fixture
def notebook(lab, page):
    (lab.folder / "harness.ipynb").write_text(notebook_text(cells_from(SOURCE)), encoding="utf-8")
    jupyter.open_notebook(page, "harness.ipynb")
    jupyter.run_all(page)
    jupyter.wait_idle(page)
    return page


def test_a_notebook_runs_in_a_live_kernel_and_shows_its_outputs(notebook):
    first, panel, last = jupyter.outputs(notebook)
    assert first == "headless: no"
    assert "nothing yet" in panel
    assert last == "42"
    assert jupyter.errors_in(notebook) == []
    with pytest.raises(TimeoutError, match="expected 2 different pictures within 1 s, saw 1"):
        jupyter.wait_for_pictures(notebook, 2, limit_s=1)


def test_keys_move_a_slider_run_changes_the_picture_and_stop_stops_it(notebook):
    handle = jupyter.slider(notebook, "Frames")
    handle.focus()
    for _ in range(3):
        handle.press("ArrowLeft")
    assert jupyter.slider_value(notebook, "Frames") == 197

    jupyter.button(notebook, "Run").click()
    assert len(jupyter.wait_for_pictures(notebook, 3)) >= 3
    jupyter.button(notebook, "Stop").click()
    notebook.get_by_text("stopped after").wait_for()
    still = jupyter.wait_until_still(notebook)
    assert still == jupyter.picture(notebook) != ""


def test_the_dark_theme_is_dark_and_an_error_is_seen(lab, page, tmp_path):
    (lab.folder / "wrong.ipynb").write_text(notebook_text(cells_from("# %%\n1 / 0\n")), encoding="utf-8")
    jupyter.set_theme(lab, "JupyterLab Dark")
    try:
        jupyter.open_notebook(page, "wrong.ipynb")
        jupyter.run_all(page)
        jupyter.wait_idle(page)
        page.wait_for_function('() => document.body.dataset.jpThemeLight === "false"')
        assert jupyter.screenshot(page, "dark", tmp_path).stat().st_size > 10_000
        (error,) = jupyter.errors_in(page)
        assert "ZeroDivisionError" in error
    finally:
        jupyter.set_theme(lab, "JupyterLab Light")
