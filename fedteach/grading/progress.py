"""How far a student is: one small file beside the notebooks, one line for each thing that happened.

The file is only ever added to, each line by a single write to its end, so the kernels of two notebooks may write at
the same time, and one that is killed meanwhile leaves at most a torn last line, which reading leaves out. How far the
student is with an exercise is not stored: it follows from the lines (`standing_after`).
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from fedteach.grading.verdict import State, Verdict

FILE_NAME = "fedteach_progress.jsonl"

Happening = Literal["check", "hint", "reset"]
Stage = Literal["not started", "tried", "passed"]


@dataclass(frozen=True)
class Event:
    """Something that happened to one exercise.

    Attributes:
        do: "check", "hint" or "reset".
        exercise: its number, such as "4.1".
        state: of a check: its verdict; "" otherwise.
        passed: of a check: number of questions answered right.
        of: of a check: number of questions.
        hint: of a hint: which one, counted from 1.
        seconds: of a check: how long judging took.
        time: when, in UTC, such as "2026-11-23T08:30:00Z".
    """

    do: Happening
    exercise: str
    state: State | Literal[""] = ""
    passed: int = 0
    of: int = 0
    hint: int = 0
    seconds: float = 0.0
    time: str = ""


@dataclass(frozen=True)
class Standing:
    """How far a student is with one exercise.

    Attributes:
        stage: "passed" if the last check passed, "tried" if it did not, "not started" before the first and after a
            reset.
        attempts: failed checks and the first that passed, counted since the last reset; after a pass nothing counts.
        hints: number of hints that were read since the last reset.
        passed: number of questions that the last check found answered right.
        of: number of questions of the last check.
        has_passed: whether a check has passed since the last reset, be it the last one or an earlier one.
    """

    stage: Stage = "not started"
    attempts: int = 0
    hints: int = 0
    passed: int = 0
    of: int = 0
    has_passed: bool = False


def file(folder: Path | None = None) -> Path:
    """Return where progress is kept: FEDTEACH_PROGRESS (a file, or a folder for it), else the folder.

    Args:
        folder: the folder of the notebook; None takes the current one.

    Raises:
        OSError: if the current folder is wanted and was deleted.
        RuntimeError: if FEDTEACH_PROGRESS begins with the `~` of somebody who is not known here.
    """
    path = Path(os.environ.get("FEDTEACH_PROGRESS") or FILE_NAME).expanduser()
    if not path.is_absolute():
        path = (folder or Path.cwd()) / path
    return path / FILE_NAME if path.is_dir() else path


def checked(verdict: Verdict, seconds: float) -> Event:
    """Return the event of a check."""
    n_cases = len(verdict.cases)
    return Event("check", verdict.exercise, verdict.state, verdict.cases_passed, n_cases, seconds=round(seconds, 3))


def standing_after(before: Standing, event: Event) -> Standing:
    """Return how far the student is with an exercise after one more event.

    Once a check has passed, none is an attempt any more until a reset. A check that finds the stub again is none
    either, nor is one that has to wait for another exercise.
    """
    if event.do == "reset":
        return Standing()
    if event.do == "hint":
        return replace(before, hints=max(before.hints, event.hint))
    new_attempt = event.state in ("failed", "passed") and not before.has_passed
    stages: Mapping[str, Stage] = {"passed": "passed", "not started": "not started"}
    return replace(
        before,
        stage=stages.get(event.state, "tried"),
        attempts=before.attempts + new_attempt,
        passed=event.passed,
        of=event.of,
        has_passed=before.has_passed or event.state == "passed",
    )


def standings(events: Iterable[Event]) -> dict[str, Standing]:
    """Return how far the student is with each exercise that anything happened to."""
    found: dict[str, Standing] = {}
    for event in events:
        found[event.exercise] = standing_after(found.get(event.exercise, Standing()), event)
    return found


def read(path: Path) -> list[Event]:
    """Return all that happened, in order; [] where there is no file yet. Lines that make no sense are left out.

    Raises:
        OSError: if there is a file that cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    return list(_events(text.split("\n")))


def _events(lines: Iterable[str]) -> Iterator[Event]:
    names = {field.name for field in fields(Event)}
    for line in lines:
        try:
            found = json.loads(line)
            event = Event(**{name: value for name, value in found.items() if name in names})
        except (ValueError, TypeError, AttributeError, RecursionError):
            continue
        if _makes_sense(event):
            yield event


def _makes_sense(event: Event) -> bool:
    texts, numbers = (event.exercise, event.state, event.time), (event.passed, event.of, event.hint)
    return (
        event.do in get_args(Happening)
        and event.state in (*get_args(State), "")
        and all(isinstance(text, str) for text in texts)
        and all(type(number) is int and number >= 0 for number in numbers)
    )


def stamped(event: Event) -> Event:
    """Return an event with the time of now, unless it has one."""
    return event if event.time else replace(event, time=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


def append(path: Path, event: Event) -> None:
    """Add what happened to the end of the file, with the time of now unless it has one.

    Raises:
        OSError: if it cannot be written, or not wholly.
    """
    event = stamped(event)
    known: dict[str, Any] = {name: value for name, value in asdict(event).items() if value not in ("", 0)}
    line = json.dumps({"time": event.time} | known, separators=(",", ":")).encode() + b"\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        if _is_torn(descriptor):
            line = b"\n" + line
        if os.write(descriptor, line) < len(line):
            raise OSError(f"the disk is full: {path.name} could not be written wholly")
    finally:
        os.close(descriptor)


def _is_torn(descriptor: int) -> bool:
    """Say whether the file ends in the middle of a line, as a writer leaves it that was killed.

    One that is just writing looks the same; then there will be an empty line, which does no harm.
    """
    end = os.lseek(descriptor, 0, os.SEEK_END)
    if end == 0:
        return False
    os.lseek(descriptor, end - 1, os.SEEK_SET)
    return os.read(descriptor, 1) not in (b"\n", b"")
