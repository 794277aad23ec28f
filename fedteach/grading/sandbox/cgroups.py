"""Control groups: one limit on memory and on processes for all of a job together, where this user may set one.

Version 2 is looked for where this process stands, then at the root; version 1 in its hierarchies. Where processor time
can be limited too, a job gets that of one processor, however many processes it starts: its neighbours keep theirs.
"""

import contextlib
import itertools
import os
import time
from dataclasses import dataclass
from pathlib import Path

from fedteach.grading.sandbox.leftovers import is_left_behind

ROOT = Path("/sys/fs/cgroup")
_NUMBERS = itertools.count()
_GONE_WITHIN_S = 2.0
_PERIOD_US = 100_000


@dataclass(frozen=True)
class Group:
    """The control groups of one job.

    Attributes:
        memory, pids: folder of each; with version 2 the same.
        cpu: folder for processor time, or None.
    """

    memory: Path
    pids: Path
    cpu: Path | None = None

    @property
    def folders(self) -> list[Path]:
        """Its folders, each once."""
        return sorted({folder for folder in (self.memory, self.pids, self.cpu) if folder is not None})

    @property
    def doors(self) -> list[str]:
        """The files into which a process writes its id to get in."""
        return [str(folder / "cgroup.procs") for folder in self.folders]

    def ran_out_of_memory(self) -> bool:
        """Say whether the kernel has killed one of its processes for memory."""
        told = self.memory / ("memory.events" if (self.memory / "memory.events").exists() else "memory.oom_control")
        with contextlib.suppress(OSError, ValueError):
            return int(dict(line.split() for line in told.read_text().splitlines()).get("oom_kill", 0)) > 0
        return False

    def remove(self) -> None:
        """Remove it; a job's last processes may take a moment to go."""
        deadline = time.monotonic() + _GONE_WITHIN_S
        for folder in self.folders:
            while folder.exists():
                try:
                    folder.rmdir()
                except OSError:
                    if time.monotonic() > deadline:
                        return
                    time.sleep(0.005)


class Groups:
    """Makes control groups; see `find`.

    Args:
        memory, pids: folders below which groups can be made; with version 2 the same.
        cpu: the same for processor time, or None where that cannot be limited.
    """

    def __init__(self, memory: Path, pids: Path, cpu: Path | None = None):
        self._memory, self._pids, self._cpu = memory, pids, cpu

    @classmethod
    def find(cls) -> "tuple[Groups | None, str]":
        """Return where groups can be made, or None and what is in the way."""
        why = "there are no control groups here"
        for memory, pids, cpu in [(*place, cpu) for place in _places() for cpu in _cpu_places(*place)]:
            try:
                groups = cls(memory, pids, cpu)
                groups._remove_those_of_the_dead()
                groups.make(2**30, 64).remove()
            except OSError as error:
                why = f"{error.strerror or error} ({error.filename or memory})"
            else:
                return groups, ""
        return None, why

    def _remove_those_of_the_dead(self) -> None:
        """Remove the groups of judges that were killed; no process is in them any more."""
        for folder in [group for parent in self._parents for group in parent.glob("fedteach-*-*")]:
            if is_left_behind(folder):
                with contextlib.suppress(OSError):
                    folder.rmdir()

    @property
    def _parents(self) -> set[Path]:
        return {parent for parent in (self._memory, self._pids, self._cpu) if parent is not None}

    def make(self, memory_bytes: int, most_processes: int) -> Group:
        """Make the group of one job.

        Raises:
            OSError: if it cannot be made, or not be limited.
        """
        name = f"fedteach-{os.getpid()}-{next(_NUMBERS)}"
        group = Group(self._memory / name, self._pids / name, self._cpu / name if self._cpu else None)
        try:
            for folder in group.folders:
                folder.mkdir()
            version_2 = self._memory == self._pids
            (group.memory / ("memory.max" if version_2 else "memory.limit_in_bytes")).write_text(str(memory_bytes))
            (group.pids / "pids.max").write_text(str(most_processes))
            if group.cpu is not None and version_2:
                (group.cpu / "cpu.max").write_text(f"{_PERIOD_US} {_PERIOD_US}")
            elif group.cpu is not None:
                (group.cpu / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
                (group.cpu / "cpu.cfs_quota_us").write_text(str(_PERIOD_US))
            with contextlib.suppress(OSError):  # not where there is no swap
                (group.memory / "memory.swap.max").write_text("0") if version_2 else None
        except OSError:
            group.remove()
            raise
        return group


def _cpu_places(memory: Path, pids: Path) -> list[Path | None]:
    """Return where processor time may be limited beside these, the best first; None: it is done without."""
    if memory == pids:
        return [memory, None]
    return [folder for folder in (ROOT / "cpu", ROOT / "cpu,cpuacct") if folder.is_dir()] + [None]


def _places() -> list[tuple[Path, Path]]:
    places = []
    for base in (ROOT, ROOT / "unified"):
        if (base / "cgroup.controllers").exists():
            own = next((line[3:] for line in _lines("/proc/self/cgroup") if line.startswith("0::")), "/")
            for folder in dict.fromkeys((base / own.lstrip("/"), base)):
                with contextlib.suppress(OSError):
                    (folder / "cgroup.subtree_control").write_text("+memory +pids")
                with contextlib.suppress(OSError):
                    (folder / "cgroup.subtree_control").write_text("+cpu")
                places.append((folder, folder))
    if (ROOT / "memory").is_dir() and (ROOT / "pids").is_dir():
        places.append((ROOT / "memory", ROOT / "pids"))
    return places


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
