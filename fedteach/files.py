"""Files that appear whole or not at all."""

import os
import threading
from pathlib import Path


def write_atomically(path: str | Path, content: str | bytes, mode: int = 0o666) -> Path:
    """Write a file so that a reader, or a crash at any moment, sees the old content or the new, never a half.

    Args:
        path: the file; its folder is made if it is not there.
        content: what to write; text as UTF-8.
        mode: who may read it from its first moment on, before the umask; 0o600 is for secrets.

    Raises:
        OSError: if the folder cannot be written or the disk is full; the old file is then untouched.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    data = content.encode() if isinstance(content, str) else content
    try:
        part.unlink(missing_ok=True)  # what a crash left might let others read
        with os.fdopen(
            os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode), "wb"
        ) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:  # Ctrl-C, too, leaves no half
        part.unlink(missing_ok=True)
        raise
    return path
