"""The original course's server and client, by their original names, thin on the core of today.

Students of the old course wrote clients in plain `requests`: weights as nested lists in JSON, polling, recursion.
`FederatedServer` answers them as the original did, without its faults: a client that reports twice counts once, sizes
never drift, ids need not begin at 0, a dead client does not block the round for ever, and the round stays where it is
when all rounds are done. There are no tokens: for a room of people who trust each other.
"""

from fedteach.classic.client import Client
from fedteach.classic.course import COURSE
from fedteach.classic.server import FederatedServer

__all__ = ["COURSE", "Client", "FederatedServer"]
