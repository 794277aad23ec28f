"""Verdicts on what is handed in: a folder or one notebook, whatever is in it."""

import json
import os
import signal
import sys

import pytest

from fedteach.exercises import catalogue
from fedteach.grading import submission as module
from fedteach.grading.exercise import Exercise
from fedteach.grading.extract import Missing
from fedteach.grading.program import Stopped
from fedteach.grading.report import as_data, table
from fedteach.grading.submission import Submission, SubmissionError
from tests.lab.made_up import CATALOGUE, any_number, four
from tests.submissions import notebook

DOUBLE = "def double(x): return 2 * x"
QUADRUPLE = "def quadruple(x): return double(double(x))"
SHOUT = "def shout(text): return text + '!'"
STUB = "from fedteach.grading.not_started import NotStarted\ndef double(x): raise NotStarted('1.1')"


def judged(path, **options) -> Submission:
    return Submission(path, CATALOGUE.values(), **options)


def states(path) -> dict[str, str]:
    return {verdict.exercise: verdict.state for verdict in judged(path).verdicts()}


def test_a_folder_is_judged_on_every_exercise(tmp_path):
    notebook(tmp_path / "01_numbers.ipynb", DOUBLE, QUADRUPLE)
    (tmp_path / "02_words.py").write_text(f"# %%\n{SHOUT}\n")
    (tmp_path / "notes.txt").write_text("no notebook")
    (tmp_path / "01_old.ipynb.bak").write_text("neither")
    assert states(tmp_path) == {"1.1": "passed", "1.2": "passed", "2.1": "passed"}


def test_a_notebook_is_judged_on_its_own_step(tmp_path):
    assert states(notebook(tmp_path / "02_words.ipynb", SHOUT)) == {"2.1": "passed"}


def test_a_renamed_notebook_is_judged_on_what_is_in_it(tmp_path):
    assert states(notebook(tmp_path / "final version (2).ipynb", SHOUT)) == {"2.1": "passed"}
    nothing = notebook(tmp_path / "Untitled.ipynb", "x = 1")
    assert states(nothing) == dict.fromkeys(CATALOGUE, "not started")


def test_a_function_may_stand_in_another_notebook_but_its_own_comes_first(tmp_path):
    notebook(tmp_path / "00_scratch.ipynb", "def double(x): return x", SHOUT)
    notebook(tmp_path / "01_numbers.ipynb", DOUBLE)
    notebook(tmp_path / "01_numbers-Copy1.ipynb", "def double(x): return 3 * x")
    found = states(tmp_path)
    assert found["1.1"] == "passed"
    assert found["2.1"] == "passed"


@pytest.mark.parametrize(
    "name",
    [
        "Copy of 01_numbers.ipynb",
        "1_numbers.ipynb",
        "01_numbers-Copy1.ipynb",
        "01_numbers (1).ipynb",
        "anna_01_numbers.py",
    ],
)
def test_a_notebook_is_known_by_step_and_topic_whatever_is_around_them(tmp_path, name):
    path = tmp_path / name
    notebook(path, DOUBLE) if path.suffix == ".ipynb" else path.write_text(DOUBLE)
    (tmp_path / "._01_numbers.ipynb").write_text("left by a Mac")
    assert states(tmp_path)["1.1"] == "passed"
    assert states(path) == {"1.1": "passed", "1.2": "not started"}


def test_where_the_notebook_is_not_started_its_copy_is_looked_at_and_named(tmp_path):
    notebook(tmp_path / "01_numbers.ipynb", STUB, "def quadruple(x): return 4 * x")
    notebook(tmp_path / "01_numbers (1).ipynb", STUB)
    notebook(tmp_path / "Copy of 01_numbers.ipynb", DOUBLE)
    work = judged(tmp_path)
    assert work.verdict("1.1").passed
    assert work.verdict("1.1").summary.endswith("(It was found in Copy of 01_numbers.ipynb.)")
    assert work.function(CATALOGUE["1.1"])(2) == 4
    assert "found" not in work.verdict("1.2").summary
    assert as_data(work, work.exercises())["exercises"][0]["summary"] == work.verdict("1.1").summary


def test_a_number_in_a_name_of_ones_own_is_no_step(tmp_path):
    assert states(notebook(tmp_path / "homework_1_final.ipynb", SHOUT)) == {"2.1": "passed"}


def test_what_is_not_there_is_not_started_and_says_where_it_was_looked_for(tmp_path):
    notebook(tmp_path / "01_numbers.ipynb", DOUBLE)
    work = judged(tmp_path)
    assert work.verdict("1.2").message.endswith("There is no function quadruple in 01_numbers.ipynb.")
    shout = work.verdict("2.1")
    assert shout.state == "not started"
    assert f"There is no notebook 02_*.ipynb in {tmp_path}, and no function shout in the others." in shout.message


def test_a_broken_notebook_costs_its_own_exercises_only(tmp_path):
    notebook(tmp_path / "01_numbers.ipynb", DOUBLE)
    (tmp_path / "02_words.ipynb").write_text("{")
    work = judged(tmp_path)
    assert work.verdict("1.1").passed
    assert work.verdict("2.1").state == "failed"
    assert "02_words.ipynb is not a notebook, or is damaged" in work.verdict("2.1").message


def test_in_a_notebook_of_any_other_name_functions_are_found_if_they_are_nowhere_else(tmp_path):
    notebook(tmp_path / "Untitled.ipynb", DOUBLE, "def shout(text): return 'wrong'")
    notebook(tmp_path / "02_words.ipynb", SHOUT)
    assert states(tmp_path) == {"1.1": "passed", "1.2": "not started", "2.1": "passed"}
    (tmp_path / "02_words.ipynb").unlink()
    assert "It was found in Untitled.ipynb." not in judged(tmp_path).verdict("1.2").summary
    assert states(tmp_path) == {"1.1": "passed", "1.2": "not started", "2.1": "failed"}


def test_names_in_capitals_are_names_of_notebooks_and_scripts_too(tmp_path):
    notebook(tmp_path / "WORK.IPYNB", DOUBLE)
    (tmp_path / "02_WORDS.PY").write_text(f"# %%\n{SHOUT}\n")
    found = states(tmp_path)
    assert (found["1.1"], found["2.1"]) == ("passed", "passed")
    notebook(tmp_path / "02_WORDS.ipynb", "def shout(text): return text")
    assert states(tmp_path)["2.1"] == "failed", "of two the notebook counts, as among 02_words.ipynb and 02_words.py"


def test_a_misspelt_function_has_failed_and_is_named(tmp_path):
    verdict = judged(notebook(tmp_path / "01_numbers.ipynb", "def Duoble(x): return 2 * x")).verdict("1.1")
    assert verdict.state == "failed"
    assert "got: Duoble, in 01_numbers.ipynb, cell 1" in verdict.message


def test_a_stub_is_not_started_and_who_builds_on_it_waits(tmp_path):
    work = judged(notebook(tmp_path / "01_numbers.ipynb", STUB, QUADRUPLE))
    assert work.verdict("1.2").state == "waiting"
    assert "1.1, which is not started yet" in work.verdict("1.2").message
    assert work.verdict("1.1").state == "not started"


def test_a_value_that_is_not_started_makes_its_function_wait(tmp_path):
    cells = (
        "from fedteach.grading.not_started import not_started\nk = not_started('1.1')",
        "def quadruple(x): return k * x",
    )
    work = judged(notebook(tmp_path / "01_numbers.ipynb", *cells))
    assert work.verdict("1.2").state == "waiting"
    assert "quadruple builds on your 1.1, which is not started yet" in work.verdict("1.2").message


def test_a_function_that_fails_for_its_helpers_sake_waits(tmp_path):
    work = judged(notebook(tmp_path / "01_numbers.ipynb", "def double(x): return x", QUADRUPLE))
    assert (
        work.verdict("1.2").summary == "quadruple builds on your 1.1 (double), which is not right yet: that one first."
    )
    assert work.verdict("1.1").state == "failed"


def test_a_function_that_is_right_passes_whatever_its_helpers_do(tmp_path):
    cells = "def double(x): return x", "def quadruple(x):\n    double(x)\n    return 4 * x"
    assert states(notebook(tmp_path / "01_numbers.ipynb", *cells)) == {"1.1": "failed", "1.2": "passed"}


def test_functions_that_call_each_other_in_a_circle_come_to_an_end(tmp_path):
    cells = "def double(x): return quadruple(x)", "def quadruple(x): return double(x)"
    assert sorted(states(notebook(tmp_path / "01_numbers.ipynb", *cells)).values()) == ["failed", "waiting"]


@pytest.mark.parametrize("way", ["exit()", "raise KeyboardInterrupt", "raise BaseException", "import sys; sys.exit(0)"])
def test_a_function_that_wants_to_leave_has_failed_and_the_next_is_judged(tmp_path, way):
    cells = f"def double(x):\n    {way}", "def quadruple(x): return 4 * x"
    assert states(notebook(tmp_path / "01_numbers.ipynb", *cells)) == {"1.1": "failed", "1.2": "passed"}


@pytest.fixture(autouse=True)
def ctrl_c_works():
    """Let Ctrl-C be heard, also where the tests run as a background job, which ignores it."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL])
def test_where_nobody_can_press_ctrl_c_it_was_the_students_code(tmp_path, handler):
    signal.signal(signal.SIGINT, handler)
    cells = "def double(x):\n    raise KeyboardInterrupt", "def quadruple(x): return 4 * x"
    assert states(notebook(tmp_path / "01_numbers.ipynb", *cells)) == {"1.1": "failed", "1.2": "passed"}
    assert signal.getsignal(signal.SIGINT) is handler


def test_ctrl_c_is_not_the_students(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "load", lambda program: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        judged(notebook(tmp_path / "01_numbers.ipynb", DOUBLE)).verdict("1.1")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_judging_leaves_the_process_as_it_was(tmp_path):
    before = signal.getsignal(signal.SIGINT), list(sys.path), dict(os.environ), sys.stdin, os.getcwd()
    cells = (
        "import os, sys\nsys.path.append('../lib')\nos.environ['A'] = 'b'\nimport json",
        DOUBLE + " + 0 * bool(json)",
    )
    assert states(notebook(tmp_path / "01_numbers.ipynb", *cells))["1.1"] == "passed"
    assert (signal.getsignal(signal.SIGINT), list(sys.path), dict(os.environ), sys.stdin, os.getcwd()) == before
    assert before[0] is signal.default_int_handler


def test_judging_writes_nothing_beside_the_notebook(tmp_path, monkeypatch):
    monkeypatch.delenv("FEDTEACH_PROGRESS", raising=False)
    (tmp_path / "helper_of_mine_too.py").write_text("def times(a, b): return a * b\n")
    cell = (
        "from fedteach import check, use\nfrom helper_of_mine_too import times\n"
        "if True:\n    def double(x):\n        check('0.1', double)\n        return times(2, x)\n"
        "    check('4.1', double)"
    )
    path = notebook(tmp_path / "01_numbers.ipynb", cell, "double = use('4.1', double)")
    assert states(path)["1.1"] == "passed"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["01_numbers.ipynb", "helper_of_mine_too.py"]


def test_a_function_that_asks_somebody_is_told_that_nobody_is_there(tmp_path):
    verdict = judged(notebook(tmp_path / "01_numbers.ipynb", "def double(x): return 2 * int(input('x? '))")).verdict(
        "1.1"
    )
    assert "EOFError: input() waits for somebody; give the value in the code" in verdict.message


def test_the_function_is_loaded_where_its_notebook_is(tmp_path):
    (tmp_path / "factor.txt").write_text("2")
    work = judged(
        notebook(tmp_path / "01_numbers.ipynb", "k = int(open('factor.txt').read())", "def double(x): return k * x")
    )
    assert work.function(CATALOGUE["1.1"])(4) == 8
    with pytest.raises(Missing):
        work.function(CATALOGUE["1.2"])


def test_a_function_that_cannot_be_loaded_says_why(tmp_path):
    work = judged(
        notebook(tmp_path / "01_numbers.ipynb", "if True:\n    raise KeyboardInterrupt\n    def double(x): pass")
    )
    with pytest.raises(Stopped, match="as if somebody had pressed Stop"):
        work.function(CATALOGUE["1.1"])


def test_a_mistake_in_a_check_of_ours_is_said_to_be_ours(tmp_path):
    def case(ask, rng):
        """It is asked something."""
        raise ZeroDivisionError

    ours = Exercise("1.1", "double", "twice", ("?",), (case,), abs)
    verdict = Submission(notebook(tmp_path / "01_numbers.ipynb", DOUBLE), [ours]).verdict("1.1")
    assert "The check of 1.1 itself stopped with ZeroDivisionError" in verdict.message


def test_files_and_modules_beside_the_notebook_are_found(tmp_path):
    (tmp_path / "factor.txt").write_text("2")
    (tmp_path / "student_helper_of_mine.py").write_text("def times(a, b): return a * b\n")
    (tmp_path / "random.py").write_text("1 / 0")
    before = os.getcwd()
    path = notebook(
        tmp_path / "01_numbers.ipynb",
        "import random\nfrom student_helper_of_mine import times",
        "with open('factor.txt') as file:\n    k = int(file.read())",
        "def double(x): return times(k, x) + 0 * random.randint(0, 1)",
    )
    assert states(path)["1.1"] == "passed"
    assert os.getcwd() == before


def test_the_same_seed_asks_the_same_questions(tmp_path):
    asked = []

    def case(ask, rng):
        """It is asked something."""
        asked.append(int(rng.integers(1000)))

    path = notebook(tmp_path / "01_numbers.ipynb", DOUBLE)
    for seed in (1, 1, 2):
        Submission(
            path, [Exercise("1.1", "double", "twice", ("?",), (case,), abs)], seed_for=lambda exercise, seed=seed: seed
        ).verdict("1.1")
    assert asked[0] == asked[1] != asked[2]


def test_nothing_to_judge_is_refused(tmp_path):
    with pytest.raises(SubmissionError, match="there is no file or folder"):
        judged(tmp_path / "nowhere")
    with pytest.raises(SubmissionError, match=r"expected names such as 04_aggregation\.ipynb"):
        judged(tmp_path)
    (tmp_path / "essay.docx").write_text("")
    with pytest.raises(SubmissionError, match="is no notebook"):
        judged(tmp_path / "essay.docx")


def test_the_table_has_states_and_points_and_what_to_mend_first(tmp_path):
    long = Exercise("1.1", "double", "twice " * 30, ("?",), (any_number,), abs, points=2.5)
    other = Exercise("1.2", "quadruple", "four times", ("?",), (four,), abs)
    path = notebook(tmp_path / "01_numbers.ipynb", "def double(x): return x", "def quadruple(x): return 4 * x")
    work = Submission(path, [long, other])
    lines = list(table(work, work.exercises()))
    assert max(map(len, lines)) <= 100
    assert lines[0].split() == ["exercise", "title", "state", "points"]
    assert lines[1].endswith("0 of 2.5")
    assert lines[2].split() == ["1.2", "four", "times", "passed", "1", "of", "1"]
    assert lines[3].split() == ["total", "1", "of", "3.5"]
    assert any("Twice" in line for line in lines[5:])
    data = as_data(work, work.exercises())
    assert (data["points"], data["of"]) == (1, 3.5)
    assert data["exercises"][0]["finding"]["says"].startswith("Twice")


def test_texts_of_the_students_are_shown_and_not_obeyed(tmp_path):
    cell = r"def double(x): raise ValueError('\x1b[31mred\ud800\x07 \u202e')"
    work = judged(notebook(tmp_path / "01_numbers.ipynb", cell))
    text = "\n".join(table(work, work.exercises())) + json.dumps(as_data(work, work.exercises()), ensure_ascii=False)
    assert "ValueError: red\\ud800\\x07 \\u202e" in text
    assert text.encode().isascii()


def test_what_is_right_of_a_function_that_waits_is_kept(tmp_path):
    path = tmp_path / "04_aggregation.py"
    path.write_text(
        "import numpy as np\n\ndef weighted_mean(updates):\n    return None\n\n"
        "def streaming_mean(updates):\n    weighted_mean\n    updates = list(updates)\n"
        "    if not updates:\n        raise ValueError('nobody')\n    return None\n"
    )
    verdict = Submission(path, catalogue().values()).verdict("4.2")
    assert verdict.state == "waiting"
    assert {case.state for case in verdict.cases} == {"passed", "waiting"} or verdict.cases
    assert verdict.finding is None
    assert "builds on your 4.1" in verdict.message
