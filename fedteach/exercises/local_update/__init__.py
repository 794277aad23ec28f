"""Step 3, local update: four ways to share out the data, local SGD, client drift, and FedProx' pull."""

from fedteach.exercises.local_update.drift import DRIFT
from fedteach.exercises.local_update.local_sgd import LOCAL_SGD
from fedteach.exercises.local_update.proximal import PROXIMAL
from fedteach.exercises.local_update.same_totals import RANDOM
from fedteach.exercises.local_update.sizes import SIZES
from fedteach.exercises.local_update.skewed import SKEWED
from fedteach.exercises.local_update.uniform import UNIFORM

EXERCISES = (UNIFORM, RANDOM, SIZES, SKEWED, LOCAL_SGD, DRIFT, PROXIMAL)
