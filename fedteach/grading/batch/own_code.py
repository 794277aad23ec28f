"""The lines that a student has written: what tools that compare students' work should see, and nothing of ours."""

import ast
from collections import Counter

from fedteach.grading.extract import Program
from fedteach.grading.readable import readable

_MOST_CHARACTERS = 64 * 1024


def own_code(program: Program, stub: str) -> str:
    """Return a function and what it needs, without the lines that everybody was given, and without imports.

    Args:
        program: what the student's function needs to run.
        stub: the cell that its student began with. Each of its lines is taken away as often as it stands there,
            however it is indented now.
    """
    given = Counter(line.strip() for line in stub.splitlines())
    written = []
    sources = (piece.source for piece in program.pieces if not _is_import(piece.source))
    for line in "\n".join(sources).splitlines():
        if given[line.strip()] > 0:
            given[line.strip()] -= 1
        elif line.strip():
            written.append(line.rstrip())
    return readable("\n".join(written))[:_MOST_CHARACTERS]


def _is_import(source: str) -> bool:
    """Say whether a statement of a notebook only imports; Python has read it before."""
    return all(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.parse(source).body)
