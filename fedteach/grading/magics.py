"""What a notebook's cell may hold besides Python: `%matplotlib inline`, `!pip install`, `np.mean?`, `%%bash`.

Line numbers survive: a line that goes is replaced by `pass`, so that an error is found where the student sees it.
"""

import ast
import re
import warnings

BODY_STAYS = {"capture", "debug", "memit", "prun", "time", "timeit"}
"""Cell magics that run their cell as Python; the cell of any other (`%%bash`, `%%writefile`, ...) goes altogether."""

RUNS_ITS_LINE = {"memit", "prun", "time"}
"""Line magics that run the Python behind them in the notebook: `%time K = 1` gives K a value."""

AUTOMAGIC = (
    *("autoreload cat cd clear conda config cp env less load load_ext ls mamba man matplotlib mkdir more mv".split()),
    *("pip pip3 pwd pylab reload_ext rm rmdir run set_env".split()),
    *RUNS_ITS_LINE,
    "timeit",
)
"""Magics that are often written without their %, as in a terminal: `cd ..`."""

NOT_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What Python's own parser may raise: broken code, a null byte, brackets nested a thousand deep."""

_CELL_MAGIC = re.compile(r"(?P<above>\s*)%%(?P<name>\w*)(?:[^\n]*\\\n)*[^\n]*")

# A line that IPython takes for itself, from the beginning of a statement to its end (a backslash goes on below).
_LINE_MAGIC = re.compile(
    rf"""(?P<indent>[ \t]*)
    (?: %[ \t]*(?P<runs>{"|".join(RUNS_ITS_LINE)})\b        # %time x = slow()
      | [%!]                                                # %matplotlib inline, !pip install numpy
      | \?{{1,2}}[ \t]*[\w%*]                               # ?np.mean
      | %{{0,2}}[\w.*\[\]]+\?{{1,2}}[ \t]*(?=\n|\Z)         # np.mean?
      | [^\W\d][\w., \t\[\]'"]*=[ \t]*[%!][ \t]*[\w./~{{$]  # files = !ls
      | (?P<bare>{"|".join(AUTOMAGIC)})                     # cd ..
        (?=[ \t]+(?!(?:and|else|for|if|in|is|not|or)\b)[\w.~/\\$"'{{-])
    )
    (?P<line>(?:[^\n]*\\\n)*[^\n]*)(?:\n|\Z)""",
    re.VERBOSE,
)

_OPTIONS = re.compile(r"\A(?:[ \t]*--?\w[\w-]*(?:[ \t]+\d+)?)*[ \t]*")

_PROMPTS = (
    (re.compile(r"[ \t]*>>>(?: |$)"), re.compile(r"^[ \t]*(?:>>>|\.\.\.)(?: |$)", re.MULTILINE)),
    (re.compile(r"In \[\d+\]: "), re.compile(r"^(?:In \[\d+\]: |[ \t]*\.{3,}: ?)", re.MULTILINE)),
)
"""What stands before lines that were copied from a terminal: before the first of them, and before each."""

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
    if not parses(source):
        source = _as_typed(source)
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


def _as_typed(source: str) -> str:
    """Take away what IPython takes away: the indentation that all lines share, and `>>>` before them."""
    body = source.lstrip()
    for initial, prompt in _PROMPTS:
        if initial.match(body):
            source = prompt.sub("", source)
    above = len(source) - len(source.lstrip())
    indent = source[source.rfind("\n", 0, above) + 1 : above]
    return re.sub(rf"^[ \t]{{1,{len(indent)}}}", "", source, flags=re.MULTILINE) if indent else source


def _without_line_magics(source: str) -> str:
    kept, at = [], 0
    while at < len(source):
        magic = _LINE_MAGIC.match(source, at)
        if magic and magic["bare"] and parses(magic[0].strip()):
            magic = None  # `ls -1` is a difference
        end = magic.end() if magic else _end_of_statement(source, at)
        kept.append(magic["indent"] + _instead(magic) + "\n" * magic[0].count("\n") if magic else source[at:end])
        at = end
    return "".join(kept)


def _instead(magic: re.Match[str]) -> str:
    """Return the Python of a line that is for IPython, on one line."""
    if magic["runs"] or magic["bare"] in RUNS_ITS_LINE:
        python = _OPTIONS.sub("", magic["line"].replace("\\\n", " "), count=1).strip()
        if python and parses(python):
            return python
    return "pass"


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
