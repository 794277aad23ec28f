"""Step 2, broadcast: weights to one message and back, what a round costs in bytes, and 256 levels for a number."""

from fedteach.exercises.broadcast.dequantising import DEQUANTISE
from fedteach.exercises.broadcast.packing import PACK
from fedteach.exercises.broadcast.quantising import QUANTISE
from fedteach.exercises.broadcast.sizes import COUNT
from fedteach.exercises.broadcast.unpacking import UNPACK

EXERCISES = (PACK, UNPACK, COUNT, QUANTISE, DEQUANTISE)
