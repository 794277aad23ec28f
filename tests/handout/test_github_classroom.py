"""The workflow of GitHub Classroom: it can be read, and its commands do what they should."""

import os
import re
import shlex
import subprocess
import sys

import pytest
import yaml

from fedteach.handout.github_classroom import WORKFLOW
from fedteach.handout.making import Order, files
from tests.handout.students import fill_in, put

ORDER = Order(("04_aggregation",), github_classroom=True)


def steps(made):
    (job,) = yaml.safe_load(made[WORKFLOW])["jobs"].values()
    return job["steps"]


def test_the_workflow_is_yaml_with_pinned_actions():
    made = files(Order(github_classroom=True))
    workflow = yaml.safe_load(made[WORKFLOW])
    assert workflow[True] == ["push"]  # YAML 1.1 takes the word on for true
    assert workflow["permissions"] == {"contents": "read"}
    used = [step["uses"] for step in steps(made) if "uses" in step]
    assert [action.partition("@")[0] for action in used] == ["actions/checkout", "actions/setup-python"]
    assert all(re.fullmatch(r"[0-9a-f]{40}", action.partition("@")[2]) for action in used)
    assert steps(made)[1]["with"] == {
        "python-version": "3.11",
        "cache": "pip",
        "cache-dependency-path": "constraints.txt",
    }
    assert b"This is not the grade." in made[WORKFLOW]
    assert b"git push" in made["README.md"]
    assert b".ipynb_checkpoints/" in made[".gitignore"]
    assert b"wheels" not in made[".gitignore"]


def test_the_whole_course_is_asked_for_all_and_a_part_for_its_own():
    check = "python -m pytest --pyargs fedteach.exercises --submission=."
    install = "python -m pip install -r requirements.txt pytest"
    assert [step["run"] for step in steps(files(Order(github_classroom=True))) if "run" in step] == [install, check]
    assert [step["run"] for step in steps(files(ORDER)) if "run" in step] == [
        install,
        f'{check} -k "4.1 or 4.2 or 4.3 or 4.4"',
    ]


def push(folder):
    """Run what the workflow runs after the installation."""
    (command,) = [step["run"] for step in steps(files(ORDER)) if "run" in step][1:]
    words = [sys.executable, *shlex.split(command)[1:], "-p", "no:cacheprovider"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=100, env=dict(os.environ))
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_its_check_passes_with_the_solutions_and_fails_without(tmp_path, solutions):
    put(tmp_path, files(ORDER))
    code, said = push(tmp_path)
    assert code == 1, said
    assert "4 failed" in said
    assert "weighted_mean is not started yet." in said
    fill_in(tmp_path / "04_aggregation.ipynb", solutions)
    code, said = push(tmp_path)
    assert code == 0, said
    assert "4 passed" in said
