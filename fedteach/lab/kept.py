"""The student's progress as a notebook knows it: what the file says, and what could not be written into it."""

from fedteach.grading import progress
from fedteach.grading.progress import Event, Standing

_unsaved: list[Event] = []
"""What could not be written; it counts as long as the kernel lives."""


def standings() -> tuple[dict[str, Standing], str]:
    """Return how far the student is with each exercise, and what to say if that could not be read."""
    try:
        return progress.standings([*progress.read(progress.file()), *_unsaved]), ""
    except OSError as error:
        return progress.standings(_unsaved), _cannot_be_kept(error)


def happened(event: Event, before: Standing) -> tuple[Standing, str]:
    """Keep what happened to an exercise, if it changes anything.

    Returns:
        How far the student now is with it, and what to say if it could not be kept.
    """
    after = progress.standing_after(before, event)
    if after == before:
        return after, ""
    try:
        progress.append(progress.file(), event)
    except OSError as error:
        _unsaved.append(event)
        return after, _cannot_be_kept(error)
    return after, ""


def _cannot_be_kept(error: OSError) -> str:
    reason = f" ({error.strerror})" if error.strerror else ""
    return f"Your progress cannot be kept in `{progress.file().name}`{reason}. Everything else works all the same."
