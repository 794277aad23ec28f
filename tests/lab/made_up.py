"""A course of three small exercises, made up for the tests of what surrounds a verdict."""

from fedteach.grading.exercise import Exercise
from fedteach.grading.expect import equal


def two(ask, rng):
    """Twice 1 is 2."""
    equal(ask(1), 2, "Twice 1 is 2.", likely=[(1, "it is returned as it came: `2 * x`")])


def any_number(ask, rng):
    """Any number is doubled."""
    x = int(rng.integers(10, 100))
    equal(ask(x), 2 * x, f"Twice {x} is {2 * x}.")


def four(ask, rng):
    """Four times 1 is 4."""
    equal(ask(1), 4, "Four times 1 is 4.")


def loud(ask, rng):
    """It ends with an exclamation mark."""
    equal(ask("hey"), "hey!", "Shouting ends with an exclamation mark.")


def reference_double(x):
    return 2 * x


DOUBLE = Exercise(
    "1.1",
    "double",
    "twice as much",
    ("What is twice 1?", "What does `2 * x` give?", "Is there a `return`?"),
    (two, any_number),
    reference_double,
    time_limit_s=0.2,
)
QUADRUPLE = Exercise("1.2", "quadruple", "four times as much", ("Is it twice something?",), (four,), lambda x: 4 * x)
SHOUT = Exercise("2.1", "shout", "louder", ("What comes last?",), (loud,), lambda text: text + "!")

CATALOGUE = {exercise.id: exercise for exercise in (DOUBLE, QUADRUPLE, SHOUT)}
STUB = 'def double(x):\n    # TODO 1.1\n    raise NotStarted("1.1")\n\n\ncheck("1.1", double)'
