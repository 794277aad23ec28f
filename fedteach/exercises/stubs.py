"""The stub of each exercise: the cell that its student begins with, as the build of the notebooks wrote it down."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from fedteach import checks

_FILE = "stubs.json"


@dataclass(frozen=True)
class Stub:
    """What a student begins with.

    Attributes:
        notebook: the notebook that holds it, without its ending: "04_aggregation".
        function: name of the function to write.
        text: all that stands in its cell.
    """

    notebook: str
    function: str
    text: str


@cache
def stubs() -> Mapping[str, Stub]:
    """Return every stub by the number of its exercise, in the order of the course.

    Raises:
        ValueError: if the notebooks were never built.
    """
    file = files("fedteach.exercises") / _FILE
    if not file.is_file():
        raise ValueError(
            f"fedteach/exercises/{_FILE} is missing: build the notebooks first, with fedteach author build"
        )
    entries = json.loads(file.read_text(encoding="utf-8"))
    return MappingProxyType({id: Stub(e["notebook"], e["function"], e["stub"]) for id, e in entries.items()})


def stub(exercise: str) -> str:
    """Return the text of the cell that the student of an exercise begins with.

    Args:
        exercise: its number, such as "4.1".

    Raises:
        ValueError: if there is no such exercise; says which there are.
    """
    return stubs()[checks.known("exercise", exercise, stubs())].text
