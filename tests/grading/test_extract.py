"""A function is found by its name, and only what it needs runs."""

import sys
import traceback

import pytest

from fedteach.grading.extract import Missing, Notebook
from fedteach.grading.not_started import NotStarted
from fedteach.grading.program import Stopped, load
from tests.submissions import notebook

NAME = "04_aggregation.ipynb"


@pytest.fixture
def student(tmp_path):
    """Write a notebook of these cells and return it."""
    return lambda *cells: Notebook(notebook(tmp_path / NAME, *cells))


def sources(program) -> list[str]:
    return [piece.source for piece in program.pieces]


def test_only_what_the_function_needs_is_run(student):
    work = student(
        "import numpy as np\nfrom fedteach import check, panel",
        "board = panel()",
        "raise SystemExit",
        "SCALE = 2\nunused = 1 / 0",
        "def helper(x):\n    return SCALE * x",
        "def f(x):\n    return helper(x)\n\ncheck('4.1', f)\nf(1)",
    )
    program = work.program("f")
    assert sources(program) == ["SCALE = 2", "def helper(x):\n    return SCALE * x", "def f(x):\n    return helper(x)"]
    assert load(program)(4) == 8
    assert program.uses == {"helper", "SCALE"}


def test_an_import_is_taken_apart(student):
    work = student(
        "from math import (\n    floor,\n    not_there,\n)\nimport nowhere, math as m",
        "def f(x): return floor(x) + m.pi",
    )
    assert sources(work.program("f"))[:2] == ["from math import floor", "import math as m"]
    assert load(work.program("f"))(1.5) == pytest.approx(4.14159)


@pytest.mark.parametrize(
    ("before", "definition", "expected"),
    [
        ("K = 3", "def f(x=K): return x", 3),
        ("K = 3", "def f(*, x=[K for _ in range(2)][0]): return x", 3),
        ("def twice(g): return lambda: 2 * g()", "@twice\ndef f(): return 1", 2),
        ("class Number(int): pass", "def f(x: Number = 1) -> Number: return Number(x)", 1),
        ("K = 3", "f = lambda: K", 3),
        ("K = 3", "def f():\n    def inner():\n        return [K * i for i in range(2)][1]\n    return inner()", 3),
        ("K = 3", "class f:\n    K = K\n    def __new__(cls): return cls.K", 3),
        ("K = 3", "def f():\n    global K\n    K += 1\n    return K", 4),
        ("def start():\n    global K\n    K = 3\nstart()", "def f(): return K", 3),
        ("K = []\nK.append(3)\nK[0] += 1\nK += [5]", "def f(): return K", [4, 5]),
        ("class C: pass\nc = C()\nc.rate = 3", "def f(): return c.rate", 3),
        ("if True:\n    K = 3\nelse:\n    K = 4", "def f(): return K", 3),
        ("for i in range(4):\n    K = i", "def f(): return K", 3),
        ("try:\n    import nowhere\nexcept ImportError as problem:\n    K = 3", "def f(): return K", 3),
        ("import contextlib\nwith contextlib.nullcontext(3) as K:\n    pass", "def f(): return K", 3),
        ("print(K := 3)", "def f(): return K", 3),
        ("first, (*others, K) = 1, (2, 3)", "def f(): return K", 3),
        ("match [1, 3]:\n    case [_, K]: pass", "def f(): return K", 3),
        ("from math import *", "def f(): return floor(3.5)", 3),
        ("a = 1; K = 3; b = 1 / 0", "def f(): return K", 3),
        ("%%time\nK = 3\n!ls", "def f(): return K", 3),
        ("K = 'é'; L = 3", "def f(): return (K, L)", ("é", 3)),
        ("def even(n): return n == 0 or f(n - 1)", "def f(n=3): return n != 0 and even(n - 1)", True),
        ("from __future__ import annotations", "def f(x: not_there = 3): return x", 3),
        ("x = 1 / 0\nsum = 1 / 0", "def f(x=3):\n    sum = x\n    return sum", 3),
        ("K = 1", "def f(): return K", 2),
    ],
)
def test_whatever_python_needs_comes_along(student, before, definition, expected):
    after = "K = 2" if before == "K = 1" else "def other(): pass"
    assert load(student(before, definition, after).program("f"))() == expected


def test_the_last_definition_wins_as_in_a_notebook(student):
    work = student("def f(): return 1", "def f(): return 2", "def f() return 3")
    assert load(work.program("f"))() == 2


def test_a_trial_that_only_uses_a_module_does_not_run(student):
    work = student("import numpy as np", "def f(x): return np.add(x, 1)", "np.add(f(1), 1 / 0)\nnp.add.here = 1 / 0")
    assert load(work.program("f"))(1) == 2


def test_two_functions_of_one_notebook_share_nothing(student):
    work = student("seen = []", "def f():\n    seen.append(1)\n    return seen", "def g(): return seen")
    assert load(work.program("f"))() == [1]
    assert load(work.program("g"))() == []


def test_a_traceback_shows_the_cell_and_the_students_line(student):
    work = student("import math", "# a comment\n\ndef f(x):\n    y = x\n    return y / 0")
    with pytest.raises(ZeroDivisionError) as error:
        load(work.program("f"))(1)
    (frame,) = [f for f in traceback.extract_tb(error.value.__traceback__) if f.name == "f"]
    assert (frame.filename, frame.lineno, frame.line) == (f"{NAME}, cell 2", 5, "return y / 0")


def test_lines_of_a_script_are_those_of_the_file(tmp_path):
    path = tmp_path / "04_aggregation.py"
    path.write_text("# %%\nx = (\n# %%\n\n@staticmethod\ndef f():\n    return 1 / 0\n")
    with pytest.raises(ZeroDivisionError) as error:
        load(Notebook(path).program("f"))()
    assert traceback.extract_tb(error.value.__traceback__)[-1].lineno == 7


def finding(work, name="f", others=()):
    """Return what is said about a function that cannot be had."""
    with pytest.raises((Missing, Stopped)) as refused:
        load(work.program(name, others), limit_s=0.2)
    return refused.value.finding


def test_a_missing_function_is_looked_for_under_a_similar_name(student):
    work = student("x = 1", "\n@staticmethod\ndef weigthedMean(updates): pass\ndef weighted_mean_2(updates): pass")
    found = finding(work, "weighted_mean", ["weighted_mean_2"])
    assert found.says == f"There is no function weighted_mean in {NAME}."
    assert found.got == f"weigthedMean, in {NAME}, cell 2"
    assert found.likely == "the name must be weighted_mean"


def test_a_function_of_which_there_is_no_trace_is_not_begun(student):
    with pytest.raises(Missing) as missing:
        student("x = 1").program("weighted_mean")
    assert not missing.value.begun


def test_a_cell_that_is_not_python_is_the_reason(student):
    found = finding(student("x = 1\n\ndef f(a):\n  return (a\n", "y = 1"))
    assert f"{NAME}, cell 1 cannot be run, so f is not there: '(' was never closed" in found.says
    assert found.got == "line 4: return (a"


def test_a_needed_function_in_a_cell_that_is_not_python_is_the_reason_too(student):
    found = finding(student("def helper(x):\n    return x +", "def f(x): return helper(x)"))
    assert "cell 1 cannot be run, so f uses helper, which is not there" in found.says


@pytest.mark.parametrize("cell", ["return 1", "def f(x): nonlocal x", "x = '\0'", "(" * 5000, "'\ud800'"])
def test_a_broken_cell_takes_no_other_along(student, cell):
    assert load(student(cell, "def f(): return 1").program("f"))() == 1


def test_a_needed_statement_that_fails_is_named_with_cell_and_line(student):
    work = student(
        "import nowhere_to_be_found", "y = 1\nx = y / 0", "def f(): return x\ndef g(): return nowhere_to_be_found"
    )
    found = finding(work)
    assert found.says == f"{NAME}, cell 2, on which f builds, stops with ZeroDivisionError: division by zero"
    assert found.got == "line 2: x = y / 0"
    assert f"{NAME}, cell 2, line 2, in <module>" in found.traceback
    assert "nowhere_to_be_found is not on this machine" in finding(work, "g").likely


@pytest.mark.parametrize(
    "end", ["exit()", "raise SystemExit", "import pytest; x = pytest.exit('bye')", "x = pytest.skip()"]
)
def test_leaving_is_a_failure_like_any_other(student, end):
    found = finding(student(f"import pytest\nif True:\n    x = 1\n    {end}", "def f(): return (x, pytest)"))
    assert "cell 1, on which f builds, stops with" in found.says


def test_a_computation_without_end_is_stopped(student):
    found = finding(student("n = 0\nwhile True:\n    n += 1", "def f(): return n"))
    assert "did not come to an end within 0.2 seconds" in found.says
    assert "cell 1" in found.says


def test_what_is_imported_from_fedteach_was_not_written(student):
    for cell in (
        "from fedteach.steps.aggregation import weighted_mean as f",
        "from fedteach import steps\nf = steps.aggregation.weighted_mean",
        "def f(): pass\nfrom fedteach.steps.aggregation import weighted_mean as f",
    ):
        found = finding(student(cell))
        assert found.says == "f is imported here, not written: it is fedteach's own."
        assert "cell 1" in found.got


def test_a_result_of_the_same_name_is_no_function(student):
    found = finding(student("def f(): return [1]", "f = f()"))
    assert found.says == "f is no function at the end of the notebook: it stands for a value, a list."
    assert found.got == f"{NAME}, cell 2, line 1: f = f()"


def test_a_stub_is_there_and_says_so_when_it_is_called_or_at_once(student):
    work = student(
        "from fedteach.grading.not_started import NotStarted, not_started",
        "def f(): raise NotStarted('4.1')",
        "share = not_started('0.1')",
        "def g(): return share",
    )
    stub = load(work.program("f"))
    with pytest.raises(NotStarted):
        stub()
    with pytest.raises(NotStarted):
        load(work.program("g"))


def test_what_loading_prints_or_warns_of_is_nobodys_business(student, capsys):
    cell = "import sys, warnings\nfor i in [1]:\n    print('a'); print('b', file=sys.stderr); warnings.warn('c'); x = i"
    assert load(student(cell, "def f(): return x").program("f"))() == 1
    assert capsys.readouterr() == ("", "")


def test_reading_runs_nothing_and_loads_no_heavy_package(student):
    before = set(sys.modules)
    student("import colorsys\n1 / 0", "def f(): return colorsys").program("f")
    assert set(sys.modules) - before == set()
