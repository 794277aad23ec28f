"""A class of students who do not exist: the course's own notebooks, solved, half solved, wrong, or hostile."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from fedteach.authoring.cells import Cell
from fedteach.authoring.mistakes import mistakes_in
from fedteach.authoring.notebook import notebook_text
from fedteach.authoring.sources import COURSE, Source, read_sources
from fedteach.exercises import catalogue
from fedteach.randomness import rng_for
from tests.attacks.forging import FORGING
from tests.attacks.host import HOST
from tests.attacks.resources import RESOURCES

SHARES = {"solved": 0.4, "half solved": 0.2, "wrong": 0.3, "hostile": 0.1}

_MARK = re.compile(r"^[ \t]*# (?:BEGIN|END) SOLUTION.*\n?|[ \t]*# SOLUTION.*$", re.MULTILINE)
_HOSTILE = ("A1", "A7", "A13", "A25", "A26a", "A28a", "A30", "B1", "B5", "B6a", "B7", "B9", "B10", "C1", "C7", "C8a")

Answer = Callable[[str], str]
"""From an exercise to the code of its cell; "" for the stub."""


class GeneratedClass:
    """Writes students' folders.

    Args:
        seed: the same seed writes the same class.
    """

    def __init__(self, seed: int = 0):
        self._seed = seed
        self._sources = read_sources(COURSE.solutions)
        self._solutions = dict(self._solved_cells())
        self._mistakes: dict[str, list[str]] = {}
        for source in self._sources:
            path = COURSE.mistakes / f"{source.name}.py"
            for mistake in mistakes_in(path) if path.exists() else ():
                answer = _as_answer(path, mistake.name, mistake.exercise)
                self._mistakes.setdefault(mistake.exercise, []).append(answer)
        attacks = [a for a in (*FORGING, *RESOURCES, *HOST) if a.id in _HOSTILE and a.exercise == "4.1"]
        self._attacks = [attack.aimed(OTHERS="/home") for attack in attacks]

    def write(self, folder: Path, n_students: int) -> dict[str, str]:
        """Write so many students' notebooks into a folder.

        Returns:
            Student -> which kind of `SHARES`.
        """
        rng = rng_for(self._seed, "class")
        kinds = rng.permutation(np.repeat(list(SHARES), _counts(n_students)))
        students = {f"s{number:03d}": str(kind) for number, kind in enumerate(kinds)}
        for student, kind in students.items():
            self._write_one(folder / student, self._answers(kind, rng_for(self._seed, "student", student)))
        return students

    def _write_one(self, folder: Path, answer: Answer) -> None:
        folder.mkdir(parents=True)
        for source in self._sources:
            cells = list(source.release.cells)
            for stub in source.release.stubs:
                code = answer(stub.exercise)
                cells[stub.cell - 1] = replace(cells[stub.cell - 1], text=code or stub.text)
            (folder / f"{source.name}.ipynb").write_text(notebook_text(cells), encoding="utf-8")

    def _answers(self, kind: str, rng: np.random.Generator) -> Answer:
        """Return what a student of a kind answers to each exercise."""
        ids = list(catalogue())
        begun = ids[: rng.integers(1, len(ids))]
        attack = self._attacks[rng.integers(len(self._attacks))]

        def wrong(exercise: str) -> str:
            lot, mistakes = rng.random(), self._mistakes.get(exercise, [])
            if lot < 0.1:
                return ""
            return mistakes[rng.integers(len(mistakes))] if mistakes and lot < 0.5 else self._solutions[exercise]

        return {
            "solved": lambda exercise: self._solutions[exercise],
            "half solved": lambda exercise: self._solutions[exercise] if exercise in begun else "",
            "wrong": wrong,
            "hostile": lambda exercise: attack.code if exercise == "4.1" else self._solutions[exercise],
        }[kind]

    def _solved_cells(self) -> Iterator[tuple[str, str]]:
        for source in self._sources:
            for stub in source.release.stubs:
                yield stub.exercise, _MARK.sub("", _cell_of(source, stub.exercise).text)


def _cell_of(source: Source, exercise: str) -> Cell:
    """Return the cell of a source that holds an exercise's solution."""
    return next(cell for cell in source.cells if re.search(rf"SOLUTION {re.escape(exercise)}\b", cell.text))


def _as_answer(path: Path, name: str, exercise: str) -> str:
    """Return the code of a planted mistake as a student would have written it: under the exercise's own name."""
    kept: list[ast.stmt] = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            node.decorator_list, node.name = [], catalogue()[exercise].function
            kept.append(node)
        elif not getattr(node, "decorator_list", None) and "fedteach.authoring" not in ast.dump(node):
            kept.append(node)
    return ast.unparse(ast.Module(kept[1:], []))  # without the file's own docstring


def _counts(n_students: int) -> list[int]:
    counts = [round(n_students * share) for share in SHARES.values()]
    return [n_students - sum(counts[1:]), *counts[1:]]
