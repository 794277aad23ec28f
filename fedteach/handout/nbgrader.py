"""nbgrader: the same notebooks, with the metadata (schema 3) by which nbgrader assigns, collects and grades them.

Each cell with a TODO becomes an "autograded answer", and behind it comes a locked "autograder tests" cell for each
exercise, with its points. Where nbgrader grades, a cell that ends without an error gets all its points. `check` never
raises one, so those cells call `must_pass`, which does unless the exercise is right.

`nbgrader generate_assignment` replaces what stands between its own two marks by its stub, and an answer without marks
altogether, the function's name and docstring included. So the marks are put around the one line of our stub that
students replace anyway: the TODO stays, no solution is needed to make a student's version, and nbgrader's own settings
will do. Its stub, a bare `raise NotImplementedError()`, counts as "not started" too.

Source:
    nbgrader's contributor guide, "Metadata", and nbgrader/preprocessors/clearsolutions.py (0.9).
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from fedteach.authoring.cells import Cell
from fedteach.authoring.release import Stub
from fedteach.exercises import find
from fedteach.handout.contents import Notebook

_STUB = re.compile(r"""^(?P<indent>[ \t]+)raise NotStarted\("(?P<exercise>\d+\.\d+)"\)$""", re.MULTILINE)
_TODO = "replace the next line by your code"
_MARKED = "{indent}### BEGIN SOLUTION\n{line}\n{indent}### END SOLUTION"

_TESTS = """\
# The points of {id}: this cell fails until your {function} passes its check. Please leave it as it is.
from fedteach.exercises import find
from fedteach.grading.judging import must_pass

must_pass(find("{id}"), {function})"""


def for_nbgrader(notebook: Notebook) -> Notebook:
    """Return a notebook that nbgrader takes for the source of an assignment.

    Raises:
        ValueError: if an exercise has no stub of whole statements, which nbgrader could not put back.
    """
    cells: list[Cell] = []
    stubs: list[Stub] = []
    for number, cell in enumerate(notebook.cells, start=1):
        here = [stub for stub in notebook.stubs if stub.cell == number]
        if here:
            cell = replace(cell, text=_marked(notebook, here, cell.text), metadata=cell.metadata | _answer(here))
        cells.append(cell)
        stubs += [replace(stub, cell=len(cells), text=cell.text) for stub in here]
        cells += list(_tests(here))
    return replace(notebook, cells=tuple(cells), stubs=tuple(stubs))


def _marked(notebook: Notebook, stubs: list[Stub], text: str) -> str:
    marked = {found["exercise"] for found in _STUB.finditer(text)}
    for stub in stubs:
        if stub.exercise not in marked:
            raise ValueError(
                f"{notebook.name}: nbgrader needs a stub of a line of its own in {stub.exercise}: write its solution"
                " between # BEGIN SOLUTION and # END SOLUTION, not behind # SOLUTION"
            )
    text = text.replace(_TODO, "replace the next two lines by your code")  # as many as nbgrader puts there
    return _STUB.sub(lambda found: _MARKED.format(indent=found["indent"], line=found[0]), text)


def _answer(stubs: list[Stub]) -> dict[str, Any]:
    """Return the metadata of a cell in which students answer; its points stand in the cells behind it."""
    return _metadata("answer", *(stub.exercise for stub in stubs), solution=True)


def _tests(stubs: list[Stub]) -> Iterator[Cell]:
    for stub in stubs:
        points = float(find(stub.exercise).points)
        metadata = _metadata("points", stub.exercise, grade=True, locked=True, points=points)
        yield Cell("code", _TESTS.format(id=stub.exercise, function=stub.function), metadata)


def _metadata(kind: str, *exercises: str, **further: Any) -> dict[str, Any]:
    # An id is of letters, digits, hyphens and underscores. Checksums come when nbgrader makes the students' version.
    id = "-".join([kind, *exercises]).replace(".", "-")
    return {
        "nbgrader": {"grade": False, "grade_id": id, "locked": False, "schema_version": 3, "solution": False}
        | {"task": False}
        | further
    }
