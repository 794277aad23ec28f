"""Planted mistakes: wrong answers that an exercise must recognise, in solutions/mistakes/NN_topic.py.

@mistake("4.1", says="number of examples")
def counts_every_client_the_same(updates): ...
"""

import sys
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from fedteach.authoring.cells import AuthoringError
from fedteach.authoring.python import EXERCISE
from fedteach.authoring.sources import step_of

F = TypeVar("F", bound=Callable[..., Any])

_LIST = "__mistakes__"


@dataclass(frozen=True)
class Mistake:
    """One wrong answer.

    Attributes:
        exercise: id of the exercise.
        name: what is wrong, as the name of the function.
        says: a phrase that the verdict on it must contain.
        function: the wrong answer itself.
    """

    exercise: str
    name: str
    says: str
    function: Callable[..., Any]


def mistake(exercise: str, *, says: str) -> Callable[[F], F]:
    """Plant a mistake: the function below must fail, and the verdict must say this.

    Args:
        exercise: id of the exercise, such as "4.1".
        says: a phrase of the verdict that names the mistake; capitals do not matter.

    Raises:
        AuthoringError: if the id is none, or the phrase is empty.
    """

    def plant(function: F) -> F:
        name = function.__name__
        if not EXERCISE.fullmatch(exercise):
            raise AuthoringError(f"{name}: expected the id of an exercise, such as 4.1, got {exercise!r}")
        if not says.strip():
            raise AuthoringError(f"{name}: says is empty: give a phrase of the verdict that names this mistake")
        # The list lives in the namespace of the file, so that loading it again begins anew.
        planted = function.__globals__.setdefault(_LIST, [])
        if any((other.exercise, other.name) == (exercise, name) for other in planted):
            raise AuthoringError(f"{name}: there are two mistakes of this name for {exercise}: rename one")
        planted.append(Mistake(exercise, name, says, function))
        return function

    return plant


def mistakes_in(path: Path) -> list[Mistake]:
    """Run one file of mistakes as a module of its own, and return what it plants.

    Raises:
        AuthoringError: if it cannot be run, or plants a mistake of another notebook's exercise.
    """
    planted = _planted(path)
    step = step_of(path.stem)
    wrong = [
        f"{_file(path)}: {one.name} is a mistake of {one.exercise}, but the exercises of this notebook begin with"
        f" {step}.: correct the id, or move it"
        for one in planted
        if one.exercise.partition(".")[0] != step
    ]
    if wrong:
        raise AuthoringError(*wrong)
    return planted


def _planted(path: Path) -> list[Mistake]:
    module = types.ModuleType(f"mistakes_of_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses look their module up
    try:
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), module.__dict__)
    except AuthoringError as error:
        raise AuthoringError(*(f"{_file(path)}: {sentence}" for sentence in error.sentences)) from None
    except (Exception, SystemExit) as error:
        raise AuthoringError(f"{_file(path)} cannot be run: {type(error).__name__}: {error}") from error
    finally:
        del sys.modules[module.__name__]
    return list(module.__dict__.get(_LIST, ()))


def strays(folder: Path, notebooks: Sequence[str]) -> list[str]:
    """Return a sentence for everything in the folder of mistakes that belongs to no notebook."""
    known = {f"{name}.py" for name in notebooks}
    paths = sorted(path for path in folder.glob("[!._]*") if path.name not in known)
    paths += sorted(folder.glob("_*.py"))
    return [
        f"{_file(path)} belongs to no notebook: expected the name of a source, such as {notebooks[0]}.py"
        for path in paths
    ]


def _file(path: Path) -> str:
    return f"solutions/mistakes/{path.name}"
