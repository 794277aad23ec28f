"""From solutions/*.py to notebooks/*.ipynb, and the proof that every exercise keeps its promises.

Each notebook has one source, `solutions/NN_topic.py`, in the py:percent form. The way of a source:

    sources.py    finds and reads it                      cells.py     the py:percent text as cells
    marks.py      finds the marks in a cell's comments    regions.py   cells with solutions -> cells with stubs
    notebook.py   cells -> the bytes of an .ipynb file    building.py  writes what differs, or names it

and what `check` proves: mistakes.py (the planted ones), promises.py (of the exercises), leaks.py (no line of a solution
is in a notebook). skeleton.py begins a new notebook; command.py is `fedteach author`.
"""

from fedteach.authoring.cells import AuthoringError, Cell, cells_from
from fedteach.authoring.mistakes import mistake
from fedteach.authoring.notebook import notebook_text

__all__ = ["AuthoringError", "Cell", "cells_from", "mistake", "notebook_text"]
