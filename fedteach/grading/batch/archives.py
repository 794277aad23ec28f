"""Opening an archive that an enemy may have packed: only notebooks and scripts come out, and only where they should."""

import contextlib
import os
import stat
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO

WANTED = (".ipynb", ".py", ".zip", ".yml")
"""Endings of files that anybody may need: notebooks, scripts beside them, an archive for each student, a manifest."""

MOST_ENTRIES = 20_000
MOST_BYTES = 2 * 2**30
MOST_FILE_BYTES = 101 * 2**20  # a notebook of 100 MB is refused by its reader, who says so
MOST_RATIO = 200
"""An honest notebook shrinks to a tenth or so; a bomb to a thousandth."""

_SMALL = 2**20
_PIECE = 2**20
_DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(1, 10))}


@dataclass
class Opened:
    """What came out of an archive.

    Attributes:
        folder: where it is.
        left_out: entries that stayed inside although they look like work, each with the reason, as sentences.
    """

    folder: Path
    left_out: list[str] = field(default_factory=list)


class Budget:
    """What all archives of a batch may take together.

    Args:
        n_bytes: bytes that may be written.
        n_entries: entries that may be looked at.
    """

    def __init__(self, n_bytes: int = MOST_BYTES, n_entries: int = MOST_ENTRIES):
        self.n_bytes, self.n_entries = n_bytes, n_entries


def open_archive(archive: Path, into: Path, budget: Budget, *, keep_times: bool = False) -> Opened:
    """Take notebooks and scripts out of a zip, into a folder that is made for it.

    Args:
        archive: the zip.
        into: a folder that is not there yet.
        budget: what may still be taken.
        keep_times: whether the times in it are to be believed: a platform has packed it, and not a student.

    Raises:
        ValueError: if it is no zip, or more than the budget; says which.
    """
    opened = Opened(into)
    into.mkdir(parents=True)
    try:
        with zipfile.ZipFile(archive) as content:
            entries = content.infolist()
            budget.n_entries -= len(entries)
            if budget.n_entries < 0:
                raise ValueError(f"{archive.name} holds {len(entries):,} entries; nobody could mean so many")
            taken: set[str] = set()
            for entry in entries:
                if reason := _why_not(entry, taken):
                    opened.left_out += [f"{_shown(entry.filename)}: {reason}"] if _looks_like_work(entry) else []
                elif not entry.is_dir() and _looks_like_work(entry):
                    _write(content, entry, into, budget, opened)
                    if keep_times:
                        _set_time(into.joinpath(*PurePosixPath(entry.filename).parts), entry)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, OSError) as error:
        raise ValueError(f"{archive.name} cannot be opened: {error}") from None
    return opened


def _why_not(entry: zipfile.ZipInfo, taken: set[str]) -> str:
    """Return why an entry stays inside; "" if it may come out."""
    name = entry.filename
    path = PurePosixPath(name)
    mode = entry.external_attr >> 16
    if "\\" in name or "\0" in name or ":" in name:
        return "a name with characters that mean something else elsewhere"
    if path.is_absolute() or ".." in path.parts or not path.parts:
        return "a path that leads out of the archive"
    if any(part.split(".")[0].rstrip().upper() in _DEVICES for part in path.parts):
        return "the name of a device"
    if any(len(part.encode("utf-8", "replace")) > 200 for part in path.parts) or len(path.parts) > 12:
        return "a name that no file system takes"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "a link, or something else that is no file"
    if entry.flag_bits & 1:
        return "it is locked with a password"
    alike = unicodedata.normalize("NFC", name.rstrip("/")).casefold()
    if not entry.is_dir() and alike in taken:
        return "there is another one of that name"
    taken.add(alike)
    if entry.file_size > MOST_FILE_BYTES:
        return f"longer than {MOST_FILE_BYTES // 2**20} MB"
    if entry.file_size > _SMALL and entry.file_size > MOST_RATIO * max(entry.compress_size, 1):
        return "it unpacks to more than two hundred times its size"
    return ""


def _write(content: zipfile.ZipFile, entry: zipfile.ZipInfo, into: Path, budget: Budget, opened: Opened) -> None:
    """Write one file; what its entry says of its size is not believed."""
    target = into.joinpath(*PurePosixPath(entry.filename).parts)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with content.open(entry) as source, target.open("xb") as file:
            for piece in _pieces(source, entry):
                budget.n_bytes -= len(piece)
                if budget.n_bytes < 0:
                    raise ValueError("all archives together hold more than there is room for")
                file.write(piece)
    except (zipfile.BadZipFile, FileExistsError, NotADirectoryError) as error:
        target.unlink(missing_ok=True) if target.is_file() else None
        opened.left_out.append(f"{_shown(entry.filename)}: damaged ({type(error).__name__})")


def _set_time(path: Path, entry: zipfile.ZipInfo) -> None:
    # A zip tells local times; one that is none (month 0) leaves the file as it is.
    with contextlib.suppress(ValueError, OverflowError, OSError):
        seconds = datetime(*entry.date_time).timestamp()
        os.utime(path, (seconds, seconds))


def _pieces(source: IO[bytes], entry: zipfile.ZipInfo) -> Iterator[bytes]:
    left = entry.file_size
    while piece := source.read(min(_PIECE, left + 1)):
        left -= len(piece)
        if left < 0:
            raise zipfile.BadZipFile("longer than it says")
        yield piece


def _looks_like_work(entry: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(entry.filename)
    by_a_computer = (".", "__MACOSX", "__pycache__")
    hidden = any(part.startswith(by_a_computer) and not part.startswith("..") for part in path.parts)
    return path.suffix.lower() in WANTED and not hidden


def _shown(name: str) -> str:
    return name if len(name) <= 80 else f"{name[:77]}..."
