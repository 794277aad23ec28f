"""The fences around a job: what it may see, reach and use up. Each holds alone; together they hold better.

On Linux a job gets namespaces of its own: no network, no other process, nobody else's shared memory or keys, and of
all files only the system, Python and its libraries, read-only, beside a small folder of its own. Root is not needed for
that. Limits of the kernel (`setrlimit`) hold on every Unix.
"""

import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fedteach.grading.sandbox import linux

HOME = "/tmp/home"  # inside of the fences nobody else has a /tmp
WORK = "/tmp/work"
_SYSTEM = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/alternatives",
)
_PARTS = ("bin", "lib", "lib64", "pyvenv.cfg")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_MOST_PROCESSORS = 8
_MOST_PROCESSES = 32 + 4 * min(_MOST_PROCESSORS, os.cpu_count() or 1)
"""An honest job has three processes and, with TensorFlow's `fit`, some 13 threads and three for each processor it sees.
To end a fork bomb of twice as many takes more than twice as long: what they share is taken apart one after the other.
"""
_OWN_USERS = 2_000_000_000
"""Root's jobs run as a user of this number plus the process' own, which no system gives to anybody."""


@dataclass(frozen=True)
class Fences:
    """How a job is fenced in; plain data, so that the fork server can be told.

    Attributes:
        namespaces: whether to use namespaces; without them the limits alone stand.
        readable: folders that it can read beside the system: Python, its libraries, the student's package.
        hidden: folders inside of those that it finds empty: the package with questions and answers.
        memory_bytes: address space that one process of it may have.
        files_bytes: what it may write, all files together (with namespaces) or each (without).
        most_files: number of files and folders it may make (with namespaces).
        most_processes: number of processes and threads at once.
        cpu_s: seconds of processor time that one process of it may use.
    """

    namespaces: bool
    readable: tuple[str, ...]
    hidden: tuple[str, ...]
    memory_bytes: int
    files_bytes: int = 64 * 2**20
    most_files: int = 4096
    most_processes: int = _MOST_PROCESSES
    cpu_s: int = 60


def enter(fences: Fences, root: str, become: Callable[[], None]) -> int:
    """Put this process, a child that was just forked, behind its fences, and go on as a child of its own.

    With namespaces three processes stand one behind the other: this one outside, the first process of the new world,
    with which that world ends, and the one that goes on.

    Args:
        fences: what to put up.
        root: an empty folder on which the new world is built.
        become: what to do in there; whatever it does, no process of that world outlives it.

    Returns:
        How it ended: an exit code, or 128 and the signal.
    """
    os.setsid()
    _die_with_parent()

    def job(user: int | None = None) -> None:
        if fences.namespaces:
            _drop_rights(user)
        _die_with_parent()  # a change of user forgets it
        _put_down_keys()
        _limit(fences)
        become()

    if not fences.namespaces:
        return _ended(_child(job))
    as_root = os.geteuid() == 0
    user = _OWN_USERS + os.getpid() if as_root else os.geteuid()
    if not as_root:
        _own_users()
    linux.unshare(linux.NEWNS | linux.NEWPID | linux.NEWNET | linux.NEWIPC | linux.NEWUTS)

    def first_process() -> None:
        linux.die_with_parent()
        _build_world(fences, root, user)
        linux.cannot_be_looked_into()
        os._exit(_ended(_child(lambda: job(user if as_root else None))))

    return _ended(_child(first_process))


def why_no_namespaces(root: str) -> str:
    """Try whether a job can have namespaces here; return what is in the way, or ""."""
    if sys.platform != "linux":
        return f"{platform.system()} has no namespaces"
    reader, writer = os.pipe()
    fences = Fences(True, tuple(readable_folders()), (), memory_bytes=2**33)

    def attempt() -> None:
        try:
            os._exit(enter(fences, root, lambda: os._exit(0)))
        except BaseException as error:
            os.write(writer, str(error).encode()[:1000])
            os._exit(1)

    status = exit_code(os.waitpid(_child(attempt), 0)[1])  # who called has other children, and waits for them itself
    os.close(writer)
    with os.fdopen(reader) as said:
        return said.read() or (f"the trial ended with {status}" if status else "")


def readable_folders() -> list[str]:
    """Return the folders of Python and its libraries, each once and none inside of another."""
    # Of an environment only what is Python's: somebody may have made it in the folder of their course.
    parts = [os.path.join(prefix, part) for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix) for part in _PARTS]
    there = [part for part in (*parts, *_library_folders()) if os.path.exists(part)]
    wanted = {*there, *map(os.path.realpath, there)}
    outer = [folder for folder in wanted if not any(folder != o and Path(o) in Path(folder).parents for o in wanted)]
    return sorted(folder for folder in outer if not folder.startswith("/usr/") and folder != "/usr")


def aliases_of(package: Path, readable: Iterable[str]) -> Iterator[str]:
    """Yield every path at which a package lies below the readable folders, be they links or not."""
    real = package.resolve()
    for folder in readable:
        if (resolved := Path(folder).resolve()) in real.parents:
            yield str(Path(folder) / real.relative_to(resolved))


def _library_folders() -> list[str]:
    return [entry for entry in sys.path if entry.endswith(("site-packages", "dist-packages")) and os.path.isdir(entry)]


def _child(do: Callable[[], object]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            do()
        finally:
            os._exit(70)  # nothing of the parent's may be done twice
    return pid


def _ended(pid: int) -> int:
    """Wait for a child and for whoever else is left to this process; say how the child ended."""
    while True:
        ended, status = os.wait()
        if ended == pid:
            return exit_code(status)


def exit_code(status: int) -> int:
    """Return how a process ended as a shell tells it: its exit code, or 128 and the signal."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _own_users() -> None:
    """Enter a user namespace: in it this process may do what only root may elsewhere, and outside nothing more."""
    user, group = os.geteuid(), os.getegid()
    linux.unshare(linux.NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def _build_world(fences: Fences, root: str, user: int) -> None:
    linux.mount("none", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
    quiet = linux.MS_NOSUID | linux.MS_NODEV
    linux.mount("tmpfs", root, "tmpfs", quiet, "size=1m,mode=755")
    os.makedirs(f"{root}/tmp")
    room = f"size={fences.files_bytes},nr_inodes={fences.most_files},mode=1777"
    linux.mount("tmpfs", f"{root}/tmp", "tmpfs", quiet, room)
    for path in (*_SYSTEM, *fences.readable):
        _show(path, root)
    for path in fences.hidden:
        if os.path.isdir(root + path):
            linux.mount("tmpfs", root + path, "tmpfs", quiet | linux.MS_RDONLY, "size=0")
    for device in _DEVICES:
        _show(device, root, flags=linux.MS_NOSUID | linux.MS_NOEXEC)
    for place in ("/proc", "/dev/shm"):
        os.makedirs(root + place, exist_ok=True)
    linux.mount("proc", f"{root}/proc", "proc", quiet | linux.MS_NOEXEC)
    for folder in (HOME, WORK, "/tmp/shm"):
        os.makedirs(root + folder)
        if os.geteuid() == 0 and user != 0:
            os.chown(root + folder, user, user)
    linux.bind(f"{root}/tmp/shm", f"{root}/dev/shm", flags=quiet)
    linux.change_root(root)
    linux.mount("none", "/", flags=linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY | quiet)


def _show(path: str, root: str, flags: int = linux.MS_RDONLY | linux.MS_NOSUID | linux.MS_NODEV) -> None:
    inside = root + path
    if os.path.islink(path):
        os.makedirs(os.path.dirname(inside), exist_ok=True)
        os.symlink(os.readlink(path), inside)
    elif os.path.isdir(path):
        os.makedirs(inside, exist_ok=True)
        linux.bind(path, inside, flags=flags)
    elif os.path.exists(path):
        os.makedirs(os.path.dirname(inside), exist_ok=True)
        Path(inside).touch()
        linux.bind(path, inside, flags=flags)


def _die_with_parent() -> None:
    with suppress(AttributeError, OSError):  # Linux alone knows it
        linux.die_with_parent()


def _put_down_keys() -> None:
    if sys.platform == "linux":
        linux.own_keyring()


def _drop_rights(user: int | None) -> None:
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    linux.no_new_privileges()


def _see_few_processors() -> None:
    """Run on some of a big machine's processors only, chosen at random: libraries start threads for each they see."""
    if hasattr(os, "sched_setaffinity"):
        all_of_them = sorted(os.sched_getaffinity(0))
        first = int.from_bytes(os.urandom(2)) % len(all_of_them)
        os.sched_setaffinity(0, (all_of_them * 2)[first : first + _MOST_PROCESSORS])


def _limit(fences: Fences) -> None:
    import resource

    _see_few_processors()
    limits = {
        "RLIMIT_CORE": 0,
        "RLIMIT_AS": fences.memory_bytes,
        "RLIMIT_CPU": fences.cpu_s,
        "RLIMIT_FSIZE": fences.files_bytes,
        "RLIMIT_NOFILE": 256,
        "RLIMIT_MSGQUEUE": 0,
        "RLIMIT_MEMLOCK": 2**20,
    }
    if fences.namespaces:  # elsewhere it counts everything else of this user's, too
        limits["RLIMIT_NPROC"] = fences.most_processes
    for name, most in limits.items():
        number = getattr(resource, name, None)  # macOS lacks some, and refuses others
        if number is not None:
            with suppress(ValueError, OSError):
                resource.setrlimit(number, (most, most))
