"""Code that is there already, beside the `raise NotStarted(...)` of its stub."""

import functools
import importlib.util

import pytest

import fedteach
from fedteach import NotStarted
from fedteach.exercises import catalogue, stubs
from fedteach.lab.left_over import left_over


def untouched(x):
    """Say what to do."""
    # TODO 1.1: replace the next line by your code
    raise NotStarted("1.1")


def bare(x):
    raise fedteach.NotStarted("1.1")


def left_below(x):
    """Say what to do."""
    y = 2 * x
    return y
    raise NotStarted("1.1")  # still here


def left_above(x):
    raise fedteach.NotStarted("1.1")
    return 2 * x


def raises_something_else(x):
    y = 2 * x
    raise ValueError(y)


@functools.wraps(left_below)
def decorated(x):
    return left_below(x)


class Thing:
    def method(self, x):
        x = 2 * x
        raise NotStarted("1.1")


def test_the_line_is_told_where_there_is_other_code():
    for function in (left_below, decorated, Thing().method):
        assert left_over(function) == 'raise NotStarted("1.1")'
    assert left_over(left_above) == 'raise fedteach.NotStarted("1.1")'


@pytest.mark.parametrize("thing", [untouched, bare, raises_something_else, lambda x: 2 * x, len, Thing(), None, 3])
def test_where_there_is_none_or_no_source_nothing_is_said(thing):
    assert left_over(thing) == ""


def test_what_was_made_by_exec_has_no_source():
    made = {"NotStarted": NotStarted}
    exec("def double(x):\n    y = 2 * x\n    raise NotStarted('1.1')", made)
    assert left_over(made["double"]) == ""


def test_no_stub_of_the_course_looks_like_code_that_is_there(tmp_path):
    path = tmp_path / "all_stubs.py"
    defined = [stubs.stub(number).partition("\n\n\ncheck(")[0] for number in catalogue()]
    path.write_text("\n\n\n".join(["from fedteach import NotStarted, not_started", *defined]))
    spec = importlib.util.spec_from_file_location("all_stubs", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for exercise in catalogue().values():
        assert left_over(getattr(module, exercise.function)) == "", exercise.id
