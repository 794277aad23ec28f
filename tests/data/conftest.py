"""What the tests of data sets share: an empty world without network, and small files to damage."""

import gzip
import hashlib
import socket
import struct
from pathlib import Path

import numpy as np
import pytest

from fedteach.data import datasets, mnist, mnist_writers, places

LABELS = {"train": [5, 0, 4, 1, 9, 2], "test": [7, 2, 1]}
WRITERS = {"train": [31, 31, 8, 8, 8, 12], "test": [40, 41, 40]}


@pytest.fixture(autouse=True)
def _empty_world(tmp_path_factory, monkeypatch):
    """No data folder, no Keras cache, nothing in the process's cache, and no way to the internet."""
    world = tmp_path_factory.mktemp("world")
    monkeypatch.delenv("FEDTEACH_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(world / "keras"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(places, "_REPOSITORY", world)
    (world / "work").mkdir()
    monkeypatch.chdir(world / "work")
    connect = socket.socket.connect

    def connect_here(self, address):
        assert address[0] == "127.0.0.1", f"a test wanted to connect to {address}"
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_here)
    datasets.clear_cache()
    yield
    datasets.clear_cache()


@pytest.fixture
def real_data(shared_data, monkeypatch) -> Path:
    """The folder of real data, as FEDTEACH_DATA in this test's empty world."""
    monkeypatch.setenv("FEDTEACH_DATA", str(shared_data))
    return shared_data


def idx_bytes(array: np.ndarray, magic: int | None = None) -> bytes:
    """An idx file of bytes: two zeros, type 8, number of axes, sizes, values."""
    magic = 0x0800 + array.ndim if magic is None else magic
    return struct.pack(f">I{array.ndim}I", magic, *array.shape) + array.astype(np.uint8).tobytes()


class SmallMnist:
    """Four small idx files and two tables of writers in a folder, with checksums that fit."""

    def __init__(self, folder: Path, monkeypatch):
        self.folder = folder
        self._patch = monkeypatch
        for part in ("train", "test"):
            n = len(LABELS[part])
            images = np.arange(n * 28 * 28).reshape(n, 28, 28) % 256
            self.put(f"x_{part}", idx_bytes(images))
            self.put(f"y_{part}", idx_bytes(np.array(LABELS[part])))
            self.put_table(part, self.table(part))

    def path(self, key: str) -> Path:
        return self.folder / "mnist" / mnist.FILES[key].name

    def put(self, key: str, content: bytes, packed: bytes | None = None) -> None:
        """Write a file and make its size and md5 the published ones."""
        packed = gzip.compress(content, mtime=0) if packed is None else packed
        n = len(LABELS[key[2:]])
        shape = (n, 28, 28) if key[0] == "x" else (n,)
        md5 = hashlib.md5(packed).hexdigest()
        file = mnist.IdxFile(mnist.FILES[key].name, len(packed), md5, shape)
        self._patch.setattr(mnist, "FILES", {**mnist.FILES, key: file})
        self.path(key).parent.mkdir(parents=True, exist_ok=True)
        self.path(key).write_bytes(packed)

    def table(self, part: str) -> str:
        rows = zip(LABELS[part], WRITERS[part], strict=True)
        return "index,label,hsf_series,writer_id\n" + "".join(f"{i},{y},4,{w}\n" for i, (y, w) in enumerate(rows))

    def table_path(self, part: str) -> Path:
        return self.folder / "mnist_writers" / mnist_writers.FILES[part].name

    def put_table(self, part: str, text: str) -> None:
        """Write a table of writers and make its checksum the published one."""
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        file = mnist_writers.WriterFile(mnist_writers.FILES[part].name, sha256, len(LABELS[part]))
        self._patch.setattr(mnist_writers, "FILES", {**mnist_writers.FILES, part: file})
        self.table_path(part).parent.mkdir(parents=True, exist_ok=True)
        self.table_path(part).write_bytes(gzip.compress(text.encode(), mtime=0))


@pytest.fixture
def small_mnist(tmp_path, monkeypatch) -> SmallMnist:
    """A data folder with a small MNIST, named by FEDTEACH_DATA."""
    monkeypatch.setenv("FEDTEACH_DATA", str(tmp_path))
    return SmallMnist(tmp_path, monkeypatch)
