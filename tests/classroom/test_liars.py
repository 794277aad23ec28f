"""Clients that lie in ways that pass for an update: the class goes on, and keeps its own figures."""

import json
from dataclasses import replace

import numpy as np
import pytest

from fedteach.messages import LARGEST_CHANGE, Lost, Update
from fedteach.transport.envelope import Limits, reply_from_bytes, reply_to_bytes
from tests.classroom.classes import SMALL, Counting, a_class


class Liar(Counting):
    """Client 1 changes what it has made before it sends it; the others are honest."""

    lie = staticmethod(lambda update: update)

    def _send(self, task, made):
        update, kind = reply_from_bytes(made.reply, self.news.client, Limits(10**6, ("float32",)))
        if isinstance(update, Update) and self.news.client == "1":
            made = replace(made, reply=reply_to_bytes(type(self).lie(update), kind, task.reply_codec))
        super()._send(task, made)


@pytest.fixture
def class_with(monkeypatch, tmp_path):
    def run(lie, **settings):
        monkeypatch.setattr(Liar, "lie", staticmethod(lie))
        with a_class(SMALL.replace(rounds=3, **settings), participant=Liar, out=tmp_path) as (server, clients):
            history = server.result(90)
            assert server.board()["phase"] == "finished"
            json.dumps(server.mailbox.noticeboard.records()).encode()
            return history, server

    return run


@pytest.mark.parametrize("number", [3.3e38, 2e15])
def test_numbers_that_would_overflow_the_model_are_refused(class_with, number):
    def lie(update):
        return replace(update, delta=[np.full_like(tensor, number) for tensor in update.delta])

    history, server = class_with(lie)
    assert all("a number beyond 1e+15" in record.lost["1"] for record in history)
    assert [len(record.clients) for record in history] == [3, 3, 3]
    assert history.server_accuracy[-1] > history.server_accuracy[0], "the honest ones go on learning"


@pytest.mark.parametrize("global_update", ["add", "momentum:0.9", "adam", "yogi", "adagrad"])
def test_the_largest_numbers_that_are_allowed_end_no_run(class_with, global_update):
    def lie(update):
        return replace(update, delta=[np.full_like(tensor, LARGEST_CHANGE) for tensor in update.delta])

    history, server = class_with(lie, global_update=global_update)
    assert len(history) == 3, "the model is spoilt; the class is not ended"
    assert all(np.isfinite(tensor).all() for tensor in server.weights)


def test_what_the_server_has_counted_is_not_the_clients_to_say(class_with):
    def lie(update):
        return replace(update, metrics={"n_examples": -5.0, "bytes_up": -1e15, "accuracy": 7.0})

    history, server = class_with(lie)
    for record in history:
        assert record.clients["1"]["n_examples"] == 40
        assert record.clients["1"]["bytes_up"] == record.clients["0"]["bytes_up"] > 0
        assert record.clients["1"]["accuracy"] <= 1, "what the server measures itself counts"
    assert server.board()["cards"]["1"]["bytes_up"] == server.board()["cards"]["0"]["bytes_up"]


def test_a_reason_that_no_file_and_no_terminal_can_bear_is_made_harmless(class_with):
    history, server = class_with(lambda update: Lost("1", update.round, "\ud800 \x1b[2J"))
    assert [record.lost["1"] for record in history] == ["\ufffd \ufffd[2J"] * 3
