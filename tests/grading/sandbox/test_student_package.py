"""What student code finds of the package: everything but the answers."""

import ast
import inspect
import subprocess
import sys
import textwrap

import pytest

from fedteach.exercises import catalogue
from fedteach.grading.sandbox.answers import TAKEN_OUT
from fedteach.grading.sandbox.student_package import make_student_package, take_out

STAY = {"tensors_to_bytes", "tensors_from_bytes"}
"""What the sandbox itself talks through."""


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return make_student_package(tmp_path_factory.mktemp("package"))


def run(package, code):
    """Run code as students' code finds the package, and return what it prints."""
    code = f"import sys; sys.path.insert(0, {str(package)!r})\n{textwrap.dedent(code)}"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def imported_by(function):
    """The functions of fedteach's that a function imports."""
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("fedteach"):
            yield from (alias.name for alias in node.names)


def used_by(reference):
    """The functions of fedteach's that a reference answer is made of: the names it imports, or calls in a module."""
    source = inspect.getsource(reference)
    for name in imported_by(reference):
        uses = [node for node in ast.walk(ast.parse(textwrap.dedent(source))) if isinstance(node, ast.Attribute)]
        inside = [node.attr for node in uses if isinstance(node.value, ast.Name) and node.value.id == name]
        yield from inside or [name]


def test_answers_are_those_of_exercises():
    assert set(TAKEN_OUT) <= set(catalogue())


@pytest.mark.parametrize("exercise", catalogue().values(), ids=list(catalogue()))
def test_what_a_reference_is_made_of_is_named_as_an_answer(exercise):
    if set(used_by(exercise.reference)) - STAY:
        assert exercise.id in TAKEN_OUT


def test_an_answer_stops_with_a_sentence_and_its_source_says_no_more(package):
    said = run(
        package,
        """
        import inspect
        from fedteach.steps.aggregation import AGGREGATIONS, weighted_mean
        assert AGGREGATIONS["weighted_mean"]() is weighted_mean
        try:
            weighted_mean([])
        except RuntimeError as error:
            print(error)
        print(inspect.getsource(weighted_mean))
        """,
    )
    answer = "fedteach's own answer to 4.1 and 4.2 is not here, where work is graded: use your own"
    first, *source = said.strip().splitlines()
    assert first == answer
    assert len(source) == 2
    assert answer in source[1]


def test_whatever_does_not_give_an_answer_can_still_be_made_and_used(package):
    said = run(
        package,
        """
        from fedteach import Experiment, rng_for, steps
        from fedteach.data.splits import iid
        for aggregate in ("weighted_mean", "median", "trimmed_mean:0.2", "krum:1", "multi_krum:1,2"):
            for move in ("add", "server_learning_rate:0.5", "momentum:0.9", "adam:0.1", "yogi:0.1", "adagrad:0.1"):
                Experiment(aggregate=aggregate, global_update=move)
        for select in ("fraction:0.5", "count:2", "available", "over_select:3", "power_of_choice:3,6"):
            Experiment(select=select)
        steps.broadcast.int8(), steps.broadcast.float16(), steps.local_update.Plan()
        print(len(iid([0, 1] * 5, 2, rng_for(0, "deal")).parts))
        """,
    )
    assert said == "2\n"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("steps.aggregation.mean_weight", "no such function"),
        ("steps.aggregation.MOST_EXAMPLES", "no such function"),
        ("lab.panel", "no such module"),
    ],
)
def test_an_answer_that_is_not_there_is_an_error_of_ours(package, name, says):
    with pytest.raises(ValueError, match=says):
        take_out({"4.1": (name,)}, package / "fedteach")
