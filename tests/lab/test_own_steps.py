"""`lab.my_steps()`: what a student has written, in the notebooks beside this one, drives the federation."""

import numpy as np
import pytest

from fedteach import lab
from fedteach.lab import box, own_steps
from fedteach.lab.driving import DRIVING
from fedteach.messages import Update
from tests.lab.test_box import Reader
from tests.submissions import PLAIN_MEAN, WEIGHTED_MEAN, notebook


@pytest.fixture
def shown(monkeypatch):
    found = []
    monkeypatch.setattr(box, "show", found.append)
    return found


def seen(shown):
    (only,) = shown
    return Reader(only.html).text


def test_a_function_that_passes_becomes_its_step(shown, tmp_path):
    notebook(tmp_path / "04_aggregation.ipynb", "import numpy as np", WEIGHTED_MEAN, "weighted_mean(no_such_name)")
    steps = lab.my_steps(tmp_path)
    assert list(steps) == ["aggregate"]
    updates = [Update("a", 1, [np.float32([4])], 1), Update("b", 1, [np.float32([0])], 3)]
    # (1 * 4 + 3 * 0) / 4 = 1
    np.testing.assert_allclose(steps["aggregate"](updates), [[1]])
    assert "1 of 5 steps are yours." in seen(shown)
    assert "4. aggregationyour weighted_mean (4.1)" in seen(shown)
    assert "1. client selectionfedteach's own, because 1.2 is not started" in seen(shown)
    assert shown[0].text.splitlines()[4] == "4. aggregation: your `weighted_mean` (4.1)"


def test_a_function_that_reads_a_file_beside_its_notebook_is_found(shown, tmp_path):
    (tmp_path / "factor.txt").write_text("1")
    factor = "factor = int(open('factor.txt').read())"
    mean = WEIGHTED_MEAN.replace("for update in updates)\n", "for update in updates) * factor\n", 1)
    notebook(tmp_path / "04_aggregation.ipynb", factor, mean)
    assert list(lab.my_steps(tmp_path)) == ["aggregate"]
    assert "your weighted_mean (4.1)" in seen(shown)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (PLAIN_MEAN, "4.1 does not pass its check yet"),
        ("def weighted_mean(updates):\n    raise NotStarted('4.1')", "4.1 is not started"),
        ("def weighted_mean(updates:\n    return 3", "4.1 does not pass its check yet"),
        ("import no_such_library\nweighted_mean = no_such_library.mean", "4.1 does not pass its check yet"),
    ],
)
def test_another_one_is_left_to_fedteach_and_the_table_says_why(shown, tmp_path, source, why):
    notebook(tmp_path / "04_aggregation.ipynb", "from fedteach import NotStarted", source)
    assert lab.my_steps(tmp_path) == {}
    assert "All steps are fedteach's own so far." in seen(shown)
    assert f"fedteach's own, because {why}" in seen(shown)


def test_of_a_pair_one_may_be_the_students(shown, tmp_path):
    dequantise = "import numpy as np\ndef dequantise(levels, low, scale):\n    return np.float32(low + scale * levels)"
    notebook(tmp_path / "02_broadcast.ipynb", dequantise)
    steps = lab.my_steps(str(tmp_path))
    assert set(steps) == {"broadcast", "upload"}
    weights = [np.float32([[0, 1], [2, 255]])]
    np.testing.assert_allclose(steps["upload"].decode(steps["upload"].encode(weights)), weights)
    assert "your dequantise (2.5); fedteach's own, because 2.4 is not started" in seen(shown)


def test_a_folder_without_notebooks_leaves_all_to_fedteach(shown, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert lab.my_steps() == {}
    assert seen(shown).count("is in no notebook here") == sum(len(drive.exercises) for drive in DRIVING)


def test_an_exercise_that_the_course_lacks_is_left_to_fedteach(shown, tmp_path, monkeypatch):
    notebook(tmp_path / "04_aggregation.ipynb", WEIGHTED_MEAN)
    monkeypatch.setattr(own_steps, "catalogue", lambda: {})
    assert lab.my_steps(tmp_path) == {}
    assert "4.1 is not part of this course" in seen(shown)
