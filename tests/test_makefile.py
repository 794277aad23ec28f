"""The Makefile, with a Python that only pretends: what it installs when, and what it says when it cannot."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# A Python that notes its calls in calls.txt and obeys: VERSION_FITS=no fails the version check, PIP=fails the install.
PRETENDED = """#!/bin/sh
echo "$*" >> calls.txt
case "$*" in
  --version) echo "Python 3.9.18" ;;
  *version_info*) [ "$VERSION_FITS" != no ] ;;
  "-m venv --clear .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  "-m pip install"*) [ "$PIP" != fails ] ;;
esac
"""


@pytest.fixture
def make(tmp_path):
    if shutil.which("make") is None:
        pytest.skip("needs make")
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / "pretended-python"
    python.write_text(PRETENDED)
    python.chmod(0o755)

    def run(*words: str, **variables: str) -> subprocess.CompletedProcess:
        (tmp_path / "calls.txt").write_text("")
        own = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
        command = ["make", *words, "PYTHON=./pretended-python"]
        result = subprocess.run(command, cwd=tmp_path, env=own | variables, capture_output=True, text=True, timeout=30)
        result.calls = (tmp_path / "calls.txt").read_text().splitlines()
        return result

    return run


def installs(result):
    return [call for call in result.calls if call.startswith("-m pip install")]


def test_make_alone_lists_the_targets(make):
    alone = make().stdout
    assert alone == make("help").stdout
    targets = [line.split()[1] for line in alone.splitlines()]
    assert {"help", "lab", "test", "check", "notebooks", "bench", "clean"} <= set(targets)
    assert all(line.startswith(f"make {target}") for line, target in zip(alone.splitlines(), targets, strict=True))


def test_lab_installs_once_and_opens_the_welcome(make):
    first, second = make("lab", "LAB_ARGS=--no-browser"), make("lab")
    assert first.returncode == second.returncode == 0, first.stderr
    (install,) = installs(first)
    assert install.endswith("-c constraints.txt -e .")
    assert first.calls[-1].startswith("-m jupyter lab")
    assert first.calls[-1].endswith("--no-browser notebooks/00_welcome.ipynb")
    assert len(second.calls) == 1  # JupyterLab, and not one question to Python before it


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_change_of_what_is_needed_installs_again(make, tmp_path, name):
    make("lab")
    later = (tmp_path / name).stat().st_mtime + 1e6
    os.utime(tmp_path / name, (later, later))
    again = make("lab")
    assert len(installs(again)) == 1
    assert not any("venv" in call for call in again.calls)


def test_a_failed_installation_is_taken_up_again(make, tmp_path):
    failed = make("lab", PIP="fails")
    assert failed.returncode != 0
    assert not any(call.startswith("-m jupyter") for call in failed.calls)
    assert not list((tmp_path / ".venv").glob(".installed*"))
    assert len(installs(make("lab"))) == 1


def test_what_tests_need_is_enough_for_lab(make):
    assert installs(make("test"))[0].endswith("-e .[dev]")
    assert installs(make("lab")) == []


def test_an_old_python_is_refused_in_one_sentence(make, tmp_path):
    result = make("lab", VERSION_FITS="no")
    assert result.returncode != 0
    words, makes_own = result.stderr.splitlines()
    assert words == (
        "fedteach needs Python 3.11, 3.12 or 3.13; ./pretended-python is Python 3.9.18. "
        "Name another one: make lab PYTHON=python3.11"
    )
    assert makes_own.startswith("make: ***")
    assert not (tmp_path / ".venv").exists()


def test_clean_keeps_notebooks_data_and_results(make, tmp_path):
    make("lab")
    for kept in ("notebooks/a.ipynb", "datasets/mnist/a.gz", "runs/logs/a.json"):
        (tmp_path / kept).parent.mkdir(parents=True)
        (tmp_path / kept).touch()
    assert make("clean").returncode == 0
    assert not (tmp_path / ".venv").exists()
    assert len([path for path in tmp_path.rglob("a.*") if path.is_file()]) == 3
