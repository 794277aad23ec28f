"""The store of several server processes: Redis.

Everything of one class has the same prefix, so classes share a Redis. What is not written for a week is forgotten by
Redis itself.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fedteach.transport.base import TransportError
from fedteach.transport.http.store import Hear, StoreDown

if TYPE_CHECKING:
    from redis.client import PubSub

_CONNECT_S = 2.0
_ANSWER_S = 5.0
_KEPT_S = 7 * 24 * 3600
# A process that is killed inside of `alone` holds its lock for so long.
_LOCKED_AT_MOST_S = 5.0
_LISTEN_S = 0.5


class RedisStore:
    """Keeps a mailbox in Redis; see `Store` for what each method does.

    Args:
        url: address of the Redis, "redis://127.0.0.1:6379"; "rediss://" for TLS.
        name: name of the class; its keys begin with it.

    Raises:
        ValueError: if the address is none.
        TransportError: if the package `redis` is not installed.
    """

    is_quick = False

    def __init__(self, url: str, name: str):
        try:
            import redis
        except ImportError as error:
            raise TransportError('Redis needs a package of its own: pip install "fedteach[redis]"') from error
        self._errors = (redis.RedisError, OSError)
        parts = urlsplit(url)
        if parts.scheme not in ("redis", "rediss", "unix"):
            raise ValueError("expected the address of a Redis, such as redis://127.0.0.1:6379")
        self._where = f"Redis at {parts.hostname or parts.path}:{parts.port or 6379}"  # never with its password
        self._prefix = f"fedteach:{name}:"
        # Its types allow for text, which these connections never return.
        self._redis: Any = redis.Redis.from_url(
            url, socket_connect_timeout=_CONNECT_S, socket_timeout=_ANSWER_S, health_check_interval=10
        )
        self._listeners: list[Hear] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"RedisStore({self._where}, {self._prefix})"

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            raise StoreDown(f"{self._where} does not answer ({type(error).__name__})") from None

    def _key(self, key: str) -> str:
        return self._prefix + key

    # ---- keys -----------------------------------------------------------------------------------------

    def get(self, key: str) -> bytes | None:
        """Return what was put under the key."""
        with self._in_words():
            return self._redis.get(self._key(key))

    def put(self, key: str, value: bytes) -> None:
        """Keep bytes under a key."""
        with self._in_words():
            self._redis.set(self._key(key), value, ex=_KEPT_S)

    def put_file(self, key: str, path: Path) -> bool:
        """Keep a file's content if there is nothing under the key yet."""
        content = path.read_bytes()
        with self._in_words():
            is_new = bool(self._redis.set(self._key(key), content, ex=_KEPT_S, nx=True))
        if is_new:
            path.unlink(missing_ok=True)
        return is_new

    def drop(self, *keys: str) -> None:
        """Forget these keys."""
        if keys:
            with self._in_words():
                # In order: who drops the mark that something is there drops it first.
                with self._redis.pipeline(transaction=True) as both:
                    for key in keys:
                        both.unlink(self._key(key))
                    both.execute()

    # ---- fields ---------------------------------------------------------------------------------------

    def fields(self, name: str) -> Mapping[str, bytes]:
        """Return all fields of a name."""
        with self._in_words():
            found = self._redis.hgetall(self._key(name))
        return {field.decode(): value for field, value in found.items()}

    def field(self, name: str, field: str) -> bytes | None:
        """Return one field."""
        with self._in_words():
            return self._redis.hget(self._key(name), field)

    def put_fields(self, name: str, values: Mapping[str, bytes]) -> None:
        """Keep fields."""
        if values:
            with self._in_words(), self._redis.pipeline(transaction=True) as both:
                both.hset(self._key(name), mapping=dict(values))
                both.expire(self._key(name), _KEPT_S)
                both.execute()

    def drop_fields(self, name: str, *fields: str) -> None:
        """Forget these fields."""
        if fields:
            with self._in_words():
                self._redis.hdel(self._key(name), *fields)

    # ---- one at a time --------------------------------------------------------------------------------

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Enter a block that one thread of one process enters at a time; not twice from within itself."""
        lock = self._redis.lock(
            self._key(f"lock:{name}"), timeout=_LOCKED_AT_MOST_S, blocking_timeout=2 * _LOCKED_AT_MOST_S, sleep=0.01
        )
        with self._in_words():
            if not lock.acquire():
                raise StoreDown(f"{self._where} is busy: somebody has held {name!r} for too long")
        try:
            yield
        finally:
            with suppress(*self._errors):  # it ends by itself
                lock.release()

    # ---- the bell -------------------------------------------------------------------------------------

    def ring(self, topic: str) -> None:
        """Tell everybody who listens."""
        with self._in_words():
            self._redis.publish(self._key("bell"), topic)

    def listen(self, hear: Hear) -> Callable[[], None]:
        """Call `hear(topic)` at every ring, from a thread of this store; returns what ends it.

        When Redis was away and is back, `hear("")`: rings may have been lost.
        """
        with self._lock:
            self._listeners.append(hear)
            if self._thread is None:
                self._thread = threading.Thread(target=self._hear_rings, name="fedteach redis bell", daemon=True)
                self._thread.start()

        def end() -> None:
            with self._lock, suppress(ValueError):
                self._listeners.remove(hear)

        return end

    def close(self) -> None:
        """End listening and hang up."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(2 * _LISTEN_S + _CONNECT_S)
        self._redis.close()

    def _hear_rings(self) -> None:
        while not self._closing.is_set():
            try:
                with self._redis.pubsub(ignore_subscribe_messages=True) as bell:
                    bell.subscribe(self._key("bell"))
                    self._tell("")  # what rang before this was not heard
                    self._pass_on(bell)
            except self._errors:
                self._closing.wait(_LISTEN_S)

    def _pass_on(self, bell: "PubSub") -> None:
        while not self._closing.is_set():
            message: dict[str, Any] | None = bell.get_message(timeout=_LISTEN_S)
            if message is not None:
                self._tell(message["data"].decode())

    def _tell(self, topic: str) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for hear in listeners:
            hear(topic)
