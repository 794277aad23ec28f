"""docs/instructors.md, tried as it is written: its commands in their order, on a small class."""

import csv
import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.attacks.attack import HONEST, Attack

PAGE = Path(__file__).parent.parent / "docs" / "instructors.md"
TEXT = PAGE.read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    (fedteach .+)$", TEXT, re.MULTILINE)
ROSTER = re.search(r"^    (student_id,.*\n(?:    .*\n)+)", TEXT, re.MULTILINE)


def typed(command, folder):
    words = [sys.executable, "-m", *shlex.split(command)]
    wide = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(words, cwd=folder, env=wide, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_the_page_says_works_as_written(tmp_path):
    assert len(COMMANDS) == 3
    (tmp_path / "class.csv").write_text(re.sub("^    ", "", ROSTER[0], flags=re.MULTILINE), encoding="utf-8")
    for student in ("s000", "s001"):
        Attack("honest", "", HONEST).write(tmp_path / "work" / student)
    with zipfile.ZipFile(tmp_path / "submissions.zip", "w") as archive:
        for path in (tmp_path / "work").rglob("*.ipynb"):
            archive.write(path, path.relative_to(tmp_path / "work"))
    for command in COMMANDS:
        done = typed(command, tmp_path)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert (tmp_path / "handout.zip").is_file()
    results = tmp_path / "results"
    with (results / "grades.csv").open(newline="") as file:
        assert {row["name"]: row["4.1"] for row in csv.DictReader(file)} == {
            "Anna Example": "2.0",
            "Ben Example": "2.0",
        }
    for name in re.findall(r"^\| `([^`]+)`", TEXT, re.MULTILINE):
        pattern = name.replace("NAME", "*").rstrip("/")
        assert pattern == "upload" or list(results.glob(pattern)), f"{name} is promised"


def test_every_option_that_the_page_names_is_there():
    named = set(re.findall(r"(--[a-z][a-z-]*)", TEXT))
    helped = "".join(typed(f"fedteach {command} --help", PAGE.parent).stdout for command in ("grade", "release"))
    assert named, "the page names options"
    assert {option for option in named if option not in helped} == set()


def test_it_is_one_page():
    assert len(TEXT.split()) < 1_000
