"""What the original course trained."""

from fedteach.experiment import Experiment

COURSE = Experiment(dataset="mnist", model="cnn", examples_per_client=600)
"""What the original course trained."""
