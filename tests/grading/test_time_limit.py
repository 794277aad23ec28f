"""The time limit, where it is hard: loops that swallow exceptions, sleeps, other threads, other people's timers."""

import signal
import threading
import time

import pytest

from fedteach.grading.time_limit import TimeLimitExceeded, time_limit


def endless():
    while True:
        pass


def swallowing():
    while True:
        try:
            endless()
        except BaseException:  # a student's `except:`
            pass


def swallowing_at_once():
    while True:
        try:
            pass
        except BaseException:
            continue


def sleeping():
    time.sleep(60)


def printing_into_nothing():
    n = 0
    while True:
        n += len(str(n))


@pytest.mark.parametrize("body", [endless, swallowing, swallowing_at_once, sleeping, printing_into_nothing])
def test_the_time_is_up_on_the_main_thread(body):
    began = time.monotonic()
    with pytest.raises(TimeLimitExceeded), time_limit(0.1):
        body()
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("body", [endless, printing_into_nothing])
def test_the_time_is_up_on_another_thread(body):
    ended = []

    def run():
        try:
            with time_limit(0.1):
                body()
        except TimeLimitExceeded:
            ended.append("time up")
        total = sum(range(1_000_000))  # nothing goes off later
        ended.append(total)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    assert ended == ["time up", 499999500000]


def test_what_ends_in_time_is_left_alone():
    with time_limit(5):
        value = sum(range(1000))
    assert value == 499500
    assert signal.getitimer(signal.ITIMER_REAL)[0] in (0.0, pytest.approx(120, abs=120))


def test_nothing_goes_off_after_the_end():
    for _ in range(200):
        try:
            with time_limit(0.0005):
                sum(range(3000))
        except TimeLimitExceeded:
            pass
    time.sleep(0.12)


def test_a_timer_of_somebody_else_goes_on():
    rung = []
    former_handler = signal.signal(signal.SIGALRM, lambda *_: rung.append(True))
    former = signal.setitimer(signal.ITIMER_REAL, 0.15)
    try:
        with pytest.raises(TimeLimitExceeded), time_limit(0.05):
            endless()
        assert not rung
        time.sleep(0.5)
        assert rung
    finally:
        signal.signal(signal.SIGALRM, former_handler)
        signal.setitimer(signal.ITIMER_REAL, *former)


def test_a_timer_that_ran_out_meanwhile_still_rings():
    rung = []
    former_handler = signal.signal(signal.SIGALRM, lambda *_: rung.append(True))
    former = signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with time_limit(5):
            end = time.monotonic() + 0.2
            while time.monotonic() < end:
                pass
        time.sleep(0.1)
        assert rung
    finally:
        signal.signal(signal.SIGALRM, former_handler)
        signal.setitimer(signal.ITIMER_REAL, *former)


def test_an_exception_of_the_body_passes_through():
    with pytest.raises(KeyError), time_limit(5):
        {}["a"]
