"""GitHub Classroom: the exercises are checked whenever a student pushes.

A plain workflow, and not Classroom's own autograding actions: those turn the exit code of a process that has run the
student's code into points, which is no way to grade.
"""

from collections.abc import Sequence

from fedteach.handout.contents import Notebook

WORKFLOW = ".github/workflows/classroom.yml"
_IGNORED = (".venv/", "__pycache__/", ".ipynb_checkpoints/", ".pytest_cache/", "runs/", "fedteach_progress.jsonl")

# Actions are pinned to a commit, for whoever owns a tag can move it.
_TEXT = """\
# Feedback for the student after each push: which exercises are right, and what is wrong with the others.
# This is not the grade. Here the student's code runs in the same process as the verdict on it, so it could forge one.
# The grade comes from `fedteach grade`, where student code and verdict do not share a process.
name: Check the exercises

on: [push]

permissions:
  contents: read

# A new push makes the check of the one before it needless.
concurrency:
  group: ${{{{ github.workflow }}}}-${{{{ github.ref }}}}
  cancel-in-progress: true

jobs:
  exercises:
    # Not when GitHub Classroom makes the repository: there is nothing to check yet.
    if: github.actor != 'github-classroom[bot]'
    runs-on: ubuntu-latest
    timeout-minutes: 20
    steps:
      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0
        with:
          persist-credentials: false
      - uses: actions/setup-python@e797f83bcb11b83ae66e0230d6156d7c80228e7c # v6.0.0
        with:
          python-version: "3.11"
          cache: pip
          cache-dependency-path: constraints.txt
      - name: Install
        run: python -m pip install -r requirements.txt pytest
      - name: Check
        run: python -m pytest --pyargs fedteach.exercises --submission=.{only}
"""


def github_classroom(notebooks: Sequence[Notebook], everything: bool) -> dict[str, bytes]:
    """Return the files of a GitHub Classroom assignment.

    Args:
        notebooks: those of the hand-out.
        everything: whether these are all notebooks of the course; if not, only their exercises are asked for.
    """
    ids = [stub.exercise for notebook in notebooks for stub in notebook.stubs]
    only = "" if everything or not ids else f' -k "{" or ".join(ids)}"'
    ignored = "".join(f"{name}\n" for name in _IGNORED)
    return {WORKFLOW: _TEXT.format(only=only).encode(), ".gitignore": ignored.encode()}
