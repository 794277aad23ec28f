"""The package as student code finds it when it counts: what notebooks import, without questions and answers."""

import shutil
from pathlib import Path

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
    """Copy what student code may import into a folder, as the package `fedteach`.

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
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)  # jobs are another user
    return folder
