"""The far side of the seam: it holds the student's function, calls it, and answers with plain data."""

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Literal, Protocol

import numpy as np

from fedteach.grading.not_started import NotStarted
from fedteach.grading.overheard import overheard
from fedteach.grading.plain import arrays_in, shorten, to_plain
from fedteach.grading.recipes import Recipe, live
from fedteach.grading.time_limit import TimeLimitExceeded, is_students, time_limit
from fedteach.grading.verdict import Ending

_MOST_FRAMES = 4
_TEXT_LIMIT_S = 0.2
"""Seconds that an exception may take to say what it is."""

Outcome = Literal["value", "raised", "not started", "time limit"]


@dataclass(frozen=True)
class Raised:
    """An exception of the student's function, as text.

    Attributes:
        kinds: names of its class and the classes above it: ("KeyError", "LookupError", "Exception").
        text: what it says.
        line: the line of the student's code that was running, or "".
        traceback: the way there through the student's own code, for reading.
    """

    kinds: tuple[str, ...]
    text: str
    line: str
    traceback: str


@dataclass(frozen=True)
class Reply:
    """What came of one call; plain data throughout.

    Attributes:
        outcome: "value", "raised", "not started" or "time limit".
        value: what the function returned, if it did.
        raised: the exception, if there was one.
        exercise: for "not started": the exercise that is not; "" for the one that was asked for.
        after: for each argument: what it was after the call, or its recipe's aftermath.
        jsonable: whether the value itself, numpy's own numbers included, could be written as JSON.
        shared: places of the arguments with whose memory the returned arrays overlap.
        printed: what was printed on stdout, shortened.
        warned: texts of warnings, each once.
    """

    outcome: Outcome
    value: Any = None
    raised: Raised | None = None
    exercise: str = ""
    after: tuple[Any, ...] = ()
    jsonable: bool = False
    shared: tuple[int, ...] = ()
    printed: str = ""
    warned: tuple[str, ...] = ()


class WorkerLost(Exception):
    """There is no worker any more, or nothing of use comes from it.

    Args:
        ended: how it ended.
        says: the same as a sentence.
    """

    def __init__(self, ended: Ending, says: str):
        super().__init__(says)
        self.ended: Ending = ended


class Worker(Protocol):
    """Calls one function of the student's, wherever that function is."""

    def call(self, arguments: tuple[Any, ...], limit_s: float) -> Reply:
        """Call it with plain arguments or recipes, and say what came of it.

        Raises:
            WorkerLost: if nothing can come of this call and of any later one.
        """


class Here:
    """A worker in this process: for a student's own notebook, where kindness and speed count."""

    def __init__(self, function: Callable[..., Any]):
        self._function = function

    def call(self, arguments: tuple[Any, ...], limit_s: float) -> Reply:
        """Call the function with fresh copies, within the time limit; prints and warnings are kept, never passed on."""
        mine = tuple(live(argument) for argument in arguments)
        with _as_it_was(), overheard() as heard:
            outcome = _outcome(self._function, mine, limit_s)
        return Reply(
            after=tuple(_after(argument, own) for argument, own in zip(arguments, mine, strict=True)),
            printed=heard.ear.text(),
            warned=tuple(heard.warnings),
            **outcome,
        )


def _outcome(function: Callable[..., Any], arguments: tuple[Any, ...], limit_s: float) -> dict[str, Any]:
    """Call the function, and look at what it returned; both can take for ever."""
    try:
        with time_limit(limit_s):
            value = function(*arguments)
            shared = tuple(place for place, own in enumerate(arguments) if _overlap(value, own))
            return {"outcome": "value", "value": to_plain(value), "jsonable": _jsonable(value), "shared": shared}
    except NotStarted as error:
        return {"outcome": "not started", "exercise": error.exercise}
    except TimeLimitExceeded as error:
        return {"outcome": "time limit", "raised": _raised(error)}
    except KeyboardInterrupt:
        raise  # the Stop button is the student's own
    except BaseException as error:
        if _is_a_stub(function, error):
            return {"outcome": "not started", "exercise": ""}
        return {"outcome": "raised", "raised": _raised(error)}


def _is_a_stub(function: Callable[..., Any], error: BaseException) -> bool:
    """Say whether a function ended at a bare `raise NotImplementedError` of its own, as nbgrader's stubs do."""
    if type(error) is not NotImplementedError or error.args or type(function) is not FunctionType:
        return False
    *_, last = traceback.extract_tb(error.__traceback__)
    return last.name == function.__name__ and is_students(last.filename)


@contextmanager
def _as_it_was() -> Iterator[None]:
    """Put back what a function may have changed for everybody: folder, search path, numpy's treatment of errors."""
    folder, path, treatment = _folder(), list(sys.path), np.geterr()
    try:
        yield
    finally:
        np.seterr(**treatment)
        sys.path[:] = path
        if folder and folder != _folder():
            with suppress(OSError):
                os.chdir(folder)


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was deleted
        return ""


def _after(argument: Any, own: Any) -> Any:
    return argument.aftermath(own) if isinstance(argument, Recipe) else to_plain(own)


def _jsonable(value: Any) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _overlap(value: Any, argument: Any) -> bool:
    given = arrays_in(argument)
    return bool(given) and any(np.shares_memory(mine, array) for mine in arrays_in(value) for array in given)


def _raised(error: BaseException) -> Raised:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if is_students(frame.filename)]
    kinds = tuple(kind.__name__ for kind in type(error).__mro__ if kind is not object)
    text = _text(error)
    line = f"{_place(frames[-1])}line {frames[-1].lineno}: {frames[-1].line}" if frames and frames[-1].line else ""
    shown = frames if len(frames) <= 2 * _MOST_FRAMES else [*frames[:_MOST_FRAMES], *frames[-_MOST_FRAMES:]]
    steps = [f"{_place(frame)}line {frame.lineno}, in {frame.name}:\n    {frame.line}" for frame in shown]
    return Raised(kinds, text, line, "\n".join([*steps, f"{kinds[0]}: {text}"]))


def _place(frame: traceback.FrameSummary) -> str:
    # "04_aggregation.ipynb, cell 7" helps; the long names that a live kernel gives its cells say nothing to a reader.
    is_path = any(mark in frame.filename for mark in "/\\<")
    return "" if is_path else f"{frame.filename}, "


def _text(error: BaseException) -> str:
    try:
        with time_limit(_TEXT_LIMIT_S):
            return shorten(str(error))
    except KeyboardInterrupt:
        raise
    except BaseException:
        return "(its text cannot be shown)"
