"""The only source of random draws: one generator for each named purpose.

Every draw in fedteach belongs to a scope such as `("fit", round, client)`. The generator of a scope
depends on the seed and the scope alone, so clients may run in any order, in parallel, or on other
machines, and the same seed still gives the same run, bit for bit.
"""

import hashlib

import numpy as np


def rng_for(seed: int, *scope: str | int) -> np.random.Generator:
    """Return the generator of one purpose, always the same for the same seed and scope.

    Args:
        seed: the experiment's seed, a whole number >= 0.
        scope: what the draws are for, from coarse to fine: `"fit", round, client`.

    Returns:
        A fresh `numpy.random.Generator` (PCG64). Different scopes give independent streams:
        the 128-bit state comes from a BLAKE2b hash, so `("1", 2)` and `(1, 2)` differ too.

    Raises:
        ValueError: if the seed is not a whole number >= 0 or a scope is neither text nor whole number.
    """
    return np.random.Generator(np.random.PCG64(_digest(seed, scope)))


def int_seed_for(seed: int, *scope: str | int) -> int:
    """Return a 31-bit whole number for libraries that take one seed (Keras initialisers, dropout)."""
    return _digest(seed, ("int", *scope)) & 0x7FFFFFFF


def _digest(seed: int, scope: tuple[str | int, ...]) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"seed must be a whole number >= 0, got {seed!r}")
    parts = [f"int:{seed}"]
    for part in scope:
        if isinstance(part, bool) or not isinstance(part, str | int | np.integer):
            raise ValueError(f"a scope holds text and whole numbers, got {part!r}")
        # The length keeps neighbours apart: ("ab", "c") is not ("a", "bc").
        text = str(part)
        parts.append(f"{'str' if isinstance(part, str) else 'int'}:{len(text)}:{text}")
    digest = hashlib.blake2b("|".join(parts).encode(), digest_size=16).digest()
    return int.from_bytes(digest, "little")
