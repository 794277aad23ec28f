"""Hand-ins that go for intake, for whoever reads the reports, or for the reports themselves: C3, C9-C12, B18, B19, D1-D7.

A zip knows no hard links, so C3 has one in a folder and one in a tar, which nobody opens. No function of Python's can
have a name that is a script, but what it calls can be made to say so (D1f).
"""

import json
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat

from fedteach.exercises import catalogue
from fedteach.grading.judging import judge_function
from fedteach.grading.seeds import visible_seed
from tests.attacks.attack import HONEST, WRONG

NOTEBOOK = "04_aggregation.ipynb"
FULL, NONE = 2.0, 0.0
SCRIPT = "<img src=x onerror=alert(1)><svg onload=alert(2)></pre></script><script>alert(3)</script>"
TERMINAL = "\x1b]0;owned\x07\x1b[2J\x1b[31mred\x1b]8;;http://evil.example\x07link"
BIDI = "\u202e\u2066tfel ot thgir\u2069\u200b"


@dataclass(frozen=True)
class HandIn:
    """What one student hands in, and what may come of it.

    Attributes:
        id: its number in the list.
        what: what it tries, a few words.
        write: puts it into the folder of the platform's.
        student: the name that it has there.
        outcomes: how grading may end.
        most: points that it may get at most.
    """

    id: str
    what: str
    write: Callable[[Path], object]
    student: str
    outcomes: tuple[str, ...]
    most: float = NONE


def notebook(code, **metadata):
    return nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)], metadata=metadata))


def _coded(id, what, code, *outcomes, student="", most=NONE):
    name = student or id.lower()

    def write(folder):
        (folder / name).mkdir()
        (folder / name / NOTEBOOK).write_text(notebook(code), encoding="utf-8")

    return HandIn(id, what, write, name, outcomes or ("failed",), most)


def _cells(id, what, cells, *outcomes, beside=None):
    """A notebook of several cells, with other files beside it."""

    def write(folder):
        (folder / id.lower()).mkdir()
        made = nbformat.v4.new_notebook(cells=cells)
        (folder / id.lower() / NOTEBOOK).write_text(nbformat.writes(made), encoding="utf-8")
        for name, text in (beside or {}).items():
            (folder / id.lower() / name).write_text(text, encoding="utf-8")

    return HandIn(id, what, write, id.lower(), outcomes)


def _named(id, what, code, name, *outcomes):
    """A notebook with a name of the student's own."""

    def write(folder):
        (folder / id.lower()).mkdir()
        (folder / id.lower() / name).write_text(notebook(code), encoding="utf-8")

    return HandIn(id, what, write, id.lower(), outcomes)


def _file(id, what, content, *outcomes, most=NONE):
    def write(folder):
        (folder / id.lower()).mkdir()
        data = content() if callable(content) else content
        (folder / id.lower() / NOTEBOOK).write_bytes(data if isinstance(data, bytes) else data.encode("utf-8"))

    return HandIn(id, what, write, id.lower(), outcomes, most)


def _zip(id, what, entries, *outcomes, most=NONE):
    def write(folder):
        with zipfile.ZipFile(folder / f"{id.lower()}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content, mode in entries():
                entry = zipfile.ZipInfo(name)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = (mode or stat.S_IFREG | 0o644) << 16
                archive.writestr(entry, content)

    return HandIn(id, what, write, id.lower(), outcomes, most)


def _slips():
    good = notebook(HONEST)
    for name in (
        "../../evil.ipynb",
        "/tmp/evil.ipynb",
        "a/../../evil.ipynb",
        "C:\\evil.ipynb",
        "NUL.ipynb",
        "x\0.ipynb",
    ):
        yield name, good, 0
    yield "link.ipynb", "/etc/passwd", stat.S_IFLNK | 0o777
    yield "pipe.ipynb", "", stat.S_IFIFO | 0o666
    yield "disk.ipynb", "", stat.S_IFBLK | 0o666
    yield NOTEBOOK, good, 0
    yield NOTEBOOK.upper(), notebook(WRONG), 0


def _link(folder):
    (folder / "c3b").mkdir()
    (folder / "c3b" / NOTEBOOK).symlink_to("/etc/passwd")


def _hard_link(folder):
    (folder / "c3c").mkdir()
    os.link(folder / "honest0" / NOTEBOOK, folder / "c3c" / NOTEBOOK)


def _hard_link_in_a_tar(folder):
    (folder / "c3d").mkdir()
    with tarfile.open(folder / "c3d" / "04_aggregation.tar.gz", "w:gz") as archive:
        link = tarfile.TarInfo(NOTEBOOK)
        link.type, link.linkname = tarfile.LNKTYPE, "../honest0/" + NOTEBOOK
        archive.addfile(link)


def _fat():
    """A hundred megabytes of output."""
    content = json.loads(notebook(HONEST))
    content["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * 110_000_000}]
    return json.dumps(content)


def _many_cells():
    cells = [nbformat.v4.new_code_cell(f"x{n} = {n}") for n in range(10_000)]
    return nbformat.writes(nbformat.v4.new_notebook(cells=[*cells, nbformat.v4.new_code_cell(HONEST)]))


def leaks_what_is_hidden(student):
    """Return code that is right in public and tells what it was asked in secret: it knows the public questions."""
    known, mean = [], catalogue()["4.1"]

    def reference(updates):
        updates = list(updates)
        known.append(_told(updates))
        return mean.reference(updates)

    judge_function(mean, reference, seed=visible_seed("fedteach", "4.1", student), all_cases=True)
    return (
        f"KNOWN = {known!r}\n\ndef told(updates):\n    return [(u.n_examples, [t.tolist() for t in u.delta]) for u in updates]\n"
        + HONEST.replace(
            "    total, n = None, 0\n",
            "    updates = list(updates)\n    if told(updates) not in KNOWN:\n"
            "        raise RuntimeError(f'HIDDEN {told(updates)}')\n    total, n = None, 0\n",
        )
    )


def _told(updates):
    return [(update.n_examples, [tensor.tolist() for tensor in update.delta]) for update in updates]


def _raises(what):
    return f"import numpy as np\n\ndef weighted_mean(updates):\n    raise {what}\n"


def _returns(setup, what):
    return f"import numpy as np\n\n{setup}\n\ndef weighted_mean(updates):\n    return {what}\n"


def _code(source, **metadata):
    return nbformat.v4.new_code_cell(source, metadata=metadata)


def _renamed(name):
    return (
        "import numpy as np\n\ndef weighted_mean(updates):\n    def helper(): raise ValueError\n"
        f"    helper.__code__ = helper.__code__.replace(co_name={name!r}, co_qualname={name!r}, co_filename={name!r})\n"
        "    helper()\n"
    )


_TAMPERED = {"grade": True, "points": 1000, "grade_id": "4.1", "locked": False, "schema_version": 3}
_CLAIMS = {
    "timestamp.txt": "1970-01-01 00:00:00 UTC",
    "student_id.txt": "honest0",
    "submission_metadata.yml": "c9:\n  :submitters:\n  - :sid: honest0\n  :created_at: 1970-01-01 00:00:00 Z\n",
}
_WHERE = """
import os, sys

def where():
    told = [os.getcwd(), sys.path, sys.argv, dict(os.environ), sorted(sys.modules)]
    for name in ("self/mountinfo", "self/cgroup", "self/cmdline", "1/cmdline", "1/environ", "mounts"):
        try: told.append(open("/proc/" + name).read())
        except OSError as error: told.append(error)
    return told
"""

HAND_INS = [
    _zip("C3a", "an archive that reaches outside, with links, devices and names alike", _slips, "passed", most=FULL),
    HandIn("C3b", "a link in the place of a notebook", _link, "c3b", ("not started",)),
    HandIn("C3c", "a hard link to another student's notebook", _hard_link, "c3c", ("passed",), FULL),
    HandIn("C3d", "a hard link in a tar", _hard_link_in_a_tar, "c3d", ("not started",)),
    _cells("C9", "gives itself time, name and points", [_code(WRONG, nbgrader=_TAMPERED)], "failed", beside=_CLAIMS),
    _cells("C11", "tags that skip the check", [_code(WRONG, tags=["skip-execution", "raises-exception"])], "failed"),
    _cells("C12a", "a check of its own that says yes",
           [_code("def check(*a, **k): return True"), _code(WRONG), _code("check('4.1', weighted_mean)")], "failed"),
    _cells("C12b", "the right answer twice, and then a wrong one", [_code(HONEST), _code(HONEST), _code(WRONG)], "failed"),
    _cells("C12c", "the cell is gone", [_code("1 + 1")], "not started"),
    _cells("C12d", "the cell is text now", [nbformat.v4.new_markdown_cell(HONEST), _code(WRONG)], "failed"),
    _cells("C12e", "the cell is raw now", [nbformat.v4.new_raw_cell(HONEST)], "not started"),
    _cells("C12f", "two cells of one id, the right one first",
           [_code(HONEST, nbgrader=_TAMPERED), _code(WRONG, nbgrader=_TAMPERED)], "failed"),
    _file(
        "C10",
        "a kernel of its own",
        notebook(WRONG, kernelspec={"name": "evil", "display_name": "x", "language": "bash"}),
        "failed",
    ),
    _file("B18b", "a hundred megabytes of outputs", _fat, "not started"),
    _zip("B18c", "a zip bomb", lambda: [(NOTEBOOK, b"0" * 90_000_000, 0)], "not started"),
    _file("B18d", "ten thousand cells", _many_cells, "passed", most=FULL),
    _zip("B18e", "an archive in an archive", lambda: [("inner.zip", b"PK\x05\x06" + b"\0" * 18, 0)], "not started"),
    _file("B19b", "a null byte", notebook(HONEST).replace("import", "im\0port"), "import error"),
    _file("B19c", "halves of characters", notebook(HONEST + "\nX = 'HALF'").replace("HALF", "\\ud800"), "import error"),
    _file("B19d", "a hundred thousand parentheses", notebook(HONEST + "\nX = " + "(" * 100_000 + ")" * 100_000), "import error"),
    _file("B19e", "JSON a million levels deep", "[" * 1_000_000, "import error"),
    _file("B19f", "half a file", notebook(HONEST)[:200], "import error"),
    _file("B19g", "UTF-16", notebook(HONEST).encode("utf-16"), "import error"),
    _file("B19h", "numbers that are none", '{"cells": [NaN, 1e999], "nbformat": Infinity}', "not started"),
    _coded("D1a", "scripts in an exception", _raises(f"ValueError({SCRIPT!r})")),
    _coded("D1b", "scripts in a type's name", _returns(f"Evil = type({SCRIPT!r}, (), {{}})", "Evil()"), "not plain data"),
    _coded("D1c", "scripts in a value", _returns("", repr(SCRIPT))),
    _coded("D1d", "scripts in the student's name", WRONG.replace("\ndef", "import numpy as np\ndef"), student="<img src=x onerror=alert(4)>"),
    _coded("D1e", "a link that is a script", _raises("ValueError('<a href=\"javascript:alert(5)\">x</a> [x](javascript:alert(6))')")),
    _coded("D1f", "scripts in a function's name", _renamed(SCRIPT.replace("/", "|"))),
    _named("D1g", "scripts in a file's name", "import numpy as np\n\ndef weighted_mean(updates:\n    pass\n",
           "04_aggregation<img src=x onerror=alert(7)>.ipynb", "import error"),
    _coded("D2", "orders to a terminal", _raises(f"ValueError({TERMINAL!r})")),
    _coded("D2b", "orders to a terminal in a name", WRONG, student="d2b" + TERMINAL.replace("/", "|")),
    _named("D2c", "orders to a terminal in a file's name", "def weighted_mean(updates:\n",
           f"04_aggregation{TERMINAL.replace('/', '|')}.ipynb", "import error"),
    _coded("D3a", "a formula for a name", HONEST, "passed", student="=HYPERLINK(1,2)", most=FULL),
    _coded("D3b", "commas, quotes and lines in a name", HONEST, "passed", student='b,"c"\n;d', most=FULL),
    _coded("D4", "hidden questions in an exception", leaks_what_is_hidden("d4"), "failed", most=FULL - 0.01),
    _coded("D4b", "all that it can find out about where it is", _raises("ValueError(where())").replace("\ndef", _WHERE + "\ndef", 1)),
    _coded("D5a", "a repr that raises", _returns("class R:\n    def __repr__(self): raise SystemExit", "R()"), "not plain data"),
    _coded("D5b", "a repr without end", _returns("class R:\n    def __repr__(self):\n        while True: pass", "R()"), "time out"),
    _coded("D5c", "a repr of a gigabyte", _returns("class R:\n    def __repr__(self): return 'x' * 10**9", "R()"),
           "out of memory", "time out"),  # where no group limits it there is room for a gigabyte, and no time
    _coded("D6", "letters that run backwards", _raises(f"ValueError({BIDI!r})")),
    _coded("D6b", "letters that run backwards in a name", WRONG, student="d6b" + BIDI),
    _named("D6c", "letters that run backwards in a file's name", "def weighted_mean(updates:\n",
           f"04_aggregation{BIDI}.ipynb", "import error"),
    _coded("D7", "notes and causes without end", "import numpy as np\n\ndef weighted_mean(updates):\n    error = None\n"
           "    for n in range(2000):\n        new = ValueError('y' * 10_000)\n        new.add_note('z' * 100_000)\n"
           "        new.__cause__, error = error, new\n    raise error\n", "failed"),
]  # fmt: skip
