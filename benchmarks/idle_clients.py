"""Clients that train in no time, in a process of their own: `python -m benchmarks.idle_clients URL TOKEN N`.

They speak protocol v1 with as little effort as possible, so that what is measured is the server. The reply to a task is
made once, of zeros.
"""

import asyncio
import json
import sys
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from fedteach.messages import Update
from fedteach.steps import broadcast
from fedteach.transport.envelope import reply_to_bytes


class Connection:
    """One kept connection that knows just enough HTTP."""

    def __init__(self, url: str, token: str):
        parts = urlsplit(url)
        self._host, self._port, self.token = parts.hostname, parts.port, token
        self._reader: Any = None
        self._writer: Any = None

    async def ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        """Send a request and return the answer's body."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port, limit=2**20)
        head = f"{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {self.token}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        await self._writer.drain()
        answer = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        size = int(answer.partition("content-length: ")[2].partition("\r\n")[0])
        content = await self._reader.readexactly(size)
        if not answer.startswith("http/1.1 2"):
            raise RuntimeError(f"{method} {path}: {answer.splitlines()[0]} {content!r:.200}")
        return content


_replies: dict[int, bytes] = {}


def reply_for(round: int, weights: bytes, codec: str) -> bytes:
    """Return a reply that changes nothing; made once a round for all clients."""
    if round not in _replies:
        _replies.clear()
        zeros = [np.zeros_like(w) for w in broadcast.codec(codec).decode(weights)]
        _replies[round] = reply_to_bytes(Update("", round, zeros, 1), "fit", broadcast.float32())
    return _replies[round]


async def take_part(url: str, class_token: str, number: int) -> None:
    """Join and do whatever is asked until the class is over."""
    line = Connection(url, class_token)
    joined = json.loads(
        await line.ask("POST", "/v1/join", json.dumps({"name": f"idle {number}", "key": f"{number:032}"}).encode())
    )
    line.token = joined["token"]
    await line.ask("POST", "/v1/ready", b'{"n_examples": 1}')
    while True:
        answer = json.loads(await line.ask("GET", "/v1/task?wait=20"))
        if answer["phase"] in ("finished", "ended", "failed"):
            return
        task = answer["task"]
        if task is not None:
            weights = await line.ask("GET", f"/v1/weights/{task['round']}")
            await line.ask("PUT", f"/v1/updates/{task['round']}", reply_for(task["round"], weights, task["codec"]))


async def main(url: str, token: str, n: int) -> None:
    """Start n clients, some after the others."""
    clients = []
    for number in range(n):
        clients.append(asyncio.create_task(take_part(url, token, number)))
        await asyncio.sleep(0.04 if n > 250 else 0.005)
    await asyncio.gather(*clients)


if __name__ == "__main__":
    from fedteach.transport.http.web_server import allow_many_connections

    allow_many_connections()
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
