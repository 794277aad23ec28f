"""What is around a student's code while it is graded: its folder, and nobody who listens, types or keeps anything."""

import contextlib
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

_KEPT_BY_LIBRARIES = ("KERAS_", "TF_", "TF2_")
"""Environment variables that are set once, when TensorFlow is imported."""


@contextlib.contextmanager
def as_in(folder: Path) -> Iterator[None]:
    """Stand in the notebook's folder, as its kernel does: files and modules beside it are found, and none are written.

    The folder is looked through last, so that a `random.py` of the student's takes nobody else's place. Nobody types
    an answer. What the code changes of the search path and the environment is put back.
    """
    path, entries, environment = sys.path, list(sys.path), dict(os.environ)
    stdin, writes_no_bytecode = sys.stdin, sys.dont_write_bytecode
    sys.path.append(str(folder))
    os.environ["FEDTEACH_PROGRESS"] = os.devnull
    sys.dont_write_bytecode = True
    try:
        with contextlib.chdir(folder), open(os.devnull, encoding="utf-8") as sys.stdin:
            yield
    finally:
        sys.stdin, sys.dont_write_bytecode = stdin, writes_no_bytecode
        for entry in {*sys.path, *path} - {*entries}:
            sys.path_importer_cache.pop(entry, None)  # "../lib" is another folder for the next student
        sys.path, path[:] = path, entries
        _put_back(environment)


def _put_back(environment: dict[str, str]) -> None:
    for name in os.environ.keys() - environment.keys():
        if not name.startswith(_KEPT_BY_LIBRARIES):
            del os.environ[name]
    os.environ.update(environment)


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """Drop prints and warnings."""
    with (
        open(os.devnull, "w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def fedteach_silent() -> Iterator[None]:
    """Let `from fedteach import check, use` bring functions that judge nothing: that is done here."""
    silent: dict[str, Any] = dict.fromkeys(("check", "hint", "progress", "reset"), _nothing) | {"use": _as_it_is}
    names = vars(sys.modules["fedteach"])
    own = {name: names[name] for name in silent if name in names}
    names.update(silent)
    try:
        yield
    finally:
        for name in silent:
            names.pop(name, None)
        names.update(own)


def _nothing(*values: Any, **options: Any) -> None:
    """Stand in for `check`, `hint` and others, and for the `display` that Jupyter gives every notebook."""


def _as_it_is(exercise: Any = None, function: Any = None) -> Any:
    """Stand in for `use`: here it is the student's function that counts, whether it is right or not."""
    return function


def _input(prompt: Any = "") -> str:
    raise EOFError("input() waits for somebody; give the value in the code")


class _NoShell:
    """Stands in for IPython, and does nothing whatever it is asked."""

    def __bool__(self) -> bool:
        return False

    def __getattr__(self, name: str) -> Any:
        return _nothing


STAND_INS = {"display": _nothing, "get_ipython": _NoShell, "input": _input}
"""Names of a notebook that need somebody in front of it."""


@contextlib.contextmanager
def ctrl_c() -> Iterator[threading.Event]:
    """Tell a `KeyboardInterrupt` that somebody meant from one that the student's code raises.

    Yields:
        An event that is set once Ctrl-C was pressed.
    """
    pressed, former = threading.Event(), signal.getsignal(signal.SIGINT)

    def press(signum: int, frame: FrameType | None) -> None:
        pressed.set()
        if callable(former):
            former(signum, frame)

    if threading.current_thread() is not threading.main_thread():
        pressed.set()  # nobody can tell here, so it is taken as meant
    if pressed.is_set() or not callable(former):  # in a background job nobody can press Ctrl-C
        yield pressed
        return
    signal.signal(signal.SIGINT, press)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, former)
