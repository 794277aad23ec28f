"""The Python of a code cell, with its own line numbers; magics such as `%matplotlib inline` are left out."""

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Iterator

from fedteach.grading.magics import without_magics

EXERCISE = re.compile(r"\d+\.\d+")
"""The id of an exercise: "4.1"."""


def parsed(text: str) -> ast.Module:
    """Parse a cell; `await` outside of a function is allowed, as in a notebook.

    Raises:
        SyntaxError: if it is no Python.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as "invalid escape sequence": not ours to say
        try:
            flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            tree = compile(without_magics(text), "<cell>", "exec", flags, dont_inherit=True)
        except ValueError as error:  # a null byte
            raise SyntaxError(str(error)) from None
    assert isinstance(tree, ast.Module)
    return tree


def parsed_or_empty(text: str) -> ast.Module:
    """Parse a cell; one that is no Python counts as empty."""
    try:
        return parsed(text)
    except SyntaxError:
        return ast.Module([], [])


def comments(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield every comment of a cell that can be parsed: its line from 1, its column, its text from the `#` on."""
    for token in tokenize.generate_tokens(io.StringIO(without_magics(text)).readline):
        if token.type == tokenize.COMMENT:
            yield *token.start, token.string


def calls(tree: ast.AST, *names: str) -> Iterator[tuple[str, ast.Call]]:
    """Yield exercise and call wherever one of these functions is called with an exercise: `check("4.1", mean)`."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        first = node.args[0]
        if name in names and isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value, node
