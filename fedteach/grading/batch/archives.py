"""Opening an archive that an enemy may have packed: only notebooks and scripts come out, and only where they should."""

import contextlib
import lzma
import os
import stat
import unicodedata
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO

WANTED = (".ipynb", ".py", ".zip", ".yml")
"""Endings of files that anybody may need: notebooks, scripts beside them, an archive for each student, a manifest."""

MOST_ENTRIES = 500
MOST_BYTES = 300 * 2**20
"""Of one student."""

MOST_FILE_BYTES = 101 * 2**20  # a notebook of 100 MB is refused by its reader, who says so
MOST_RATIO = 200
"""An honest notebook shrinks to a tenth or so; a bomb to a thousandth."""

_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError),
    *(NotImplementedError, RuntimeError, FileExistsError, NotADirectoryError),
)
_UNREADABLE = (*_DAMAGED, OSError)
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

    def leave_out(self, entry: zipfile.ZipInfo, reason: str) -> None:
        """Note that an entry stays inside, and why."""
        self.left_out.append(f"{_shown(entry.filename)}: {reason}")


class Budget:
    """What one student may take out of archives; what is more stays inside, and costs nobody else anything.

    Args:
        n_bytes: bytes that may be written.
        n_entries: files that may be written.
    """

    def __init__(self, n_bytes: int = MOST_BYTES, n_entries: int = MOST_ENTRIES):
        self.n_bytes, self.n_entries = n_bytes, n_entries

    def why_not(self, entry: zipfile.ZipInfo) -> str:
        """Return why one more file is too much; "" if it is not."""
        if self.n_entries <= 0:
            return "too many files; nobody could mean so many"
        return "too much altogether" if entry.file_size > self.n_bytes else ""


def open_archive(archive: Path, into: Path, budget: Budget) -> Opened:
    """Take notebooks and scripts out of a student's zip, into a folder that is made for it.

    Args:
        archive: the zip.
        into: a folder that is not there yet.
        budget: what the student may still take.

    Raises:
        ValueError: if it is no zip; says so.
    """
    with _opening(archive, into) as content:
        return _take_out(content, into, lambda entry: budget, keep_times=False)


def open_platform_archive(archive: Path, into: Path) -> Opened:
    """Take everybody's notebooks and scripts out of a platform's zip; its times are believed.

    Each student, as far as the first folder tells who that is, has a budget of their own.

    Raises:
        ValueError: if it is no zip; says so.
    """
    budgets: defaultdict[str, Budget] = defaultdict(Budget)
    with _opening(archive, into) as content:
        tops = {entry.filename.partition("/")[0] for entry in content.infolist()}
        depth = 1 if len(tops) == 1 else 0  # a folder around everything is nobody's
        return _take_out(content, into, lambda entry: budgets[_part(entry, depth)], keep_times=True)


@contextlib.contextmanager
def _opening(archive: Path, into: Path) -> Iterator[zipfile.ZipFile]:
    """Make the folder, and open the archive; whatever is wrong with it is one sentence."""
    into.mkdir(parents=True)
    try:
        with zipfile.ZipFile(archive) as content:
            yield content
    except _UNREADABLE as error:
        raise ValueError(f"{archive.name} cannot be opened: {error}") from None


def _part(entry: zipfile.ZipInfo, depth: int) -> str:
    parts = entry.filename.split("/")
    return parts[min(depth, len(parts) - 1)]


def _take_out(
    content: zipfile.ZipFile, into: Path, budget_of: Callable[[zipfile.ZipInfo], Budget], *, keep_times: bool
) -> Opened:
    opened, taken = Opened(into), set[str]()
    for entry in filter(_looks_like_work, content.infolist()):
        budget = budget_of(entry)
        if reason := _why_not(entry, taken) or budget.why_not(entry):
            opened.leave_out(entry, reason)
        elif not entry.is_dir():
            _write(content, entry, into, budget, opened)
            if keep_times:
                _set_time(into.joinpath(*PurePosixPath(entry.filename).parts), entry)
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
    budget.n_entries -= 1
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with content.open(entry) as source, target.open("xb") as file:
            for piece in _pieces(source, entry):
                budget.n_bytes -= len(piece)
                file.write(piece)
    except _DAMAGED as error:
        if target.is_file():
            target.unlink()
        opened.leave_out(entry, f"damaged ({type(error).__name__})")


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
