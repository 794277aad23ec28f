"""`check` proves what every exercise promises, and names each promise that is broken.

An exercise without a hint, without a case, or with four hints cannot even be made: `Exercise` refuses it (see its own
tests). So no fault of that kind can be planted here.
"""

from dataclasses import replace

import pytest

from fedteach.authoring.building import build
from fedteach.authoring.mistakes import mistakes_in
from fedteach.authoring.promises import Promise, all_mistakes, broken, check, ids_match, unproven
from fedteach.authoring.sources import COURSE, read_sources
from fedteach.exercises import catalogue
from tests.authoring.courses import ADDING, MISTAKES, adds, exercise, exercises, small_course, subtracts, write


def always_right(ask, rng):
    """Anything will do."""
    ask(5, 3)


def breaks(ask, rng):
    """A case with a mistake of its own."""
    raise KeyError("nobody")


def complaints(folder, adding=ADDING, mistakes=MISTAKES, changed=()):
    return check(small_course(folder, adding, mistakes), exercises(*changed))


def test_a_course_that_keeps_its_promises_is_met_with_silence(tmp_path):
    assert complaints(tmp_path) == []


# What is spoilt -> (how, what is said about it). Each spoils one thing; exactly one sentence is expected.
IN_THE_SOURCE = {
    "no check": (('check("4.2", minus)', ""), 'nothing calls check("4.2", minus) after the stub of 4.2'),
    "a check of another function": (('check("4.2", minus)', 'check("4.2", plus)'), 'nothing calls check("4.2", minus)'),
    "a check with no function": (('check("4.2", minus)', 'check("4.2")'), 'nothing calls check("4.2", minus)'),
    "a hint for nobody": (('hint("4.2")', 'hint("4.22")'), "there is no exercise 4.22 in fedteach/exercises"),
    "a use of nobody": (('hint("4.2")', 'use("9.1", minus)'), "there is no exercise 9.1 in fedteach/exercises"),
    "a wrong solution": (
        ("start=0)", "start=1)"),
        "the solution of 4.1 should be 'passed', but is 'failed': 5 + 3 = 8.",
    ),
    "a solution that breaks off": (
        ("start=0)", "begin=0)"),
        "the solution of 4.1 should be 'passed', but is 'failed': Your function stopped with a TypeError",
    ),
    "a stub that answers": (
        ('    """Add two numbers."""', "    if a > 2:\n        return 8"),
        "the stub of 4.1 should be 'not started', but is 'passed'",
    ),
    "a leak": (("# # Adding up", "# # total = sum((a, b), start=0)"), "shows a line of the solution of 4.1"),
}


@pytest.mark.parametrize(("spoil", "said"), IN_THE_SOURCE.values(), ids=IN_THE_SOURCE)
def test_a_broken_promise_of_a_notebook_is_named(tmp_path, spoil, said):
    (sentence,) = complaints(tmp_path, ADDING.replace(*spoil))
    assert said in sentence
    assert "04_adding" in sentence


def test_a_check_above_the_stub_is_none(tmp_path):
    adding = ADDING.replace('check("4.2", minus)', "").replace(
        'check("4.1", plus)', 'check("4.1", plus)\ncheck("4.2", minus)'
    )
    (sentence,) = complaints(tmp_path, adding)
    assert 'nothing calls check("4.2", minus) after the stub of 4.2' in sentence


def test_a_function_of_another_name_is_named_with_what_follows_from_it(tmp_path):
    found = complaints(tmp_path, ADDING.replace("def plus(a, b)", "def add(a, b)"))
    assert "the stub of 4.1 is in add, but the catalogue calls its function plus" in found[0]


def test_an_exercise_in_the_notebook_of_another_step_is_named(tmp_path):
    course = small_course(tmp_path)
    write(course.solutions, n05_again=(course.solutions / "04_adding.py").read_text())
    (course.solutions / "04_adding.py").rename(course.solutions / "06_again.py")
    (course.solutions / "05_again.py").unlink()
    (course.mistakes / "04_adding.py").unlink()
    build(course)
    found = check(course, exercises())
    assert "solutions/06_again.py holds exercise 4.1: in this notebook, ids begin with 6." in found


MISTAKEN = {
    "too few": (
        ('@mistake("4.2", says="returned None")\n', ""),
        "04_adding.py: exercise 4.2 has 1 planted mistakes: add",
    ),
    "one that passes": (("return a - b", "return a + b"), "subtracts should fail 4.1, but is 'passed'"),
    "one that is not recognised": (
        ('says="Subtracted"', 'says="multiplied"'),
        "subtracts fails as it should, but the verdict does not say 'multiplied'. It says '5 + 3 = 8. subtracted, not",
    ),
    "a phrase of the title": (('says="Subtracted"', 'says="numbers"'), "the verdict does not say 'numbers'"),
    "no exercise of that id": (
        ('"4.2", says="returned None"', '"4.9", says="returned None"'),
        "there is no exercise 4.9: correct the id of forgets_to_return",
    ),
}


@pytest.mark.parametrize(("spoil", "said"), MISTAKEN.values(), ids=MISTAKEN)
def test_a_mistake_that_proves_nothing_is_named(tmp_path, spoil, said):
    found = complaints(tmp_path, mistakes=MISTAKES.replace(*spoil))
    assert any(said in sentence for sentence in found)
    assert all("solutions/mistakes/04_adding.py" in sentence for sentence in found)


def test_a_file_of_mistakes_that_is_not_there_is_named_for_each_exercise(tmp_path):
    course = small_course(tmp_path)
    (course.mistakes / "04_adding.py").rename(course.mistakes / "05_lost.py")
    stray, first, second = check(course, exercises())
    assert stray.startswith("solutions/mistakes/05_lost.py belongs to no notebook")
    assert "exercise 4.1 has 0 planted mistakes" in first
    assert "exercise 4.2 has 0 planted mistakes" in second


IN_THE_CATALOGUE = {
    "no stub": (exercise("4.3", "times"), "exercise 4.3 (times) has no stub: mark its solution in solutions/04_*.py"),
    "a hint that does not ask": (
        exercise(hints=("What is a sum?", "Add them.")),
        "exercise 4.1, hint 2 is no question",
    ),
    "an empty hint": (exercise(hints=(" ",)), "exercise 4.1, hint 1 is no question"),
    "nothing but a question mark": (exercise(hints=("?",)), "exercise 4.1, hint 1 is no question"),
    "a case that lets all pass": (
        exercise(cases=(always_right,)),
        "forgets_the_second should fail 4.1, but is 'passed'",
    ),
    "a case that breaks off": (
        exercise(cases=(breaks, adds)),
        "judging forgets_the_second, a case of 4.1 stopped with KeyError",
    ),
}


@pytest.mark.parametrize(("changed", "said"), IN_THE_CATALOGUE.values(), ids=IN_THE_CATALOGUE)
def test_a_broken_promise_of_the_catalogue_is_named(tmp_path, changed, said):
    assert any(said in sentence for sentence in complaints(tmp_path, changed=[changed]))


def test_an_id_that_the_catalogue_does_not_know_is_named(tmp_path):
    course = small_course(tmp_path)
    known = {id: entry for id, entry in exercises().items() if id != "4.2"}
    assert list(ids_match(read_sources(course.solutions), known)) == [
        "solutions/04_adding.py: there is no exercise 4.2 in fedteach/exercises: correct the id, or add it there"
    ]


@pytest.mark.parametrize("todo", ["", "# TODO 4.10: something else", "# 4.1 TODO"])
def test_a_stub_in_which_nothing_is_to_do_is_named(tmp_path, todo):
    # No source makes such a stub; this is for whoever changes the words of the stubs.
    source = read_sources(small_course(tmp_path).solutions)[1]
    stub = replace(source.release.stubs[0], text=f"def plus(a, b):\n    return a + b  {todo}")
    sentences = list(broken(Promise(exercise(), source, stub)))
    assert "solutions/04_adding.py: the stub of 4.1 says nowhere `TODO 4.1`: students look for it" in sentences


def test_all_that_is_wrong_is_said_at_once(tmp_path):
    adding = ADDING.replace("start=0)", "start=1)").replace('check("4.2", minus)', "")
    found = complaints(tmp_path, adding, MISTAKES.replace("Subtracted", "multiplied"), [exercise("4.3", "times")])
    assert len(found) == 4


def test_marks_that_cannot_be_read_are_said_before_anything_else(tmp_path):
    course = small_course(tmp_path)
    write(course.solutions, n05_one="# %%\nx = 1  # SOLUTION 5.1\n", n06_two="# %%\ny = 1  # SOLUTION 6.1\n")
    assert [sentence.partition(",")[0] for sentence in check(course, exercises())] == [
        "solutions/05_one.py",
        "solutions/06_two.py",
    ]


def test_a_case_that_no_mistake_fails_first_could_be_deleted_unseen(tmp_path):
    mistakes = mistakes_in(small_course(tmp_path).mistakes / "04_adding.py")
    assert unproven(exercise(), mistakes) == []
    assert unproven(exercise(cases=(adds, always_right, subtracts)), mistakes) == [
        "Anything will do.",
        "Five less three make two.",
    ]
    assert unproven(exercise(), []) == ["Five and three make eight."]


# Cases that no planted mistake fails first. Better than a new line here is a new mistake in solutions/mistakes.
UNPROVEN: dict[str, list[str]] = {
    # Whatever goes wrong with the order of another program goes wrong with our own messages of many tensors first.
    "2.2": [
        "Another program wrote its tensors in another order, which is its right: their names say where they belong."
    ],
    "4.1": [
        "Any number of clients, models of several tensors.",
        "It takes a list as well, and leaves the updates in it alone.",
    ],
    "4.2": [
        "Any number of clients, models of several tensors.",
        "The mean of a single update is a copy of it: changing it must not change the client's own arrays.",
    ],
    "4.4": ["A poisoned client that claims to hold a million examples still counts once."],
}


@pytest.mark.slow
def test_no_case_of_the_course_could_be_deleted_unseen():
    mistakes, _wrong = all_mistakes(COURSE, read_sources(COURSE.solutions), catalogue())
    found = {one.id: unproven(one, mistakes) for one in catalogue().values()}
    found = {number: cases for number, cases in found.items() if cases}
    assert found == UNPROVEN, "plant a mistake that such a case is the first to notice, or name it in UNPROVEN"


@pytest.mark.slow
def test_the_exercises_of_the_course_keep_their_promises():
    found = check(COURSE, catalogue())
    assert not found, "\n".join(found)
