"""The panel of a class, without a browser: what it shows, what it prints where nobody looks, how it ends."""

import pytest

from fedteach.classroom.news import MyRound
from fedteach.classroom.server import HttpServer
from fedteach.lab import classroom
from fedteach.lab.classroom import join
from fedteach.lab.panel_parts.class_screen import CLASS, DATA, rounds_html, rounds_text
from fedteach.lab.panel_parts.screen import _BLANK
from tests.classroom.classes import SMALL, wait_until

ONE = SMALL.replace(clients=1)


def test_where_nobody_looks_join_prints_and_returns_when_the_class_is_over(capsys):
    with HttpServer(ONE) as server:
        me = join(server.url, server.class_token, name="Anna")
        assert me.news.state == "over"
        assert [mine.round for mine in me.news.mine] == [1, 2, 3]
        assert me.history.server_accuracy == server.history.server_accuracy
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "joined as client 0"
    assert said[-1].startswith("finished: 3 rounds, accuracy 0.")
    assert len(said) == len(set(said)), "each sentence once"


def test_beside_a_notebook_the_panel_shows_the_class_my_data_and_my_rounds():
    with HttpServer(ONE) as server:
        me = join(server.join_line, name="Anna", mode="thread")  # the whole line will do
        assert me.result(60).state == "over"
        screen = me.screen
        assert screen.progress.value == 1.0
        assert "Finished: 3 rounds, accuracy 0." in screen.status.value
        assert "You are client 0 with 40 examples." in screen.status.value
        assert _BLANK not in (screen.images[CLASS].value, screen.images[DATA].value)
        assert "40" in screen.captions[DATA].value
        assert screen.table.value.count("<tr>") == 1 + 3
        assert screen.leave.disabled


def test_leaving_is_one_press():
    with HttpServer(ONE.replace(rounds=500)) as server:
        me = join(server.url, server.class_token, mode="thread")
        wait_until(lambda: len(me.news.mine) >= 1)
        me.screen.leave.click()
        assert me.result(20).state == "left"
        wait_until(lambda: server.board()["cards"]["0"]["state"] == "left")


def test_what_goes_wrong_is_shown_and_raised():
    with HttpServer(ONE) as server:
        me = join(server.url, "wrong-token", mode="thread")
        with pytest.raises(Exception, match="was not given out by this class"):
            me.result(30)
        assert "<b>Error.</b> This client has ended." in me.screen.status.value
        assert "was not given out" in me.screen.status.value

        def mine(model, x, y, plan, rng):
            raise IndexError("off by one")

        me = join(server.url, server.class_token, local_update=mine, mode="thread")
        with pytest.raises(Exception, match="IndexError: off by one") as error:
            me.result(30)
        assert any("In your function mine, line" in note for note in error.value.__notes__)
        assert "In your function mine, line" in me.screen.status.value
        assert "off by one" in me.screen.table.value


def test_with_the_kernel_the_client_goes_too():
    with HttpServer(ONE.replace(rounds=500)) as server:
        me = join(server.url, server.class_token, mode="thread")
        wait_until(lambda: len(me.news.mine) >= 1)
        classroom._leave_with_the_kernel()
        assert server.board()["cards"]["0"]["state"] == "left"
        wait_until(me._ended.is_set)


def test_a_cell_that_is_run_again_leaves_first(monkeypatch):
    monkeypatch.setattr(classroom.frontend, "cell", lambda: ("cell", 1))
    with HttpServer(ONE.replace(rounds=500)) as server:
        first = join(server.url, server.class_token, mode="thread")
        wait_until(lambda: len(first.news.mine) >= 1)
        second = join(server.url, server.class_token, mode="thread")
        assert first.news.state == "left"
        wait_until(lambda: len(second.news.mine) >= 1)
        second.leave()
        second.result(20)


def test_what_is_no_address_is_refused_at_once():
    for line in ("nonsense://x", "fedteach serve", "fedteach join"):
        with pytest.raises(ValueError, match="expected the server's address"):
            join(line, "token")
    with pytest.raises(ValueError, match="the class token"):
        join("http://127.0.0.1:1")


def test_my_rounds_are_a_table_for_eyes_and_for_ears():
    mine = (MyRound(1, "sent", 1.25, 154_000, 0.5), MyRound(2, "late", 9.0, say="<b> too late"))
    table = rounds_html(mine)
    assert "&lt;b&gt; too late" in table
    assert "<td>154.0 kB</td><td>0.500</td>" in table
    assert rounds_text(mine).splitlines()[1].split() == ["1", "sent", "1.2", "154.0", "kB", "0.500"]
    assert "You have not been asked to train yet." in rounds_html(())
