"""The noticeboard is written from two threads, and stays true."""

import threading
import time

import pytest

from fedteach.classroom.standing import Standing
from fedteach.history import History, RoundRecord
from fedteach.transport.http.mailbox import Mailbox
from fedteach.transport.http.store import StoreDown


@pytest.fixture
def mailbox():
    mailbox = Mailbox(["0"])
    mailbox.fill()
    yield mailbox
    mailbox.close()


def slow_in_the_ticker(monkeypatch, board, method):
    """Make a method take as long as a round trip to a store far away, but for the thread of the test."""
    done, begun = getattr(board, method), threading.Event()

    def slow(*arguments):
        if threading.current_thread() is not threading.main_thread():
            begun.set()
            time.sleep(0.1)
        done(*arguments)

    monkeypatch.setattr(board, method, slow)
    return begun


def ticking(work):
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_round_is_counted_once_and_in_its_turn_while_the_board_is_filled_anew(mailbox, monkeypatch):
    history = History(["0"])
    for n in (1, 2, 3):
        history.append(RoundRecord(n, ("0",), {"0": {"accuracy": 0.5, "bytes_up": 1}}, {}, {"accuracy": n / 10}))
    standing = Standing(mailbox, {}, 8)
    begun = slow_in_the_ticker(monkeypatch, mailbox.noticeboard, "put_record")
    ticker = ticking(lambda: standing.restore(history, lambda: []))
    assert begun.wait(5)
    standing.record(history[2], [])
    ticker.join(5)
    assert mailbox.noticeboard.board()["accuracy"] == [0.1, 0.2, 0.3]
    assert mailbox.noticeboard.figures()["0"]["rounds"] == 3


def test_the_last_word_is_not_written_over_by_an_older_one(mailbox, monkeypatch):
    standing = Standing(mailbox, {}, 8)
    standing.running(1, None)
    begun = slow_in_the_ticker(monkeypatch, mailbox.noticeboard, "put_up")
    ticker = ticking(standing.refresh)
    assert begun.wait(5)
    standing.over("finished", "finished: 8 rounds")
    ticker.join(5)
    assert mailbox.noticeboard.board()["phase"] == "finished"


def test_what_a_store_did_not_take_is_put_up_when_it_is_back(mailbox, monkeypatch):
    standing = Standing(mailbox, {}, 8)
    standing.waiting("nobody has joined yet")
    put_up = mailbox.noticeboard.put_up

    def away(board):
        raise StoreDown("redis is away")

    monkeypatch.setattr(mailbox.noticeboard, "put_up", away)
    with pytest.raises(StoreDown):
        standing.refresh()
    monkeypatch.setattr(mailbox.noticeboard, "put_up", put_up)
    standing.refresh()
    assert mailbox.noticeboard.board()["say"] == "nobody has joined yet"
