"""Planted mistakes: how they are found, and which files are refused."""

import sys
from textwrap import dedent

import pytest

from fedteach.authoring import AuthoringError
from fedteach.authoring.mistakes import mistakes_in, strays
from tests.authoring.courses import MISTAKES

TWICE = """
    from fedteach.authoring import mistake

    @mistake("4.1", says="something")
    @mistake("4.2", says="something else")
    def nothing(a): ...
"""


@pytest.fixture
def written(tmp_path):
    def write(text, name="04_adding.py"):
        (tmp_path / name).write_text(dedent(text))
        return tmp_path / name

    return write


def refusal(path):
    with pytest.raises(AuthoringError) as caught:
        mistakes_in(path)
    (sentence,) = caught.value.sentences
    return sentence


def test_a_mistake_is_its_function_with_the_phrase_of_its_verdict(written):
    first = mistakes_in(written(MISTAKES))[0]
    assert (first.exercise, first.name, first.says) == ("4.1", "forgets_the_second", "second number is missing")
    assert first.function(5, 3) == 5


def test_one_function_may_be_wrong_for_two_exercises(written):
    assert [(one.exercise, one.name) for one in mistakes_in(written(TWICE))] == [("4.2", "nothing"), ("4.1", "nothing")]


def test_every_reading_begins_anew_and_leaves_nothing_behind(written):
    path = written(MISTAKES)
    modules = set(sys.modules)
    one, other = mistakes_in(path), mistakes_in(path)
    assert [mistake.name for mistake in one] == [mistake.name for mistake in other]
    assert one[0].function is not other[0].function
    assert set(sys.modules) == modules
    assert [found.name for found in path.parent.iterdir()] == [path.name]  # no __pycache__


def test_a_file_may_hold_helpers_and_dataclasses(written):
    text = """
        from __future__ import annotations

        from dataclasses import dataclass

        from fedteach.authoring import mistake

        @dataclass
        class Pair:
            a: int

        @mistake("4.1", says="something")
        def wraps(a):
            return Pair(a).a
    """
    assert mistakes_in(written(text))[0].function(3) == 3


PLANTED = "from fedteach.authoring import mistake\n\n@mistake({})\ndef wrong(a): ...\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PLANTED.format('"4.1", says=" "'), "wrong: says is empty"),
        (PLANTED.format('"4", says="x"'), "expected the id of an exercise, such as 4.1, got '4'"),
        (
            PLANTED.format('"5.1", says="x"'),
            "wrong is a mistake of 5.1, but the exercises of this notebook begin with 4.",
        ),
        (
            PLANTED.format('"4.1", says="x"') + PLANTED.format('"4.1", says="y"'),
            "wrong: there are two mistakes of this name for 4.1",
        ),
        ("1 / 0", "cannot be run: ZeroDivisionError: division by zero"),
        ("def f(:", "cannot be run: SyntaxError"),
        ("import sys\nsys.exit(3)", "cannot be run: SystemExit: 3"),
    ],
)
def test_a_file_that_plants_nothing_useful_is_refused(written, text, words):
    sentence = refusal(written(text))
    assert sentence.startswith("solutions/mistakes/04_adding.py")
    assert words in sentence


def test_a_file_of_no_notebook_is_a_stray(tmp_path, written):
    for name in ("04_adding.py", "05_other.py", "adding.py", "__init__.py", "notes.txt", ".hidden"):
        written("", name)
    (tmp_path / "__pycache__").mkdir()
    found = strays(tmp_path, ["00_welcome", "04_adding"])
    assert [sentence.split()[0] for sentence in found] == [
        f"solutions/mistakes/{name}" for name in ("05_other.py", "adding.py", "notes.txt", "__init__.py")
    ]


def test_a_course_without_mistakes_has_no_strays(tmp_path):
    assert strays(tmp_path / "mistakes", ["00_welcome"]) == []
