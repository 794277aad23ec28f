"""Where are we? In which kind of notebook, in which cell, and in which line of the student's own code.

Nothing here imports IPython before it is there.
"""

import contextlib
import functools
import importlib.util
import linecache
import os
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Literal

from fedteach import checks

Mode = Literal["thread", "blocking"]

_NOT_THE_STUDENTS = tuple(
    str(Path(path)) + os.sep
    for path in {
        str(Path(__file__).parent.parent),
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    }
)


def shell() -> Any:
    """Return IPython's shell if this is a Jupyter kernel, else None."""
    ipython = sys.modules.get("IPython")
    found = ipython.get_ipython() if ipython is not None else None
    return found if getattr(found, "kernel", None) is not None else None


def headless() -> bool:
    """Whether nobody looks: a notebook executed by a program, a script, a test.

    Front ends for people (JupyterLab, Notebook 7, VS Code) tell the kernel which cell they run; programs that
    execute a notebook from end to end (nbclient, nbconvert, papermill) do not. Colab is known by its name.
    """
    asked = os.environ.get("FEDTEACH_HEADLESS", "") not in ("", "0")
    by_program = bool(os.environ.get("NBGRADER_EXECUTION")) or shell() is None
    return asked or by_program or not (cell()[0] or in_colab())


def in_colab() -> bool:
    """Whether this is a kernel of Google Colab."""
    return "google.colab" in sys.modules or _can_import("google.colab")


def mode_for(wanted: str = "auto") -> Mode:
    """Return how to run here: in a thread where the front end can be drawn on meanwhile, else blocking.

    Colab does not repaint widgets from a thread, and Python in the browser (Pyodide) has no threads.

    Raises:
        ValueError: if `wanted` is not "auto", "thread" or "blocking".
    """
    if checks.known("mode", wanted, ("auto", "thread", "blocking")) != "auto":
        return "thread" if wanted == "thread" else "blocking"
    return "blocking" if headless() or in_colab() or sys.platform == "emscripten" else "thread"


def _can_import(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def cell() -> tuple[str, int]:
    """Return the id of the notebook cell that is being run and the number of this execution; ("", 0) if unknown."""
    here = shell()
    if here is None:
        return "", 0
    try:
        metadata = here.get_parent().get("metadata", {})
    except (AttributeError, LookupError):
        return "", 0
    return str(metadata.get("cellId", "")), int(here.execution_count)


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """Let the widgets that are made in this block talk to nobody.

    A program that executes a notebook would keep all they say, pictures included, in the notebook's metadata,
    and a page made from it would ask the internet for the code that draws widgets.
    """
    import comm

    kept = comm.create_comm
    comm.create_comm = comm.DummyComm
    try:
        yield
    finally:
        comm.create_comm = kept


def output_here() -> Callable[[], None]:
    """Return a function by which a thread makes what it prints appear in the cell that is being run now.

    What a thread prints goes to whichever cell the kernel ran last, and a student who prints in a step of a run
    would look for it in vain. (ipykernel before 7.4 cannot tell threads apart: there it does nothing.)
    """
    here = shell()
    follow = getattr(here, "set_thread_parent", None)
    if follow is None:
        return lambda: None
    parent = here.get_parent()
    return lambda: follow(parent)


def preceded_by(first: Callable[[], None], step: Callable[..., Any]) -> Callable[..., Any]:
    """Return a step that calls `first` and then does what it did."""

    @functools.wraps(step)
    def both(*args: Any) -> Any:
        first()
        return step(*args)

    return both


class SavedOutput:
    """An output of the current cell that can be replaced later: what a saved notebook keeps of a panel.

    A widget is gone when the kernel is; a picture and a text table are there in the saved notebook, in
    HTML, in PDF and for a screen reader.
    """

    def __init__(self, words: str):
        self._handle: Any = None
        if shell() is not None:
            from IPython.display import display

            self._handle = display({"text/plain": words}, raw=True, display_id=True)

    def replace(self, words: str, picture: Any = None) -> None:
        """Put a text, and the picture that goes with it, in place of what is there."""
        if self._handle is None:
            return
        data, metadata = picture._repr_mimebundle_() if picture is not None else ({}, {})
        self._handle.update({**data, "text/plain": words}, raw=True, metadata=metadata)


def with_place(error: BaseException) -> BaseException:
    """Add to an error the student's own line in which it arose, as a note (once)."""
    place = student_place(error)
    if place and place not in getattr(error, "__notes__", ()):
        error.add_note(place)
    return error


def student_place(error: BaseException) -> str:
    """Say in which line of the student's own code an error arose; "" if in none of it."""
    origin = error
    while origin.__cause__ is not None:
        origin = origin.__cause__
    return _place(_frames_of(origin.__traceback__))


def running_place(thread_id: int) -> str:
    """Say where in the student's code a thread is just now, as the end of a sentence; "" if in none of it."""
    frame = sys._current_frames().get(thread_id)
    place = _place([(frame, lineno) for frame, lineno in traceback.walk_stack(frame)][::-1]) if frame else ""
    return f": it is {place[0].lower()}{place[1:]}" if place else ""


def _frames_of(trace: TracebackType | None) -> list[tuple[FrameType, int]]:
    return list(traceback.walk_tb(trace))


def _place(frames: list[tuple[FrameType, int]]) -> str:
    for frame, line in reversed(frames):
        file = frame.f_code.co_filename
        if file.startswith("<") or str(Path(file)).startswith(_NOT_THE_STUDENTS):
            continue
        name = frame.f_code.co_name
        where = "in a cell" if name == "<module>" else f"in your function {name}"
        text = linecache.getline(file, line).strip()
        return f"{where[0].upper()}{where[1:]}, line {line}" + (f": {text}" if text else "")
    return ""
