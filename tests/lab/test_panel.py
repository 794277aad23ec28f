"""The panel without a browser: its buttons and controls are pressed here, its traits read."""

import functools
import re
import threading
import time

import numpy as np
import pytest

from fedteach import Experiment, History, panel
from fedteach.lab import runner, words
from fedteach.lab.panel_parts import controls
from fedteach.lab.panel_parts.screen import ACCURACY, COPY, DATA, PARTICIPATION, TABLE, TRAFFIC
from tests.lab.records import record, three_rounds
from tests.lab.waiting import running, until

TINY = Experiment(model="logistic", epochs=1, clients=3, rounds=2, workers=1)
LONG = TINY.replace(rounds=1000)
BLANK = panel(TINY, mode="thread", out=None).screen.images[TRAFFIC].value


_make_pool = Experiment.pool


@functools.cache
def one_pool():
    return _make_pool(TINY)


@pytest.fixture(autouse=True)
def _quick_runs_and_small_pictures(monkeypatch):
    """All runs share one compiled loop, as all clients of one run do anyway."""
    monkeypatch.setattr(Experiment, "pool", lambda experiment: one_pool())
    monkeypatch.setattr("fedteach.lab.panel._LIVE_DPI", 50)
    monkeypatch.setattr("fedteach.lab.panel._FINAL_DPI", 50)


@pytest.fixture(autouse=True)
def _every_run_ends():
    yield
    if runner._current is not None:
        runner._current.stop()
        assert runner._current.join(10)
    assert until(lambda: running() == 0), "a thread still runs"


def make(experiment=TINY, mode="thread", out=None, **more):
    return panel(experiment, mode=mode, out=out, **more)


def status(board):
    return re.sub("<[^>]+>", " ", board.screen.status.value)


def says(board, words, limit_s=30):
    assert until(lambda: words in status(board), limit_s), f"expected {words!r}, the panel says: {status(board)}"


def disabled(board):
    return {name for name, widget in board.controls.widgets.items() if widget.disabled}


# Running


@pytest.mark.parametrize("mode", ["thread", "blocking"])
def test_run_shows_the_end_everywhere_and_enables_the_controls_again(mode):
    board = make(mode=mode)
    board.screen.run.click()
    history = board.result(60)
    assert len(history) == 2
    says(board, f"Done: round 2 of 2 · server accuracy {100 * history[-1].server_accuracy:.1f} %")
    assert "Asked: clients 0, 1, 2." in status(board)
    assert board.screen.progress.value == 1
    assert not disabled(board)
    assert (board.screen.run.disabled, board.screen.stop.disabled) == (False, True)
    assert board.screen.tabs.selected_index == ACCURACY
    assert all(
        bytes(board.screen.images[tab].value).startswith(b"\x89PNG") for tab in (ACCURACY, PARTICIPATION, TRAFFIC)
    )
    # Who holds what is drawn beside the run, and may come after it.
    assert until(lambda: BLANK not in [image.value for image in board.screen.images])
    assert "Accuracy after round 2 of 2, 3 clients, experiment 1." in board.screen.captions[ACCURACY].value
    assert board.screen.table.value.count("<tr>") == 3
    assert running() == 0


def test_both_modes_give_the_same_numbers():
    histories = []
    for mode in ("thread", "blocking"):
        board = make(mode=mode)
        board.run()
        histories.append(board.result(60).server_accuracy)
    assert histories[0] == histories[1]


def test_while_it_runs_nothing_but_stop_can_be_pressed():
    board = make(LONG)
    board.run()
    says(board, "of 3 clients done")
    assert disabled(board) == set(controls.NAMES)
    assert (board.screen.run.disabled, board.screen.stop.disabled) == (True, False)
    board.screen.stop.click()
    history = board.result(10)
    assert len(history) < 1000
    says(board, f"Stopped after {len(history)} of 1000 rounds (you stopped it)")
    assert not disabled(board)
    assert (board.screen.run.disabled, board.screen.stop.disabled) == (False, True)


def test_pressing_run_twice_starts_one_run():
    board = make(LONG)
    board.screen.run.click()
    first = board._run
    board.screen.run.click()
    assert board._run is first
    assert running() == 1


def test_two_clicks_that_come_in_two_threads_start_one_run():
    board = make()
    in_the_middle, go_on = threading.Event(), threading.Event()
    show = board.screen.buttons

    def slowly(**how):
        in_the_middle.set()
        go_on.wait(5)
        show(**how)

    board.screen.buttons = slowly
    first = threading.Thread(target=board.run)
    first.start()
    assert in_the_middle.wait(5)
    second = threading.Thread(target=board.run)
    second.start()
    second.join(1)
    go_on.set()
    first.join(5), second.join(5)
    assert len(board.result(30)) == TINY.rounds
    says(board, "Done")


def test_running_again_right_after_stop_leaves_one_thread_and_enough_locked():
    board = make(LONG)
    board.run()
    says(board, "of 3 clients done")
    first = board._run
    board.stop()
    board.run()
    assert board._run is not first
    assert first.state == "stopped"
    assert running() == 1
    assert disabled(board) == set(controls.NAMES), "the end of the first run must not free the controls of the second"
    board.stop()
    board.result(10)


def test_the_end_of_an_older_run_that_comes_after_the_next_began_frees_nothing(monkeypatch):
    board = make(LONG)
    board.run()
    says(board, "of 3 clients done")
    is_ending, next_began = threading.Event(), threading.Event()
    draw, buttons, saved = board.screen.draw, board.screen.buttons, []

    def slow_to_draw(tab, history, dpi):
        draw(tab, history, dpi)
        if tab == TABLE and not is_ending.is_set():
            is_ending.set()
            assert next_began.wait(10)

    def told(running, can_stop):
        buttons(running, can_stop)
        if running:
            next_began.set()

    monkeypatch.setattr(board.screen, "draw", slow_to_draw)
    monkeypatch.setattr(board, "_leave", saved.append)
    monkeypatch.setattr(board.screen, "buttons", told)
    board.stop()
    assert is_ending.wait(10)
    board.run()
    assert running() == 1
    assert disabled(board) == set(controls.NAMES)
    assert (board.screen.run.disabled, board.screen.stop.disabled) == (True, False)
    assert saved == [], "what a saved notebook keeps is that of the newer run"
    board.stop()
    board.result(10)
    assert (board.screen.run.disabled, board.screen.stop.disabled) == (False, True)
    assert saved == [board._run]


def test_a_second_panel_stops_the_first():
    first, second = make(LONG), make()
    first.run()
    says(first, "of 3 clients done")
    second.run()
    assert len(second.result(60)) == 2
    says(first, "(another run began)")
    assert len(first.result(0)) < 1000


def test_a_run_can_be_followed_by_another_with_other_settings():
    board = make()
    board.run()
    board.result(60)
    board.controls.widgets["rounds"].value = 1
    board.controls.widgets["clients"].value = 2
    board.run()
    history = board.result(60)
    assert len(history) == 1
    assert history.client_ids == ("0", "1")


def test_an_interrupt_in_blocking_mode_leaves_the_panel_usable():
    calls = []

    def interrupted(updates):
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return [np.zeros_like(d) for d in next(iter(updates)).delta]

    board = make(mode="blocking", aggregate=interrupted)
    with pytest.raises(KeyboardInterrupt):
        board.run()
    says(board, "Stopped after 0 of 2 rounds (you interrupted the kernel)")
    assert not disabled(board)
    board.run()
    assert len(board.result(0)) == 2


def test_result_before_any_run_runs_where_nobody_can_press(monkeypatch):
    assert len(make(mode="blocking").result()) == 2
    monkeypatch.setattr("fedteach.lab.frontend.headless", lambda: False)
    with pytest.raises(RuntimeError, match="press Run in the panel, then run this cell again"):
        make().result()


def test_result_waits_as_long_as_it_was_told():
    board = make(LONG)
    board.run()
    with pytest.raises(TimeoutError, match=r"after 0.1 s the run has done \d+ of 1000 rounds"):
        board.result(0.1)


def test_a_run_is_kept_on_disk_with_its_picture(tmp_path):
    board = make(mode="blocking", out=str(tmp_path))
    board.run()
    (log,) = (tmp_path / "logs").glob("*.json")
    assert f"Saved in {log}" in status(board)
    assert log.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert History.from_json(log).server_accuracy == board.history.server_accuracy


def test_a_folder_that_cannot_be_written_is_said_in_words(tmp_path):
    (tmp_path / "a file").write_text("")
    board = make(mode="blocking", out=str(tmp_path / "a file"))
    board.run()
    assert "Error." in status(board)
    assert "a file" in status(board)
    with pytest.raises(OSError, match="a file"):
        board.result()


def test_a_local_update_of_ones_own_is_called_for_every_client():
    trained = []

    def my_training(model, x, y, plan, rng):
        trained.append(len(y))

    board = make(local_update=my_training)
    board.run()
    board.result(60)
    # Two rounds of three clients.
    assert trained == [len(part) for part in TINY.partition().parts] * 2


# Errors


def my_failing_mean(updates):
    return 1 / 0


@pytest.mark.parametrize("mode", ["thread", "blocking"])
def test_a_failing_step_is_shown_with_its_line_and_raised_by_result(mode):
    board = make(mode=mode, aggregate=my_failing_mean)
    board.run()
    with pytest.raises(Exception, match="my_failing_mean failed in round 1: ZeroDivisionError") as caught:
        board.result(60)
    line = my_failing_mean.__code__.co_firstlineno + 1
    assert caught.value.__notes__ == [f"In your function my_failing_mean, line {line}: return 1 / 0"]
    says(board, "Round 1 of 2 failed.")
    assert "division by zero" in status(board)
    assert f"In your function my_failing_mean, line {line}: return 1 / 0" in status(board)
    assert not disabled(board)
    assert not board.screen.run.disabled


def test_an_impossible_split_is_said_before_and_after_pressing_run():
    board = make()
    before = board.screen.images[DATA].value
    board.controls.widgets["split"].value = "by_writer"
    says(board, "nobody knows who wrote these examples; take a data set with writers")
    assert until(lambda: board.screen.images[DATA].value == BLANK), "the old picture would be a lie"
    board.run()
    with pytest.raises(ValueError, match="nobody knows who wrote these examples"):
        board.result(60)
    says(board, "The run could not begin.")
    board.controls.widgets["split"].value = "1"
    says(board, "Ready. Press Run.")
    assert until(lambda: board.screen.images[DATA].value == before)


def test_settings_that_do_not_go_together_are_refused_with_the_sentence():
    board = make(TINY.replace(examples_per_client=20), mode="blocking")
    board.controls.widgets["split"].value = "iid"
    assert "This cannot be run." in status(board)
    board.run()
    assert board._run is None
    assert len(board.history) == 0
    with pytest.raises(ValueError, match="split 'iid' sets the number of examples itself"):
        board.result()


def test_a_run_that_cannot_get_its_turn_says_so_and_can_be_tried_again(monkeypatch):
    begun, go_on = threading.Event(), threading.Event()

    def my_endless_mean(updates):
        begun.set()
        go_on.wait(20)
        return [0 * d for d in next(iter(updates)).delta]

    monkeypatch.setattr(runner, "PATIENCE_S", 0.2)
    stuck, board = make(aggregate=my_endless_mean), make()
    stuck.run()
    assert begun.wait(30)
    board.run()
    says(board, "The run could not begin.")
    assert "it is in your function my_endless_mean" in status(board)
    assert not disabled(board)
    with pytest.raises(runner.Busy):
        board.result(1)
    go_on.set()
    assert stuck._run.join(10)
    board.run()
    assert len(board.result(60)) == 2


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"lock": ("client",)}, "unknown control 'client', did you mean 'clients'"),
        ({"hide": ("seeds",)}, "unknown control 'seeds', did you mean 'seed'"),
        ({"agregate": max}, "unknown step 'agregate', did you mean 'aggregate'"),
        ({"aggregate": "median"}, "aggregate must be a function of your own, got 'median'"),
        ({"aggregate": None}, "aggregate must be a function of your own, got None"),
        ({"mode": "fast"}, "unknown mode 'fast'"),
        ({"experiment": "digits"}, r"begins with an Experiment, got 'digits'; try panel\(Experiment"),
    ],
)
def test_unknown_names_are_refused_in_words(given, sentence):
    with pytest.raises(ValueError, match=sentence):
        panel(**given)


# Settings


def test_a_teacher_locks_and_hides_controls_and_presets_all():
    board = make(TINY.replace(clients=60, split="dirichlet:0.3"), lock="clients", hide=("dataset", "model"))
    assert disabled(board) == {"clients"}
    assert not {"dataset", "model"} & set(board.controls.widgets)
    assert board.controls.experiment == TINY.replace(clients=60, split="dirichlet:0.3")
    assert board.controls.widgets["clients"].max == 60, "the teacher's number counts, whatever the usual limit is"
    board.controls.enable(True)
    assert disabled(board) == {"clients"}


def test_the_controls_say_what_the_experiment_says():
    assert make().controls.experiment == TINY
    assert panel(mode="thread", out=None).controls.experiment == Experiment()


@pytest.mark.parametrize(
    ("name", "typed", "nearest", "label"),
    [
        ("rounds", 0, 1, "Rounds must be a whole number from 1 to 1000"),
        ("rounds", 99999, 1000, "Rounds must be a whole number from 1 to 1000"),
        ("epochs", -3, 1, "Local epochs must be a whole number from 1 to 100"),
        ("seed", -1, 0, "Seed must be a whole number from 0 to 2147483647"),
    ],
)
def test_a_number_out_of_range_is_brought_back_with_a_sentence(name, typed, nearest, label):
    board = make()
    board.controls.widgets[name].value = typed
    assert board.controls.widgets[name].value == nearest
    assert f"{label}: {typed} was changed to {nearest}." in status(board)
    assert "Ready. Press Run." in status(board)


@pytest.mark.parametrize("mode", ["thread", "blocking"])
def test_who_holds_what_follows_the_settings(mode):
    board = make(mode=mode)
    counts = TINY.label_counts()
    assert until(lambda: f"3 clients and 10 classes, {counts.sum():,} examples" in board.screen.captions[DATA].value)
    before = board.screen.images[DATA].value
    board.controls.widgets["clients"].value = 20
    board.controls.widgets["split"].value = "4"
    assert until(lambda: "20 clients and 10 classes" in board.screen.captions[DATA].value)
    assert until(lambda: "A client holds from" in board.screen.captions[DATA].value)
    assert board.screen.images[DATA].value != before


def test_the_line_to_copy_is_the_experiment():
    board = make()
    board.controls.widgets["clients"].value = 4
    expected = TINY.replace(clients=4)
    assert words.escape(expected.python()) in board.screen.copy.value
    assert words.escape(expected.command()) in board.screen.copy.value
    assert eval(expected.python(), {"Experiment": Experiment}) == board.controls.experiment


def test_the_line_to_copy_names_functions_of_ones_own():
    board = make(aggregate=my_failing_mean)
    board.controls.widgets["seed"].value = 3
    assert "aggregate=my_failing_mean" in board.screen.copy.value


def test_before_the_first_run_the_picture_names_what_is_planned():
    board = make()
    assert board.history.settings == {"rounds": 2, "split": "1"}
    assert board.history.client_ids == ("0", "1", "2")
    assert "2 rounds planned, none done yet" in board.screen.captions[ACCURACY].value
    board.screen.tabs.selected_index = ACCURACY
    board.controls.widgets["rounds"].value = 7
    assert until(lambda: "7 rounds planned" in board.screen.captions[ACCURACY].value)


def test_a_tab_is_drawn_when_it_is_opened():
    board = make()
    board.screen.tabs.selected_index = TRAFFIC
    assert until(lambda: board.screen.images[TRAFFIC].value != BLANK)
    board.screen.tabs.selected_index = TABLE
    assert until(lambda: "No round is done yet." in board.screen.table.value)
    board.screen.tabs.selected_index = COPY


def test_a_thousand_events_change_the_page_seldom():
    board = make()
    changes = []
    run = board._run = runner.Run(TINY)
    run.state, run.history = "running", three_rounds()
    board.screen.status.observe(changes.append, "value")
    board.screen.images[ACCURACY].observe(changes.append, "value")
    board.screen.tabs.selected_index = ACCURACY
    began = time.monotonic()
    for i in range(1000):
        run.asked = (*run.asked, str(i))
        board._frames.ask()
        time.sleep(0.0005)
    assert until(lambda: "988 more" in status(board)), "the last event is shown"  # 1,000 less the 12 that are named
    # At most one frame in each fifth of a second, one before and one after; each changes two traits.
    assert 0 < len(changes) <= 2 * (2 + (time.monotonic() - began) / 0.2)
    board._run = None


# Words


def make_run(**state):
    run = runner.Run(TINY, planned=History(["0", "1", "2"], {"rounds": 5}))
    for name, value in state.items():
        setattr(run, name, value)
    return run


def test_the_headline_says_how_far_a_run_is():
    run = make_run(state="preparing")
    assert words.headline(run).startswith("Getting ready: loading TensorFlow")
    run.state = "running"
    assert words.headline(run) == "Round 1 of 2: choosing clients"
    run.asked, run.answered, run.lost = ("0", "1", "2"), ("0",), {"2": "late"}
    assert words.headline(run) == "Round 1 of 2: 2 of 3 clients done"
    run.history.append(record(1, 0.456, {"0": 0.4}))
    assert words.headline(run) == "Round 2 of 2: 2 of 3 clients done · server accuracy 45.6 %"
    run.stop()
    assert words.headline(run) == "Stopping after 1 of 2 rounds · server accuracy 45.6 %"
    run.state = "stopped"
    assert words.headline(run) == "Stopped after 1 of 2 rounds (you stopped it) · server accuracy 45.6 %"
    run.state = "failed"
    assert words.headline(run) == "Round 2 of 2 failed."
    assert words.headline(make_run(state="failed")) == "The run could not begin."


def test_stopping_before_everything_is_loaded_is_acknowledged():
    run = make_run(state="preparing")
    run.stop()
    assert words.headline(run) == "Stopping as soon as everything is loaded."


def test_the_details_name_who_was_asked_who_was_lost_and_what_it_took():
    run = make_run(asked=("0", "1", "2"), lost={"1": "late", "2": "late"}, saved_in="runs/a.json")
    run.history.append(record(1, 0.4, {"0": 0.4}, lost={"1": "late", "2": "late"}))
    # Three were sent 1,000 bytes each, one answered with 1,000.
    assert words.detail(run).splitlines() == [
        "Asked: clients 0, 1, 2. Lost: clients 1, 2 (late).",
        "Round 1 took 0.2 s: 3.0 kB sent, 1.0 kB received.",
        "Saved in runs/a.json",
    ]


def test_what_comes_from_outside_cannot_write_into_the_page():
    assert "<script>" not in words.status_html("<script>", "<script>", "error")
    row = words.table_html(History(["0"], records=[record(1, 0.5, {}, lost={"<script>": "<script>"})]))
    assert "<script>" not in row


def test_the_table_shows_every_round_with_units():
    table = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", words.table_html(three_rounds())))
    assert "1 20.0 % 10.0 to 30.0 % 3 of 3 none 0.25 3.0 kB 3.0 kB" in table
    assert "2 - 40.0 to 50.0 % 2 of 2 none 0.25 2.0 kB 2.0 kB" in table
    assert "3 60.0 % 55.0 to 70.0 % 2 of 3 client 2: dropped 0.25 3.0 kB 2.0 kB" in table
