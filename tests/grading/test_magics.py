import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedteach.grading.magics import without_magics


@pytest.mark.parametrize(
    "line",
    [
        "%matplotlib inline",
        "%timeit x = slow()",
        "%time 1 +",
        "%prun -q",
        "!pip install 'fedteach[lab",
        "!ls (",
        "?np.mean",
        "??np",
        "np.mean?",
        "np.mean??",
        "%timeit?",
        "*mean*?",
        "files = !ls *.csv",
        "a, b = !echo 1",
        "where = %pwd",
        "pip install numpy",
        "cd ..",
        "ls ../lib/*.py",
        "mkdir 'my files'",
        "load_ext autoreload",
        "timeit slow()",
    ],
)
def test_a_line_for_jupyter_goes_and_the_others_keep_their_numbers(line):
    cleaned = without_magics(f"a = 1\n{line}\nb = 2\n")
    assert cleaned == "a = 1\npass\nb = 2\n"


@pytest.mark.parametrize(
    "line", ["%time K = 1", "  %time K = 1", "time K = 1", "%prun -q -l 5 K = 1", "%memit K = 1", "% time K = 1"]
)
def test_a_magic_that_runs_its_line_leaves_the_python(line):
    indent = line[: len(line) - len(line.lstrip())]
    source = f"{'if True:' if indent else ''}\n{line}\n{indent}!ls\n"
    assert "K = 1" in ast.unparse(ast.parse(without_magics(source)))
    assert without_magics(source).count("\n") == source.count("\n")


@pytest.mark.parametrize(
    "source",
    [
        "  x = 1\n  if x:\n      y = 2\n",
        "\n\n\tx = 1\n\tif x:\n\t    y = 2\n",
        ">>> x = 1\n>>> if x:\n...     y = 2\n",
        "\n  >>> x = 1\n  >>> if x:\n  ...     y = 2\n",
        "In [1]: x = 1\nIn [2]: if x:\n   ...:     y = 2\n",
        "  %%time\n  x = 1\n  if x:\n      y = 2\n",
    ],
)
def test_what_was_pasted_is_read_as_jupyter_reads_it(source):
    cleaned = without_magics(source)
    assert ast.unparse(ast.parse(cleaned)) == "x = 1\nif x:\n    y = 2"
    assert cleaned.count("\n") == source.count("\n")


@pytest.mark.parametrize("line", ["cd = 1", "ls -1", "cat(1)", "time in (1, 2)", "less", "man[0]", "run.x = 2"])
def test_a_name_that_happens_to_be_a_magics_too_stays(line):
    assert without_magics(f"{line}\n!ls\n") == f"{line}\npass\n"


def test_inside_an_if_something_must_stay():
    cleaned = without_magics("if True:\n    !pip install x \\\n       y\n    z = 1")
    assert cleaned == "if True:\n    pass\n\n    z = 1"
    ast.parse(cleaned)


def test_what_only_looks_like_a_magic_stays():
    source = '''
text = """
%d examples
!important
what?
"""
rest = (7
        % 4)
other = 7 \\
    % 4
different = 1 != 2  # why?
'''
    assert without_magics(source) == source
    assert without_magics(source + "%matplotlib inline\n") == source + "pass\n"


@pytest.mark.parametrize(
    "magic", ["%%time", "%%capture out", "%%timeit -n 1", "%%debug", "%%prun", "\n  %%time\n%%capture"]
)
def test_a_cell_that_is_only_watched_keeps_its_body(magic):
    cleaned = without_magics(f"{magic}\nx = 1\n!ls")
    assert ast.unparse(ast.parse(cleaned)) == "x = 1\npass"
    assert cleaned.count("\n") == magic.count("\n") + 2


@pytest.mark.parametrize("magic", ["%%bash", "%%writefile helper.py", "%%html", "%%javascript", "%%unheard_of", "%%"])
def test_a_cell_in_another_language_goes(magic):
    assert without_magics(f"{magic}\nx = 1") == ""


@given(st.text(alphabet="ab=%!?#\\\n\"'([{}]) ", max_size=60))
def test_any_text_is_answered_with_as_many_lines(text):
    cleaned = without_magics(text)
    assert cleaned == "" or cleaned.count("\n") == text.count("\n")
