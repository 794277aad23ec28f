"""What server and clients must agree on, and nothing that needs a web framework."""

PROTOCOL = 1
"""The version of the protocol; a server refuses clients of another one."""

OVER = ("finished", "ended", "failed")
"""Phases after which there is nothing more to do."""
