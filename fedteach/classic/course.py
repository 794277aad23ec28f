"""What the original course trained."""

from fedteach.experiment import Experiment

COURSE = Experiment(dataset="mnist", model="cnn", examples_per_client=600)
"""What the original course trained."""

SPLITS = ("1", "2", "3", "4")
"""Its data splits."""
