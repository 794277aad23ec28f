"""Small made-up courses, whole in every respect, for a test to spoil in one."""

from pathlib import Path
from textwrap import dedent

from fedteach.authoring.building import build
from fedteach.authoring.sources import Course
from fedteach.grading import expect
from fedteach.grading.exercise import Exercise

WELCOME = """# ---
# jupyter:
#   kernelspec:
#     display_name: Somebody's own
#     name: python3-old
# ---

# %% [markdown]
# # Welcome
#
# Five steps, *five* functions.

# %% Exercise 0.1: count the clients
n_clients = 5
n_clients

# %% tags=["hide-input"]
# %matplotlib inline
print("Grüße, 你好")

# %%
# %% [markdown]
# The end.
"""

ADDING = '''# %% [markdown]
# # Adding up

# %%
from fedteach import NotStarted, check, hint, not_started

# %%
def plus(a, b):
    """Add two numbers."""
    # BEGIN SOLUTION 4.1
    # sum() takes anything that can be gone through, so a pair will do here
    total = sum((a, b), start=0)
    return total
    # END SOLUTION 4.1


check("4.1", plus)

# %%
def minus(a, b):
    difference = plus_one(a) - plus_one(b)  # SOLUTION 4.2
    return difference


def plus_one(a):
    return a + 1


# BEGIN HIDDEN TESTS 4.2
assert minus(5, 3) == 2, "nobody sees this"
# END HIDDEN TESTS 4.2

# %%
hint("4.2")
check("4.2", minus)
'''

MISTAKES = '''"""Wrong answers."""

from fedteach.authoring import mistake


@mistake("4.1", says="second number is missing")
def forgets_the_second(a, b):
    return a


@mistake("4.1", says="Subtracted")
def subtracts(a, b):
    return a - b


@mistake("4.2", says="other way round")
def turns_them_round(a, b):
    return b - a


@mistake("4.2", says="returned None")
def forgets_to_return(a, b):
    a - b
'''


def adds(ask, rng):
    """Five and three make eight."""
    likely = [(5, "the second number is missing"), (2, "subtracted, not added")]
    expect.equal(ask(5, 3), 8, "5 + 3 = 8.", likely)


def subtracts(ask, rng):
    """Five less three make two."""
    expect.equal(ask(5, 3), 2, "5 - 3 = 2.", [(-2, "the other way round")])


def exercise(id="4.1", function="plus", cases=(adds,), hints=("What is a sum?",)):
    return Exercise(id=id, function=function, title="numbers", hints=hints, cases=cases, reference=len)


def exercises(*changed):
    """Return the catalogue of the made-up course, with some entries in another form."""
    entries = (exercise(), exercise("4.2", "minus", (subtracts,)), *changed)
    return {entry.id: entry for entry in entries}


def write(folder: Path, **files: str) -> Path:
    """Write files `NN_topic.py`; a keyword cannot begin with a digit, so each begins with an n."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name.removeprefix('n')}.py").write_text(dedent(text), encoding="utf-8")
    return folder


def small_course(folder: Path, adding: str = ADDING, mistakes: str = MISTAKES) -> Course:
    """Write and build a course of two notebooks and two exercises."""
    course = Course(folder / "solutions", folder / "notebooks", folder / "stubs.json")
    write(course.solutions, n00_welcome=WELCOME, n04_adding=adding)
    write(course.mistakes, n04_adding=mistakes)
    build(course)
    return course
