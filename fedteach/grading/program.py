"""Running the pieces of a program, so that its function is there; on the student's side of the seam."""

import __future__

import ast
import contextlib
import inspect
import linecache
import threading
import time
import traceback
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from functools import reduce
from operator import or_
from typing import Any

from fedteach.grading.extract import Program
from fedteach.grading.not_started import NotStarted
from fedteach.grading.plain import shorten
from fedteach.grading.statements import Piece
from fedteach.grading.surroundings import STAND_INS, fedteach_silent, unheard
from fedteach.grading.time_limit import TimeLimitExceeded, time_limit
from fedteach.grading.verdict import Finding
from fedteach.grading.words import article

LIMIT_S = 20.0
"""For everything that a function needs; the first import of a big library takes some seconds of it."""

_FUTURES = reduce(or_, (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names))


class Stopped(Exception):
    """A statement that the function needs did not run to its end."""

    def __init__(self, finding: Finding):
        super().__init__(finding.says)
        self.finding = finding


def interrupted(name: str) -> Finding:
    """Return what to say of a function that ends as if somebody had pressed Ctrl-C, where nobody has."""
    return Finding(f"{name} raises KeyboardInterrupt, as if somebody had pressed Stop.")


def load(program: Program, limit_s: float = LIMIT_S) -> Any:
    """Run a program and return what its name stands for then.

    Prints and warnings are dropped. The names of a notebook are its own: two programs share nothing but modules.

    Raises:
        Stopped: if a piece raised an exception or took too long, or the name is none of the student's functions.
        NotStarted: if a piece is still waiting for its exercise.
        KeyboardInterrupt: by hand, or by the student's code (see `ctrl_c`).
    """
    namespace: dict[str, Any] = {"__name__": "__main__", **STAND_INS}
    _remember_lines(program.pieces)
    piece, futures, left_s = program.pieces[0], 0, {may_fail: limit_s for may_fail in (False, True)}
    try:
        with unheard(), fedteach_silent():
            for piece in program.pieces:
                began = time.monotonic()
                with _done_without(piece), time_limit(left_s[piece.may_fail]):
                    futures |= _run(piece, futures, namespace)
                left_s[piece.may_fail] = max(left_s[piece.may_fail] - (time.monotonic() - began), 0.01)
    except (NotStarted, KeyboardInterrupt):
        raise
    except TimeLimitExceeded as error:
        raise Stopped(_too_slow(program, piece, error, limit_s)) from None
    except BaseException as error:
        raise Stopped(_failed(program, piece, error)) from None
    return _function(program, namespace)


@contextlib.contextmanager
def _done_without(piece: Piece) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException:
        if not piece.may_fail:
            raise


def _run(piece: Piece, futures: int, namespace: dict[str, Any]) -> int:
    """Run a piece, and return what it imports from `__future__` as flags of the compiler."""
    tree = ast.increment_lineno(ast.parse(piece.source), piece.first_line - 1)
    flags = futures | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code = compile(tree, piece.place, "exec", flags=flags, dont_inherit=True)
    value = eval(code, namespace)
    if code.co_flags & inspect.CO_COROUTINE:
        _await(value)
    return code.co_flags & _FUTURES


def _await(coroutine: Coroutine[Any, Any, None]) -> None:
    """Await what a notebook awaits at top level; in a kernel on another thread, since on this one it awaits us."""
    import asyncio

    done: Future[None] = Future()

    def wait() -> None:
        try:
            done.set_result(asyncio.run(coroutine))
        except BaseException as error:
            done.set_exception(error)

    if asyncio._get_running_loop() is None:
        wait()
    else:
        threading.Thread(target=wait, daemon=True).start()
    done.result()


def _function(program: Program, namespace: dict[str, Any]) -> Any:
    name, definition = program.name, program.definition
    value = namespace.get(name)
    kind = type(value).__name__
    where = f"{definition.place}, line {definition.first_line}: {definition.source.splitlines()[0]}"
    if not callable(value):
        raise Stopped(
            Finding(
                f"{name} is no function at the end of the notebook: it stands for a value, {article(kind)} {kind}.",
                got=where,
                likely=f"a result was given the name {name} too; give it another one",
            )
        )
    if str(getattr(value, "__module__", "")).partition(".")[0] == "fedteach":
        raise Stopped(
            Finding(
                f"{name} is imported here, not written: it is fedteach's own.",
                got=where,
                expected=f"def {name}(...):",
            )
        )
    return value


def _remember_lines(pieces: tuple[Piece, ...]) -> None:
    """Let tracebacks show the student's lines, which are in no file of that name."""
    for piece in pieces:
        entry = linecache.cache.get(piece.place, ())
        known = entry[2] if len(entry) == 4 else []
        first, new = piece.first_line - 1, [f"{line}\n" for line in piece.source.split("\n")]
        lines = [*known, *["\n"] * (first + len(new) - len(known))]
        lines[first : first + len(new)] = new
        linecache.cache[piece.place] = (sum(map(len, lines)), None, lines, piece.place)


def _too_slow(program: Program, piece: Piece, error: BaseException, limit_s: float) -> Finding:
    return Finding(
        f"{piece.place}, on which {program.name} builds, did not come to an end within {limit_s:g} seconds.",
        got=_line(program, piece, error),
        likely="a loop that never ends, or a long computation that could stand in a cell of its own",
    )


def _failed(program: Program, piece: Piece, error: BaseException) -> Finding:
    kind, text = type(error).__name__, _text(error)
    missing = isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("fedteach")
    return Finding(
        f"{piece.place}, on which {program.name} builds, stops with {kind}{': ' if text else ''}{text}",
        got=_line(program, piece, error),
        likely=f"the module {error.name} is not on this machine" if missing else "",  # type: ignore[attr-defined]
        traceback=_traceback(program, error),
    )


def _frames(program: Program, error: BaseException) -> list[traceback.FrameSummary]:
    """Return the part of the traceback that is the student's own code."""
    places = {piece.place for piece in program.pieces}
    return [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in places]


def _line(program: Program, piece: Piece, error: BaseException) -> str:
    own = [frame for frame in _frames(program, error) if frame.filename == piece.place]
    if not own:
        return f"line {piece.first_line}: {piece.source.splitlines()[0]}"
    return f"line {own[-1].lineno}: {own[-1].line}"


def _traceback(program: Program, error: BaseException) -> str:
    frames = _frames(program, error)
    steps = [f"{frame.filename}, line {frame.lineno}, in {frame.name}:\n    {frame.line}" for frame in frames[-8:]]
    return "\n".join([*steps, f"{type(error).__name__}: {_text(error)}"])


def _text(error: BaseException) -> str:
    try:
        return shorten(str(error))
    except Exception:
        return "(its text cannot be shown)"
