"""What code of strangers may leave behind: processes that live on, and files where it had no business."""

import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from fedteach.grading.sandbox import linux
from fedteach.grading.sandbox.student_package import PACKAGE

AIMED_AT = ("numpy.py", "evil.pth", "evil.ipynb", "evil.pyc", "fedteach-was-here", "was-here", "pickled")
"""Names that attacks give to what they write."""


@contextmanager
def finding_orphans() -> Iterator[None]:
    """Become the parent of everybody below this process whose own parents end: who runs away stays in the family."""
    with suppress(AttributeError, OSError):  # Linux alone knows it
        linux.adopt_orphans()
    try:
        yield
    finally:
        with suppress(AttributeError, OSError):
            linux._libc().prctl(linux._PR_SET_CHILD_SUBREAPER, 0)


def family() -> set[psutil.Process]:
    """Return every living process below this one; psutil tells them apart by number and time of birth."""
    living = set()
    for process in psutil.Process().children(recursive=True):
        if _runs(process):
            living.add(process)
    return living


def _runs(process: psutil.Process) -> bool:
    """Say whether code can still run in it.

    None can where there is no memory any more: for a moment it is no zombie yet. Other threads may outlive the first.
    """
    try:
        has_ended = process.status() == psutil.STATUS_ZOMBIE or not process.memory_info().vms
        return process.is_running() and (not has_ended or process.num_threads() > 1)
    except psutil.NoSuchProcess:  # it is gone meanwhile
        return False


def all_end(processes: Iterable[psutil.Process], limit_s: float) -> bool:
    """Wait until no code runs in any of them; who has to bury the dead may take longer than that."""
    deadline = time.monotonic() + limit_s
    waiting = list(processes)
    while waiting := [process for process in waiting if _runs(process)]:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def left_of(before: set[psutil.Process], but: Iterable[int] = ()) -> list[str]:
    """Return the processes that were begun since, without those of some numbers: fork servers, which are to stay."""
    return [_told(process) for process in family() - before if process.pid not in but]


def _told(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return f"{process.pid} {' '.join(process.cmdline())[:200]}"
    return str(process.pid)


def files_outside(*folders: Path) -> dict[str, object]:
    """Return what stands where attacks aim at; equal before and after, if nobody has got there.

    All of the package and of some folders by size and time of change; folders of the system, of Python's and of this
    user by their names; and what attacks would write there.
    """
    seen: dict[str, object] = {}
    for folder in (PACKAGE, Path.home() / ".keras", *folders):
        seen |= {str(path): _stat(path) for path in folder.rglob("*") if "__pycache__" not in path.parts}
    for place in {"/", "/usr", "/usr/local", "/etc", "/dev/shm", str(Path.home()), *sys.path}:
        if os.path.isdir(place):
            seen[place] = sorted(name for name in os.listdir(place) if not _is_of_others(name))
    for place in {"/tmp", "/usr", "/dev/shm", str(Path.home()), str(PACKAGE), *sys.path}:
        for path in [Path(place) / below / name for name in AIMED_AT for below in ("", "__pycache__")]:
            if os.path.lexists(path):
                seen[str(path)] = _stat(path)
    return seen


def _stat(path: Path) -> object:
    with suppress(OSError):
        found = path.lstat()
        return found.st_mode, found.st_mtime_ns, found.st_ino if path.is_dir() else found.st_size
    return None


def _is_of_others(name: str) -> bool:
    """Say whether tests that run beside this one make files of such a name: caches, semaphores, a browser's memory."""
    return name.endswith("_cache") or name.startswith(
        ("__pycache__", "sem.", "psm_", "pym-", ".org.chromium", ".com.google")
    )
