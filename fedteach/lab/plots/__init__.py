"""Pictures for notebooks: records and arrays in, a `Picture` with its meaning in words out.

The only place that imports matplotlib, and only its object interface: no pyplot, no global state, so
that a picture can be drawn in any thread and no personal setting changes it.
"""

from fedteach.lab.plots.card import Picture
from fedteach.lab.plots.compare import compare
from fedteach.lab.plots.curves import accuracy
from fedteach.lab.plots.grid import grid
from fedteach.lab.plots.images import examples
from fedteach.lab.plots.labels import label_bars, label_heatmap
from fedteach.lab.plots.lines import lines
from fedteach.lab.plots.loop import five_steps
from fedteach.lab.plots.progress import progress
from fedteach.lab.plots.rounds import participation, traffic

__all__ = [
    "Picture",
    "accuracy",
    "compare",
    "examples",
    "five_steps",
    "grid",
    "label_bars",
    "label_heatmap",
    "lines",
    "participation",
    "progress",
    "traffic",
]
