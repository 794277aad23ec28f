"""The student's progress as a notebook knows it: what the file says, and what could not be written into it."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fedteach.grading import progress
from fedteach.grading.progress import Event, Standing

_unsaved: list[Event] = []
"""What could not be written, in order; it counts as long as the kernel lives, and is written as soon as it can be."""

_home: Path | None = None
"""The notebook's folder: the current one at the first call. The student's code may go to another later."""


@dataclass(frozen=True)
class Record:
    """The record of a student's progress.

    Attributes:
        path: its file; None if there is no place for one, and progress is in the memory only.
        trouble: why there is none, a sentence, or "".
    """

    path: Path | None
    trouble: str = ""

    def standings(self) -> tuple[dict[str, Standing], str]:
        """Return how far the student is with each exercise, and what to say if that could not be read."""
        if self.path is None:
            return progress.standings(_unsaved), self.trouble
        trouble = self._save()
        try:
            return progress.standings([*progress.read(self.path), *_unsaved]), trouble
        except OSError as error:
            return progress.standings(_unsaved), _cannot_be_kept(self.path.name, error)

    def happened(self, event: Event, before: Standing) -> tuple[Standing, str]:
        """Keep what happened to an exercise, if it changes anything.

        Returns:
            How far the student now is with it, and what to say if it could not be kept.
        """
        after = progress.standing_after(before, event)
        if after == before:
            return after, ""
        _unsaved.append(progress.stamped(event))
        return after, self._save()

    def _save(self) -> str:
        """Write what is not written yet, the oldest first, so that the file tells it in its order."""
        if self.path is None:
            return self.trouble
        try:
            while _unsaved:
                progress.append(self.path, _unsaved[0])
                del _unsaved[0]
        except OSError as error:
            return _cannot_be_kept(self.path.name, error)
        return ""


def record() -> Record:
    """Return the record of this notebook. Call it before any code of the student's runs, which may change folders."""
    try:
        return Record(progress.file(folder()))
    except (OSError, RuntimeError) as error:
        return Record(None, _cannot_be_kept(os.environ.get("FEDTEACH_PROGRESS") or progress.FILE_NAME, error))


def folder() -> Path | None:
    """Return the notebook's folder, also after a change of folders; None if it was deleted."""
    global _home
    with suppress(OSError):
        if _home is None or not _home.is_dir():
            _home = None
            _home = Path.cwd()
    return _home


def _cannot_be_kept(name: str, error: OSError | RuntimeError) -> str:
    reason = (error.strerror if isinstance(error, OSError) else str(error)) or ""
    because = f" ({reason.rstrip('.')})" if reason else ""
    return f"Your progress cannot be kept in `{name}`{because}. Everything else works all the same."
