"""B: submissions that use up time, memory, processes, files or patience."""

from tests.attacks.attack import WRONG, Attack, at_import, inside

_NO_NETWORK_OF_HELP = """
import signal
for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGXCPU, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
signal.alarm(0)
signal.setitimer(signal.ITIMER_REAL, 0)
while True:
    pass
"""

RESOURCES = [
    Attack("B1", "a loop without end", inside("while True: pass"), ("time out",)),
    Attack(
        "B2",
        "a loop that catches everything",
        inside("while True:\n    try:\n        while True: pass\n    except BaseException: pass"),
        ("time out",),
    ),
    Attack("B3", "a sleep without end", inside("import time\ntime.sleep(1e9)"), ("time out",)),
    Attack("B4", "ignores every signal", inside(_NO_NETWORK_OF_HELP), ("time out",)),
    Attack("B4b", "the same while it is loaded", at_import(_NO_NETWORK_OF_HELP), ("time out",)),
    Attack(
        "B5",
        "a list that grows for ever",
        inside("kept = []\nwhile True: kept.append(bytes(10**7))"),
        ("out of memory", "time out"),
    ),
    Attack("B6a", "a hundred gigabytes at once", inside("x = b'x' * 10**11"), ("out of memory",)),
    Attack("B6b", "a terabyte of zeros, touched", inside("np.zeros(10**12)[:] = 1"), ("out of memory",)),
    Attack(
        "B6c",
        "memory that is mapped and shared",
        inside(
            "import mmap\nkept = []\nwhile True:\n    m = mmap.mmap(-1, 2**28)\n    m.write(bytes(2**28))\n    kept.append(m)"
        ),
        ("out of memory", "failed", "killed", "time out"),
    ),
    Attack(
        "B7",
        "a fork bomb",
        inside("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"),
        ("time out", "killed", "not plain data", "output limit"),
    ),
    Attack(
        "B8",
        "a hundred thousand threads",
        inside(
            "import threading, time\nfor _ in range(10**5): threading.Thread(target=time.sleep, args=(100,)).start()"
        ),
        ("failed", "out of memory", "time out"),
    ),
    Attack(
        "B9",
        "a daemon that lives on",
        inside(
            "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
            "        for fd in range(3, 64):\n            try: os.close(fd)\n            except OSError: pass\n"
            "        os.execv('/bin/sleep', ['sleep', '4242.4242'])\n    os._exit(0)"
        ),
    ),
    Attack(
        "B10",
        "a gigabyte on stdout, without a newline",
        inside("import os\nfor _ in range(1000): os.write(1, b'x' * 10**6)"),
    ),
    Attack("B11", "a gigabyte on stderr", inside("import os\nfor _ in range(1000): os.write(2, b'x' * 10**6)")),
    Attack("B11b", "prints for ever", inside("while True: print('x' * 10**6)"), ("time out",)),
    Attack(
        "B12a",
        "fills the disk",
        inside("with open('big', 'wb') as file:\n    while True: file.write(bytes(10**7))"),
        ("failed", "out of memory"),
    ),
    Attack(
        "B12b",
        "a million empty files",
        inside("for i in range(10**6): open(f'f{i}', 'w').close()"),
        ("failed", "time out"),
    ),
    Attack(
        "B12c", "a sparse terabyte", inside("import os\nos.truncate(os.open('sparse', os.O_CREAT | os.O_RDWR), 2**40)")
    ),
    Attack("B13", "a hundred thousand open files", inside("kept = [open('/dev/null') for _ in range(10**5)]")),
    Attack(
        "B14",
        "a recursion that overflows the stack",
        inside("import sys\nsys.setrecursionlimit(10**9)\nx = []\nfor _ in range(10**6): x = [x]\nrepr(x)\nstr(x)"),
        ("killed", "failed", "time out", "out of memory"),
    ),
    Attack("B15a", "reads address 0", inside("import ctypes\nctypes.string_at(0)"), ("killed",)),
    Attack("B15b", "os.abort()", inside("import os\nos.abort()"), ("killed",)),
    Attack("B15c", "kills itself", inside("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"), ("killed",)),
    Attack(
        "B16",
        "a thread that never ends",
        inside("import threading, time\nthreading.Thread(target=time.sleep, args=(10**6,)).start()"),
    ),
    Attack(
        "B17a",
        "a regular expression without end",
        inside("import re\nre.match('(a+)+$', 'a' * 40 + 'b')"),
        ("time out",),
    ),
    Attack("B17b", "a number without end", inside("10**10**8"), ("time out", "out of memory")),
    Attack("B18a", "ten thousand cells' worth of code", "\n".join(f"x{i} = {i}" for i in range(10_000)) + WRONG),
    Attack(
        "B19a",
        "brackets nested a hundred thousand deep",
        WRONG + "x = " + "(" * 10**5 + ")" * 10**5,
        ("failed", "import error"),
    ),
    Attack(
        "B20",
        "TensorFlow with a thousand threads",
        inside(
            "import tensorflow as tf\ntf.config.threading.set_intra_op_parallelism_threads(1000)\n"
            "tf.linalg.matmul(tf.ones((500, 500)), tf.ones((500, 500)))"
        ),
        ("failed", "time out", "killed", "out of memory"),
    ),
    Attack(
        "B21",
        "takes the graphics card",
        inside("import os\nif os.environ.get('CUDA_VISIBLE_DEVICES') != '-1': return [np.array([5.0], np.float32)]"),
    ),
    Attack(
        "X4",
        "an exception that takes for ever to say what it is",
        inside("raise Slow()", "class Slow(Exception):\n    def __str__(self):\n        while True: pass\n"),
        ("failed", "time out"),
    ),
    Attack(
        "X5",
        "a result that takes for ever to look at",
        inside("return Slow()", "class Slow:\n    def __repr__(self):\n        while True: pass\n"),
        ("not plain data", "time out"),
    ),
    Attack(
        "X6",
        "a result that says of itself a gigabyte",
        inside("return Long()", "class Long:\n    def __repr__(self): return 'x' * 10**9\n"),
        ("not plain data", "out of memory", "time out"),
    ),
]
