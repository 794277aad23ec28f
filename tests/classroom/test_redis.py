"""A class whose mailbox is in Redis: the same numbers, whoever of those who serve it is killed."""

import threading
import time

import psutil
import pytest

from fedteach.classroom.server import HttpServer
from fedteach.transport.base import TransportError
from tests.classroom.classes import SMALL, a_class, holding_back, join_words, joined, shells, wait_until
from tests.federations import same_bits
from tests.redis_server import running_redis
from tests.traces import all_end


@pytest.fixture
def redis(tmp_path):
    yield from running_redis(tmp_path)


def test_a_redis_that_is_killed_and_comes_back_empty_costs_no_bit(redis):
    experiment = SMALL.replace(rounds=8)
    here = experiment.federation()
    here.run(8)
    with a_class(experiment, redis=redis.url) as (server, clients):
        for done in (2, 4):
            wait_until(lambda done=done: len(server.history) >= done)
            redis.kill()
            time.sleep(0.5)
            redis.start()
        history = server.result(90)
        assert same_bits(server.weights, here.weights)
        assert [len(record.clients) for record in history] == [4] * 8
        wait_until(lambda: server.mailbox.is_filled())
        assert [card["rounds"] for card in server.board()["cards"].values()] == [8] * 4
        assert server.board()["accuracy"] == history.server_accuracy
        wait_until(lambda: all(client.news.state == "over" for client in clients))


@pytest.mark.slow
def test_of_two_server_processes_one_is_killed_and_comes_back(redis):
    experiment = SMALL.replace(rounds=30)
    here = experiment.federation()
    here.run(30)
    with a_class(experiment, redis=redis.url, workers=2) as (server, clients):
        assert server._web.ports[1] == server._web.ports[0] + 1
        wait_until(lambda: len(server.history) >= 3)
        first = server._web.processes[server._web.ports[0]]
        first.kill()
        wait_until(lambda: server._web.processes[server._web.ports[0]] is not first, 20)
        server.result(90)
        assert same_bits(server.weights, here.weights)
        assert all(len(client.line.urls) == 2 for client in clients)
        running = [process.pid for process in server._web.processes.values()]
    assert not [pid for pid in running if psutil.pid_exists(pid)], "no process is left"


@pytest.mark.slow
def test_when_the_server_is_killed_its_processes_end_too(redis, tmp_path):
    with shells(tmp_path) as start:
        server = start("serve", "--workers", "2", "--redis", redis.url, "--port", "0", "--model", "logistic")
        join_words(server)
        workers = psutil.Process(server.process.pid).children()
        assert len(workers) == 2
        server.kill()
        assert all_end(workers, 15)


def test_a_redis_that_is_not_there_is_said_at_once():
    with pytest.raises(ValueError, match="expected the address of a Redis"):
        HttpServer(SMALL, redis="127.0.0.1:6379")


def test_a_redis_that_is_away_at_the_start_is_said_at_once(redis):
    redis.kill()
    server = HttpServer(SMALL, redis=redis.url)
    began = time.monotonic()
    with pytest.raises(TransportError, match="does not answer.*start it first"):
        server.start()
    assert time.monotonic() - began < 10


@pytest.mark.slow
def test_the_shell_outlives_its_redis(redis, tmp_path):
    with shells(tmp_path) as start:
        settings = ["--model", "logistic", "--clients", "1", "--rounds", "4", "--epochs", "1", "--no-stay"]
        server = start("serve", "--redis", redis.url, "--port", "0", *settings)
        words = join_words(server)
        redis.kill()
        assert "the class goes on when it is back" in server.wait_for("goes on when it is back", 20)
        redis.start()
        with joined(words[1], words[words.index("--token") + 1], 1):
            assert server.ended(60) == 0, server.lines


def test_a_class_that_was_ended_goes_on_with_the_same_redis(redis, tmp_path):
    experiment = SMALL.replace(rounds=6)
    here = experiment.federation()
    here.run(6)
    ended = threading.Event()
    with a_class(experiment, redis=redis.url, out=tmp_path, participant=holding_back(6, ended)) as (server, _):
        wait_until(lambda: len(server.history) >= 2)
        server.control("end")
        server.result(30)
        ended.set()
        done = len(server.history)
        assert done < 6
    with HttpServer(resume=tmp_path) as server:
        assert server.mailbox.noticeboard.wished() == "", "it was told to end: that is over and done"
        with joined(server.url, server.class_token, 4):
            assert len(server.result(60)) == 6
        assert same_bits(server.weights, here.weights)
        assert "Redis" in repr(server.mailbox.store), "where the mailbox was is remembered"
