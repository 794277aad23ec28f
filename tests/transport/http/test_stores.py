import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fedteach.transport.http.redis_store import RedisStore
from fedteach.transport.http.store import MemoryStore, StoreDown
from tests.redis_server import running_redis

# Laws that both stores keep


def test_what_was_put_is_there_and_what_was_dropped_is_not(store):
    assert store.get("a") is None
    store.put("a", b"one")
    store.put("a", b"two")
    assert store.get("a") == b"two"
    store.drop("a", "never there")
    assert store.get("a") is None


def test_fields_are_kept_one_by_one(store):
    assert store.fields("members") == {}
    store.put_fields("members", {"0": b"anna", "1": b"ben"})
    store.put_fields("members", {"1": b"bea"})
    assert store.field("members", "1") == b"bea"
    assert store.field("members", "2") is None
    store.drop_fields("members", "0", "7")
    assert store.fields("members") == {"1": b"bea"}
    store.drop("members")
    assert store.fields("members") == {}


def test_a_file_is_taken_once(store, tmp_path):
    for name in ("first", "second"):
        (tmp_path / name).write_bytes(name.encode())
    assert store.put_file("update", tmp_path / "first")
    assert not store.put_file("update", tmp_path / "second")
    assert store.get("update") == b"first"
    assert not (tmp_path / "first").exists()
    store.drop("update")
    assert store.put_file("update", tmp_path / "second")


def test_of_many_who_put_a_file_at_the_same_moment_one_does(store, tmp_path):
    files = [tmp_path / str(i) for i in range(16)]
    for file in files:
        file.write_bytes(file.name.encode())
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda file: store.put_file("update", file), files))
    assert taken.count(True) == 1
    assert store.get("update") == str(taken.index(True)).encode()


def test_one_at_a_time_is_alone(store):
    inside, most = 0, 0

    def enter(_):
        nonlocal inside, most
        with store.alone("places"):
            inside += 1
            most = max(most, inside)
            threading.Event().wait(0.01)
            inside -= 1

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(enter, range(8)))
    assert most == 1


def test_a_ring_is_heard_until_listening_ends(store):
    heard, rang = [], threading.Semaphore(0)

    def hear(topic):
        if topic:  # "" is how a store says that it has just begun to listen
            heard.append(topic)
            rang.release()

    end = store.listen(hear)
    _ring_until_heard(store, "call", rang)
    store.ring("reply")
    while heard[-1] != "reply":  # a second "call" may have been under way
        assert rang.acquire(timeout=5)
    end()
    n = len(heard)
    store.ring("call")
    threading.Event().wait(0.1)
    assert len(heard) == n


def _ring_until_heard(store, topic, rang):
    """Redis needs a moment before it passes on the first ring."""
    for _ in range(100):
        store.ring(topic)
        if rang.acquire(timeout=0.1):
            return
    raise AssertionError("nobody heard the bell")


# What is special in each


def test_in_memory_files_wait_on_disk_and_are_freed(tmp_path):
    store = MemoryStore()
    file = tmp_path / "update"
    file.write_bytes(b"x" * 1000)
    store.put_file("update", file)
    (kept,) = Path(store._folder.name).iterdir()
    assert kept.stat().st_size == 1000
    store.drop("update")
    assert not kept.exists()
    store.close()
    assert not kept.parent.exists()


IN_ANOTHER_PROCESS = """
import sys
from fedteach.transport.http.redis_store import RedisStore
store = RedisStore(sys.argv[1], "shared")
{work}
"""


def _elsewhere(redis_server, work):
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS.format(work=work), redis_server.url]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def test_processes_share_what_is_in_redis_and_hear_each_other(redis_server):
    store, heard = RedisStore(redis_server.url, "shared"), threading.Event()
    listening = threading.Event()
    store.listen(lambda topic: heard.set() if topic == "call" else listening.set())
    assert listening.wait(5)
    with _elsewhere(redis_server, 'store.put("a", b"there"); store.ring("call")') as process:
        assert process.wait(30) == 0
    assert heard.wait(5)
    assert store.get("a") == b"there"
    assert RedisStore(redis_server.url, "another class").get("a") is None
    store.close()


def test_who_is_killed_while_it_is_alone_does_not_lock_the_others_out(redis_server, monkeypatch):
    work = 'from threading import Event\nwith store.alone("places"):\n    print("in", flush=True)\n    Event().wait(60)'
    with _elsewhere(redis_server, work) as process:
        assert process.stdout.readline() == b"in\n"
        process.kill()
    store = RedisStore(redis_server.url, "shared")
    with store.alone("places"):
        pass
    store.close()


@pytest.fixture
def mortal_redis(tmp_path):
    yield from running_redis(tmp_path)


def test_a_redis_that_is_away_is_told_in_words_and_one_that_comes_back_is_used_again(mortal_redis):
    server = mortal_redis
    url = server.url.replace("redis://", "redis://:secret@")
    store, back = RedisStore(server.url, "a"), threading.Semaphore(0)
    store.listen(lambda topic: back.release() if topic == "" else None)
    assert back.acquire(timeout=5)
    store.put("a", b"1")
    server.kill()
    with pytest.raises(StoreDown, match=f"Redis at 127.0.0.1:{server.port} does not answer"):
        store.get("a")
    with pytest.raises(StoreDown) as error:
        RedisStore(url, "a").get("a")
    assert "secret" not in str(error.value)
    assert "secret" not in repr(RedisStore(url, "a"))
    server.start()
    assert back.acquire(timeout=10), "who listens must hear that anything may have changed"
    assert store.get("a") is None
    store.put("a", b"2")
    assert store.get("a") == b"2"
    store.close()


def test_what_is_no_address_of_a_redis_is_refused():
    with pytest.raises(ValueError, match="expected the address of a Redis"):
        RedisStore("http://127.0.0.1:6379", "a")


def test_what_nobody_writes_for_a_week_is_forgotten(redis_server):
    store = RedisStore(redis_server.url, "week")
    store.put("a", b"1")
    store.put_fields("b", {"x": b"1"})
    for key in ("a", "b"):
        assert 6 * 24 * 3600 < store._redis.ttl(f"fedteach:week:{key}") <= 7 * 24 * 3600
    store.close()
