"""Arrays and bytes that a text cannot show as they are."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fedteach.grading.plain import show, to_plain
from fedteach.messages import Weights


@dataclass(frozen=True)
class Views:
    """A recipe for arrays whose numbers do not lie in the memory one after another. Its aftermath: the arrays."""

    arrays: tuple[np.ndarray, ...]

    def make(self) -> Weights:
        """Return each matrix as the transpose of another one, and each vector as every second number of another."""
        return [np.repeat(array, 2)[::2] if array.ndim == 1 else np.array(array, order="F") for array in self.arrays]

    def aftermath(self, live: Weights) -> Any:
        """Return the arrays after the call."""
        return to_plain(live)

    def show(self) -> str:
        """Show the arrays, and that they are views."""
        return f"[x.T, y[::2], z] = {show(list(self.arrays))}"


@dataclass(frozen=True)
class Message:
    """A recipe for the bytes of a message, which say little to a reader. Its aftermath: nothing, bytes never change."""

    content: bytes
    words: str

    def make(self) -> bytes:
        """Return the bytes."""
        return self.content

    def aftermath(self, live: bytes) -> None:
        """Return nothing."""

    def show(self) -> str:
        """Say what the bytes are."""
        return self.words
