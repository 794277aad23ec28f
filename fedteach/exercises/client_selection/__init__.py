"""Step 1, client selection: who may take part, a fair draw, and how many to invite so that enough answer."""

from fedteach.exercises.client_selection.draw import CHOOSE_FRACTION
from fedteach.exercises.client_selection.eligible import ELIGIBLE
from fedteach.exercises.client_selection.invitations import INVITATIONS

EXERCISES = (ELIGIBLE, CHOOSE_FRACTION, INVITATIONS)
