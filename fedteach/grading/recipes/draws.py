"""Random numbers to draw."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rng:
    """A generator of random numbers. Its aftermath: how it would go on, so that no draw stays unseen."""

    seed: int

    def make(self) -> np.random.Generator:
        """Return a fresh generator."""
        return np.random.default_rng(self.seed)

    def aftermath(self, live: np.random.Generator) -> int:
        """Return the generator's next draw."""
        return int(live.integers(2**62))

    def show(self) -> str:
        """Return its name."""
        return "rng"
