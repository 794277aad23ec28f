import subprocess
import sys

CODE = """
import warnings
warnings.simplefilter("error")
from fedteach.quiet import tensorflow as tf
from fedteach.threads import settle
"""


def run(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", CODE + code], capture_output=True, text=True, timeout=90)


def test_one_thread_inside_an_operation_is_the_default():
    done = run("settle(); print(tf.config.threading.get_intra_op_parallelism_threads())")
    assert done.stdout.split() == ["1"], done.stderr


def test_all_threads_if_asked_for_first_and_a_model_built_later_keeps_them():
    done = run("settle('all'); settle(); print(tf.config.threading.get_intra_op_parallelism_threads())")
    assert done.stdout.split() == ["0"], done.stderr


def test_a_running_tensorflow_is_told_of_once():
    late = "tf.constant(1) + 1; warnings.simplefilter('always'); settle(); settle(); settle('one')"
    done = run(late)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("TensorFlow was already running") == 1
