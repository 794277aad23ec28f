"""Cells as the bytes of an .ipynb file: the same on every machine, with no trace of a run.

No outputs, no state of widgets, and cell ids that come from the cells' own text, so that a changed sentence changes one
cell and no other.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

from fedteach.authoring.cells import Cell

# The least that Jupyter needs to know; a live kernel adds its own version, which must not end up in the file.
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def cell_ids(cells: Sequence[Cell]) -> list[str]:
    """Name each cell by its own text, so that a change elsewhere in the notebook leaves its id alone.

    Returns:
        One id of 12 hexadecimal digits per cell, all different: cells of equal text are counted through.
    """
    seen: Counter[tuple[str, str]] = Counter()
    ids = []
    for cell in cells:
        seen[cell.kind, cell.text] += 1
        digest = hashlib.sha256(f"{cell.kind}\n{seen[cell.kind, cell.text]}\n{cell.text}".encode())
        ids.append(digest.hexdigest()[:12])
    return ids


def notebook_text(cells: Sequence[Cell]) -> str:
    """Write cells as the text of an .ipynb file: sorted keys, a newline at the end, no trace of a run."""
    import nbformat

    entries: list[dict[str, Any]] = []
    for cell, id in zip(cells, cell_ids(cells), strict=True):
        entry: dict[str, Any] = {"cell_type": cell.kind, "id": id, "metadata": cell.metadata, "source": cell.text}
        if cell.kind == "code":
            entry |= {"execution_count": None, "outputs": []}
        entries.append(entry)
    notebook = nbformat.from_dict(
        {"cells": entries, "metadata": NOTEBOOK_METADATA, "nbformat": 4, "nbformat_minor": 5},
    )
    nbformat.validate(notebook)
    return str(nbformat.writes(notebook)).rstrip("\n") + "\n"
