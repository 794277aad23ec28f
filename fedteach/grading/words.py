"""Small words that several sentences need."""


def article(name: str) -> str:
    """Return "a" or "an", as it stands before this name: "a KeyError", "an int"."""
    return "an" if name[:1].lower() in tuple("aeiou") else "a"
