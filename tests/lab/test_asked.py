"""Mistakes in calling a check are answered with what to write instead."""

import functools
import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fedteach.lab.asked import MISSING, Misunderstood, both_of, exercise_of, in_order, is_fedteachs, number_in
from fedteach.steps.aggregation import weighted_mean
from tests.lab.made_up import CATALOGUE, DOUBLE

REPOSITORY = Path(__file__).parent.parent.parent


def double(x):
    return 2 * x


def mine(x):
    return 2 * x


def said(first=None, second=MISSING, *others):
    with pytest.raises(Misunderstood) as caught:
        both_of(first, second, others, CATALOGUE)
    return caught.value


@pytest.mark.parametrize("number", ["1.1", 1.1, " 1.1 ", "1,1", "exercise 1.1", "Exercise 1.1:", "1 . 1"])
def test_an_exercise_is_found_however_its_number_is_written(number):
    assert exercise_of(number, CATALOGUE) is DOUBLE
    assert both_of(number, mine, (), CATALOGUE) == (DOUBLE, mine)


def test_the_order_does_not_matter():
    assert both_of(mine, "1.1", (), CATALOGUE) == (DOUBLE, mine)
    assert both_of(mine, 1.1, (), CATALOGUE) == (DOUBLE, mine)


def test_a_function_may_have_any_name_or_none():
    for function in (mine, lambda x: 2 * x, functools.partial(mine), len):
        assert both_of("1.1", function, (), CATALOGUE) == (DOUBLE, function)


def test_a_function_in_place_of_the_number_is_known_by_its_name():
    assert exercise_of(double, CATALOGUE, "hint") is DOUBLE


@pytest.mark.parametrize(
    ("given", "says", "instead"),
    [
        ((), "Which exercise?", '`check("1.1", double)`'),
        (("1.1",), "Your function is missing", 'Write `check("1.1", double)`.'),
        ((double,), "The number is missing", 'Write `check("1.1", double)`.'),
        ((mine,), "Which exercise?", 'As in `check("1.1", mine)`.'),
        (("1.1", [2, 4]), "This is a list, perhaps what your function returned", "the name alone, without brackets"),
        (("1.1", 2), "This is an int, perhaps what your function returned", 'Write `check("1.1", double)`'),
        (("1.1", "double"), "A name in quotes is only a text.", 'Leave its quotes away: `check("1.1", double)`.'),
        (("1.1", None), "The function is None", "Run the cell with its `def`"),
        (("1.1", dict), "`dict` is a class, and 1.1 asks for a function.", "It begins with `def double(`."),
        (("1.1", weighted_mean), "fedteach's own `weighted_mean`", "Your function is the one in the cell"),
        (("1.1", double, [3]), "A check calls your function itself", 'Write just `check("1.1", double)`.'),
        (("9.9", mine), "There is no exercise 9.9.", "The numbers go from 1.1 to 2.1."),
        (("1.7", mine), "There is no exercise 1.7.", "Notebook 1 has 1.1 (`double`), 1.2 (`quadruple`)."),
        (("9.9", double), "There is no exercise 9.9.", 'Your function `double` belongs to 1.1: `check("1.1", double)`'),
        (("double", double), "There is no exercise 'double'.", "Your function `double` belongs to 1.1"),
        (([1, 2], double), "There is no exercise of type list.", "Your function `double` belongs to 1.1"),
    ],
)  # fmt: skip
def test_a_mistake_is_answered_with_what_to_write(given, says, instead):
    error = said(*given)
    assert says in error.says
    assert instead in error.instead
    assert str(error) == f"{error.says} {error.instead}"


def test_hints_are_asked_for_by_the_number_alone():
    with pytest.raises(Misunderstood, match=r'As in `hint\("1.1"\)`'):
        exercise_of(None, CATALOGUE, "hint")


def test_a_notebook_shows_the_sentence_and_no_traceback():
    error = said("9.9", mine)
    assert error._render_traceback_() == [str(error)]


def test_any_two_things_are_either_understood_or_answered():
    things = [MISSING, None, "", "1.1", "x", 1.1, -3, True, b"1.1", [], {}, mine, len, int, float("nan"), object()]
    for first, second in itertools.product(things, things):
        try:
            exercise, function = both_of(first, second, (), CATALOGUE)
        except Misunderstood:
            continue
        assert exercise is DOUBLE
        assert callable(function)


def test_an_object_that_lies_about_itself_is_no_trouble():
    class Liar:
        __name__ = 3
        __module__ = None

        def __call__(self):
            return 1

    assert both_of("1.1", liar := Liar(), (), CATALOGUE) == (DOUBLE, liar)


def test_fedteachs_own_are_known():
    assert is_fedteachs(weighted_mean)
    assert is_fedteachs(functools.partial(weighted_mean))
    assert not is_fedteachs(mine)
    assert not is_fedteachs(len)
    assert not is_fedteachs(functools.partial(mine))


def test_there_is_no_number_in_what_is_no_text():
    assert number_in([4.1]) == number_in(None) == number_in("four") == ""


def test_a_number_too_long_to_write_is_no_exercise():
    assert number_in(10**5000) == ""
    assert said(10**5000, mine).says == "There is no exercise of type int."


def test_a_dictionary_whose_keys_are_its_attributes_is_no_function():
    class Attributes(dict):
        __getattr__ = dict.__getitem__

    assert "This is an Attributes, perhaps what your function returned" in said("1.1", Attributes()).says
    assert "There is no exercise of type Attributes" in said(Attributes(), mine).says


def test_in_order_puts_the_number_first():
    assert in_order(mine, "1.1", CATALOGUE) == in_order("1.1", mine, CATALOGUE) == ("1.1", mine)
    assert in_order(mine, "9.9", CATALOGUE) == (mine, "9.9"), "then nobody can tell"


def test_a_kernel_shows_the_sentence_and_no_traceback(tmp_path):
    code = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell()\n"
        "shell.history_manager.enabled = False\n"
        "shell.run_cell('from fedteach import use')\n"
        "shell.run_cell('use(\"9.9\", len)')\n"
    )
    environment = os.environ | {"IPYTHONDIR": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100
    )
    assert done.stdout.strip() == "There is no exercise 9.9. The numbers go from 0.1 to 7.3.", done.stderr
