"""Where a mailbox keeps what is in it: in this process's memory, or (`redis_store`) in Redis for several processes.

A store knows nothing of federations. It keeps bytes by key and by field, can take a file, lets one process at a time
into a named block, and rings a bell that every process hears.
"""

import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Protocol

from fedteach.transport.base import TransportError

Hear = Callable[[str], None]


class StoreDown(TransportError):
    """The store does not answer just now. Whatever was asked may or may not have been done."""


class Store(Protocol):
    """Bytes by key, bytes by name and field, and a bell. Every method may be called from any thread.

    Raises:
        StoreDown: every method, if the store is elsewhere and does not answer.

    Attributes:
        is_quick: whether it answers in microseconds, so that no thread is needed to wait for it.
    """

    is_quick: bool

    def get(self, key: str) -> bytes | None:
        """Return what was put under the key."""

    def put(self, key: str, value: bytes) -> None:
        """Keep bytes under a key, in place of what was there."""

    def put_file(self, key: str, path: Path) -> bool:
        """Keep a file's content if there is nothing under the key yet; say whether it was taken.

        The file may be moved away: it belongs to the store now.
        """

    def drop(self, *keys: str) -> None:
        """Forget these keys, those of files and those with fields too."""

    def fields(self, name: str) -> Mapping[str, bytes]:
        """Return all fields of a name."""

    def field(self, name: str, field: str) -> bytes | None:
        """Return one field."""

    def put_fields(self, name: str, values: Mapping[str, bytes]) -> None:
        """Keep fields, in place of what was there under each."""

    def drop_fields(self, name: str, *fields: str) -> None:
        """Forget these fields."""

    def alone(self, name: str) -> AbstractContextManager[object]:
        """Return a block that one thread of one process enters at a time."""

    def ring(self, topic: str) -> None:
        """Tell everybody who listens, in every process, that something about a topic has changed."""

    def listen(self, hear: Hear) -> Callable[[], None]:
        """Call `hear(topic)` at every ring, from any thread; it must be quick. Returns what ends it.

        A ring can get lost while the store is away: who waits for one looks again by itself now and then.
        """

    def close(self) -> None:
        """Give back what the store holds."""


class MemoryStore:
    """The store of one process. Files wait on disk, so that memory does not grow with what waits."""

    is_quick = True

    def __init__(self) -> None:
        self._values: dict[str, bytes | Path] = {}
        self._fields: defaultdict[str, dict[str, bytes]] = defaultdict(dict)
        self._lock = threading.RLock()
        self._blocks: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)
        self._listeners: list[Hear] = []
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._n_files = 0

    def get(self, key: str) -> bytes | None:
        """Return what was put under the key."""
        with self._lock:
            value = self._values.get(key)
            return value.read_bytes() if isinstance(value, Path) else value

    def put(self, key: str, value: bytes) -> None:
        """Keep bytes under a key."""
        with self._lock:
            self.drop(key)
            self._values[key] = value

    def put_file(self, key: str, path: Path) -> bool:
        """Move a file here if there is nothing under the key yet."""
        with self._lock:
            if key in self._values:
                return False
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix="fedteach-mailbox-", ignore_cleanup_errors=True)
            self._n_files += 1
            mine = Path(self._folder.name) / str(self._n_files)
            self._values[key] = path.replace(mine)
            return True

    def drop(self, *keys: str) -> None:
        """Forget these keys."""
        with self._lock:
            for key in keys:
                value = self._values.pop(key, None)
                if isinstance(value, Path):
                    value.unlink(missing_ok=True)
                self._fields.pop(key, None)

    def fields(self, name: str) -> Mapping[str, bytes]:
        """Return all fields of a name."""
        with self._lock:
            return dict(self._fields.get(name, {}))

    def field(self, name: str, field: str) -> bytes | None:
        """Return one field."""
        with self._lock:
            return self._fields.get(name, {}).get(field)

    def put_fields(self, name: str, values: Mapping[str, bytes]) -> None:
        """Keep fields."""
        with self._lock:
            self._fields[name].update(values)

    def drop_fields(self, name: str, *fields: str) -> None:
        """Forget these fields."""
        with self._lock:
            for field in fields:
                self._fields.get(name, {}).pop(field, None)

    def alone(self, name: str) -> AbstractContextManager[object]:
        """Return the block of that name."""
        with self._lock:
            return self._blocks[name]

    def ring(self, topic: str) -> None:
        """Call everybody who listens."""
        with self._lock:
            listeners = list(self._listeners)
        for hear in listeners:
            hear(topic)

    def listen(self, hear: Hear) -> Callable[[], None]:
        """Call `hear(topic)` at every ring; returns what ends it."""
        with self._lock:
            self._listeners.append(hear)

        def end() -> None:
            with self._lock, suppress(ValueError):
                self._listeners.remove(hear)

        return end

    def close(self) -> None:
        """Remove the files."""
        if self._folder is not None:
            self._folder.cleanup()
