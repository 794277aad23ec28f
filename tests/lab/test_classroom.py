"""The panel of a class, without a browser: what it shows, what it prints where nobody looks, how it ends."""

import os
import subprocess
import sys
from contextlib import contextmanager

import pytest
from jupyter_client.manager import start_new_kernel

from fedteach.classroom.news import MyRound
from fedteach.classroom.server import HttpServer
from fedteach.lab import classroom
from fedteach.lab.classroom import join
from fedteach.lab.panel_parts.class_screen import CLASS, DATA, rounds_html, rounds_text
from fedteach.lab.panel_parts.screen import _BLANK
from fedteach.transport.http.noticeboard import Noticeboard
from tests.classroom.classes import SMALL, wait_until
from tests.lab.test_frontend import execute, kept

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


TRAINS_WHILE_PYTHON_ENDS = """
from concurrent.futures import ThreadPoolExecutor

from fedteach.classroom.participant import Participant
from fedteach.lab import classroom

panel = classroom.ClassPanel(Participant("http://127.0.0.1:1", "token"), "thread")
classroom._alive.add(panel)

def train():
    print("told to stop:", panel._participant.stopping.wait(20))
    panel._ended.set()

ThreadPoolExecutor().submit(train)
"""


def test_training_is_told_to_stop_before_python_waits_for_it():
    ended = subprocess.run(
        [sys.executable, "-c", TRAINS_WHILE_PYTHON_ENDS], capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout == "told to stop: True\n"
    assert ended.stderr == ""


JOIN_AND_TRAIN_SLOWLY = """
import time
from fedteach import join
me = join({line!r}, mode="thread", local_update=lambda *of: time.sleep(60))
"""


@contextmanager
def kernel_that_trains(server, monkeypatch):
    """A real kernel whose client is in the middle of a step of a minute; yields its manager and its client."""
    monkeypatch.setenv("PYTHONPATH", os.getcwd())
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    manager, kernel = start_new_kernel(kernel_name="python3")
    try:
        kernel.execute(JOIN_AND_TRAIN_SLOWLY.format(line=server.join_line))
        wait_until(lambda: server.board()["cards"].get("0", {}).get("state") == "training")
        yield manager, kernel
    finally:
        kernel.stop_channels()
        if manager.has_kernel:
            manager.shutdown_kernel(now=True)


@pytest.mark.slow
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "waiting for the result"])
@pytest.mark.parametrize("end", ["shutdown_kernel", "restart_kernel"])
def test_a_kernel_that_is_shut_down_in_the_middle_of_a_step_has_said_good_bye(monkeypatch, end, busy):
    with HttpServer(ONE) as server, kernel_that_trains(server, monkeypatch) as (manager, kernel):
        if busy:
            kernel.execute("print('waiting', flush=True); me.result()")
            while kernel.get_iopub_msg(timeout=20)["content"].get("text") != "waiting\n":
                pass
        getattr(manager, end)()  # asks, and after 2.5 s sends SIGTERM, after 5 s SIGKILL: the step ends in none of them
        assert server.board()["cards"]["0"]["state"] == "left"


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


def reported(caplog):
    """Return what the panel says of itself, where servers and libraries speak as well."""
    return [record.getMessage() for record in caplog.records if record.name == classroom.__name__]


def test_a_server_of_a_later_version_may_tell_more_of_a_round(monkeypatch, caplog):
    put = Noticeboard.put_record
    monkeypatch.setattr(
        Noticeboard, "put_record", lambda self, round, record, of: put(self, round, {**record, "energy": 1}, of)
    )
    with HttpServer(ONE) as server:
        me = join(server.url, server.class_token, mode="thread")
        assert me.result(60).state == "over"
        assert me.history.server_accuracy == server.history.server_accuracy
        assert me.history[0].selected == ("0",)
    assert reported(caplog) == []


BROKEN = {
    "rounds that cannot be read": ("classroom._record_of", "thread"),
    "pictures": ("plots.accuracy", "thread"),
    "words": ("classroom.ClassScreen.say", "thread"),
    "button": ("classroom.ClassPanel._say_the_end", "thread"),
    "redraw": ("classroom.Redraw.ask", "thread"),
    "print": ("classroom.print", "blocking"),
}


@pytest.mark.parametrize(("what", "mode"), BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_shown_is_reported_once_and_ends_nothing(monkeypatch, caplog, what, mode):
    def broken(*_, **__):
        raise TypeError("broken display")

    show = classroom.ClassPanel.show

    def break_and_show(panel):
        monkeypatch.setattr(f"fedteach.lab.{what}", broken, raising=False)
        return show(panel)

    monkeypatch.setattr(classroom.ClassPanel, "show", break_and_show)
    with HttpServer(ONE) as server:
        me = join(server.url, server.class_token, mode=mode)
        assert me.result(60).state == "over"
        assert [mine.became for mine in me.news.mine] == ["sent"] * 3
    assert reported(caplog) == ["the panel of the class cannot show everything; the client goes on"]
    assert "broken display" in caplog.text


@pytest.mark.slow
def test_a_program_that_executes_a_notebook_keeps_the_result_also_of_a_client_beside_it(monkeypatch):
    with HttpServer(ONE) as server:
        first, second = execute(
            f"from fedteach import join; me = join({server.join_line!r}, mode='thread')",
            "print(me.result(60).state)",
            monkeypatch=monkeypatch,
        )
    assert [output["text"] for output in second] == ["over\n"]
    assert kept(first)["text/plain"].startswith("finished: 3 rounds, accuracy 0.")
    assert "My rounds" in kept(first)["text/plain"]
