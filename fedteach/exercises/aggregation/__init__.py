"""Step 4, aggregation: the mean, the mean as a stream, what must not be averaged, and the median."""

from fedteach.exercises.aggregation.gate import ACCEPT
from fedteach.exercises.aggregation.mean import MEAN, STREAM
from fedteach.exercises.aggregation.median import MEDIAN

EXERCISES = (MEAN, STREAM, ACCEPT, MEDIAN)
