"""The runner with federations made up for it: rounds take as long as the test says, and no TensorFlow is loaded."""

import sys
import threading
import time

import pytest

from fedteach.history import History, RoundRecord
from fedteach.lab import runner
from fedteach.lab.redraw import Redraw
from fedteach.lab.runner import Busy, Run
from fedteach.tally import Event
from tests.lab.waiting import running, until


class Folder:
    def __init__(self, folder):
        self.log_path, self.picture_path = folder / "run.json", folder / "run.png"


class Experiment:
    """An experiment and its federation in one: each round calls `in_round(number)`, then counts."""

    def __init__(self, rounds=3, in_round=lambda number: None, folder=None):
        self.rounds, self.in_round, self.folder = rounds, in_round, folder

    def federation(self, *, out, stop, on_event):
        return Federation(self, stop, on_event)


class Federation:
    def __init__(self, experiment, stop, on_event):
        self.experiment, self.stop, self.on_event = experiment, stop, on_event
        self.history = History(["0", "1"], {"rounds": experiment.rounds})
        self.folder = Folder(experiment.folder) if experiment.folder else None

    def rounds(self, n):
        for number in range(1, n + 1):
            if self.stop.is_set():
                return
            self.on_event(Event("selected", number, "0"))
            self.experiment.in_round(number)
            self.history.append(RoundRecord(number, server={"accuracy": number / 10}))
            yield self.history[-1]


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    yield
    assert until(lambda: running() == 0), "a thread still runs"


def forever(number):
    time.sleep(0.01)


def test_a_run_goes_from_new_to_done():
    begins, ends = [], []
    run = Run(
        Experiment(),
        on_begin=lambda: begins.append((run.state, threading.current_thread().name)),
        on_end=lambda: ends.append(run.state),
    )
    assert run.state == "new"
    run.start()
    history = run.result(5)
    assert [record.server_accuracy for record in history] == [0.1, 0.2, 0.3]
    assert run.state == "done"
    assert not run.active
    assert begins == [("preparing", "fedteach run")]
    assert ends == ["done"], "told once, and before anybody who waits goes on"


def test_who_has_waited_for_a_run_finds_its_thread_gone():
    class SlowToLeave(threading.Event):
        def set(self):
            super().set()
            time.sleep(0.2)

    run = Run(Experiment())
    run._ended = SlowToLeave()
    run.start()
    assert len(run.result(5)) == 3
    assert running() == 0


def test_what_is_planned_is_shown_until_the_federation_is_there():
    planned = History(["0", "1", "2"], {"rounds": 3, "split": "4"})
    assert Run(Experiment(), planned=planned).history is planned
    assert Run(Experiment()).history.settings == {"rounds": 3}


def test_stop_ends_a_run_after_the_round_at_hand_and_keeps_what_was_done():
    run = Run(Experiment(1000, forever))
    run.start()
    assert until(lambda: len(run.history) >= 2)
    run.stop()
    history = run.result(5)
    assert 2 <= len(history) < 1000
    assert (run.state, run.why_stopped) == ("stopped", "you stopped it")


def test_stopping_what_has_ended_changes_nothing():
    run = Run(Experiment())
    run.start()
    run.result(5)
    run.stop()
    assert (run.state, run.why_stopped) == ("done", "")


def test_a_stop_in_the_last_round_leaves_a_complete_run():
    run = Run(Experiment(3, lambda number: run.stop() if number == 3 else None))
    run.start()
    assert len(run.result(5)) == 3
    assert run.state == "done"


def test_a_second_run_stops_and_outlives_the_first():
    first = Run(Experiment(1000, forever))
    first.start()
    assert until(lambda: len(first.history) >= 1)
    seen = []
    second = Run(Experiment(2, lambda number: seen.append(running())))
    second.start()
    assert (first.state, first.why_stopped) == ("stopped", "another run began")
    assert len(second.result(5)) == 2
    assert seen == [1, 1], "never two at once"


def test_a_run_in_the_callers_thread_also_stops_the_older_one():
    first = Run(Experiment(1000, forever))
    first.start()
    second = Run(Experiment())
    second.run_here()
    assert (first.state, second.state) == ("stopped", "done")


def test_a_run_that_does_not_hear_makes_the_next_one_say_where_it_is_stuck(monkeypatch):
    monkeypatch.setattr(runner, "PATIENCE_S", 0.2)
    go_on = threading.Event()

    def my_endless_step(number):
        go_on.wait(10)

    first = Run(Experiment(3, my_endless_step))
    first.start()
    assert until(lambda: first.asked)
    second = Run(Experiment())
    with pytest.raises(Busy, match=r"not ended after 0.2 s: it is in your function my_endless_step, line \d+: go_on"):
        second.start()
    with pytest.raises(Busy):
        second.result(0)
    assert second.state == "failed"
    go_on.set()
    assert first.join(5)
    third = Run(Experiment())
    third.start()
    assert len(third.result(5)) == 3


def my_bad_step(number):
    return 1 / (number - 2)


def test_an_error_is_raised_by_result_with_the_students_own_line():
    run = Run(Experiment(3, my_bad_step))
    run.start()
    with pytest.raises(ZeroDivisionError) as caught:
        run.result(5)
    line = my_bad_step.__code__.co_firstlineno + 1
    assert caught.value.__notes__ == [f"In your function my_bad_step, line {line}: return 1 / (number - 2)"]
    assert (run.state, len(run.history)) == ("failed", 1)
    with pytest.raises(ZeroDivisionError):
        run.result(5)


def test_leaving_the_interpreter_in_a_step_is_an_error_of_the_run_only():
    run = Run(Experiment(3, lambda number: exit()))
    run.start()
    with pytest.raises(SystemExit):
        run.result(5)


def test_result_can_be_asked_for_with_patience():
    run = Run(Experiment(1000, forever))
    run.start()
    assert until(lambda: len(run.history) >= 1)
    with pytest.raises(TimeoutError, match=r"after 0.05 s the run has done \d+ of 1000 rounds; it goes on"):
        run.result(0.05)
    assert run.active
    run.stop()
    run.result(5)


def test_an_interrupt_while_waiting_stops_the_run(monkeypatch):
    run = Run(Experiment(1000, forever))
    run.start()
    assert until(lambda: len(run.history) >= 1)
    join, calls = run.join, []

    def interrupted_once(timeout=None):
        calls.append(timeout)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return join(timeout)

    monkeypatch.setattr(run, "join", interrupted_once)
    with pytest.raises(KeyboardInterrupt):
        run.result()
    assert (run.state, run.why_stopped) == ("stopped", "you interrupted the kernel")


def interrupt(number):
    if number == 2:
        raise KeyboardInterrupt


def test_an_interrupt_in_the_callers_thread_goes_through_and_leaves_everything_usable():
    ends = []
    run = Run(Experiment(3, interrupt), on_end=lambda: ends.append(run.state))
    with pytest.raises(KeyboardInterrupt):
        run.run_here()
    assert (run.state, run.why_stopped) == ("stopped", "you interrupted the kernel")
    assert ends == ["stopped"]
    assert len(run.result(0)) == 1
    again = Run(Experiment())
    again.run_here()
    assert again.state == "done"


def test_events_say_who_was_asked_who_answered_and_who_was_lost():
    def look(number):
        for event in (Event("selected", 1, "1"), Event("answered", 1, "0"), Event("lost", 1, "1", "late")):
            if number == 1:
                run._on_event(event)
        seen.append((run.asked, run.answered, run.lost))

    seen = []
    run = Run(Experiment(2, look))
    run.run_here()
    assert seen == [(("0", "1"), ("0",), {"1": "late"}), (("0",), (), {})]


def test_the_picture_lies_beside_the_log_also_when_a_round_failed(tmp_path):
    run = Run(Experiment(3, my_bad_step, folder=tmp_path))
    run.start()
    run.join(5)
    assert run.saved_in == str(tmp_path / "run.json")
    assert (tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")


def test_a_folder_that_cannot_be_written_costs_the_picture_and_not_the_run(tmp_path):
    (tmp_path / "a file").write_text("")
    run = Run(Experiment(1, folder=tmp_path / "a file"))
    run.start()
    assert len(run.result(5)) == 1
    assert "run.json, but without its picture: " in run.saved_in


# Redraw


def test_a_thousand_requests_draw_seldom_and_always_the_last():
    drawn, newest = [], 0
    redraw = Redraw(lambda: drawn.append(newest), interval_s=0.1)
    began = time.monotonic()
    for newest in range(1000):  # noqa: B007
        redraw.ask()
        time.sleep(0.0002)
    assert until(lambda: redraw._thread is None)
    assert drawn[-1] == 999
    # One at once, then one for each tenth of a second, then the last.
    assert len(drawn) <= 2 + (time.monotonic() - began) / 0.1


def test_what_is_urgent_is_drawn_before_tensorflow_is_loaded(monkeypatch):
    order = []
    monkeypatch.setitem(sys.modules, "fedteach.federation", None)  # loading it fails, which is nobody's business here
    redraw = Redraw(lambda: order.append("drawn"), interval_s=0, quiet_s=0.1)
    redraw.join()
    redraw.ask()
    runner.warm_up(after=lambda: (redraw.join(), order.append("loading")))
    assert until(lambda: "loading" in order)
    assert order == ["drawn", "loading"]


def test_a_quiet_redraw_waits_until_nobody_asks_any_more():
    asked, drawn = [], []
    redraw = Redraw(lambda: drawn.append(time.monotonic()), interval_s=0, quiet_s=0.15)
    for _ in range(10):
        asked.append(time.monotonic())
        redraw.ask()
        time.sleep(0.02)
    assert until(lambda: redraw._thread is None)
    silences = [(a, b) for a, b in zip(asked, [*asked[1:], float("inf")], strict=True) if b - a >= 0.14]
    assert 1 <= len(drawn) <= len(silences), "a machine that stands still for so long makes silences of its own"
    assert all(any(a + 0.14 <= moment for a, _ in silences) for moment in drawn)
    assert drawn[-1] >= asked[-1] + 0.14


def test_without_threads_a_request_draws_at_once_unless_it_is_too_early():
    drawn = []
    redraw = Redraw(lambda: drawn.append(threading.current_thread()), interval_s=60, threaded=False)
    redraw.ask()
    redraw.ask()
    assert drawn == [threading.current_thread()]


def test_finish_drops_what_was_asked_for_and_no_older_state_is_drawn_over_the_last():
    drawn, begun, go_on = [], threading.Event(), threading.Event()

    def slow():
        begun.set()
        go_on.wait(5)
        drawn.append("old")

    redraw = Redraw(slow, interval_s=0)
    redraw.ask()
    assert begun.wait(5)
    redraw.ask()
    threading.Timer(0.05, go_on.set).start()
    redraw.finish(lambda: drawn.append("last"))
    assert until(lambda: redraw._thread is None)
    assert drawn[-1] == "last"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_drawing_that_fails_does_not_end_all_drawing():
    drawn = []

    def fails_once():
        drawn.append(threading.current_thread())
        if len(drawn) == 1:
            raise OSError("no paper")

    redraw = Redraw(fails_once, interval_s=0)
    redraw.ask()
    assert until(lambda: redraw._thread is None)
    drawn[0].join(5)  # what it dies of is told in this test, and not in the next
    redraw.ask()
    assert until(lambda: len(drawn) == 2)
