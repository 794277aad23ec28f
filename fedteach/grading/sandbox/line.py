"""A private line between judge and job: whole messages over a socket, with a limit on length and on time."""

import socket
import time

_LENGTH_BYTES = 8
_PIECE = 2**18


class Hung(Exception):
    """The other side did not answer in time."""


class Gone(Exception):
    """The other side is not there any more."""


class TooLong(Exception):
    """The other side sends more than anybody could look at."""


def send(line: socket.socket, message: bytes, limit_s: float | None = None) -> None:
    """Send one message.

    Raises:
        Hung: if the other side does not read it within the limit.
        Gone: if there is no other side.
    """
    line.settimeout(limit_s)
    try:
        line.sendall(len(message).to_bytes(_LENGTH_BYTES, "big"))
        line.sendall(message)
    except TimeoutError:
        raise Hung from None
    except OSError:
        raise Gone from None


def receive(line: socket.socket, most_bytes: int, limit_s: float | None = None) -> bytes:
    """Receive one message.

    Raises:
        Hung: if it is not complete within the limit, however busily the other side sends.
        Gone: if the line ends first.
        TooLong: if it says that it is longer than `most_bytes`; nothing of it is read then.
    """
    deadline = None if limit_s is None else time.monotonic() + limit_s
    length = int.from_bytes(_exactly(line, _LENGTH_BYTES, deadline), "big")
    if length > most_bytes:
        raise TooLong(f"{length:,} bytes, where {most_bytes:,} are allowed")
    return _exactly(line, length, deadline)


def _exactly(line: socket.socket, length: int, deadline: float | None) -> bytes:
    received = bytearray()
    while len(received) < length:
        try:
            if deadline is not None:
                line.settimeout(max(deadline - time.monotonic(), 0.001))
            piece = line.recv(min(length - len(received), _PIECE))
        except TimeoutError:
            raise Hung from None
        except OSError:
            raise Gone from None
        if not piece or (deadline is not None and time.monotonic() > deadline):
            raise Hung if piece else Gone
        received += piece
    return bytes(received)
