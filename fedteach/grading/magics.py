"""What a notebook's cell may hold besides Python: `%matplotlib inline`, `!pip install`, `np.mean?`, `%%bash`.

Line numbers survive: a line that goes is replaced by `pass`, so that an error is found where the student sees it.
"""

import ast
import re
import warnings

BODY_STAYS = {"capture", "memit", "prun", "time", "timeit"}
"""Cell magics that run their cell as Python; the cell of any other (`%%bash`, `%%writefile`, ...) goes altogether."""

NOT_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What Python's own parser may raise: broken code, a null byte, brackets nested a thousand deep."""

_CELL_MAGIC = re.compile(r"(?P<above>\s*)%%(?P<name>\w*)(?:[^\n]*\\\n)*[^\n]*")

# A line that IPython takes for itself, from the beginning of a statement to its end (a backslash goes on below).
_LINE_MAGIC = re.compile(
    r"""(?P<indent>[ \t]*)
    (?: [%!]                                                # %matplotlib inline, !pip install numpy
      | \?{1,2}[ \t]*[\w%*]                                 # ?np.mean
      | %{0,2}[\w.*\[\]]+\?{1,2}[ \t]*(?=\n|\Z)             # np.mean?
      | [^\W\d][\w., \t\[\]'"]*=[ \t]*[%!][ \t]*[\w./~{$]   # files = !ls
      | (?:pip3?|conda|mamba)[ \t]+install\b                # pip install numpy
    )
    (?:[^\n]*\\\n)*[^\n]*(?:\n|\Z)""",
    re.VERBOSE,
)

_TOKEN = re.compile(
    r"""\#[^\n]*
    | (?P<quotes>\"{3}|'{3})(?s:\\.|.)*?(?:(?P=quotes)|\Z)
    | "(?:\\(?s:.)|[^"\\\n])*"? | '(?:\\(?s:.)|[^'\\\n])*'?
    | \\\n
    | (?P<opening>[(\[{]) | (?P<closing>[)\]}]) | (?P<end>\n)""",
    re.VERBOSE,
)


def without_magics(source: str) -> str:
    """Return a cell's Python, with as many lines as the cell, or "" if all of it is for somebody else."""
    while magic := _CELL_MAGIC.match(source):
        if magic["name"] not in BODY_STAYS:
            return ""
        source = "\n" * magic[0].count("\n") + source[magic.end() :]
    return source if parses(source) else _without_line_magics(source)


def parses(source: str) -> bool:
    """Say whether this is Python as it stands."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(source)
    except NOT_PYTHON:
        return False
    return True


def _without_line_magics(source: str) -> str:
    kept, at = [], 0
    while at < len(source):
        magic = _LINE_MAGIC.match(source, at)
        end = magic.end() if magic else _end_of_statement(source, at)
        kept.append(f"{magic['indent']}pass" + "\n" * magic[0].count("\n") if magic else source[at:end])
        at = end
    return "".join(kept)


def _end_of_statement(source: str, at: int) -> int:
    """Return where the line ends that begins here; an open bracket or a text in triple quotes goes on below."""
    depth = 0
    for token in _TOKEN.finditer(source, at):
        if token["opening"]:
            depth += 1
        elif token["closing"]:
            depth = max(depth - 1, 0)
        elif token["end"] and depth == 0:
            return token.end()
    return len(source)
