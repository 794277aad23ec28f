"""Texts of a student's, made fit to be shown: whatever is in them is shown, and never obeyed."""

import re
import unicodedata

# What a terminal takes as an order (colours, cursor, titles): ESC [ ... letter, ESC ] ... BEL, ESC and one character.
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_MAY_STAY = "\n\t\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"


def readable(text: str) -> str:
    """Return a text without orders to a terminal, and with a name for every character that cannot be seen.

    Among these are the ones that turn the direction of writing round, which can make a line read as what it is not,
    and halves of characters, which can neither be sent to a notebook nor be printed.
    """
    return "".join(_readable(character) for character in _ANSI.sub("", text).replace("\r\n", "\n"))


def _readable(character: str) -> str:
    hidden = unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
    if not hidden or character in _MAY_STAY:
        return character
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")
