"""A real JupyterLab and what a person does in it: open a notebook, run all, move a slider, press a button, look.

`start_lab` and `stop_lab` look after the server; every other function takes the Playwright page it acts on. All
waits have a time limit, in seconds.
"""

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path

import psutil
from playwright.sync_api import Locator, Page

REPOSITORY = Path(__file__).parent.parent.parent
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
# Nothing but the page under test: no updates, no sync, no sandbox (which needs rights that containers lack).
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str | None:
    """Return the path of an installed Chromium or Chrome, or None."""
    return next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


# The server


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab.

    Attributes:
        url: address with port and without a slash at the end, "http://127.0.0.1:43210".
        token: what the server asks a stranger for.
        folder: what the file browser shows; put notebooks here.
        settings: where JupyterLab reads a user's settings, at each load of its page.
        process: the server.
    """

    url: str
    token: str
    folder: Path
    settings: Path
    process: subprocess.Popen


def start_lab(home: Path, limit_s: float = 60) -> Lab:
    """Start JupyterLab on a free port, with everything it reads and writes below `home`.

    Raises:
        RuntimeError: if it ends or does not answer in time; holds the end of its log.
    """
    folder, settings, log = home / "notebooks", home / "settings", home / "lab.log"
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(home / "share/kernels/python3/kernel.json", _kernel_spec())
    _write_json(settings / "@jupyterlab/apputils-extension/notification.jupyterlab-settings", {"fetchNews": "false"})
    token = secrets.token_hex(16)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"]
    command += ["--ServerApp.port=0", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}"]
    command += ["--LabApp.expose_app_in_browser=True", "--LabApp.news_url=None"]
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=home, env=_environment(home), stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline and process.poll() is None:
        for info in (home / "runtime").glob(f"jpserver-{process.pid}.json"):
            url = _answering_url(info)
            if url:
                return Lab(url, token, folder, settings, process)
        time.sleep(0.1)
    process.kill()
    process.wait()
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
    raise RuntimeError(f"JupyterLab did not answer within {limit_s:g} s; the end of its log:\n{tail}")


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FEDTEACH_", "JUPYTER"))}
    ours = {
        "IPYTHONDIR": home / "ipython",
        "JUPYTERLAB_SETTINGS_DIR": home / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_PATH": home / "share",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "PYTHONPATH": REPOSITORY,
    }
    data = {"FEDTEACH_DATA": os.environ["FEDTEACH_DATA"]} if "FEDTEACH_DATA" in os.environ else {}
    return kept | {name: str(value) for name, value in ours.items()} | data


def _kernel_spec() -> dict:
    # The very interpreter that runs the tests, whatever other kernels this machine knows.
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    return {"argv": argv, "display_name": "Python 3", "language": "python", "metadata": {"debugger": False}}


def _answering_url(info: Path) -> str | None:
    """Read the server's own note of its address; None while the note is unfinished or nobody answers there."""
    try:
        url = json.loads(info.read_text())["url"].rstrip("/").replace("localhost", "127.0.0.1")
        with urllib.request.urlopen(f"{url}/api", timeout=5):
            return url
    except (OSError, ValueError, KeyError):
        return None


def stop_lab(lab: Lab, limit_s: float = 15) -> None:
    """End the server and its kernels, kindly first; no process of theirs is left."""
    family = psutil.Process(lab.process.pid).children(recursive=True)
    lab.process.send_signal(signal.SIGTERM)
    try:
        lab.process.wait(limit_s)
    except subprocess.TimeoutExpired:
        lab.process.kill()
        lab.process.wait()
    _gone, left = psutil.wait_procs(family, timeout=5)
    for process in left:
        process.kill()
    psutil.wait_procs(left, timeout=5)


def stop_kernels(lab: Lab) -> None:
    """Shut down every kernel, as closing the notebooks for good would do."""
    for kernel in json.loads(_ask(lab, "GET", "/api/kernels")):
        _ask(lab, "DELETE", f"/api/kernels/{kernel['id']}")


def _ask(lab: Lab, method: str, path: str) -> bytes:
    headers = {"Authorization": f"token {lab.token}"}
    request = urllib.request.Request(lab.url + path, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()


def set_theme(lab: Lab, name: str) -> None:
    """Choose "JupyterLab Light", "JupyterLab Dark" or "JupyterLab Dark High Contrast" for pages loaded from now on."""
    _write_json(lab.settings / "@jupyterlab/apputils-extension/themes.jupyterlab-settings", {"theme": name})


def _write_json(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


# The page


def open_notebook(page: Page, name: str, limit_s: float = 60) -> None:
    """Open a notebook of the lab's folder in a workspace of its own, and wait until its kernel is ready."""
    page.goto(f"/lab/workspaces/{uuid.uuid4().hex}/tree/{name}", timeout=1000 * limit_s)
    page.wait_for_function(
        """(name) => {
            const context = window.jupyterapp?.shell.currentWidget?.context;
            return context?.path === name && context.isReady && context.sessionContext.isReady;
        }""",
        arg=name,
        timeout=1000 * limit_s,
    )
    wait_idle(page, limit_s)


def run_all(page: Page) -> None:
    """Choose Run > Run All Cells; returns as soon as the first cell is on its way, `wait_idle` waits for the last."""
    prompts = "[...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].map((p) => p.textContent).join()"
    before = page.evaluate(prompts)
    choose(page, "Run", "Run All Cells")
    page.wait_for_function(f"(before) => {prompts} !== before", arg=before)


def run_cell(page: Page, index: int, limit_s: float = 60) -> None:
    """Run one cell, counted from 0, and wait for its end."""
    page.evaluate(
        """async (index) => {
            window.jupyterapp.shell.currentWidget.content.activeCellIndex = index;
            await window.jupyterapp.commands.execute("notebook:run-cell");
        }""",
        index,
    )
    wait_idle(page, limit_s)


def cell_with(page: Page, words: str) -> int:
    """Return the place of the first code cell that holds these words, counted from 0 over all cells."""
    return page.evaluate(
        """(words) => window.jupyterapp.shell.currentWidget.content.widgets.findIndex(
            (cell) => cell.model.type === "code" && cell.model.sharedModel.getSource().includes(words))""",
        words,
    )


def type_into(page: Page, index: int, text: str) -> None:
    """Replace what stands in a cell, counted from 0, by typing."""
    page.evaluate(
        """async (index) => {
            const notebook = window.jupyterapp.shell.currentWidget.content;
            notebook.activeCellIndex = index;
            await notebook.scrollToItem(index);
            notebook.mode = "edit";
            notebook.widgets[index].editor.focus();
        }""",
        index,
    )
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)
    page.keyboard.press("Escape")
    page.wait_for_function(
        """([index, text]) =>
            window.jupyterapp.shell.currentWidget.content.widgets[index].model.sharedModel.getSource() === text""",
        arg=[index, text],
    )


def source_of(page: Page, index: int) -> str:
    """Return what stands in a cell, counted from 0."""
    return page.evaluate(
        "(index) => window.jupyterapp.shell.currentWidget.content.widgets[index].model.sharedModel.getSource()", index
    )


def interrupt(page: Page) -> None:
    """Interrupt the kernel, as the square in the toolbar does."""
    page.evaluate("async () => { await window.jupyterapp.commands.execute('notebook:interrupt-kernel'); }")


def save(page: Page) -> None:
    """Save the notebook."""
    page.evaluate("async () => { await window.jupyterapp.commands.execute('docmanager:save'); }")


def choose(page: Page, menu: str, entry: str) -> None:
    """Choose an entry of JupyterLab's menu bar."""
    page.locator(".lm-MenuBar-itemLabel", has_text=re.compile(f"^{re.escape(menu)}$")).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{re.escape(entry)}$")).click()


def wait_idle(page: Page, limit_s: float = 60) -> None:
    """Wait until the kernel is idle and no cell waits for its turn."""
    page.wait_for_function(
        """() => {
            const panel = window.jupyterapp.shell.currentWidget;
            const prompts = [...panel.node.querySelectorAll(".jp-InputPrompt")];
            const waiting = prompts.some((prompt) => prompt.textContent.includes("*"));
            return panel.sessionContext.session?.kernel?.status === "idle" && !waiting;
        }""",
        timeout=1000 * limit_s,
    )


def wait_for_status(page: Page, pattern: str, limit_s: float = 60, nth: int = 0) -> str:
    """Wait until the status line of a panel says it, and return the whole line.

    Raises:
        TimeoutError: if it does not in time; tells what it says instead.
    """
    line = page.locator(".fedteach-status").nth(nth)
    deadline = time.monotonic() + limit_s
    while not re.search(pattern, said := line.inner_text()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"expected {pattern!r} within {limit_s:g} s, the panel says {said!r}")
        page.wait_for_timeout(20)
    return said


def outputs(page: Page) -> list[str]:
    """Return the visible text of every code cell's output, in order; "" for a cell without any."""
    cells = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell").all()
    return ["\n".join(cell.locator(".jp-OutputArea-output").all_inner_texts()).strip() for cell in cells]


def saved_outputs(page: Page) -> list[dict]:
    """Return what a saved notebook would keep of its outputs: one dict of mime type -> content for each."""
    return page.evaluate(
        """() => window.jupyterapp.shell.currentWidget.content.widgets
            .filter((cell) => cell.model.type === "code")
            .flatMap((cell) => cell.model.outputs.toJSON())
            .map((output) => output.data ?? {})"""
    )


def errors_in(page: Page) -> list[str]:
    """Return every traceback among the notebook's outputs, and whatever else came by way of stderr."""
    return page.locator('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"]').all_inner_texts()


def button(page: Page, words: str) -> Locator:
    """Find a widget button by its words."""
    return page.locator("button.jupyter-button", has_text=re.compile(rf"^\s*{re.escape(words)}\s*$"))


def slider(page: Page, words: str) -> Locator:
    """Find the handle of a widget slider by its description; press arrow keys on it."""
    label = page.locator(".widget-label", has_text=re.compile(rf"^\s*{re.escape(words)}"))
    return page.locator(".widget-slider").filter(has=label).locator(".noUi-handle")


def number(page: Page, words: str) -> Locator:
    """Find a widget box for a number by its description; fill it and press Enter."""
    label = page.locator(".widget-label", has_text=re.compile(rf"^\s*{re.escape(words)}"))
    return page.locator(".widget-text").filter(has=label).locator("input")


def slider_value(page: Page, words: str) -> float:
    """Return where a slider stands, as a screen reader is told."""
    return float(slider(page, words).get_attribute("aria-valuenow"))


def picture(page: Page, place: Locator | None = None) -> str:
    """Return a fingerprint of the bytes that a widget image shows now; "" while it shows none."""
    image = place or page.locator("img.widget-image:visible").first
    return image.evaluate(
        """async (image) => {
            for (let attempt = 0; attempt < 20 && image.src; attempt++) {
                try {
                    const bytes = await (await fetch(image.src)).arrayBuffer();
                    const digest = await crypto.subtle.digest("SHA-1", bytes);
                    return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
                } catch (replaced) {}  // a newer picture took this one's place in between: look again
            }
            return "";
        }"""
    )


def wait_for_pictures(page: Page, n_different: int, limit_s: float = 60, place: Locator | None = None) -> set[str]:
    """Watch a widget image until it has shown `n_different` pictures.

    Raises:
        TimeoutError: if it has not in time; says how many it showed.
    """
    seen: set[str] = set()
    deadline = time.monotonic() + limit_s
    while len(seen) < n_different:
        if time.monotonic() > deadline:
            raise TimeoutError(f"expected {n_different} different pictures within {limit_s:g} s, saw {len(seen)}")
        seen |= {picture(page, place)} - {""}
        page.wait_for_timeout(50)
    return seen


def wait_until_still(page: Page, still_s: float = 1.5, limit_s: float = 30, place: Locator | None = None) -> str:
    """Wait until the picture has not changed for `still_s`; return its fingerprint.

    Raises:
        TimeoutError: if it goes on changing until `limit_s` is over.
    """
    now = picture(page, place)
    begin = changed = time.monotonic()
    while time.monotonic() - changed < still_s:
        if time.monotonic() - begin > limit_s:
            raise TimeoutError(f"the picture went on changing for {limit_s:g} s")
        page.wait_for_timeout(50)
        before, now = now, picture(page, place)
        changed = changed if now == before else time.monotonic()
    return now


def screenshot(page: Page, name: str, folder: Path) -> Path:
    """Write what the window shows as `name`.png, below FEDTEACH_SCREENSHOTS where that is set, else `folder`."""
    path = Path(os.environ.get("FEDTEACH_SCREENSHOTS") or folder) / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path)
    return path
