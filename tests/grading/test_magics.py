import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedteach.grading.magics import without_magics


@pytest.mark.parametrize(
    "line",
    [
        "%matplotlib inline",
        "%time x = slow()",
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
    ],
)
def test_a_line_for_jupyter_goes_and_the_others_keep_their_numbers(line):
    cleaned = without_magics(f"a = 1\n{line}\nb = 2\n")
    assert cleaned == "a = 1\npass\nb = 2\n"


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


@pytest.mark.parametrize("magic", ["%%time", "%%capture out", "%%timeit -n 1", "\n  %%time\n%%capture"])
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
