"""Begin a new notebook: a source, planted mistakes and an exercise that keep every promise from the start."""

import keyword
import re
from pathlib import Path
from string import Template

from fedteach.authoring.cells import AuthoringError

_NAME = re.compile(r"(\d\d)_([a-z][a-z0-9]*(?:_[a-z0-9]+)*)")
_LONGEST = 30


def begin(name: str, root: Path) -> list[Path]:
    """Write the three files of a new notebook; what is there already is never touched.

    Args:
        name: of the notebook, such as "08_topic".
        root: the folder of the course.

    Returns:
        The files: the source, its planted mistakes, its exercises.

    Raises:
        AuthoringError: if the name is unsuitable, or its number or topic is taken.
    """
    number, topic = _parts(name)
    if not (root / "solutions").is_dir():
        raise AuthoringError(f"expected the sources of the course in {root / 'solutions'}, but there is no such folder")
    words = topic.replace("_", " ")
    given = {"name": name, "number": number, "topic": topic, "words": words, "title": words.capitalize()}
    given["id"] = f"{int(number)}.1"
    files = {
        root / "solutions" / f"{name}.py": _SOURCE,
        root / "solutions" / "mistakes" / f"{name}.py": _MISTAKES,
        root / "fedteach" / "exercises" / f"{topic}.py": _EXERCISES,
    }
    others = [path for path in (root / "solutions").glob(f"{number}_*.py") if path not in files]
    # A folder of this name would hide the module.
    others += [path for path in [root / "fedteach" / "exercises" / topic] if path.exists()]
    if taken := [*others, *(path for path in files if path.exists())]:
        there = ", ".join(path.relative_to(root).as_posix() for path in taken)
        raise AuthoringError(f"{name} cannot be begun, and nothing was written, for there is already {there}")
    for path, template in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(Template(template).substitute(given))
    return list(files)


def _parts(name: str) -> tuple[str, str]:
    found = _NAME.fullmatch(name)
    if found is None:
        raise AuthoringError(f"expected a name such as 08_topic: two digits, then small letters, got {name!r}")
    number, topic = found.groups()
    # The topic becomes a module in fedteach/exercises.
    if keyword.iskeyword(topic) or topic in ("common", "stubs") or topic.startswith("test_"):
        raise AuthoringError(f"{topic!r} cannot be the name of a module of exercises: choose another topic")
    if len(topic) > _LONGEST:
        raise AuthoringError(f"expected a topic of up to {_LONGEST} letters, got {len(topic)}: {topic}")
    return number, topic


_SOURCE = '''# %% [markdown]
# # $title
#
# *About 30 minutes. You write one function.*
#
# Say here in two or three sentences what this notebook is about, and why anybody needs it.
#
# After this notebook you can
#
# - say how much a federation has to learn from,
# - count it without looking at a single example.

# %%
from fedteach import NotStarted, check, hint, lab

# %% [markdown]
# ## Where we are
#
# Every round goes through the same five steps. `five_steps(4)` lights one of them.

# %%
lab.plots.five_steps()

# %% [markdown]
# ## 1. How much is there to learn from?
#
# Each client tells the server how many examples it holds. The examples themselves stay where they are.
#
# > **Predict.** Three clients hold 20, 30 and 50 examples. How many examples does a round learn from?
#
# Make a guess, then write the function that counts them.


# %% Exercise $id: how many examples do all clients hold together?
def ${topic}_total(n_examples):
    """Count the examples of all clients.

    n_examples: list of whole numbers, one for each client.
    """
    # BEGIN SOLUTION $id
    return sum(n_examples)
    # END SOLUTION $id


check("$id", ${topic}_total)

# %% [markdown]
# Stuck? Type `hint("$id")` into a cell below this one.
#
# **Explain.** Say here what the result means, and show it: a figure that makes the lesson visible.

# %% [markdown]
# ## Questions to think about
#
# - Does the server learn something about a client from this number alone?
# - What becomes of a round if one client holds nearly all examples?

# %% [markdown]
# ## Sources
#
# - McMahan et al. (2017), *Communication-Efficient Learning of Deep Networks from Decentralized Data*,
#   arXiv:1602.05629
'''

_MISTAKES = '''"""Planted mistakes of notebook $number: each must fail, and the verdict must say what is wrong."""

from fedteach.authoring import mistake


@mistake("$id", says="counts the clients")
def counts_the_clients(n_examples):
    return len(n_examples)


@mistake("$id", says="last client is left out")
def forgets_the_last_client(n_examples):
    return sum(n_examples[:-1])
'''

_EXERCISES = '''"""Exercises of notebook $number, $words."""

from collections.abc import Sequence

import numpy as np

from fedteach.grading import expect
from fedteach.grading.ask import Ask
from fedteach.grading.exercise import Exercise


def three_clients(ask: Ask, rng: np.random.Generator) -> None:
    """Three clients hold 20, 30 and 50 examples: 100 together."""
    expect.equal(
        ask([20, 30, 50]),
        100,
        "Three clients with 20, 30 and 50 examples hold 100 together.",
        likely=[
            (3, "this counts the clients; what is asked for is the number of their examples"),
            (50, "the last client is left out"),
        ],
    )


def any_number_of_clients(ask: Ask, rng: np.random.Generator) -> None:
    """Any number of clients, also a single one, or none."""
    for n_clients in (0, 1, 4, 9):
        sizes = [int(size) for size in rng.integers(1, 100, n_clients)]
        expect.equal(ask(sizes), sum(sizes), f"The total of {n_clients} clients is not right.")


def total(n_examples: Sequence[int]) -> int:
    """Count the examples of all clients."""
    return sum(n_examples)


EXERCISES = (
    Exercise(
        id="$id",
        function="${topic}_total",
        title="how many examples there are",
        hints=(
            "What does one number in the list stand for?",
            "Which function of Python adds up the numbers of a list?",
        ),
        cases=(three_clients, any_number_of_clients),
        reference=total,
    ),
)
'''
