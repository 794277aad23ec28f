"""The judge's side: start a fork server, open jobs, and make sure that each ends, in time and without a trace."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from fedteach.grading.sandbox import fences
from fedteach.grading.sandbox.cgroups import Group, Groups
from fedteach.grading.sandbox.leftovers import is_left_behind
from fedteach.grading.sandbox.line import Gone, Hung, TooLong, receive, send
from fedteach.grading.sandbox.orders import ANSWERS, MOST_ANSWER_BYTES, ORDERS
from fedteach.grading.sandbox.student_package import PACKAGE as INSTALLED
from fedteach.grading.sandbox.student_package import make_student_package
from fedteach.grading.sandbox.wire import NotPlain, pack, unpack

MEMORY_BYTES = 2 * 2**30
GRACE_S = 1.0
"""Seconds after a job's own limit at which it is killed: until then it can say itself what took so long."""

_START_S, _FORK_S = 120.0, 30.0
_MOST_PATHS_BYTES = 2**16
_BESIDE_MEMORY = {False: 2 * 2**30, True: 8 * 2**30}
"""Address space beside what is used: threads reserve a lot of it and touch little. TensorFlow's reserve most."""

Trouble = Literal["time out", "out of memory", "killed", "output limit", "not plain data"]


class JobFailed(Exception):
    """A job did not answer as it should; that is the student's doing.

    Args:
        trouble: what happened, in the words of a report.
        says: the same as a sentence.
    """

    def __init__(self, trouble: Trouble, says: str):
        super().__init__(says)
        self.trouble: Trouble = trouble
        self.says = says


class SandboxError(RuntimeError):
    """The sandbox itself does not work; that is nobody's fault but ours."""


@dataclass(frozen=True)
class Layers:
    """Which fences stand; a report names them.

    Attributes:
        namespaces, groups: what is in the way of namespaces and of control groups; "" where they stand.
    """

    namespaces: str
    groups: str

    def lines(self) -> list[str]:
        """Say it in sentences."""
        own = "no network, no other process, read-only system, a folder of its own"
        return [
            f"namespaces: {f'NOT HERE ({self.namespaces})' if self.namespaces else own}",
            f"control groups: {f'NOT HERE ({self.groups})' if self.groups else 'memory and processes of a job'}",
            "limits of the kernel: address space, processor time, files, core dumps",
            "time limit of the judge, who kills every process of a job",
        ]

    @property
    def warning(self) -> str:
        """What an instructor must know, or ""."""
        if not self.namespaces:
            return ""
        return (
            "On this machine student code can read your files and reach the network: it runs in a process of its own, "
            f"with limits, but without walls ({self.namespaces}). Grade strangers' work on Linux, or in a container "
            "that holds nothing else."
        )


def fences_here() -> Layers:
    """Try which fences a sandbox on this machine would have.

    Raises:
        SandboxError: if there can be none at all.
    """
    if not hasattr(os, "fork"):
        raise SandboxError(f"{sys.platform} cannot fork processes, so it has no sandbox; on Windows, use WSL")
    with tempfile.TemporaryDirectory(prefix="fedteach-sandbox-") as root:
        return Layers(fences.why_no_namespaces(root), Groups.find()[1])


class Sandbox:
    """Runs jobs, one at a time; a context manager.

    Args:
        with_tensorflow: whether jobs find TensorFlow imported already.
        memory_bytes: what a job may use.
        namespaces: False: do without them, for machines that have none.
    """

    def __init__(
        self, *, with_tensorflow: bool = False, memory_bytes: int = MEMORY_BYTES, namespaces: bool | None = None
    ):
        self._folder = Path(tempfile.mkdtemp(prefix="fedteach-sandbox-"))
        self._folder.chmod(0o755)
        self._root = self._folder / "root"
        self._root.mkdir()
        self._groups, no_groups = Groups.find()
        missing = fences.why_no_namespaces(str(self._root)) if namespaces is not False else "switched off"
        self.layers = Layers(missing, no_groups)
        self._package = make_student_package(_neutral_folder())
        self._memory_bytes = memory_bytes
        readable = [*fences.readable_folders(), str(self._package)]
        self._fences = fences.Fences(
            namespaces=not missing,
            readable=tuple(readable),
            # Installed from a wheel, questions and answers lie among the libraries.
            hidden=tuple(fences.aliases_of(INSTALLED, readable)),
            memory_bytes=memory_bytes + _BESIDE_MEMORY[with_tensorflow],
        )
        self._with_tensorflow = with_tensorflow
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def job(self) -> "Job":
        """Open a job.

        Raises:
            SandboxError: if it cannot be had.
        """
        try:
            return self._open(self._started())
        except (Gone, Hung, OSError, ValueError):
            self._stop_server()  # it may have been killed; a new one may fare better
        try:
            return self._open(self._started())
        except (Gone, Hung, OSError, ValueError) as error:
            self._stop_server()
            raise SandboxError(f"no job could be started: {str(error) or type(error).__name__}") from error

    def close(self) -> None:
        """End the fork server, and with it every job; remove what is left."""
        self._stop_server()
        shutil.rmtree(self._folder, ignore_errors=True)
        shutil.rmtree(self._package, ignore_errors=True)

    def _started(self) -> socket.socket:
        """Return the line to the fork server, which is started if it does not run."""
        if self._control is not None and self._server is not None and self._server.poll() is None:
            return self._control
        self._stop_server()
        mine, its = socket.socketpair()
        paths = [str(self._package), *(path for path in sys.path if path and os.path.exists(path))]
        # Over the line: a command's words can be read by every job.
        code = (
            f"import json, os, sys; sys.path[:] = json.loads(os.read({its.fileno()}, {_MOST_PATHS_BYTES})); "
            f"from fedteach.grading.sandbox.fork_server import main; main({its.fileno()}, {self._with_tensorflow})"
        )
        mine.sendall(json.dumps(paths).encode())
        home = self._package / ".home"
        home.mkdir(exist_ok=True)
        self._server = subprocess.Popen(
            [sys.executable, "-I", "-B", "-S", "-c", code],
            env=_environment(home),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[its.fileno()],
            start_new_session=True,
        )
        its.close()
        self._control = mine
        receive(mine, 100, _START_S)
        return mine

    def _open(self, control: socket.socket) -> "Job":
        group = self._groups.make(self._memory_bytes, self._fences.most_processes) if self._groups else None
        folder = None if self._fences.namespaces else tempfile.mkdtemp(dir=self._folder)
        mine, its = socket.socketpair()
        job = Job(mine, control, group, folder)
        settings = {
            "fences": asdict(self._fences),
            "root": str(self._root),
            "folder": folder,
            "groups": group.doors if group else [],
        }
        try:
            with its:
                send(control, json.dumps(settings).encode(), _FORK_S)
                socket.send_fds(control, [b"+"], [its.fileno()])
            receive(control, 100, _FORK_S)
            receive(mine, 100, _FORK_S)
        except (Gone, Hung):
            with contextlib.suppress(SandboxError):
                job.close()
            raise
        return job

    def _stop_server(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._server is not None:
            self._server.kill()
            self._server.wait()
        self._control = self._server = None


class Job:
    """One process behind fences, for one piece of work; a context manager."""

    def __init__(self, line: socket.socket, control: socket.socket, group: Group | None, folder: str | None):
        self._line, self._control, self._group, self._folder = line, control, group, folder
        self._open = True
        self._ran_out_of_memory = False

    def ask(self, order: Any, limit_s: float) -> Any:
        """Give an order, and return the answer; a job that fails once is over.

        Args:
            order: a record of `orders`.
            limit_s: seconds until the job is killed.

        Raises:
            JobFailed: if no usable answer came; says why.
        """
        deadline = time.monotonic() + limit_s
        try:
            send(self._line, pack(order, ORDERS), limit_s)
            message = receive(self._line, MOST_ANSWER_BYTES, max(deadline - time.monotonic(), 0.001))
            return unpack(message, ANSWERS)
        except Hung:
            self.close()
            says = f"It did not come to an end within {limit_s:g} seconds, and was ended from outside."
            raise JobFailed("time out", says) from None
        except Gone:
            raise self._died() from None
        except TooLong:
            self.close()
            limit = MOST_ANSWER_BYTES // 2**20
            raise JobFailed("output limit", f"Its result is larger than {limit} MB.") from None
        except NotPlain as error:
            self.close()
            raise JobFailed("not plain data", f"What came back is no data: {error}") from None

    def _died(self) -> JobFailed:
        status = self.close()
        if self._ran_out_of_memory:
            return JobFailed("out of memory", "It used more memory than it may have, and was ended.")
        if status > 128:
            return JobFailed("killed", f"Its process was ended by signal {status - 128}{_signal_name(status - 128)}.")
        return JobFailed("killed", f"Its process ended itself (exit code {status}) in the middle of the work.")

    def close(self) -> int:
        """End every process of the job and remove what it leaves; return how it had ended.

        Raises:
            SandboxError: if the fork server does not say that it is over.
        """
        if not self._open:
            return 0
        self._open = False
        self._line.close()
        try:
            send(self._control, b"", _FORK_S)
            return int(receive(self._control, 100, _FORK_S))
        except (Gone, Hung, ValueError) as error:
            raise SandboxError(f"a job could not be ended: {type(error).__name__}") from error
        finally:
            if self._group is not None:
                self._ran_out_of_memory = self._group.ran_out_of_memory()
                self._group.remove()
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> "Job":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _neutral_folder() -> Path:
    """Make a folder for the students' package whose path, which their code can see, tells nothing of the instructor.

    Whatever else a judge makes may lie among its results. Here, what one that was killed has left goes a day later.
    """
    place = Path(os.environ.get("TMPDIR") or "/tmp")
    for left in place.glob("fedteach-package-*-*"):
        if is_left_behind(left) and _is_a_day_old(left):  # containers may share it, not numbers
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"fedteach-package-{os.getpid()}-", dir=place))


def _is_a_day_old(folder: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return time.time() - folder.stat().st_mtime > 86_400
    return False


def _signal_name(number: int) -> str:
    try:
        return f" ({signal.Signals(number).name})"
    except ValueError:
        return ""


def _environment(home: Path) -> dict[str, str]:
    """Return what the fork server and its jobs find in their environment: nothing of the instructor's.

    Args:
        home: of the fork server, whose libraries keep settings and a list of fonts there; a job has one of its own.
    """
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "TMPDIR": "/tmp",
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "MPLBACKEND": "agg",
        "FEDTEACH_HEADLESS": "1",
    }
