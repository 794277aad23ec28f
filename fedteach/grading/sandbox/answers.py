"""The functions of fedteach that are the answer to an exercise, or the heart of one.

In a notebook they are there to be used and read. In the copy of the package that graded code finds, they have lost
their body: a call stops with a sentence, as does whatever is built on them (a codec, the engine, a `Federation`), and
their source gives nothing away.

Two stay, because the sandbox itself talks through them: `messages.tensors_to_bytes` and `tensors_from_bytes`. They
spare the students of 2.1 and 2.2 some special cases, but they neither name the tensors nor order them.

On a machine without namespaces nothing of this holds: there, graded code can read whatever the grader can.
"""

from collections.abc import Mapping
from types import MappingProxyType

TAKEN_OUT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "1.1": ("steps.selection.available.choose_available",),
        "1.2": ("steps.selection._draw",),
        "1.3": ("steps.selection.invitations_needed", "steps.selection._chance_of_fewer"),
        "2.1": ("messages.weights_to_tensors",),
        "2.2": ("messages.weights_from_tensors",),
        "2.3": ("steps.broadcast.json_size_bytes",),
        "2.4": ("steps.broadcast._quantise",),
        "2.5": ("steps.broadcast._dequantise",),
        "3.1": ("data.experiments.experiment_1",),
        "3.2": ("data.experiments.experiment_2",),
        "3.3": ("data.experiments.experiment_3",),
        "3.4": ("data.experiments.experiment_4",),
        "3.5": ("steps.local_update.sgd", "steps.local_update.gradients", "steps.local_update.batches"),
        "3.7": ("steps.local_update.gradients",),
        "4.1": ("steps.aggregation.weighted_mean",),
        "4.2": ("steps.aggregation.weighted_mean",),
        "4.3": ("messages.why_unusable",),
        "4.4": ("steps.aggregation.median", "steps.aggregation.trimmed_mean.trimmed"),  # trimmed to the middle
        "5.1": ("steps.global_update._without_memory.step",),
        "5.2": ("steps.global_update.momentum.step",),
        "5.3": ("steps.global_update._adaptive.step",),
        "5.5": ("history.History.to_log",),
    }
)
"""Number of an exercise -> functions below `fedteach`. What is not named has its answer nowhere in students' copy.

A maker, such as `trimmed_mean(0.1)`, still makes; what it makes (`trimmed_mean.trimmed`) is gone."""
