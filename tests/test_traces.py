"""The watch over processes sees who can still run code, and nobody else."""

import subprocess
import sys

import psutil
import pytest

from tests.lab.waiting import until
from tests.traces import family, left_of

OUTLIVED = "import ctypes, threading, time; threading.Thread(target=time.sleep, args=(60,)).start()\n"
OUTLIVED += "ctypes.CDLL(None).pthread_exit(None)"


@pytest.mark.skipif(sys.platform != "linux", reason="the first thread ends alone on Linux")
def test_a_process_whose_first_thread_has_ended_is_still_there():
    before = family()
    process = subprocess.Popen([sys.executable, "-c", OUTLIVED])
    try:
        assert until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE, 10)
        assert [told.split()[0] for told in left_of(before)] == [str(process.pid)]
    finally:
        process.kill()
        process.wait()
    assert left_of(before) == []


def test_a_process_that_has_ended_is_gone_also_if_nobody_has_asked_for_it():
    before = family()
    process = subprocess.Popen([sys.executable, "-c", ""])
    try:
        assert until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE, 10)
        assert left_of(before) == []
    finally:
        process.wait()
