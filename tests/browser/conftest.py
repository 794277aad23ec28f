"""A JupyterLab and a browser for the tests of this folder; both end with its last test."""

import re
import shutil

import pytest
from playwright.sync_api import sync_playwright

from tests.browser import lab as jupyter

# A live picture is replaced, and its blob given back, while somebody (mostly the harness) still reads it: no fault of
# the page. JupyterLab asks for its lists of files, kernels and sessions and writes down its windows every few seconds,
# and a page that is left or reloaded gives such a question up. Everything else that it complains about fails the test.
NOISE = re.compile(
    r"^(Failed to load resource: )?net::ERR_(FILE_NOT_FOUND|ABORTED).* blob:http"
    r"|^net::ERR_ABORTED \S+/api/(kernels|sessions|terminals|kernelspecs)\?\d+$"
    r"|^net::ERR_ABORTED \S+/api/contents(/[^?.]*)?\?content=1&hash=0&\d+$"
    r"|^net::ERR_ABORTED \S+/lab/api/workspaces(/[\w-]+)?\?\d+$"
)


def pytest_collection_modifyitems(items):
    for item in items:
        if "/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)


# The scope is this folder: Playwright keeps an event loop running in this thread, in which nbclient, say, cannot start
# its own. So the loop ends before the next folder's tests begin.
@pytest.fixture(scope="package")
def chromium():
    path = jupyter.find_chromium()
    if path is None:
        pytest.skip(f"needs a browser: install one of {', '.join(jupyter.CHROMIUM_NAMES)}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(jupyter.CHROMIUM_FLAGS), headless=True)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def lab(tmp_path_factory):
    """A running JupyterLab that shows a copy of notebooks/."""
    home = tmp_path_factory.mktemp("lab")
    shutil.copytree(jupyter.REPOSITORY / "notebooks", home / "notebooks", ignore=shutil.ignore_patterns(".*"))
    server = jupyter.start_lab(home)
    yield server
    jupyter.stop_lab(server)


@pytest.fixture
def page(chromium, lab, request, tmp_path):
    """A fresh browser window, logged in. The test fails if the page complains or asks for anything outside."""
    context = chromium.new_context(base_url=lab.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(20_000)
    problems: list[str] = []

    def guard(route):
        if route.request.url.startswith((lab.url, "blob:", "data:")):
            route.continue_()
        else:
            problems.append(f"asked for {route.request.url}")
            route.abort()

    context.route("**/*", guard)
    context.request.get(f"/lab?token={lab.token}")
    page = context.new_page()

    def console(message):
        if message.type == "error":
            problems.append(f"{message.text} {message.location['url']}")

    def response(answer):
        if answer.status >= 400:
            problems.append(f"{answer.status} {answer.url}")

    page.on("console", console)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda failed: problems.append(f"{failed.failure} {failed.url}"))
    page.on("response", response)
    yield page
    jupyter.screenshot(page, re.sub(r"\W+", "_", request.node.name), tmp_path)
    complaints = [problem for problem in problems if not NOISE.search(problem)]
    context.close()
    jupyter.stop_kernels(lab)
    assert not complaints, "the page complained:\n" + "\n".join(complaints)
