"""B: submissions that use up time, memory, processes, files or patience."""

from tests.attacks.attack import SGD, SUCCEED, WITHIN_WALLS, WRONG, Attack, at_import, inside, within_limit

_NO_NETWORK_OF_HELP = """
import signal
for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGXCPU, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
signal.alarm(0)
signal.setitimer(signal.ITIMER_REAL, 0)
while True:
    pass
"""

_FORK_BOMB = within_limit("RLIMIT_CPU") + "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"

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
        inside(within_limit("RLIMIT_AS") + "kept = []\nwhile True: kept.append(bytes(10**7))"),
        ("out of memory",),
    ),
    Attack(
        "B6a",
        "a hundred gigabytes at once",
        inside(within_limit("RLIMIT_AS") + "x = b'x' * 10**11"),
        ("out of memory",),
    ),
    Attack(
        "B6b",
        "a terabyte of zeros, touched",
        inside(within_limit("RLIMIT_AS") + "np.zeros(10**12)[:] = 1"),
        ("out of memory",),
    ),
    Attack(
        "B6c",
        "memory that is mapped and shared",
        inside(
            within_limit("RLIMIT_AS") + "import mmap\nkept = []\nwhile True:\n"
            "    kept.append(np.frombuffer(mmap.mmap(-1, 2**28), np.uint8))\n    kept[-1][::4096] = 1"
        ),
        # At the limit of its group, or an OSError at that of its address space; to touch so much may take too long.
        ("out of memory", "failed", "time out"),
        limit_s=3.0,
    ),
    Attack(
        "B7",
        "a fork bomb",
        inside(_FORK_BOMB),
        ("time out",),
    ),
    Attack(
        "B8",
        "a hundred thousand threads",
        inside(
            within_limit("RLIMIT_CPU")
            + "import threading, time\nfor _ in range(10**5): threading.Thread(target=time.sleep, args=(100,)).start()"
        ),
        says="can't start new thread",
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
        inside(
            within_limit("RLIMIT_FSIZE") + "with open('big', 'wb') as file:\n    while True: file.write(bytes(10**7))"
        ),
        says="File too large",
    ),
    Attack(
        "B12b",
        "a million empty files",
        inside(WITHIN_WALLS + "for i in range(10**6): open(f'f{i}', 'w').close()"),
        says="No space left",
    ),
    Attack(
        "B12c",
        "a sparse terabyte",
        inside("import os\nos.truncate(os.open('sparse', os.O_CREAT | os.O_RDWR), 2**40)"),
        says="File too large",
    ),
    Attack(
        "B13",
        "a hundred thousand open files",
        inside("kept = [open('/dev/null') for _ in range(10**5)]"),
        says="Too many open files",
    ),
    Attack(
        "B14",
        "a recursion that overflows the stack",
        inside("x = ()\nfor _ in range(3 * 10**5): x = (x,)\nhash(x)"),
        ("killed",),
        says="SIGSEGV",
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
    Attack("B17b", "a number without end", inside("10**10**8"), ("time out",)),
    Attack("B18a", "ten thousand cells' worth of code", "\n".join(f"x{i} = {i}" for i in range(10_000)) + WRONG),
    Attack(
        "B19a",
        "brackets nested a hundred thousand deep",
        WRONG + "x = " + "(" * 10**5 + ")" * 10**5,
        ("import error",),
        says="too many nested parentheses",
    ),
    Attack(
        "B21",
        "takes the graphics card",
        inside(f"import os\nif os.environ.get('CUDA_VISIBLE_DEVICES') != '-1': {SUCCEED}"),
    ),
    Attack(
        "X4",
        "an exception that takes for ever to say what it is",
        inside("raise Slow()", "class Slow(Exception):\n    def __str__(self):\n        while True: pass\n"),
        says="its text cannot be shown",
    ),
    Attack(
        "X5",
        "a result that takes for ever to look at",
        inside("return Slow()", "class Slow:\n    def __repr__(self):\n        while True: pass\n"),
        ("time out",),
    ),
    Attack(
        "X6",
        "a result that says of itself a gigabyte",
        inside("return Long()", "class Long:\n    def __repr__(self): return 'x' * 10**9\n"),
        ("out of memory", "time out"),  # where no group limits it there is room for a gigabyte, and no time
    ),
]

_SLOW_S = 4.0
"""What a call may take here that is never to end: the exercise itself gives 20 seconds, and the judge tries twice."""

WITH_TENSORFLOW = [
    Attack(
        "A1-tf",
        "ends the process while it is loaded, beside TensorFlow",
        at_import("import os\nos._exit(0)", SGD),
        ("killed",),
        "exit code 0",
        exercise="3.5",
    ),
    Attack(
        "B1-tf",
        "a loop without end, beside TensorFlow",
        inside("while True: pass", function=SGD),
        ("time out",),
        exercise="3.5",
        limit_s=_SLOW_S,
    ),
    Attack(
        "B1b-tf",
        "an operation of TensorFlow's without end",
        inside(
            "import tensorflow as tf\n"
            "tf.function(lambda: tf.while_loop(lambda i: True, lambda i: (i,), (tf.constant(0),)))()",
            function=SGD,
        ),
        ("time out",),
        exercise="3.5",
        limit_s=_SLOW_S,
    ),
    Attack(
        "B5-tf",
        "tensors that grow for ever",
        inside(
            within_limit("RLIMIT_AS")
            + "import tensorflow as tf\nkept = []\nwhile True: kept.append(tf.ones((2**22,)))",
            function=SGD,
        ),
        # Where no group ends it TensorFlow refuses, and then the next call takes for ever, or ends in a crash.
        ("out of memory", "time out", "killed"),
        exercise="3.5",
        limit_s=_SLOW_S,
    ),
    Attack(
        "B7-tf",
        "a fork bomb, beside TensorFlow",
        inside(_FORK_BOMB, function=SGD),
        ("time out",),
        exercise="3.5",
        limit_s=_SLOW_S,
    ),
    Attack(
        "B20",
        "TensorFlow with a thousand threads",
        at_import(  # once an operation has run, TensorFlow lets nobody change it
            "import tensorflow as tf\ntf.config.threading.set_intra_op_parallelism_threads(1000)\n"
            "tf.config.threading.set_inter_op_parallelism_threads(1000)\n"
            "tf.linalg.matmul(tf.ones((500, 500)), tf.ones((500, 500)))",
            SGD,
        ),
        ("killed",),
        exercise="3.5",
    ),
]
