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
from fedteach.grading.batch.archives import MOST_FILE_BYTES, Budget, open_archive, open_platform_archive
from fedteach.grading.batch.layouts import Owner
from fedteach.grading.batch.roster import Roster, Unknown

NOTEBOOKS = (".ipynb", ".py")
_MANIFEST = "submission_metadata.yml"
# The folder in Gradescope's zip. In any other one a manifest may be the work of the only student who has handed in.
_GRADESCOPE_EXPORT = re.compile(r"assignment_\d+_export")
_NO_WORK = "neither a notebook, a script nor a zip"
_MOST_FILES = 200
_MOST_NOTES = 20
_DEEPEST = 4
# "anna_04_aggregation.ipynb": a student's id before the notebook's own name
_OF_A_NOTEBOOK = re.compile(r"\d{1,2}_[^\W\d_]")
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
        time_from: where that is from: "manifest", "file" or "".
        late: whether the platform has marked it late; None: it marks nothing.
        account: the platform's own number of the student, for handing marks back; "" where it gives none.
        notes: what the instructor should know: files that were left out, and why.
        budget: what archives of this student may still take.
    """

    student: str
    name: str
    folder: Path
    received: float | None = None
    time_from: str = ""
    late: bool | None = None
    account: str = ""
    notes: list[str] = field(default_factory=list)
    budget: Budget = field(default_factory=Budget)

    def note(self, text: str) -> None:
        """Add a note; a student who leads to hundreds of them is not listened to any longer."""
        if len(self.notes) < _MOST_NOTES:
            self.notes.append(text)
        elif len(self.notes) == _MOST_NOTES:
            self.notes.append("and more of that kind")

    def came(self, seconds: float, time_from: str) -> None:
        """Note when a part of it came; the last part counts."""
        if self.received is None or seconds > self.received:
            self.received, self.time_from = seconds, time_from


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

    def students(self) -> list[str]:
        """Return whose hand-ins these are."""
        return [hand_in.student for hand_in in self.hand_ins]


def take_in(source: Path, into: Path, roster: Roster | None = None) -> Intake:
    """Sort what a platform hands over: a folder, a zip, or one notebook.

    Args:
        source: what there is to grade; it is only read.
        into: an empty folder, or none yet, for copies.
        roster: the class, for ids and names.

    Raises:
        IntakeError: if there is nothing to grade; says what was expected.
    """
    if not source.exists():
        raise IntakeError(f"there is no file or folder {source}; expected a folder or a zip of submissions")
    if not _may_hold_work(source):
        raise IntakeError(f"{source} is no submission; expected a folder, a zip or one notebook")
    if source.suffix.lower() == ".zip" and source.is_file():
        try:
            opened = open_platform_archive(source, into / "opened")
        except ValueError as error:
            raise IntakeError(str(error)) from None
        outermost, left_out = opened.folder, opened.left_out
    else:
        outermost, left_out = source, []
    top = outermost if outermost.is_file() else _inside(outermost, roster)
    sorting = _Sorting(into / "students", roster)
    sorting.unclear += left_out
    sorting.sort(top, has_manifest=top == outermost or bool(_GRADESCOPE_EXPORT.fullmatch(top.name)))
    if not sorting.hand_ins and roster and sorting.strangers:
        raise IntakeError(
            f"none of the {len(sorting.strangers)} hand-ins is in the roster, for example: {sorting.strangers[0]}; "
            "is it the right class, and does a column hold names, accounts or numbers as the platform writes them?"
        )
    if not sorting.hand_ins and not sorting.unclear:
        raise IntakeError(f"there is no notebook in {source}; expected a folder or a file for each student")
    return sorting.intake()


def _inside(folder: Path, roster: Roster | None) -> Path:
    """Go into a folder that only wraps a class, and into nbgrader's `submitted`; a lone folder may be a student's."""
    while folder.resolve().name != "submitted":
        if (folder / "submitted").is_dir():
            return folder / "submitted"
        entries = _entries(folder)
        if len(entries) != 1 or not entries[0].is_dir() or not _is_a_class(entries[0]):
            return folder
        if layouts.layout_of([entries[0].name]) or (roster and roster.knows(entries[0].name)):
            return folder
        folder = entries[0]
    return folder


def _is_a_class(folder: Path) -> bool:
    entries = _entries(folder)
    many = [entry for entry in entries if entry.is_dir() or entry.suffix.lower() == ".zip"]
    wraps = len(entries) == 1 and entries[0].is_dir() and _is_a_class(entries[0])
    if wraps or layouts.layout_of(entry.name for entry in entries):
        return True
    return len(many) > 1 and not _notebooks(folder, deepest=1)


def _entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith((".", "__")) and not path.is_symlink())


class _Sorting:
    """Gives each entry to its student.

    Args:
        into: where the students' folders are made.
        roster: the class, or None.
    """

    def __init__(self, into: Path, roster: Roster | None):
        self._into, self._roster = into, roster
        self.hand_ins: dict[str, HandIn] = {}
        self.unclear: list[str] = []
        self.others: list[str] = []
        self.strangers: list[str] = []
        self.platform = ""

    def sort(self, top: Path, *, has_manifest: bool) -> None:
        """Go through what stands in a folder, or take the one file that there is."""
        if top.is_file():
            self._take(top, _named(top.name) or Owner(top.stem))
            return
        entries = [entry for entry in _entries(top) if entry.name != _MANIFEST]
        work = [entry for entry in entries if _may_hold_work(entry)]
        manifest = _manifest(top / _MANIFEST) if has_manifest else {}
        self.platform = layouts.layout_of(entry.name for entry in work or entries)
        if self.platform:  # a name tells whose it is, whatever the file is
            work = entries
        else:
            self.others = [f"{entry.name}: {_NO_WORK}" for entry in entries if not _may_hold_work(entry)]
        for entry, owner in self._owners(work):
            if owner is None:
                self.unclear.append(f"{entry.name}: it is not clear whose it is")
                continue
            told = manifest.get(entry.name, _Told())
            for id, name in told.submitters or [("", "")]:  # a group hands in once, for each of its members
                self._take(entry, replace(owner, id=id or owner.id, name=name or owner.name), told.received)

    def _owners(self, entries: list[Path]) -> Iterator[tuple[Path, Owner | None]]:
        if self.platform:
            for entry in entries:
                yield entry, layouts.LAYOUTS[self.platform](entry.name)
            return
        folders = [entry.name for entry in entries if entry.is_dir()]
        by_account = layouts.github_classroom(folders, self._roster.knows) if self._roster else None
        if by_account:
            self.platform = "GitHub Classroom"
            yield from ((entry, by_account.get(entry.name)) for entry in entries)
            return
        for entry in entries:
            stem = entry.name if entry.is_dir() else entry.stem
            named = _named(entry.name) if entry.is_file() and entry.suffix.lower() != ".zip" else Owner(stem)
            yield entry, named

    def _take(self, entry: Path, owner: Owner, received: float | None = None) -> None:
        """Copy what belongs to a student into a folder of the student's own."""
        student, name = owner.id, owner.name
        if self._roster:
            try:
                person = self._roster.find(owner.id, owner.name)
            except Unknown as why:
                self.strangers.append(f"{entry.name}: {why}")
                self.unclear.append(self.strangers[-1])
                return
            student, name = person.id, person.name
        mine = self.hand_ins.get(student)
        if mine is None:
            folder = self._into / f"{len(self.hand_ins):04d}"
            folder.mkdir(parents=True)
            mine = self.hand_ins[student] = HandIn(student, name, folder)
            mine.account = owner.id if self.platform else ""
        if owner.late is not None:
            mine.late = bool(mine.late) or owner.late
        # The files of a clone are as old as the clone, those of Canvas as the download.
        has_times = self.platform not in ("GitHub Classroom", "Canvas") and not (entry / ".git").exists()
        for path, wanted, time in self._files(entry, owner, mine):
            self._copy(path, wanted, mine)
            if received is not None:
                mine.came(received, "manifest")
            elif has_times:
                mine.came(time, "file")

    def _files(self, entry: Path, owner: Owner, mine: HandIn) -> list[tuple[Path, str, float]]:
        """Return the files in an entry, each with the name it gets and the time at which it came."""
        if entry.is_dir():
            archives = [path for path in _entries(entry) if path.suffix.lower() == ".zip"]
            loose = [(path, path.name, path.stat().st_mtime) for path in _notebooks(entry)]
            if not loose and not archives:
                mine.note(f"{entry.name}: there is no notebook in it")
            return [*loose, *(file for archive in archives for file in self._opened(archive, mine))]
        if entry.suffix.lower() == ".zip":
            return self._opened(entry, mine)
        if not _may_hold_work(entry):
            mine.note(f"{entry.name}: {_NO_WORK}")
            return []
        return [(entry, owner.file or entry.name, entry.stat().st_mtime)]

    def _opened(self, archive: Path, mine: HandIn) -> list[tuple[Path, str, float]]:
        """Open a student's own archive; the times in it are the student's, and not believed, but its own is."""
        try:
            into = _free(self._into.parent / "archives" / f"{mine.folder.name}-{archive.name}")
            opened = open_archive(archive, into, mine.budget)
        except ValueError as error:
            mine.note(str(error))
            return []
        for text in opened.left_out:
            mine.note(text)
        return [(path, path.name, archive.stat().st_mtime) for path in _notebooks(opened.folder)]

    def _copy(self, path: Path, wanted: str, mine: HandIn) -> None:
        if path.is_symlink() or not path.is_file():
            mine.note(f"{path.name}: a link, or no file")
            return
        if path.stat().st_size > MOST_FILE_BYTES:
            mine.note(f"{path.name}: longer than {MOST_FILE_BYTES // 2**20} MB")
            return
        target = _free(mine.folder / wanted)
        if target.name != wanted:
            mine.note(f"there are several files named {wanted}; all are looked at")
        shutil.copyfile(path, target)

    def intake(self) -> Intake:
        """Return what has come of it."""
        hand_ins = [self.hand_ins[student] for student in sorted(self.hand_ins)]
        absent = [p for p in self._roster.people if p.id not in self.hand_ins] if self._roster else []
        missing = [f"{person.id} ({person.name})" if person.name else person.id for person in absent]
        return Intake(self.platform, hand_ins, self.unclear + self.others, missing)


def _may_hold_work(entry: Path) -> bool:
    return entry.is_dir() or entry.suffix.lower() in (*NOTEBOOKS, ".zip")


def _free(path: Path) -> Path:
    """Return a path at which nothing stands yet: itself, or with a number, as a browser names a second download."""
    numbered = (path.with_name(f"{path.stem} ({n}){path.suffix}") for n in itertools.count(2))
    return path if not path.exists() else next(other for other in numbered if not other.exists())


def _named(name: str) -> Owner | None:
    """Return the owner of a file such as anna_04_aggregation.ipynb or anna.ipynb; None if all of it is a notebook's."""
    if found := _NAMED.fullmatch(name):
        return Owner(found["id"], file=found["file"])
    return None if _OF_A_NOTEBOOK.match(name) else Owner(Path(name).stem)


def _notebooks(folder: Path, deepest: int = _DEEPEST) -> list[Path]:
    """Return notebooks and scripts in a folder and those below it, the outermost first."""
    found = [path for path in _entries(folder) if path.suffix.lower() in NOTEBOOKS and path.is_file()]
    if deepest > 1:
        for below in (path for path in _entries(folder) if path.is_dir()):
            found += _notebooks(below, deepest - 1)
    return found[:_MOST_FILES]


@dataclass(frozen=True)
class _Told:
    """What a manifest tells of one entry: ids and names of who has handed it in, and when."""

    submitters: tuple[tuple[str, str], ...] = ()
    received: float | None = None


def _manifest(path: Path) -> dict[str, _Told]:
    """Read Gradescope's manifest: who has handed in which folder, and when."""
    if not path.is_file() or path.is_symlink() or path.stat().st_size > MOST_FILE_BYTES:
        return {}
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return {str(name): _told(entry) for name, entry in content.items() if isinstance(entry, dict)}
    except (yaml.YAMLError, UnicodeDecodeError, AttributeError, RecursionError):
        return {}


def _told(entry: dict[str, Any]) -> _Told:
    people = entry.get(":submitters")
    people = [person for person in people if isinstance(person, dict)] if isinstance(people, list) else []
    when = entry.get(":created_at")
    return _Told(
        tuple((str(person.get(":sid") or ""), str(person.get(":name") or "")) for person in people),
        when.timestamp() if isinstance(when, datetime) else None,
    )
