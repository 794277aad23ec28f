"""What an exercise says before its student has begun."""

from typing import NoReturn


class NotStarted(NotImplementedError):
    """An exercise that nobody has written yet was called.

    Args:
        exercise: its number, such as "4.1".
    """

    def __init__(self, exercise: str):
        super().__init__(f"exercise {exercise} is not started: put your code where its TODO is")
        self.exercise = exercise

    def _render_traceback_(self) -> list[str]:
        # IPython asks for this: one sentence, where a red traceback would look like a mistake.
        return [f"Not started: {self}."]


def not_started(exercise: str) -> NoReturn:
    """Stand in a stub where an expression is wanted, and raise `NotStarted`."""
    raise NotStarted(exercise)
