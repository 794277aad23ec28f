"""The classroom: the bytes of a class, a round that ends although somebody is missing, and a poisoned update."""

from fedteach.exercises.classroom.closing import CLOSE
from fedteach.exercises.classroom.suspects import SUSPECTS
from fedteach.exercises.classroom.traffic import TRAFFIC

EXERCISES = (TRAFFIC, CLOSE, SUSPECTS)
