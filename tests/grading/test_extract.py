"""A function is found by its name, and only what it needs runs."""

import asyncio
import os
import sys
import traceback
import warnings

import pytest

import fedteach
from fedteach.grading.extract import MOST_NAMES, MOST_STATEMENTS, Missing, Notebook
from fedteach.grading.gathering import Gathering
from fedteach.grading.not_started import NotStarted
from fedteach.grading.notebooks import UnreadableNotebook
from fedteach.grading.program import Stopped, load
from fedteach.grading.surroundings import as_in
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
        ("K = 0\ndef setup():\n    global K\n    K = 3\nsetup()", "def f(): return K", 3),
        ("class C:\n    a = 1\n    b = a + 2", "def f(): return C.b", 3),
        ("K = 3\nclass C:\n    if 0: K = 1\n    b = K", "def f(): return C.b", 3),
        ("async def get(): return 3\nK = await get()", "def f(): return K", 3),
        ("async def get(K):\n    K.append(3)\nK = []\nawait get(K)", "def f(): return K[0]", 3),
        ("%time K = 3", "def f(): return K", 3),
        ("  K = 3\n  L = 4", "def f(): return K", 3),
        (
            "get_ipython().run_line_magic('matplotlib', 'inline'); K = 3 if not get_ipython() else 4",
            "def f(): return K",
            3,
        ),
    ],
)
def test_whatever_python_needs_comes_along(student, before, definition, expected):
    after = "K = 2" if before == "K = 1" else "def other(): pass"
    assert load(student(before, definition, after).program("f"))() == expected


@pytest.mark.parametrize(
    ("filling", "definition"),
    [
        ("T = {}\ndef fill(t): t['k'] = 3\nfill(T)", "def f(): return T['k']"),
        ("T = {}\ndef fill(t, n): t['k'] = n\nfor i in range(4):\n    fill(T, i)", "def f(): return T['k']"),
        ("import numpy as np\nW = np.zeros(2)\nW.fill(3)", "def f(): return W[0]"),
        ("class C: pass\nc = C()\nsetattr(c, 'k', 3)", "def f(): return c.k"),
        ("class C:\n    def fit(self): self.k = 3\nc = C()\nc.fit()", "def f(): return c.k"),
        ("class C:\n    def set(self): self.k = 3\nc = C()\nc.set()", "def f(): return c.k"),
        ("from collections import deque\nq = deque()\nq.appendleft(3)", "def f(): return q[0]"),
        (
            "H = {}\ndef reg(g):\n    H[g.__name__] = g\n    return g\n@reg\ndef total(): return 3",
            "def f(): return H['total']()",
        ),
        ("class R:\n    def reg(self, g): self.g = g\nr = R()\n@r.reg\ndef total(): return 3", "def f(): return r.g()"),
        ("H = {}\ndef fill(): H['k'] = 3\nfill()", "def f(): return H['k']"),
    ],
)
def test_what_fills_an_object_by_a_call_runs_too(student, filling, definition):
    assert load(student(filling, definition).program("f"))() == 3


def test_a_call_that_perhaps_fills_something_may_fail(student):
    work = student(
        "T = [3]\ndef show_off(t): raise ValueError",
        "def f(): return T[0]",
        "show_off(T)",
        "def broken(: pass\nwhile T: pass",
        "broken(T)",
        "T.count(not_there)",
        "while True:\n    T.index(3)",
    )
    assert load(work.program("f"), limit_s=0.5)() == 3


def test_a_trial_changes_nothing(student):
    work = student(
        "seen = []\nK = 3",
        "def f():\n    seen.append(1)\n    return len(seen)\n\ncheck('4.1', f)\nf()\nprint(seen, f())\nhint(K)",
        "from fedteach import panel\npanel(seen)\nslow(K)\ndef slow(k): return 1 / 0",
    )
    assert load(work.program("f"))() == 1


@pytest.mark.parametrize(
    "scratch", ["K = 5", "del K", "import time\nfor K in range(3): time.sleep(30)", "T['k'] = 5", "f = f()"]
)
def test_what_is_tried_out_below_the_last_check_changes_nothing(student, scratch):
    cells = ["K = 1\nT = {'k': 2}", "def f(): return K, T['k'], late()", "def late(): return LATE"]
    work = student(*cells, "check('4.1', f)\nLATE = 3", scratch, "check('4.2', f)\nLATE = 4")
    assert load(work.program("f", exercise="4.1"))() == (1, 2, 3)


def test_without_a_check_below_the_function_all_counts(student):
    work = student("K = 1", "check('4.1', f)", "def f(): return K, L", "K = 2", "L = 3")
    assert load(work.program("f", exercise="4.1"))() == (2, 3)
    checked = student("K = 1", "def f(): return K, L", "check('4.1', f)", "K = 2", "L = 3")
    assert load(checked.program("f", exercise="4.1"))() == (1, 3)


def test_in_a_script_the_check_itself_is_the_end(tmp_path):
    path = tmp_path / "04_aggregation.py"
    path.write_text("K = 1\ndef f(): return K\ncheck('4.1', f)\nK = 2\n")
    assert load(Notebook(path).program("f", exercise="4.1"))() == 1


def test_a_classs_own_names_pull_in_nothing(student):
    work = student(
        "rounds = 1 / 0", "class Config:\n    rounds = 3\n    steps = rounds * 2", "def f(): return Config.steps"
    )
    assert load(work.program("f"))() == 6


def test_modules_are_found_where_the_notebook_looks_for_them(student, tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "module_of_the_lib.py").write_text("import os\nK = os.environ['OF_THE_NOTEBOOK']")
    path = list(sys.path)
    work = student(
        "import os, sys\nif 'lib' not in sys.path:\n    sys.path.insert(0, 'lib')\nos.environ['OF_THE_NOTEBOOK'] = '3'",
        "from module_of_the_lib import K",
        "def f(): return K",
        "sys.path.append(1 / 0)",
    )
    with as_in(tmp_path):
        assert load(work.program("f"))() == "3"
    assert sys.path == path
    assert "OF_THE_NOTEBOOK" not in os.environ


def test_fedteachs_own_functions_say_and_keep_nothing(student, capsys, monkeypatch, tmp_path):
    monkeypatch.delenv("FEDTEACH_PROGRESS", raising=False)
    work = student(
        "from fedteach import check, hint, progress, reset, use",
        "if True:\n    def f(): return 'mine'\n    check('4.1', f); hint('4.1'); progress(); reset('4.1')",
        "f = use('4.1', f)",
    )
    with as_in(tmp_path):
        assert load(work.program("f"))() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert capsys.readouterr() == ("", "")
    assert "FEDTEACH_PROGRESS" not in os.environ
    assert fedteach.use.__module__ == fedteach.check.__module__ == "fedteach.lab.checking"


def test_input_waits_for_nobody(student):
    found = finding(student("name = input('name? ')", "def f(): return name"))
    assert found.says.endswith("stops with EOFError: input() waits for somebody; give the value in the code")


def test_a_loop_that_runs_already_does_not_mind_another(student):
    async def in_a_kernel():
        return load(student("async def get(): return 3\nK = await get()", "def f(): return K").program("f"))()

    assert asyncio.run(in_a_kernel()) == 3


def test_a_cell_for_another_language_is_named(student):
    found = finding(student("%%writefile helper.py\ndef f(): return 1"))
    assert (
        found.says
        == f"{NAME}, cell 1 cannot be run, so f is not there: it begins with %%writefile, and is not for Python."
    )
    assert (found.got, found.likely) == ("line 1: %%writefile helper.py", "that line must go")
    found = finding(student("%%bash\n  def g(): return 1", "def f(): return g()"))
    assert "so f uses g, which is not there: it begins with %%bash" in found.says


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


def test_what_loading_changes_of_warnings_is_put_back(student):
    filters = list(warnings.filters)
    load(
        student(
            "import warnings\nwarnings.simplefilter('error')\nx = warnings.resetwarnings()", "def f(): return x"
        ).program("f")
    )
    assert warnings.filters == filters


def test_reading_runs_nothing_and_loads_no_heavy_package(student):
    before = set(sys.modules)
    student("import colorsys\n1 / 0", "def f(): return colorsys").program("f")
    assert set(sys.modules) - before == set()


def test_in_a_notebook_whose_statements_all_hang_together_each_name_is_looked_at_once(tmp_path, monkeypatch):
    chain = "".join(
        f"def f{i}():\n    global g{i}\n    g{i + 1}\n    return f{i + 1}()\nh{i} = f{i}()\n" for i in range(300)
    )
    (tmp_path / "04_aggregation.py").write_text(f"{chain}def weighted_mean(updates):\n    return f0()\n")
    looked_at, perhaps_for = [], Gathering._perhaps_for
    monkeypatch.setattr(Gathering, "_perhaps_for", lambda self, name: looked_at.append(name) or perhaps_for(self, name))
    program = Notebook(tmp_path / "04_aggregation.py").program("weighted_mean")
    assert len(program.pieces) > 300
    assert len(looked_at) == len(set(looked_at)) > 300


def test_a_notebook_that_nobody_could_go_through_is_refused(tmp_path):
    (tmp_path / "04_aggregation.py").write_text("x = 1\n" * (MOST_STATEMENTS + 1))
    with pytest.raises(UnreadableNotebook, match="too much to judge"):
        Notebook(tmp_path / "04_aggregation.py")
    (tmp_path / "05_global_update.py").write_text("f(" + ", ".join(f"x{i}" for i in range(MOST_NAMES + 1)) + ")\n")
    with pytest.raises(UnreadableNotebook, match="too much to judge"):
        Notebook(tmp_path / "05_global_update.py")
