"""The folder that a class is graded into: ours alone, and for one process at a time."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

KEY = "course.key"
"""Where the course key lies, unless somebody names another place."""

_LOCK = ".fedteach-grade"
"""Locked while somebody writes; it also says whose folder it is."""


class FolderInUse(ValueError):
    """Another grading writes into the same folder."""


@contextlib.contextmanager
def workspace(out: Path) -> Iterator[Path]:
    """Make and lock a folder for results; yield an empty folder in it, `.work`, for what grading needs meanwhile.

    What lies in `.work` is gone when grading ends, or else, after a kill, when the next one begins.

    Raises:
        FolderInUse: if somebody else writes there.
        ValueError: if it is a file, or holds other things than results.
    """
    _insist_on_ours(out)
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    work = out.resolve() / ".work"  # what lies there is found from elsewhere too
    with (out / _LOCK).open("w") as lock:
        _lock(lock.fileno(), out)
        shutil.rmtree(work, ignore_errors=True)  # a grading that was killed could not
        work.mkdir(mode=0o700)
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _insist_on_ours(out: Path) -> None:
    """Refuse a folder with other things in it: reports of an earlier run are removed there."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file; name a new or empty folder for the results")
    if out.is_dir() and not (out / _LOCK).exists() and any(path.name != KEY for path in out.iterdir()):
        raise ValueError(f"{out} holds other things than results of fedteach grade; name a new or empty folder")


def _lock(descriptor: int, out: Path) -> None:
    import fcntl  # not on Windows, where there is no sandbox either

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise FolderInUse(f"another grading writes into {out} just now; wait for it, or name another folder") from None
    os.set_inheritable(descriptor, False)
