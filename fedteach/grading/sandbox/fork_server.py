"""The fork server: has everything imported, runs no student code, and forks for every job.

Importing TensorFlow takes seconds, a fork of a process that has done so some milliseconds. That process must never
have run an operation of TensorFlow's: its threads would be missing in the child, which would then wait for them for
ever.

One job at a time. Over the control line come a job's settings as JSON with the job's end of its line beside it; the
answer is the job's process id. After that an empty message ends the job, and the answer is how it ended.
"""

import contextlib
import gc
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from fedteach.grading.sandbox import fences, linux
from fedteach.grading.sandbox.line import Gone, receive, send

_MOST_BYTES = 2**20


def main(control_fd: int, with_tensorflow: bool) -> None:
    """Serve until the control line ends."""
    from fedteach.grading.sandbox import inside  # noqa: F401  every child needs it

    if with_tensorflow:
        import fedteach.models
        import fedteach.quiet  # noqa: F401
    with contextlib.suppress(AttributeError, OSError):
        linux.adopt_orphans()
    gc.collect()
    gc.freeze()  # what is shared with every child stays shared
    control = socket.socket(fileno=control_fd)
    with contextlib.suppress(Gone):
        send(control, b"ready")
        while True:
            _one_job(control)


def _one_job(control: socket.socket) -> None:
    settings = json.loads(receive(control, _MOST_BYTES))
    _, (line_fd, *_), *_ = socket.recv_fds(control, 1, 1)
    pid = os.fork()
    if pid == 0:
        try:
            control.close()
            _become_job(settings, line_fd)
        finally:
            os._exit(71)
    os.close(line_fd)
    try:
        send(control, str(pid).encode())
        receive(control, 0)
    finally:
        status = _end(pid)
    send(control, str(status).encode())


def _become_job(settings: dict[str, Any], line_fd: int) -> None:
    for group in settings["groups"]:
        Path(group).write_text(str(os.getpid()))
    how = fences.Fences(**settings["fences"])
    folder = fences.WORK if how.namespaces else settings["folder"]

    def become() -> None:
        _close_all_but(line_fd)
        # It never stands in the student's folder, which may be deleted.
        if how.namespaces:  # it stands in /; where the instructor works is not there, and is nobody's business
            sys.path[:] = [path for path in sys.path if os.path.exists(path)]
            os.environ["HOME"] = fences.HOME
        else:
            os.chdir(settings["root"])
            os.environ["HOME"] = folder
        from fedteach.grading.sandbox import inside

        inside.serve(socket.socket(fileno=line_fd), Path(folder))

    os._exit(fences.enter(how, settings["root"], become))


def _close_all_but(kept: int) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nowhere, fd)
    os.closerange(3, kept)
    os.closerange(kept + 1, 65536)


def _end(pid: int) -> int:
    """Kill a job, wait for it and for all that it left behind; return how it had ended."""
    if not _has_ended(pid):
        os.kill(pid, signal.SIGKILL)
    status = fences.exit_code(os.waitpid(pid, 0)[1])
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    _kill_orphans()
    return status


def _has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill_orphans() -> None:
    """Kill who has become a child of this process because its own parents are dead."""
    while True:
        for task in Path("/proc/self/task").glob("*/children"):
            for orphan in task.read_text().split():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(int(orphan), signal.SIGKILL)
        try:
            os.wait()
        except ChildProcessError:
            return
