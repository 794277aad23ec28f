"""One submission for each attack that is known, and what must come of it; see `attack.py`."""
