"""A student joins a class from a real notebook, and the dashboard shows it: one federation, two windows."""

import re

import pytest
from playwright.sync_api import expect

from fedteach.authoring import cells_from, notebook_text
from fedteach.classroom.server import HttpServer
from tests.browser import lab as jupyter
from tests.classroom.classes import SMALL, wait_until

SOURCE = """
# %%
from fedteach import join

# %%
me = join({line!r}, name="<b>Anna</b>")

# %%
print(me.result(20).state, len(me.news.mine))
"""
IMPORT, JOIN, ASK = range(3)


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_a_student_joins_watches_and_leaves(lab, chromium, page, tmp_path, theme):
    with HttpServer(SMALL.replace(clients=2, rounds=10_000), min_clients=1) as server:
        source = SOURCE.format(line=server.join_line)
        (lab.folder / "class.ipynb").write_text(notebook_text(cells_from(source)), encoding="utf-8")
        jupyter.set_theme(lab, f"JupyterLab {theme}")
        jupyter.open_notebook(page, "class.ipynb")
        jupyter.run_cell(page, IMPORT)
        jupyter.run_cell(page, JOIN)
        jupyter.wait_for_status(page, r"client 0 with 40 examples")
        jupyter.wait_for_pictures(page, 3)
        dashboard = chromium.new_context(base_url=server.url).new_page()
        dashboard.goto(f"/#view={server.class_token}")
        expect(dashboard.locator(".card h3")).to_have_text(["<b>Anna</b>"])
        before = dashboard.locator("#curve .dot").count()
        wait_until(lambda: dashboard.locator("#curve .dot").count() > before, 20)
        dashboard.context.close()
        jupyter.screenshot(page, f"class_panel_{theme.lower()}", tmp_path)
        page.get_by_role("tab", name="My data").click()
        page.wait_for_timeout(500)
        jupyter.screenshot(page, f"class_panel_data_{theme.lower()}", tmp_path)
        page.get_by_role("tab", name="My rounds").click()
        expect(page.locator(".fedteach-mine tbody tr").first).to_contain_text("sent")
        jupyter.screenshot(page, f"class_panel_rounds_{theme.lower()}", tmp_path)
        jupyter.button(page, "Leave").click()
        jupyter.wait_for_status(page, r"You have left the class")
        assert server.board()["cards"]["0"]["state"] == "left"
        jupyter.run_cell(page, ASK)
        assert re.match(r"left \d+", jupyter.outputs(page)[ASK])
        saved = [output for output in jupyter.saved_outputs(page) if "image/png" in output]
        assert "My rounds" in saved[0]["text/plain"], "what is saved shows the result without a kernel"
        jupyter.set_theme(lab, "JupyterLab Light")
