"""Stores, both kinds, for the tests of this folder."""

import pytest

from fedteach.transport.http.redis_store import RedisStore
from fedteach.transport.http.store import MemoryStore
from tests.redis_server import running_redis


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    yield from running_redis(tmp_path_factory.mktemp("redis"))


@pytest.fixture(params=["memory", "redis"])
def store(request):
    """A store that is empty, of each kind in turn."""
    if request.param == "memory":
        store = MemoryStore()
    else:
        store = RedisStore(request.getfixturevalue("redis_server").url, request.node.name)
    yield store
    store.close()
