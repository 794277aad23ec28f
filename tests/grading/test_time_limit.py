"""The time limit, where it is hard: loops that swallow exceptions, sleeps, other threads, other people's timers."""

import signal
import sys
import threading
import time
from contextlib import suppress

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


def state():
    """Return all that the time limit changes while it runs."""
    return signal.getitimer(signal.ITIMER_REAL), signal.getsignal(signal.SIGALRM), sys.gettrace()


@pytest.mark.timeout(0)  # pytest-timeout has a timer of its own, which would be in the way
@pytest.mark.parametrize("body", [lambda: None, lambda: {}["a"], endless, swallowing])
def test_everything_is_as_before_however_it_ends(body):
    def handler(signum, frame):
        raise AssertionError("rang in somebody else's code")

    former = signal.signal(signal.SIGALRM, handler)
    try:
        before = state()
        with suppress(KeyError, TimeLimitExceeded), time_limit(0.1):
            body()
        assert state() == before
        assert before[0] == (0.0, 0.0)
        time.sleep(0.12)
    finally:
        signal.signal(signal.SIGALRM, former)


@pytest.mark.timeout(0)
def test_bodies_that_end_at_the_last_moment_leave_nothing_armed():
    before, too_late = state(), 0
    for _ in range(3000):
        limit_s = 0.0005
        end = time.perf_counter() + limit_s
        try:
            with time_limit(limit_s):
                while time.perf_counter() < end:
                    pass
        except TimeLimitExceeded:
            too_late += 1
        assert state() == before
    assert too_late, "not one of them came at the last moment"


def test_another_thread_is_left_alone_as_well():
    late, traces = [], []

    def spin(end):
        while time.perf_counter() < end:
            pass

    def run():
        for _ in range(300):
            try:
                with time_limit(0.001):
                    spin(time.perf_counter() + 0.001)
            except TimeLimitExceeded:
                late.append(True)
            traces.append(sys.gettrace())
        endless_for_a_moment = time.perf_counter() + 0.1
        spin(endless_for_a_moment)
        traces.append("done")

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    assert traces == [*[None] * 300, "done"]
    assert late, "not one of them came at the last moment"


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
