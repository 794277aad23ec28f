"""A notebook's source as cells: `# %% [markdown]` begins a cell of text, `# %%` a cell of code.

`# %% A title` is a cell of code that begins with that title as a comment.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Literal


class AuthoringError(ValueError):
    """Sources that cannot be used: one sentence or several, each with the place and what to change."""

    def __init__(self, *sentences: str):
        super().__init__("\n".join(sentences))
        self.sentences = sentences


@dataclass(frozen=True)
class Cell:
    """One cell of a notebook.

    Attributes:
        kind: "markdown" or "code" ("raw" is there for completeness).
        text: what stands in it, lines joined by a newline, none at the end.
        metadata: Jupyter's own notes on the cell, such as {"tags": ["hide-input"]}.
    """

    kind: Literal["markdown", "code", "raw"]
    text: str
    metadata: dict[str, Any] = field(default_factory=dict)


def cells_from(source: str) -> list[Cell]:
    """Read the cells of a py:percent source, in order; empty cells are left out."""
    try:
        import jupytext
    except ModuleNotFoundError:
        raise AuthoringError('building notebooks needs jupytext: python -m pip install -e ".[author]"') from None
    notebook = jupytext.reads(source, fmt="py:percent")
    cells = (Cell(c.cell_type, c.source.strip("\n"), _cell_metadata(c.metadata)) for c in notebook.cells)
    return [_with_title(cell) for cell in cells if cell.text.strip()]


def _cell_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    # jupytext keeps notes for its own way back from notebook to script, which we never go.
    return {key: value for key, value in metadata.items() if key not in ("lines_to_next_cell", "cell_marker")}


def _with_title(cell: Cell) -> Cell:
    """Move the title of `# %% A title` to where a student sees it: the first line of the code."""
    if "title" not in cell.metadata or cell.kind != "code":
        return cell
    others = {key: value for key, value in cell.metadata.items() if key != "title"}
    return replace(cell, text=f"# {cell.metadata['title']}\n{cell.text}", metadata=others)
