"""One of several server processes: reads its orders from standard input, and serves until that is closed."""

import json
import signal
import sys

from fedteach.transport.http.web_server import settle_down
from fedteach.transport.http.workers import serve_as_told


def main() -> None:
    """Serve as told."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that gave the orders
    server = serve_as_told(json.loads(sys.stdin.readline()))
    settle_down()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
