"""Notebooks for nbgrader: judged by nbgrader itself, in an environment of its own."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fedteach.authoring.cells import cells_from
from fedteach.authoring.release import release
from fedteach.authoring.sources import COURSE
from fedteach.exercises import catalogue
from fedteach.exercises.stubs import stubs
from fedteach.grading.batch.intake import take_in
from fedteach.handout.contents import Notebook, notebooks
from fedteach.handout.making import Order, files
from fedteach.handout.nbgrader import for_nbgrader
from tests.handout.students import fill_in, put
from tests.submissions import PLAIN_MEAN, WEIGHTED_MEAN

PINNED = "nbgrader==0.9.6"
SMALL = "01_client_selection"
NAMES = r"(?P<student_id>\w+)_attempt_(?P<timestamp>[0-9\-]+)_(?P<file_id>\w+)"


def cells_of(text):
    return json.loads(text)["cells"]


def metadata_of(cells):
    return [cell["metadata"]["nbgrader"] for cell in cells if "nbgrader" in cell["metadata"]]


@pytest.fixture(scope="module")
def made():
    return files(Order(nbgrader="fedteach"))


def test_each_exercise_is_an_answer_and_a_locked_cell_with_its_points(made):
    points = {}
    for name, content in made.items():
        if not name.endswith(".ipynb"):
            continue
        known = metadata_of(cells_of(content))
        assert all(re.fullmatch(r"[a-zA-Z0-9_-]+", one["grade_id"]) for one in known)
        assert len({one["grade_id"] for one in known}) == len(known)
        for answer, tests in zip(known[::2], known[1::2], strict=True):
            id = answer["grade_id"].removeprefix("answer-")
            assert answer == {"grade_id": f"answer-{id}", "solution": True} | dict.fromkeys(
                ("grade", "locked", "task"), False
            ) | {"schema_version": 3}
            assert tests == {"grade_id": f"points-{id}", "grade": True, "locked": True} | dict.fromkeys(
                ("solution", "task"), False
            ) | {"schema_version": 3, "points": tests["points"]}
            points[id.replace("-", ".")] = tests["points"]
    assert points == {id: catalogue()[id].points for id in stubs()}


def test_everything_else_in_the_notebooks_is_as_it_was(made, everything):
    for name in (name for name in everything if name.endswith(".ipynb")):
        ours = [cell for cell in cells_of(made[f"source/fedteach/{name}"])]
        kept = [cell for cell in ours if not cell["metadata"].get("nbgrader", {}).get("grade")]
        before = cells_of(everything[name])
        assert len(kept) == len(before)
        for cell, other in zip(kept, before, strict=True):
            if "nbgrader" not in cell["metadata"]:
                assert cell == other
                continue
            unmarked = re.sub(r"^ *### (BEGIN|END) SOLUTION\n", "", "".join(cell["source"]), flags=re.MULTILINE)
            assert unmarked.replace("the next two lines", "the next line") == "".join(other["source"])


def test_everything_that_installs_lies_beside_the_notebooks(made, everything):
    assert set(made) == {f"source/fedteach/{name}" for name in everything}


def test_a_stub_of_half_a_line_is_refused():
    source = "# %%\nfrom fedteach import not_started\n\n\ndef f(x):\n    y = x + 1  # SOLUTION 4.1\n    return y\n"
    made = release(cells_from(source))
    with pytest.raises(ValueError, match=r"04_x: nbgrader needs a stub of a line of its own in 4\.1"):
        for_nbgrader(Notebook("04_x", made.cells, made.stubs))


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (WEIGHTED_MEAN, ""),
        (PLAIN_MEAN, "4.1 FedAvg's weighted mean: failed"),
        ("def weighted_mean(updates):\n    raise NotStarted('4.1')", "weighted_mean is not started yet."),
        ("def weighted_mean(updates):\n    # YOUR CODE HERE\n    raise NotImplementedError()", "is not started yet."),
        ("def weighted_mean(updates):\n    raise SystemExit", "4.1 FedAvg's weighted mean: failed"),
        ("weighted_mean = None", "4.1 FedAvg's weighted mean: failed"),
        ("", "name 'weighted_mean' is not defined"),
    ],
)
def test_the_cell_with_the_points_ends_without_an_error_only_for_a_right_answer(answer, says):
    (notebook,) = notebooks(COURSE, ["04_aggregation"])
    cells = for_nbgrader(notebook).cells
    (points,) = [cell.text for cell in cells if cell.metadata.get("nbgrader", {}).get("grade_id") == "points-4-1"]
    names = {}
    exec(f"from fedteach import NotStarted\n{answer}", names)
    if not says:
        exec(points, names)
        return
    with pytest.raises((AssertionError, NameError)) as raised:
        exec(points, names)
    assert says in str(raised.value)


# ---- with nbgrader itself -----------------------------------------------------------------------------------


class Course:
    """A course folder, and nbgrader's commands in it."""

    def __init__(self, folder: Path, environment: Path):
        self.folder, self._bin = folder, environment / ("Scripts" if os.name == "nt" else "bin")

    def __call__(self, *words: str) -> str:
        # A kernel that has fedteach, under the name that notebooks ask for; nobody's own settings count.
        kernel = self.folder / "jupyter" / "kernels" / "python3" / "kernel.json"
        kernel.parent.mkdir(parents=True, exist_ok=True)
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        kernel.write_text(json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"}))
        around = os.environ | {
            "PATH": f"{self._bin}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder / "home"),
            "JUPYTER_PATH": str(self.folder / "jupyter"),
            "JUPYTER_CONFIG_DIR": str(self.folder / "settings"),
        }
        command = [str(self._bin / "python"), "-m", "nbgrader", *words]
        done = subprocess.run(command, cwd=self.folder, env=around, capture_output=True, text=True, timeout=500)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def python(self, program: str) -> str:
        command = [str(self._bin / "python"), "-c", program]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def environment(request, tmp_path_factory) -> Path:
    """nbgrader in an environment of its own, kept in pytest's cache: it needs other releases than the course does."""
    cache = getattr(request.config, "cache", None)
    folder = cache.mkdir("nbgrader") if cache else tmp_path_factory.mktemp("nbgrader")
    place = folder / f"{PINNED.replace('==', '-')}-{sys.version_info[0]}.{sys.version_info[1]}"
    if not (place / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
        python = place / ("Scripts" if os.name == "nt" else "bin") / "python"
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PINNED]
        done = subprocess.run(pip, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        (place / "installed").touch()
    return place


@pytest.fixture
def course(tmp_path, environment) -> Course:
    return Course(tmp_path, environment)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nbgrader_takes_all_notebooks_and_releases_stubs(course, made, sources, solutions):
    put(course.folder, made)
    course.python(
        "from pathlib import Path\n"
        "from nbgrader.nbgraderformat import SCHEMA_VERSION, read\n"
        "assert SCHEMA_VERSION == 3\n"
        "for path in Path('source/fedteach').glob('*.ipynb'): read(path, as_version=4)"
    )
    course("generate_assignment", "fedteach")
    for name, source in sources.items():
        path = course.folder / "release" / "fedteach" / f"{name}.ipynb"
        text = path.read_text()
        assert not re.search("(BEGIN|END) SOLUTION", text)
        assert not [id for id, answer in solutions.items() if json.dumps(answer)[1:-1] in text]
        codes = ["".join(cell["source"]) for cell in cells_of(text) if cell["cell_type"] == "code"]
        for stub in source.release.stubs:
            (code,) = [code for code in codes if f"# TODO {stub.exercise}:" in code]
            assert f"def {stub.function}(" in code
            assert f'check("{stub.exercise}", {stub.function})' in code
            assert "    # YOUR CODE HERE\n    raise NotImplementedError()\n" in code
        for one in metadata_of(cells_of(text)):
            assert one["cell_type"] == "code"
            assert len(one["checksum"]) == 32
    assert (course.folder / "release" / "fedteach" / "requirements.txt").exists()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_collected_by_nbgrader_a_class_gets_its_points_from_both(course, solutions):
    put(course.folder, files(Order((SMALL,), nbgrader="fl")))
    course("generate_assignment", "fl")
    # Hand-ins as a learning platform's archive holds them: all right, one right and one wrong, nothing begun.
    answers = {"anna": solutions, "ben": {"1.1": solutions["1.1"], "1.2": "    return clients"}, "cleo": {}}
    archive = course.folder / "downloaded" / "fl" / "archive" / "all.zip"
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w") as packed:
        for student, theirs in answers.items():
            copy = shutil.copy(course.folder / "release" / "fl" / f"{SMALL}.ipynb", course.folder / "copy.ipynb")
            fill_in(copy, theirs)
            packed.write(copy, f"fl_{student}_attempt_2027-01-30-15-30-10_{SMALL}.ipynb")
    course("zip_collect", "fl", rf"--FileNameCollectorPlugin.named_regexp=.*fl_{NAMES}")
    submitted = course.folder / "submitted"
    assert sorted(path.name for path in submitted.iterdir()) == ["anna", "ben", "cleo"]

    course("autograde", "fl", "--create")
    course("export", "--to", "grades.csv")
    with (course.folder / "grades.csv").open(newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    full = sum(catalogue()[id].points for id in ("1.1", "1.2", "1.3"))
    assert {student: float(row["score"]) for student, row in rows.items()} == {
        "anna": full,
        "ben": catalogue()["1.1"].points,
        "cleo": 0,
    }
    assert {float(row["max_score"]) for row in rows.values()} == {full}

    intake = take_in(course.folder, course.folder / "intake")
    assert [hand_in.student for hand_in in intake.hand_ins] == ["anna", "ben", "cleo"]
    assert [[path.name for path in hand_in.folder.iterdir()] for hand_in in intake.hand_ins] == [[f"{SMALL}.ipynb"]] * 3
    command = [sys.executable, "-m", "fedteach", "grade", "submitted", "--out", "graded"]
    wanted = [word for id in ("1.1", "1.2", "1.3") for word in ("--exercise", id)]
    done = subprocess.run([*command, *wanted], cwd=course.folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    with (course.folder / "graded" / "grades.csv").open(newline="") as file:
        ours = {row["student"]: row for row in csv.DictReader(file)}
    assert list(ours) == ["anna", "ben", "cleo"]
    assert float(ours["anna"]["points"]) == full
    assert float(ours["ben"]["1.1"]) == catalogue()["1.1"].points
    assert float(ours["cleo"]["points"]) == 0
