"""A real web server on a mailbox that the test fills itself: the protocol without a federation behind it."""

import contextlib
import hashlib
from pathlib import Path

import numpy as np
import requests

from fedteach.messages import Update, Weights
from fedteach.steps import broadcast
from fedteach.transport.envelope import reply_to_bytes
from fedteach.transport.http.app import create_app
from fedteach.transport.http.calls import Call
from fedteach.transport.http.face import Face, Options
from fedteach.transport.http.keys import Keys
from fedteach.transport.http.mailbox import Mailbox
from fedteach.transport.http.web_server import WebServer

WEIGHTS: Weights = [np.arange(6, dtype=np.float32).reshape(2, 3), np.ones(3, np.float32)]
MOST_EXAMPLES = 1000


def a_call(round: int = 1, clients=("0", "1"), kind: str = "fit", codec: str = "float32", **changes) -> Call:
    """A question to some clients about `WEIGHTS`."""
    given = {
        "id": f"{round}-{kind}-{len(changes)}",
        "task": hashlib.sha256(f"{round}{kind}".encode()).hexdigest(),
        "round": round,
        "kind": kind,
        "clients": tuple(clients),
        "codec": codec,
        "reply_codecs": tuple(dict.fromkeys([codec, "float32"])),
        "plan": {"epochs": 1} if kind == "fit" else None,
        "seed": 0,
        "shapes": tuple(w.shape for w in WEIGHTS),
        "most_examples": MOST_EXAMPLES,
        "most_bytes": 100_000,
    }
    return Call(**(given | changes))


def an_update(round: int = 1, delta=None, n_examples: int = 10, codec: str = "float32", **changes) -> bytes:
    """An update of `WEIGHTS` as it travels."""
    delta = [np.full_like(w, 0.5) for w in WEIGHTS] if delta is None else delta
    kind = changes.pop("kind", "fit")
    update = Update("?", round, delta if kind == "fit" else [], n_examples, **changes)
    return reply_to_bytes(update, kind, broadcast.codec(codec))


class Classroom:
    """A mailbox with a web server in front of it.

    Args:
        places: number of places.
        store: of the mailbox; None: memory.
        clock: of the mailbox.
    """

    def __init__(self, places: int = 3, store=None, codecs=("float32", "float32"), **how):
        self.mailbox = Mailbox([str(i) for i in range(places)], store, **how)
        self.keys = Keys.fresh()
        options = Options(experiment={"dataset": "digits"}, rounds=5, codecs=codecs, version="0")
        self.face = Face(self.mailbox, self.keys, options)
        self.server = WebServer(create_app(self.face))
        self.url = f"http://127.0.0.1:{self.server.port}"
        self.session = requests.Session()
        self.session.trust_env = False

    def __enter__(self):
        self.mailbox.fill()
        self.server.start()
        return self

    def __exit__(self, *_):
        self.session.close()
        self.server.stop()
        self.mailbox.close()

    def ask(self, method: str, path: str, token: str | None = None, **how) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.keys.class_token if token is None else token}"}
        return self.session.request(
            method, self.url + path, headers=headers | how.pop("headers", {}), timeout=30, **how
        )

    def join(self, name: str = "Anna", key: str = "", ready: bool = True, **body) -> tuple[str, str]:
        """Join and be ready; return the client's id and its token."""
        key = key or f"key of {name}".ljust(16, ".")
        answer = self.ask("POST", "/v1/join", json={"name": name, "key": key, **body})
        assert answer.status_code == 201, answer.text
        said = answer.json()
        if ready:
            assert self.ask("POST", "/v1/ready", said["token"], json={"n_examples": 10}).ok
        return said["client"], said["token"]

    def open(self, call: Call, message: bytes | None = None, extras=None) -> Call:
        """Ask the clients something."""
        codec = broadcast.codec(call.codec)
        self.mailbox.calls.open(call, codec.encode(WEIGHTS) if message is None else message, extras or {})
        return call

    @contextlib.contextmanager
    def opened(self, call: Call):
        """Ask the clients something for a while."""
        yield self.open(call)
        self.mailbox.calls.close(call)

    def board(self, **changes) -> None:
        """Put up a noticeboard."""
        board = {
            "protocol": 1,
            "version": "0.1.0",
            "federation": "test",
            "experiment": {"dataset": "digits", "model": "small_cnn", "split": "4", "clients": 5},
            "join": f"fedteach join {self.url}",
            "phase": "waiting",
            "say": "nobody has joined yet",
            "round": 0,
            "rounds": 5,
            "ends_at": None,
            "window_s": None,
            "accuracy": [],
            "bytes_up": 0,
            "bytes_down": 0,
        }
        self.mailbox.noticeboard.put_up({**board, **self.mailbox.noticeboard.board(), **changes})


def a_file(folder: Path, content: bytes) -> Path:
    """A file with this content that may be moved away."""
    path = folder / f"upload-{hashlib.sha256(content).hexdigest()[:8]}-{len(list(folder.iterdir()))}"
    path.write_bytes(content)
    return path
