"""Under which addresses is a server reached?"""

import ipaddress
import socket
from contextlib import suppress


def names_of(host: str) -> list[str]:
    """Return the names under which a server on this address may be reached."""
    return ["localhost", "127.0.0.1", socket.gethostname(), reachable(host)]


def is_loopback(host: str) -> bool:
    """Say whether only this machine reaches a server on this address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def reachable(host: str) -> str:
    """Return an address that others can type: for "every network", this machine's own in the one that leads out."""
    if host not in ("0.0.0.0", "::", ""):
        return host
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # an address of the documentation; choosing a way to it sends nothing
        return str(probe.getsockname()[0])
    return "127.0.0.1"
