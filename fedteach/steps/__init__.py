"""The five steps of a federated round, each in its own module of plain functions.

1. `selection`: who takes part in this round?
2. `broadcast`: what travels between server and clients, and in how many bytes?
3. `local_update`: what does a client do with its own examples?
4. `aggregation`: what does the server make of the updates?
5. `global_update`: how does the global model move?

The names and their order are those of Kairouz et al. (2021), arXiv:1912.04977, section 1.1, where
step 2 also covers the way down to the clients and compression the way back up. Any function with a
step's signature can take its place: `Federation` cannot tell yours from ours.
"""

from fedteach.steps import aggregation, broadcast, global_update, local_update, selection

__all__ = ["aggregation", "broadcast", "global_update", "local_update", "selection"]
