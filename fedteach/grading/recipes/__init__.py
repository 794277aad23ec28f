"""Arguments that are no data, but can be made from data: each travels as a recipe and is made beside the function.

`make` gives the live argument for one call; `aftermath` says, as plain data, what became of it.
"""

from fedteach.grading.recipes.base import Recipe, live
from fedteach.grading.recipes.clocks import InSeoul
from fedteach.grading.recipes.draws import Rng
from fedteach.grading.recipes.messages import Message, Views
from fedteach.grading.recipes.networks import Network
from fedteach.grading.recipes.probes import Probe
from fedteach.grading.recipes.streams import Passage, Stream, Updates

RECIPES = (InSeoul, Message, Network, Probe, Rng, Stream, Views)

__all__ = [
    "RECIPES",
    "InSeoul",
    "Message",
    "Network",
    "Passage",
    "Probe",
    "Recipe",
    "Rng",
    "Stream",
    "Updates",
    "Views",
    "live",
]
