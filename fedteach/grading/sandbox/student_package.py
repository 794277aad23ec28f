"""The package as student code finds it when it counts: what notebooks import, without questions and answers."""

import ast
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from fedteach.grading.sandbox.answers import TAKEN_OUT

PACKAGE = Path(__file__).parents[2]

# In a notebook students reach all of this. Not here: exercises (with references and hidden questions), authoring,
# the judge's half of grading, what shows things, and what talks to a network.
_MODULES = (
    "__init__.py",
    "checks.py",
    "client.py",
    "data",
    "engine.py",
    "engine_pool.py",
    "evaluation.py",
    "experiment.py",
    "federation.py",
    "files.py",
    "history.py",
    "messages.py",
    "models.py",
    "parts.py",
    "quiet.py",
    "randomness.py",
    "run_folder.py",
    "steps",
    "tally.py",
    "threads.py",
    "transport/__init__.py",
    "transport/base.py",
    "transport/in_process.py",
)
# The worker's half of grading: what reads notebooks, runs a program and calls its function.
_GRADING = (
    "__init__.py",
    "extract.py",
    "gathering.py",
    "magics.py",
    "names.py",
    "not_started.py",
    "notebooks.py",
    "overheard.py",
    "plain.py",
    "program.py",
    "recipes",
    "statements.py",
    "surroundings.py",
    "time_limit.py",
    "verdict.py",
    "words.py",
    "worker.py",
    "sandbox/__init__.py",
    "sandbox/fences.py",
    "sandbox/fork_server.py",
    "sandbox/inside.py",
    "sandbox/line.py",
    "sandbox/linux.py",
    "sandbox/orders.py",
    "sandbox/wire.py",
)


def make_student_package(folder: Path) -> Path:
    """Copy what student code may import into a folder, as the package `fedteach`, without what answers exercises.

    Returns:
        The folder, for the search path.
    """
    for name in (*_MODULES, *(f"grading/{name}" for name in _GRADING)):
        source, target = PACKAGE / name, folder / "fedteach" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)
    take_out(TAKEN_OUT, folder / "fedteach")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)  # jobs are another user
    return folder


def take_out(answers: Mapping[str, Collection[str]], package: Path) -> None:
    """Give functions that answer exercises a body that says so, in the files of a package.

    Raises:
        ValueError: if there is no such function.
    """
    exercises: dict[str, list[str]] = {}
    for exercise, names in answers.items():
        for name in names:
            exercises.setdefault(name, []).append(exercise)
    for name, numbers in exercises.items():
        path, parts = _file_of(name, package)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        says = f"fedteach's own answer to {' and '.join(numbers)} is not here, where work is graded: use your own"
        _definition(tree, parts).body = ast.parse(f"raise RuntimeError({says!r})").body
        path.write_text(ast.unparse(tree), encoding="utf-8")


def _file_of(name: str, package: Path) -> tuple[Path, list[str]]:
    """Return the module's file of a dotted name, and what of the name is left inside of it."""
    parts = name.split(".")
    for n in range(1, len(parts)):
        path = package.joinpath(*parts[:n]).with_suffix(".py")
        if path.is_file():
            return path, parts[n:]
    raise ValueError(f"{name} is named as an answer, but students are given no such module")


def _definition(tree: ast.Module, parts: list[str]) -> ast.FunctionDef:
    """Find a function, also inside of a class or of another function."""
    found: ast.AST = tree
    for part in parts:
        inside = getattr(found, "body", [])
        found = next((node for node in inside if getattr(node, "name", None) == part), ast.Pass())
    if not isinstance(found, ast.FunctionDef):
        raise ValueError(f"{'.'.join(parts)} is named as an answer, but there is no such function")
    return found
