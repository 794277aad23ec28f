"""Notebooks as students hand them in."""

import json
from pathlib import Path


def notebook(path: Path, *cells: str) -> Path:
    """Write a notebook of these code cells, each below a cell of text."""
    entries = []
    for source in cells:
        entries.append({"cell_type": "markdown", "metadata": {}, "source": "Some text."})
        entries.append({"cell_type": "code", "metadata": {}, "outputs": [], "source": source.splitlines(keepends=True)})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": entries, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path


WEIGHTED_MEAN = """
def weighted_mean(updates):
    updates = list(updates)
    if not updates:
        raise ValueError("no client answered")
    n = sum(update.n_examples for update in updates)
    return [
        sum(update.n_examples / n * tensor for update, tensor in zip(updates, tensors))
        for tensors in zip(*(update.delta for update in updates))
    ]
"""
"""A right answer to 4.1."""

PLAIN_MEAN = """
def weighted_mean(updates):
    updates = list(updates)
    return [sum(tensors) / len(updates) for tensors in zip(*(update.delta for update in updates))]
"""
"""A wrong answer to 4.1: every client counts the same."""
