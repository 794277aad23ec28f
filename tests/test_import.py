"""Importing fedteach costs nothing, and neither does asking its command for help."""

import ast
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import fedteach

HEAVY = {"tensorflow", "keras", "matplotlib", "numpy", "scipy", "sklearn", "ipywidgets", "IPython", "requests"}


def loaded_after(code: str) -> set[str]:
    """Run code in a fresh interpreter and return the top-level packages that it loaded."""
    report = "\nimport json, sys\nprint(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    result = subprocess.run([sys.executable, "-c", code + report], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    return set(json.loads(result.stdout.splitlines()[-1]))


def test_importing_fedteach_loads_no_heavy_package():
    loaded = loaded_after("import fedteach; dir(fedteach); fedteach.__version__")
    assert not loaded & HEAVY


def test_steps_load_no_tensorflow():
    loaded = loaded_after("from fedteach import steps; steps.aggregation, steps.local_update, steps.broadcast")
    assert not loaded & {"tensorflow", "keras", "matplotlib", "sklearn"}


def test_a_history_loads_no_tensorflow():
    assert not loaded_after("from fedteach import History, RoundRecord") & {"tensorflow", "keras", "matplotlib"}


def test_the_command_line_helps_without_tensorflow():
    code = """
import sys
from fedteach.cli import main
sys.argv = ["fedteach", "--help"]
try:
    main()
except SystemExit as done:
    assert not done.code, done.code
"""
    assert not loaded_after(code) & {"tensorflow", "keras", "matplotlib"}


def test_the_command_line_of_an_installed_fedteach_answers():
    command = [sys.executable, "-m", "fedteach.cli", "--help"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert "fedteach" in result.stdout
    assert result.stderr == ""


def test_every_public_name_is_there():
    assert sorted(fedteach.__all__) == list(fedteach.__all__), "keep __all__ sorted"
    missing = [name for name in fedteach.__all__ if not hasattr(fedteach, name)]
    assert not missing


def test_type_checkers_see_the_same_public_names():
    tree = ast.parse(Path(fedteach.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    assert sorted(alias.name for node in block.body for alias in node.names) == fedteach.__all__


def test_an_unknown_name_is_an_ordinary_attribute_error():
    assert not hasattr(fedteach, "federated_averaging_machine")


def test_the_version_is_the_installed_one():
    assert fedteach.__version__ == version("fedteach")
