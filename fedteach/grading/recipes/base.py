"""What a recipe is."""

from typing import Any, Protocol, runtime_checkable

from fedteach.grading.plain import to_plain


@runtime_checkable
class Recipe(Protocol):
    """How to make one argument."""

    def make(self) -> Any:
        """Return the live argument, new for every call."""

    def aftermath(self, live: Any) -> Any:
        """Return what became of it, as plain data."""

    def show(self) -> str:
        """Return what a student reads in the place of the argument."""


def live(argument: Any) -> Any:
    """Make an argument for one call: by its recipe, or a copy of the data."""
    return argument.make() if isinstance(argument, Recipe) else to_plain(argument)
