"""Step 5, global update: adding the delta, momentum, Adam, evaluating the right model, and the log."""

from fedteach.exercises.global_update.adam import ADAM
from fedteach.exercises.global_update.adding import APPLY
from fedteach.exercises.global_update.log import LOG
from fedteach.exercises.global_update.log_name import NAME
from fedteach.exercises.global_update.momentum import MOMENTUM
from fedteach.exercises.global_update.playing import PLAY

EXERCISES = (APPLY, MOMENTUM, ADAM, PLAY, LOG, NAME)
