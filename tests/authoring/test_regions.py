"""What students get in the place of a solution, and the marks that are refused."""

import ast
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedteach.authoring import AuthoringError, Cell
from fedteach.authoring.release import release, student_version

IMPORTS = Cell("code", "from fedteach import NotStarted, not_started")


def released(*texts):
    """Return the texts of the students' cells, without the first one, which holds the imports."""
    cells = [IMPORTS, *(Cell("code", dedent(text).strip("\n")) for text in texts)]
    return [cell.text for cell in student_version(cells, "solutions/04_adding.py")[1:]]


def stub_of(text):
    """Return the student's version of one cell."""
    (stub,) = released(text)
    return stub


def refusal(*texts):
    """Return why cells are refused; the sentence says where."""
    with pytest.raises(AuthoringError) as caught:
        released(*texts)
    (sentence,) = caught.value.sentences
    place, _, why = sentence.partition(": ")
    assert place.startswith("solutions/04_adding.py, cell ")
    return place.removeprefix("solutions/04_adding.py, "), why


# ---- blocks -------------------------------------------------------------------------------------------------


def test_a_block_becomes_a_todo_and_not_started():
    assert stub_of('''
        def weighted_mean(updates):
            """Average the deltas."""
            # BEGIN SOLUTION 4.1
            total = sum(update.n_examples for update in updates)

            return total
            # END SOLUTION 4.1

        check("4.1", weighted_mean)
    ''') == dedent('''\
        def weighted_mean(updates):
            """Average the deltas."""
            # TODO 4.1: replace the next line by your code
            raise NotStarted("4.1")

        check("4.1", weighted_mean)''')


def test_a_block_keeps_its_indentation_and_its_neighbours():
    assert stub_of("""
        def mean(updates):
            total = 0
            for update in updates:
                if update:
                    # BEGIN SOLUTION 4.12
                    total += 1
                    # END SOLUTION 4.12
                else:
                    total = 2
            return total
    """) == dedent("""\
        def mean(updates):
            total = 0
            for update in updates:
                if update:
                    # TODO 4.12: replace the next line by your code
                    raise NotStarted("4.12")
                else:
                    total = 2
            return total""")


def test_one_exercise_may_have_several_regions_in_its_function():
    stub = stub_of("""
        def mean(updates):
            # BEGIN SOLUTION 4.1
            total = 0
            # END SOLUTION 4.1
            print(total)
            return total  # SOLUTION 4.1
    """)
    assert stub.count("TODO 4.1") == 2


def test_what_a_block_holds_beside_code_vanishes_too():
    stub = stub_of('''
        def mean(updates):
            # BEGIN SOLUTION 4.1
            text = """
        # END of a text, and no mark
            """
            # END SOLUTION 4.1
    ''')
    assert "text" not in stub


# ---- lines --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "stub"),
    [
        ("share = n / total", 'share = not_started("0.1")  # TODO 0.1: replace not_started(...)'),
        ("a = b = n", 'a = b = not_started("0.1")  # TODO 0.1: replace not_started(...)'),
        ("a, b = n, 1", 'a, b = not_started("0.1")  # TODO 0.1: replace not_started(...)'),
        ("x['='] = (n == 1)", "x['='] = not_started(\"0.1\")  # TODO 0.1: replace not_started(...)"),
        ("f = lambda n=1: n", 'f = not_started("0.1")  # TODO 0.1: replace not_started(...)'),
        ("share: float = n", 'share: float = not_started("0.1")  # TODO 0.1: replace not_started(...)'),
        ("größe = 'ü' + n", 'größe = not_started("0.1")  # TODO 0.1: replace not_started(...)'),
        ("return n / total", 'return not_started("0.1")  # TODO 0.1: replace not_started(...)'),
        ("return", 'not_started("0.1")  # TODO 0.1: replace this line by your code'),
        ("total += n", 'not_started("0.1")  # TODO 0.1: replace this line by your code'),
        ("names.append(n)", 'not_started("0.1")  # TODO 0.1: replace this line by your code'),
        ("if n: return 3", 'not_started("0.1")  # TODO 0.1: replace this line by your code'),
        ("yield n", 'not_started("0.1")  # TODO 0.1: replace this line by your code'),
        ("import math", 'not_started("0.1")  # TODO 0.1: replace this line by your code'),
    ],
)
def test_a_marked_line_keeps_what_tells_nothing(line, stub):
    assert stub_of(f"def f(n):\n    x = {{}}\n    {line}  # SOLUTION 0.1\n") == f"def f(n):\n    x = {{}}\n    {stub}"


def test_a_mark_may_stand_behind_another_remark():
    stub = stub_of("def f(n):\n    return n  # noqa: E501  # SOLUTION 0.1\n")
    assert stub == 'def f(n):\n    return not_started("0.1")  # TODO 0.1: replace not_started(...)'


# ---- hidden tests -------------------------------------------------------------------------------------------


def test_hidden_tests_vanish_and_so_does_a_cell_left_empty():
    one, two = released(
        "x = 1\n# BEGIN HIDDEN TESTS 4.1\nassert x\n# END HIDDEN TESTS 4.1\ny = 2",
        "# BEGIN HIDDEN TESTS 4.1\nassert y\n# END HIDDEN TESTS 4.1",
        "z = 3",
    )
    assert one == "x = 1\ny = 2"
    assert two == "z = 3"


# ---- ids ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("named_by", ['check("4.1", f)', 'hint("4.1")', 'lab.check("4.1", f)'])
def test_the_only_exercise_of_a_cell_needs_no_id(named_by):
    stub = stub_of(f"def f(n):\n    # BEGIN SOLUTION\n    return n\n    # END SOLUTION\n\n{named_by}")
    assert 'raise NotStarted("4.1")' in stub


def test_one_mark_may_name_the_exercise_of_the_others():
    assert stub_of("def f(n):\n    a = n  # SOLUTION 4.1\n    return a  # SOLUTION").count('not_started("4.1")') == 2


@pytest.mark.parametrize(
    ("more", "why"),
    [("", "this cell names none: add the id"), ('check("4.1", f)\ncheck("4.2", f)', "there are 4.1, 4.2 in this cell")],
)
def test_an_id_that_cannot_be_known_is_asked_for(more, why):
    place, sentence = refusal(f"def f(n):\n    return n  # SOLUTION\n\n{more}")
    assert place == "cell 2, line 2"
    assert why in sentence


# ---- what is no mark ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        'print("# BEGIN SOLUTION 4.1")',
        'def f():\n    """Has a text.\n\n    # BEGIN SOLUTION 4.1\n    # END SOLUTION 4.1\n    """',
        "x = 1  # Solution: see the paper",
        "# the solution of 4.1 is unique",
        "# BEGINNERS: this is an average",
        "%%bash\necho hello; # nothing to see",
        "%matplotlib inline\n!ls don't\nnp.mean?",
        "this is not Python",
        "await federation.run(3)",
        'x = "\\d"',
    ],
)
def test_other_words_are_left_alone(text):
    assert stub_of(text) == text


def test_marks_in_a_cell_of_text_are_only_text():
    text = Cell("markdown", "# BEGIN SOLUTION 4.1\n\nis how a solution begins.")
    assert student_version([text]) == [text]


def test_magics_do_not_hide_marks():
    stub = stub_of("""
        %matplotlib inline
        !echo don't worry
        def f(n):
            rest = (n
                    % 3)
            return rest  # SOLUTION 4.1
    """)
    assert stub.startswith("%matplotlib inline\n!echo don't worry\n")
    assert "\n            % 3)\n" in stub
    assert stub.endswith('return not_started("4.1")  # TODO 4.1: replace not_started(...)')


# ---- what is refused ----------------------------------------------------------------------------------------

REFUSED = {
    "an end without a beginning": ("def f():\n    x = 1\n    # END SOLUTION 4.1", 3, "never began"),
    "a beginning without an end": ("def f():\n    # BEGIN SOLUTION 4.1\n    x = 1", 2, "add # END SOLUTION 4.1"),
    "nested blocks": (
        "def f():\n    # BEGIN SOLUTION 4.1\n    # BEGIN SOLUTION 4.1\n    x = 1\n"
        "    # END SOLUTION 4.1\n    # END SOLUTION 4.1",
        3,
        "regions do not nest",
    ),
    "a line in a block": (
        "def f():\n    # BEGIN SOLUTION 4.1\n    x = 1  # SOLUTION 4.1\n    # END SOLUTION 4.1",
        3,
        "inside the region that began in line 2",
    ),
    "hidden tests in a block": (
        "def f():\n    # BEGIN SOLUTION 4.1\n    # BEGIN HIDDEN TESTS 4.1\n    x = 1\n"
        "    # END HIDDEN TESTS 4.1\n    # END SOLUTION 4.1",
        3,
        "regions do not nest",
    ),
    "crossing regions": (
        "def f():\n    # BEGIN SOLUTION 4.1\n    x = 1\n    # END HIDDEN TESTS 4.1\n    # END SOLUTION 4.1",
        4,
        "line 2 began SOLUTION 4.1: the two must match",
    ),
    "ids that differ": (
        "def f():\n    # BEGIN SOLUTION 4.1\n    x = 1\n    # END SOLUTION 4.2",
        4,
        "this ends SOLUTION 4.2, but line 2 began SOLUTION 4.1",
    ),
    "nothing between the marks": (
        "def f():\n    # BEGIN SOLUTION 4.1\n    # END SOLUTION 4.1\n    return 1",
        2,
        "no statement in this region",
    ),
    "a mark that is indented otherwise": (
        "def f():\n# BEGIN SOLUTION 4.1\n    x = 1\n# END SOLUTION 4.1",
        2,
        "indented like the first line",
    ),
    "a block that leaves a loop": (
        "def f():\n    for i in n:\n        # BEGIN SOLUTION 4.1\n        x = 1\n    return x\n    # END SOLUTION 4.1",
        3,
        "the solution no less",
    ),
    "half of an if": (
        "def f(n):\n    # BEGIN SOLUTION 4.1\n    if n:\n        x = 1\n    # END SOLUTION 4.1\n    else:\n        2",
        2,
        "enclose whole statements",
    ),
    "half of a list": (
        "def f(n):\n    x = [\n        # BEGIN SOLUTION 4.1\n        1,\n        # END SOLUTION 4.1\n    ]",
        3,
        "no statement",
    ),
    "hidden tests that were all of a block": (
        "def f(n):\n    # BEGIN HIDDEN TESTS 4.1\n    return n\n    # END HIDDEN TESTS 4.1",
        2,
        "leave something in every block",
    ),
    "a block mark behind code": (
        "def f():\n    x = 1  # BEGIN SOLUTION 4.1\n    # END SOLUTION 4.1",
        2,
        "must stand on a line of its own",
    ),
    "a line mark that stands alone": ("def f():\n    # SOLUTION 4.1\n    x = 1", 2, "stands alone"),
    "the first of several lines": ("def f():\n    x = [  # SOLUTION 4.1\n        1]", 2, "around the whole statement"),
    "a line in the middle": ("def f():\n    x = [\n        1,  # SOLUTION 4.1\n    ]", 3, "part of a statement"),
    "the last of several lines": ("def f():\n    x = [\n        1]  # SOLUTION 4.1", 3, "part of a statement"),
    "the end of a long text": ('def f():\n    x = """\n    """  # SOLUTION 4.1', 3, "part of a statement"),
    "the head of a loop": ("def f(n):\n    for i in n:  # SOLUTION 4.1\n        x = 1", 2, "part of a statement"),
    "the head of a function": ("def f(n):  # SOLUTION 4.1\n    return n", 1, "part of a statement"),
    "an argument": ("def f(\n    n,  # SOLUTION 4.1\n):\n    return n", 2, "part of a statement"),
    "an else": ("def f(n):\n    if n:\n        x = 1\n    else:  # SOLUTION 4.1\n        x = 2", 4, "part of"),
    "an else of one line": ("def f(n):\n    if n:\n        x = 1\n    else: x = 2  # SOLUTION 4.1", 4, "part of"),
    "two statements in a line": ("def f(n):\n    x = 1; y = 2  # SOLUTION 4.1", 2, "several statements"),
    "a statement after a long one": ("def f(n):\n    x = [\n    1]; y = 2  # SOLUTION 4.1", 3, "part of"),
    "a function in a line": ("def f(n): return n  # SOLUTION 4.1", 1, "cannot be the solution"),
    "a block outside of a function": ("# BEGIN SOLUTION 4.1\nx = 1\n# END SOLUTION 4.1", 2, "outside of a function"),
    "a line outside of a function": ("x = 1  # SOLUTION 4.1", 1, "outside of a function"),
    "a whole function": (
        "# BEGIN SOLUTION 4.1\ndef f(n):\n    return n\n# END SOLUTION 4.1",
        2,
        "outside of a function",
    ),
    "two functions": (
        "def f(n):\n    return n  # SOLUTION 4.1\n\ndef g(n):\n    return n  # SOLUTION 4.1",
        5,
        "marks in f and g",
    ),
    "broken Python": ("def f(n:\n    return n  # SOLUTION 4.1", 1, "this is not Python"),
    "a null byte": ("x = '\0'\n# SOLUTION 4.1", 1, "this is not Python"),
    "shell commands": ("%%bash\nls  # SOLUTION 4.1", 2, "cannot hold a mark"),
    "a magic": ("%time x = 1  # SOLUTION 4.1", 1, "cannot hold a mark"),
}


@pytest.mark.parametrize(("text", "line", "why"), REFUSED.values(), ids=REFUSED)
def test_marks_that_make_no_good_stub_are_refused(text, line, why):
    place, sentence = refusal(text)
    assert place == f"cell 2, line {line}"
    assert why in sentence


@pytest.mark.parametrize(
    "comment",
    [
        "#BEGIN SOLUTION 4.1",
        "### BEGIN SOLUTION 4.1",
        "# begin solution 4.1",
        "# Begin Solution",
        "# BEGIN SOLUTIONS 4.1",
        "# BEGIN  SOLUTION 4.1",
        "# BEGIN SOLUTION 4",
        "# BEGIN SOLUTION 4.1: the mean",
        "# END SOLUTION: 4.1",
        "# BEGIN HIDDEN TEST 4.1",
        "# BEGIN_HIDDEN_TESTS",
        "x = 1  # solution",
        "x = 1  # Solution 4.1",
        "x = 1  #SOLUTION 4.1",
        "x = 1  # SOLUTION NO PROMPT",
        "x = 1  # noqa  # BEGIN SOLUTION 4.1",
    ],
)
def test_a_misspelt_mark_is_refused_for_it_would_give_the_solution_away(comment):
    place, sentence = refusal(f"def f(n):\n    {comment}\n    return n")
    assert place == "cell 2, line 2"
    assert "looks like a mark and is none" in sentence


def test_an_exercise_has_one_cell():
    cell = "def {}(n):\n    return n  # SOLUTION 4.1"
    place, why = refusal(cell.format("f"), cell.format("g"))
    assert place == "cell 3, line 2"
    assert "has a stub in an earlier cell too" in why


@pytest.mark.parametrize("name", ["NotStarted", "not_started"])
@pytest.mark.parametrize("first", ["import fedteach", "def g():\n    from fedteach import NotStarted, not_started"])
def test_what_a_stub_needs_must_be_imported_before_it(first, name):
    body = "return n  # SOLUTION 4.1"
    if name == "NotStarted":
        body = "# BEGIN SOLUTION 4.1\n    return n\n    # END SOLUTION 4.1"
    cells = [Cell("code", first), Cell("code", f"def f(n):\n    {body}"), IMPORTS]
    with pytest.raises(AuthoringError, match=f"add `from fedteach import {name}` to the first cell") as caught:
        release(cells, "solutions/04_adding.py")
    assert "cell 2, line 2: " in str(caught.value)


def test_every_faulty_cell_is_named_at_once():
    cells = [IMPORTS, *(Cell("code", f"x = {i}  # SOLUTION 4.{i}") for i in range(3))]
    with pytest.raises(AuthoringError) as caught:
        release(cells)
    assert [sentence.partition(": ")[0] for sentence in caught.value.sentences] == [
        f"this notebook, cell {number}, line 1" for number in (2, 3, 4)
    ]


def test_the_stub_knows_its_function_and_its_cell():
    cells = [
        IMPORTS,
        Cell("code", "# BEGIN HIDDEN TESTS 4.1\nassert True\n# END HIDDEN TESTS 4.1"),
        Cell(
            "code",
            "def f(n):\n    return n  # SOLUTION 4.1\n\n\nclass G:\n    def h(self):\n        a = 1  # SOLUTION 4.2",
        ),
    ]
    made = release(cells)
    assert [(stub.exercise, stub.function, stub.cell) for stub in made.stubs] == [("4.1", "f", 2), ("4.2", "G", 2)]
    assert made.stubs[0].text == made.cells[1].text


# ---- laws ---------------------------------------------------------------------------------------------------

PLAIN = st.lists(
    st.sampled_from(["x = 1", "# a remark", "", "print('# SOLUTIONS')", "%time", "for i in x:", "    y = 2"])
)


@given(st.lists(PLAIN.map("\n".join)))
def test_cells_without_marks_are_unchanged(texts):
    cells = [Cell("code", text) for text in texts]
    assert student_version(cells) == cells


@st.composite
def marked_functions(draw):
    """Draw a function with secret statements between marks and open ones around them."""
    id = draw(st.sampled_from(["4.1", "4.2", "12.10"]))
    lines, depth = ["def f(n):", "    open_0 = 1"], 1
    for number in range(draw(st.integers(1, 5))):
        indent = "    " * depth
        kind = draw(st.sampled_from(["block", "line", "hidden", "open", "deeper"]))
        secrets = [f"{indent}secret_{number} = '# END SOLUTION'", "", f"{indent}if n: secret_x = [", "", "    1]"]
        match kind:
            case "block":
                lines += [f"{indent}# BEGIN SOLUTION {id}", *secrets, f"{indent}# END SOLUTION {id}"]
            case "hidden":
                lines += [f"{indent}# BEGIN HIDDEN TESTS {id}", *secrets, f"{indent}# END HIDDEN TESTS {id}"]
            case "line":
                lines.append(f"{indent}open_{number} = secret_{number}(n, end='=')  # SOLUTION {id}")
            case "open":
                lines.append(f"{indent}open_{number} = 1")
            case "deeper":
                lines += [f"{indent}while open_{number}:", f"{indent}    open_{number} = 1"]
                depth += 1
    return "\n".join(lines)


@given(marked_functions())
def test_nothing_between_marks_remains_and_all_else_does(text):
    stub = stub_of(text)
    ast.parse(stub)
    assert "secret" not in stub
    assert "SOLUTION" not in stub
    assert "HIDDEN" not in stub
    assert stub.count("open_") == text.count("open_")
    assert stub.count("# TODO ") == text.count("# BEGIN SOLUTION") + text.count("  # SOLUTION")
