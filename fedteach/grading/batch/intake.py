"""From what a platform hands over to a folder of notebooks for each student, with the time at which they came."""

import itertools
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from fedteach.grading.batch import layouts
from fedteach.grading.batch.archives import MOST_FILE_BYTES, Budget, open_archive
from fedteach.grading.batch.layouts import Owner
from fedteach.grading.batch.roster import Roster

NOTEBOOKS = (".ipynb", ".py")
_MANIFEST = "submission_metadata.yml"
_MOST_FILES = 200
_DEEPEST = 4
# "anna_04_aggregation.ipynb": a student's id before the notebook's own name
_NAMED = re.compile(r"(?P<id>.+?)[_ -]+(?P<file>\d{1,2}_[^\W\d_].*)")


class IntakeError(ValueError):
    """Nothing that could be graded."""


@dataclass
class HandIn:
    """What one student has handed in.

    Attributes:
        student: the id by which reports name the student.
        name: the person's name, or "".
        folder: the notebooks and modules, and nothing else.
        received: unix seconds at which it came, by the platform's manifest or the file's time; None: not known.
        late: whether the platform has marked it late.
        notes: what the instructor should know: files that were left out, and why.
    """

    student: str
    name: str
    folder: Path
    received: float | None = None
    late: bool = False
    notes: list[str] = field(default_factory=list)


@dataclass
class Intake:
    """All that came.

    Attributes:
        platform: whose layout it is, or "".
        hand_ins: one for each student, in the order of their ids.
        unclear: what belongs to nobody, or to more than one; it is listed, and never guessed.
        missing: students of the roster who have handed in nothing.
    """

    platform: str
    hand_ins: list[HandIn]
    unclear: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def take_in(source: Path, into: Path, roster: Roster | None = None) -> Intake:
    """Sort what a platform hands over: a folder, a zip, or one notebook.

    Args:
        source: what there is to grade; it is only read.
        into: an empty folder, or none yet, for copies.
        roster: the class, for ids and names.

    Raises:
        IntakeError: if there is nothing to grade; says what was expected.
    """
    budget = Budget()
    if not source.exists():
        raise IntakeError(f"there is no file or folder {source}; expected a folder or a zip of submissions")
    if source.suffix.lower() == ".zip" and source.is_file():
        try:
            opened = open_archive(source, into / "opened", budget, keep_times=True)
        except ValueError as error:
            raise IntakeError(str(error)) from None
        top, left_out = _inside(opened.folder), opened.left_out
    elif source.is_file():
        top, left_out = source, []
    else:
        top, left_out = _inside(source), []
    sorting = _Sorting(into / "students", roster, budget)
    sorting.unclear += left_out
    sorting.sort(top)
    if not sorting.hand_ins and not sorting.unclear:
        raise IntakeError(f"there is no notebook in {source}; expected a folder or a file for each student")
    return sorting.intake()


def _inside(folder: Path) -> Path:
    """Go into a folder that only wraps another one, and into nbgrader's `submitted`."""
    while True:
        if (folder / "submitted").is_dir():
            folder = folder / "submitted"
            continue
        entries = _entries(folder)
        is_wrapped = len(entries) == 1 and entries[0].is_dir() and not _notebooks(entries[0], deepest=1)
        if not is_wrapped:
            return folder
        folder = entries[0]


def _entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith((".", "__")) and not path.is_symlink())


class _Sorting:
    """Gives each entry to its student.

    Args:
        into: where the students' folders are made.
        roster: the class, or None.
        budget: what archives may still take.
    """

    def __init__(self, into: Path, roster: Roster | None, budget: Budget):
        self._into, self._roster, self._budget = into, roster, budget
        self.hand_ins: dict[str, HandIn] = {}
        self.unclear: list[str] = []
        self.platform = ""

    def sort(self, top: Path) -> None:
        """Go through what stands in a folder, or take the one file that there is."""
        if top.is_file():
            self._take(top, _named(top.name) or Owner(top.stem))
            return
        entries = [entry for entry in _entries(top) if entry.is_dir() or entry.suffix.lower() in (*NOTEBOOKS, ".zip")]
        manifest = _manifest(top / _MANIFEST)
        self.platform = layouts.layout_of(entry.name for entry in entries)
        for entry, owner in self._owners(entries):
            if owner is None:
                self.unclear.append(f"{entry.name}: it is not clear whose it is")
                continue
            told = manifest.get(entry.name, {})
            known = replace(owner, id=told.get("id") or owner.id, name=told.get("name") or owner.name)
            self._take(entry, known, told.get("received"))

    def _owners(self, entries: list[Path]) -> Iterator[tuple[Path, Owner | None]]:
        if self.platform:
            for entry in entries:
                yield entry, layouts.LAYOUTS[self.platform](entry.name)
            return
        folders = [entry for entry in entries if entry.is_dir()]
        by_account = layouts.github_classroom([f.name for f in folders]) if len(folders) == len(entries) else None
        # Only a roster tells an assignment's name from the beginning of an account's.
        if by_account and self._roster and all(self._roster.find(owner.id) for owner in by_account.values()):
            self.platform = "GitHub Classroom"
            yield from ((entry, by_account[entry.name]) for entry in entries)
            return
        for entry in entries:
            stem = entry.name if entry.is_dir() else entry.stem
            named = _named(entry.name) if entry.is_file() and entry.suffix.lower() != ".zip" else Owner(stem)
            yield entry, named

    def _take(self, entry: Path, owner: Owner, received: float | None = None) -> None:
        """Copy what belongs to a student into a folder of the student's own."""
        person = self._roster.find(owner.id, owner.name) if self._roster else None
        if self._roster and person is None:
            self.unclear.append(f"{entry.name}: {owner.id} is not in the roster")
            return
        student, name = (person.id, person.name) if person else (owner.id, owner.name)
        mine = self.hand_ins.get(student)
        if mine is None:
            folder = self._into / f"{len(self.hand_ins):04d}"
            folder.mkdir(parents=True)
            mine = self.hand_ins[student] = HandIn(student, name, folder)
        mine.late = mine.late or owner.late
        for path, wanted in self._files(entry, owner, mine):
            self._copy(path, wanted, mine)
            time = received if received is not None else (entry if entry.is_file() else path).stat().st_mtime
            mine.received = time if mine.received is None else max(mine.received, time)

    def _files(self, entry: Path, owner: Owner, mine: HandIn) -> list[tuple[Path, str]]:
        if entry.is_dir():
            archives = [path for path in _entries(entry) if path.suffix.lower() == ".zip"]
            packed = [path for archive in archives for path in self._opened(archive, mine)]
            return [(path, path.name) for path in [*_notebooks(entry), *packed]]
        if entry.suffix.lower() == ".zip":
            return [(path, path.name) for path in self._opened(entry, mine)]
        return [(entry, owner.file or entry.name)]

    def _opened(self, archive: Path, mine: HandIn) -> list[Path]:
        """Open a student's own archive; its times are the student's, and not believed."""
        try:
            into = _free(self._into.parent / "archives" / f"{mine.folder.name}-{archive.name}")
            opened = open_archive(archive, into, self._budget)
        except ValueError as error:
            mine.notes.append(str(error))
            return []
        mine.notes += opened.left_out
        return _notebooks(opened.folder)

    def _copy(self, path: Path, wanted: str, mine: HandIn) -> None:
        if path.is_symlink() or not path.is_file():
            mine.notes.append(f"{path.name}: a link, or no file")
            return
        if path.stat().st_size > MOST_FILE_BYTES:
            mine.notes.append(f"{path.name}: longer than {MOST_FILE_BYTES // 2**20} MB")
            return
        target = _free(mine.folder / wanted)
        if target.name != wanted:
            mine.notes.append(f"there are several files named {wanted}; all are looked at")
        shutil.copyfile(path, target)

    def intake(self) -> Intake:
        """Return what has come of it."""
        hand_ins = [self.hand_ins[student] for student in sorted(self.hand_ins)]
        missing = [p.id for p in self._roster.people if p.id not in self.hand_ins] if self._roster else []
        return Intake(self.platform, hand_ins, self.unclear, missing)


def _free(path: Path) -> Path:
    """Return a path at which nothing stands yet: itself, or with a number, as a browser names a second download."""
    numbered = (path.with_name(f"{path.stem} ({n}){path.suffix}") for n in itertools.count(2))
    return path if not path.exists() else next(other for other in numbered if not other.exists())


def _named(name: str) -> Owner | None:
    """Return the owner of a file such as anna_04_aggregation.ipynb; None if the name begins with the notebook's."""
    found = _NAMED.fullmatch(name)
    return Owner(found["id"], file=found["file"]) if found else None


def _notebooks(folder: Path, deepest: int = _DEEPEST) -> list[Path]:
    """Return notebooks and scripts in a folder and those below it, the outermost first."""
    found = [path for path in _entries(folder) if path.suffix.lower() in NOTEBOOKS and path.is_file()]
    if deepest > 1:
        for below in (path for path in _entries(folder) if path.is_dir()):
            found += _notebooks(below, deepest - 1)
    return found[:_MOST_FILES]


def _manifest(path: Path) -> dict[str, dict[str, Any]]:
    """Read Gradescope's manifest: who has handed in which folder, and when."""
    if not path.is_file() or path.is_symlink() or path.stat().st_size > MOST_FILE_BYTES:
        return {}
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return {str(name): _told(entry) for name, entry in content.items() if isinstance(entry, dict)}
    except (yaml.YAMLError, UnicodeDecodeError, AttributeError, RecursionError):
        return {}


def _told(entry: dict[str, Any]) -> dict[str, Any]:
    submitters = entry.get(":submitters") or [{}]
    first = submitters[0] if isinstance(submitters, list) and isinstance(submitters[0], dict) else {}
    when = entry.get(":created_at")
    seconds = when.timestamp() if isinstance(when, datetime) else None
    return {"id": str(first.get(":sid") or ""), "name": str(first.get(":name") or ""), "received": seconds}
