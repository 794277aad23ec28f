"""Why the fork server may import TensorFlow and must never run an operation of it, and that it does not."""

import os
import subprocess
import sys

import pytest

from fedteach.grading.exercise import Exercise
from fedteach.grading.isolated import IsolatedJudge
from fedteach.grading.submission import Submission

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

PATIENCE_S = 20

FORK_AND_FIT = """
import os, sys, time
import numpy as np
import keras, tensorflow
if sys.argv[1] == "after an operation":
    (tensorflow.ones((64, 64)) @ tensorflow.ones((64, 64))).numpy()
pid = os.fork()
if pid == 0:
    model = keras.Sequential([keras.layers.Input((8, 8, 1)), keras.layers.Conv2D(4, 3), keras.layers.Flatten()])
    model.compile("sgd", "mse")
    model.fit(np.ones((32, 8, 8, 1)), np.ones((32, 144)), verbose=0)
    os._exit(0)
deadline = time.monotonic() + float(sys.argv[2])
while time.monotonic() < deadline:
    ended, status = os.waitpid(pid, os.WNOHANG)
    if ended:
        print("ended", os.waitstatus_to_exitcode(status))
        break
    time.sleep(0.05)
else:
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    print("hung")
"""


@pytest.mark.parametrize(("when", "expected"), [("after the import", "ended 0"), ("after an operation", "hung")])
def test_a_child_can_train_if_its_parent_has_only_imported(when, expected):
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", FORK_AND_FIT, when, str(PATIENCE_S)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.stdout.strip() == expected, done.stderr


def test_the_fork_server_has_run_no_operation(tmp_path):
    def case(ask, rng):
        """It says whether TensorFlow is imported, and whether it has begun to work."""
        assert ask() == [True, False]

    (tmp_path / "01_x.py").write_text(
        "import sys\n\ndef state():\n    imported = 'tensorflow' in sys.modules\n"
        "    from tensorflow.python.eager import context\n"
        "    return [imported, context.context()._context_handle is not None]\n"
    )
    state = Exercise("1.1", "state", "state", ("?",), (case,), lambda: None, uses_tensorflow=True)
    with IsolatedJudge() as judge:
        verdict = Submission(tmp_path, [state], judge=judge).verdict("1.1")
    assert verdict.passed, verdict.message
