"""The map of the design, enforced: imports point one way, and heavy packages stay in their corner.

A new module or folder of fedteach/ gets a place in `LAYERS`; a new layer says in `MAY_USE` what it builds on.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "fedteach"

LAYERS = {
    "base": ("checks", "files", "messages", "randomness", "zips"),
    "steps": ("steps",),
    "data": ("data",),
    "records": ("history", "checkpoint", "run_folder", "tally"),
    "training": ("quiet", "threads", "models", "engine", "engine_pool", "client", "evaluation"),
    "transport": ("transport",),
    "loop": ("parts", "federation", "experiment"),
    "classroom": ("classroom", "classic"),
    "grading": ("grading",),
    "exercises": ("exercises",),
    "lab": ("lab",),
    "authoring": ("authoring",),
    "handout": ("handout",),
    "command line": ("cli", "classroom_cli", "grading_cli", "handout_cli", "__main__", "pytest_plugin"),
}

# What each layer may import beside itself. Steps, data and records know nothing of TensorFlow, so they load and are
# graded in milliseconds; only the loop sees clients and records together; nothing imports the command line.
MAY_USE = {
    "base": (),
    "steps": ("base",),
    "data": ("base",),
    "records": ("base", "steps", "data"),
    "training": ("base", "steps", "data"),
    "transport": ("base", "steps", "data", "training"),
    "loop": ("base", "steps", "data", "records", "training", "transport"),
    "classroom": ("base", "steps", "data", "records", "training", "transport", "loop"),
    "grading": ("base", "steps", "training"),
    "exercises": ("base", "steps", "data", "training", "grading"),
    "lab": ("base", "steps", "data", "records", "training", "transport", "loop", "classroom", "grading", "exercises"),
    "authoring": ("base", "records", "grading", "exercises"),
    "handout": ("base", "grading", "exercises", "authoring"),
    "command line": (
        "base",
        "steps",
        "data",
        "records",
        "training",
        "transport",
        "loop",
        "classroom",
        "grading",
        "exercises",
        "lab",
        "authoring",
        "handout",
    ),
}

# Package -> the only files that may import it. "(late)" means inside functions or for type checkers alone.
CORNERS = {
    "tensorflow": ("quiet.py", "models.py", "engine.py", "client.py", "steps/local_update.py (late)"),
    "keras": ("quiet.py", "models.py", "engine.py", "client.py", "steps/local_update.py (late)"),
    "matplotlib": ("lab/plots.py", "lab/plots/*"),
    "ipywidgets": ("lab/panel.py", "lab/panel*/*"),
    "fastapi": ("transport/http/*",),
    "starlette": ("transport/http/*",),
    "uvicorn": ("transport/http/*",),
    "redis": ("transport/http/redis_store.py (late)",),
    "cryptography": ("transport/http/certificate.py",),
    "jinja2": ("grading/batch/reports/pages.py (late)",),
    "segno": ("classroom_cli.py (late)",),
    "IPython": ("lab/*",),
    "pytest": ("pytest_plugin.py",),
    "jupytext": ("authoring/cells.py (late)",),
    "random": ("models.py",),  # every draw comes from randomness.rng_for; Keras' own state is set and put back
}


@dataclass(frozen=True)
class Import:
    """One imported name: `from fedteach.steps import specs` imports "fedteach.steps.specs"."""

    name: str
    line: int
    late: bool


def imports_of(source: str, module: str) -> Iterator[Import]:
    """Find every import of a module's source, also inside functions and through importlib.

    Args:
        source: the module's text.
        module: its dotted name; ends in ".__init__" for a package, so that relative imports resolve.
    """

    def walk(node: ast.AST, late: bool) -> Iterator[Import]:
        match node:
            case ast.Import(names=names):
                yield from (Import(alias.name, node.lineno, late) for alias in names)
            case ast.ImportFrom(module=origin, names=names, level=level):
                parts = [*module.split(".")[:-level], *filter(None, [origin])] if level else [origin or ""]
                yield from (Import(".".join([*parts, alias.name]), node.lineno, late) for alias in names)
            case ast.Call(func=ast.Attribute(attr="import_module") | ast.Name(id="import_module" | "__import__")):
                for argument in node.args[:1]:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield Import(argument.value, node.lineno, late)
        for part in ast.iter_child_nodes(node):
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or _for_type_checkers(
                node, part
            )
            yield from walk(part, late or inside)

    yield from walk(ast.parse(source), late=False)


def _for_type_checkers(node: ast.AST, part: ast.AST) -> bool:
    """Say whether `part` stands in the body of `if TYPE_CHECKING:`, which never runs."""
    return (
        isinstance(node, ast.If)
        and "TYPE_CHECKING" == ast.unparse(node.test).removeprefix("typing.")
        and part in node.body
    )


def violations(package: Path) -> list[str]:
    """Return a sentence with file and line for every import that the map forbids."""
    found = []
    for file in sorted(package.rglob("*.py")):
        place = file.relative_to(package).as_posix()
        module = ".".join([package.name, *file.relative_to(package).with_suffix("").parts])
        for imported in imports_of(file.read_text(encoding="utf-8"), module):
            broken = _broken_corner(place, imported) or _broken_direction(place, imported)
            if broken:
                found.append(f"{package.name}/{place}:{imported.line}: {broken}")
    return list(dict.fromkeys(found))


def _broken_corner(place: str, imported: Import) -> str:
    top = imported.name.partition(".")[0]
    for allowed in CORNERS.get(top, ()):
        pattern, late, _ = allowed.partition(" (late)")
        if fnmatch(place, pattern) and (imported.late or not late):
            return ""
    return f"{top} may be imported only in: {', '.join(CORNERS[top])}" if top in CORNERS else ""


def _broken_direction(place: str, imported: Import) -> str:
    package, _, rest = imported.name.partition(".")
    here, there = place.removesuffix(".py").partition("/")[0], rest.partition(".")[0]
    if package != PACKAGE.name or here == "__init__" or there == "__version__":
        return ""  # the package itself hands out names of every layer, lazily (test_import.py)
    layer = {module: name for name, modules in LAYERS.items() for module in modules}
    for module in (here, there):
        if module not in layer:
            return f"{module or package!r} has no place in LAYERS of tests/test_architecture.py"
    mine, theirs = layer[here], layer[there]
    if mine == theirs or theirs in MAY_USE[mine]:
        return ""
    return f"{mine} ({here}) must not import {theirs} ({there}); it may use: {', '.join(MAY_USE[mine]) or 'nothing'}"


def test_imports_point_one_way_and_heavy_packages_stay_in_their_corner():
    found = violations(PACKAGE)
    assert not found, "\n" + "\n".join(found)


def test_the_map_has_no_circle():
    rank = {layer: i for i, layer in enumerate(LAYERS)}
    assert set(MAY_USE) == set(LAYERS)
    for layer, used in MAY_USE.items():
        assert all(rank[other] < rank[layer] for other in used), layer


PLANTED = [
    ("steps/aggregation.py", "from fedteach.engine import Engine", "steps (steps) must not import training (engine)"),
    ("steps/aggregation.py", "from ..engine import Engine", "steps (steps) must not import training (engine)"),
    ("steps/__init__.py", "from .. import engine", "steps (steps) must not import training (engine)"),
    ("steps/broadcast.py", "def f():\n    import tensorflow as tf", "tensorflow may be imported only in"),
    ("steps/local_update.py", "import tensorflow as tf", "tensorflow may be imported only in"),
    ("steps/local_update.py", "class A:\n    import keras.ops", "keras may be imported only in"),
    ("data/splits.py", "from keras.datasets import mnist", "keras may be imported only in"),
    ("data/splits.py", "import random", "random may be imported only in"),
    (
        "data/splits.py",
        "if True:\n    from fedteach.steps import selection",
        "data (data) must not import steps (steps)",
    ),
    ("messages.py", "from fedteach import checks, steps", "base (messages) must not import steps (steps)"),
    ("history.py", "import fedteach.federation", "records (history) must not import loop (federation)"),
    ("engine.py", "from .history import History", "training (engine) must not import records (history)"),
    ("transport/http.py", "from fedteach.history import History", "transport (transport) must not import records"),
    ("federation.py", "def f():\n    from fedteach.lab import plots", "loop (federation) must not import lab (lab)"),
    ("federation.py", "from fedteach import Client", "'Client' has no place in LAYERS"),
    ("federation.py", "import fedteach", "'fedteach' has no place in LAYERS"),
    ("lab/table.py", "from matplotlib.figure import Figure", "matplotlib may be imported only in"),
    ("lab/plots.py", "import ipywidgets", "ipywidgets may be imported only in"),
    ("lab/panel.py", "from fedteach.cli import main", "lab (lab) must not import command line (cli)"),
    ("grading/judge.py", "from fedteach.lab import plots", "grading (grading) must not import lab (lab)"),
    ("grading/notebooks.py", "import IPython", "IPython may be imported only in"),
    ("exercises/aggregation.py", "from fedteach import lab", "exercises (exercises) must not import lab (lab)"),
    ("transport/base.py", "import fastapi", "fastapi may be imported only in"),
    ("cli.py", 'import importlib\nimportlib.import_module("tensorflow")', "tensorflow may be imported only in"),
    ("surprise.py", "from fedteach import messages", "'surprise' has no place in LAYERS"),
]


@pytest.mark.parametrize(("place", "source", "rule"), PLANTED, ids=[f"{p}-{s.splitlines()[-1]}" for p, s, _ in PLANTED])
def test_a_planted_violation_is_named_with_file_line_and_rule(tmp_path, place, source, rule):
    file = tmp_path / "fedteach" / place
    file.parent.mkdir(parents=True)
    file.write_text(f'"""A module."""\n\n{source}\n')
    (found,) = violations(tmp_path / "fedteach")
    line = 2 + len(source.splitlines())
    assert found.startswith(f"fedteach/{place}:{line}: ")
    assert rule in found


ALLOWED = [
    ("steps/local_update.py", "def f():\n    import tensorflow as tf"),
    ("steps/local_update.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import keras"),
    (
        "steps/aggregation.py",
        "from fedteach.steps import specs\nfrom . import selection\nfrom ..messages import Update",
    ),
    ("engine.py", "import tensorflow as tf"),
    ("lab/plots/curves.py", "from matplotlib.figure import Figure\nfrom fedteach.history import History"),
    ("lab/panel.py", "import ipywidgets\nfrom fedteach.experiment import Experiment"),
    ("transport/http/server.py", "import fastapi\nfrom fedteach.transport.base import Transport"),
    ("cli.py", "from fedteach import __version__\nfrom fedteach.experiment import Experiment"),
    ("__init__.py", "from fedteach.federation import Federation"),
]


@pytest.mark.parametrize(("place", "source"), ALLOWED, ids=[f"{p}-{s.splitlines()[0]}" for p, s in ALLOWED])
def test_what_the_map_allows_passes(tmp_path, place, source):
    file = tmp_path / "fedteach" / place
    file.parent.mkdir(parents=True)
    file.write_text(source + "\n")
    assert violations(tmp_path / "fedteach") == []
