"""The hand-out on the disk: whole or not at all, and never in the place of what is not ours."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from fedteach.zips import zipped

MANIFEST = ".fedteach-release.json"
"""Says what an earlier release has written; it stays out of the zip."""


def write(folder: Path, files: Mapping[str, bytes], with_zip: bool, forbidden: tuple[Path, ...] = ()) -> Path | None:
    """Write a hand-out, and a zip of it beside it.

    An earlier hand-out is replaced if nobody has changed anything in it. Everything is written beside its place first
    and then takes it, so a full disk or Ctrl-C leaves what was there.

    Args:
        folder: where to; it may be there, but empty.
        files: name, with / between folders -> content.
        with_zip: whether to make FOLDER.zip; without, that of an earlier release goes, for it would be out of date.
        forbidden: folders that must not be written into.

    Returns:
        The zip, or None.

    Raises:
        ValueError: if the place is taken, forbidden, or cannot be written.
    """
    place, earlier = folder.resolve(), look(folder, forbidden)
    archive = place.with_name(f"{place.name}.zip")
    zip_is_ours = archive.is_file() and _digest(archive.read_bytes()) == earlier.get("zip")
    if with_zip and archive.exists() and not zip_is_ours:
        raise ValueError(f"{archive} is there and not from an earlier release: move it, name another DIR, or --no-zip")
    packed = zipped((f"{place.name}/{name}", content) for name, content in files.items()) if with_zip else None
    part = place.with_name(f".{place.name}.{os.getpid()}.part")
    packed_part = part.with_suffix(".zip")
    try:
        _fill(part, files, _manifest(files, packed))
        if packed is not None:
            packed_part.write_bytes(packed)
        _take_the_place(part, place)
        # Only a rename is left to do, so that the folder and its zip belong together.
        if packed is not None:
            packed_part.replace(archive)
        elif zip_is_ours:
            archive.unlink()
    except OSError as error:
        raise ValueError(f"{folder} cannot be written ({error.strerror or error}): name another DIR") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
        with suppress(OSError):
            packed_part.unlink(missing_ok=True)
    return archive if with_zip else None


def look(folder: Path, forbidden: tuple[Path, ...] = ()) -> dict[str, object]:
    """Return the manifest of the hand-out that is there, {} where there is none.

    Raises:
        ValueError: if the place is taken or forbidden.
    """
    place = folder.resolve()
    if not place.name:
        raise ValueError(f"expected a folder for the hand-out, got {folder}: name a new one")
    for other in map(Path.resolve, forbidden):
        if place == other or other in place.parents:
            raise ValueError(f"{folder} lies in {other}, a folder of the course itself: name one outside of it")
    if place.exists() and not place.is_dir():
        raise ValueError(f"expected a folder for the hand-out, but {folder} is a file: name another DIR")
    return _earlier(folder, place)


def _earlier(folder: Path, place: Path) -> dict[str, object]:
    try:
        there = {path.relative_to(place).as_posix(): path for path in place.rglob("*") if not path.is_dir()}
        if not there:
            return {}
        manifest = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
        files = dict(manifest["files"])
    except (OSError, ValueError, LookupError, TypeError):
        raise ValueError(f"{folder} is not empty, and no hand-out of an earlier release: name another DIR") from None
    for name, path in there.items():
        ours = name in files and not path.is_symlink() and _digest(path.read_bytes()) == files[name]
        if name != MANIFEST and not ours:
            raise ValueError(f"{folder} holds {name}, which is not as fedteach wrote it: move it, or name another DIR")
    return dict(manifest)


def _manifest(files: Mapping[str, bytes], packed: bytes | None) -> bytes:
    content = {
        "about": "What fedteach release wrote here. It replaces these files as long as nobody has changed them.",
        "files": {name: _digest(files[name]) for name in sorted(files)},
        "zip": _digest(packed) if packed is not None else None,
    }
    return (json.dumps(content, indent=1) + "\n").encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _fill(part: Path, files: Mapping[str, bytes], manifest: bytes) -> None:
    shutil.rmtree(part, ignore_errors=True)  # of a process with our number, long ago
    for name, content in {**files, MANIFEST: manifest}.items():
        path = part / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _take_the_place(part: Path, place: Path) -> None:
    """Put a finished folder in the place of another; if that fails, the other one is there as before."""
    old = part.with_suffix(".old")
    if place.exists():
        place.rename(old)
    try:
        part.rename(place)
    except OSError:
        with suppress(OSError):
            old.rename(place)
        raise
    shutil.rmtree(old, ignore_errors=True)
