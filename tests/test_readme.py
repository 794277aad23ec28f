"""What README.md tells people to type does what it says."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [line.strip() for line in README.splitlines() if line.startswith("    ")]


def run(*words: str, cwd: Path) -> str:
    result = subprocess.run([sys.executable, *words], cwd=cwd, capture_output=True, text=True, timeout=100, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.slow
def test_the_python_example_runs_as_it_stands(tmp_path):
    (example,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    table = run("-c", example, cwd=tmp_path)
    assert "server accuracy" in table.splitlines()[0]
    assert len(table.splitlines()) == 1 + 3


@pytest.mark.slow
@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith("fedteach run")])
def test_the_command_lines_run_as_they_stand(command, tmp_path):
    assert run("-m", "fedteach.cli", *shlex.split(command)[1:], cwd=tmp_path)


def test_every_make_target_it_names_exists():
    named = set(re.findall(r"\bmake ([a-z]+)", README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert {"lab", "test"} <= named <= targets


def test_every_folder_and_file_it_names_exists():
    named = re.findall(r"`([\w./]+(?:/|\.(?:py|md|txt|yml|ipynb)))`", README)
    made_by_using_it = {"runs/"}
    places = (ROOT, ROOT / "fedteach" / "steps")
    missing = [name for name in named if not any((place / name).exists() for place in places)]
    assert set(missing) <= made_by_using_it
