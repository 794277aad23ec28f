"""C: submissions that go for the computer, its secrets, the other submissions, and whoever is graded next.

C3, C9, C10, C11 and C12 of the list are about files and cells: see `hand_ins`.
"""

from tests.attacks.attack import DONE, SUCCEED, WITHIN_WALLS, WRONG, Attack, at_import, inside

HOST = [
    Attack(
        "C1",
        "deletes all it can",
        inside(
            WITHIN_WALLS
            + "import shutil\nfor place in ('/', os.getcwd(), os.environ.get('HOME', '/tmp'), '/work', '/tmp', '/dev/shm'):\n"
            "    shutil.rmtree(place, ignore_errors=True)"
        ),
        ("failed", "time out"),  # there is much to try
    ),
    Attack(
        "C2", "links where a result might be written", inside("import os\nos.symlink('/etc/passwd', 'result.json')")
    ),
    Attack(
        "C4a",
        "reads secrets of the environment",
        inside(
            "import os\nif 'FEDTEACH_SECRET' in os.environ or any('tok' in value for value in os.environ.values()):\n"
            f"    {SUCCEED}"
        ),
    ),
    Attack(
        "C4b",
        "reads keys in the home folder",
        inside(
            "import glob, os\nfor home in ('/root', os.path.expanduser('~'), '/home/*', '/work'):\n"
            "    for name in ('.ssh', '.aws', '.netrc', '.bash_history', '.bashrc', '.config', '.jupyter', '.git'):\n"
            f"        if glob.glob(os.path.join(home, '**', name)) + glob.glob(os.path.join(home, name)): {SUCCEED}"
        ),
    ),
    Attack(
        "C5a",
        "sends something away by TCP and UDP",
        inside(
            "import socket\nfor family, place in ((socket.AF_INET, ('127.0.0.1', @PORT@)), (socket.AF_INET6, ('::1', @PORT@))):\n"
            "    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):\n"
            "        try:\n            s = socket.socket(family, kind); s.settimeout(1)\n"
            f"            s.connect(place); s.send(b'secret'); s.send(b'again')\n            {SUCCEED}\n"
            "        except OSError: pass"
        ),
    ),
    Attack(
        "C5b",
        "talks to the sockets of others",
        inside(
            "import socket, glob\nfor path in ['\\0@NAME@', '@SOCKET@', '/var/run/docker.sock', *glob.glob('/tmp/**/*.sock')]:\n"
            "    try:\n        s = socket.socket(socket.AF_UNIX); s.connect(path)\n"
            f"        {SUCCEED}\n    except OSError: pass"
        ),
    ),
    Attack(
        "C6",
        "reads the other submissions",
        inside(
            "import os\nfor place in ('..', '/tmp', '@OTHERS@', '/home', '/root', '/work', '/dev/shm', '/proc/1/root', '/proc/1/cwd'):\n"
            "    for folder, below, names in os.walk(place):\n"
            "        below[:] = [name for name in below if name not in ('site-packages', 'usr', 'lib', 'proc', 'sys')]\n"
            f"        if any(name.endswith('.ipynb') for name in names): {SUCCEED}"
        ),
    ),
    Attack(
        "C7",
        "leaves something for whoever comes next",
        inside(
            WITHIN_WALLS
            + "homes = [os.path.expanduser('~/.keras'), *(os.path.join(path, '.home') for path in sys.path)]\n"
            "for place in ('/tmp', '/dev/shm', '/tmp/home', *homes, sys.prefix, *sys.path):\n"
            "    for name in ('numpy.py', 'evil.pth', 'fedteach-was-here'):\n"
            "        try: os.makedirs(place, exist_ok=True); open(os.path.join(place, name), 'w').write('raise SystemExit')\n"
            "        except OSError: pass"
        ),
        says=DONE,
    ),
    Attack(
        "C7b",
        "leaves keys, locks and shared memory for whoever comes next",
        at_import(
            WITHIN_WALLS + "import ctypes, fcntl, platform\nlibc = ctypes.CDLL(None, use_errno=True)\n"
            "add, ask = {'x86_64': (248, 250), 'aarch64': (217, 219)}[platform.machine()]\n"
            "session, user = -3, -4\nfor ring in (session, user):\n"
            f"    if libc.syscall(ask, 10, ring, b'user', b'fedteach-was-here', 0) > 0: {SUCCEED}\n"
            "for ring in (session, user): libc.syscall(add, b'user', b'fedteach-was-here', b'x', 1, ring)\n"
            f"if libc.shmget(0x7eac, 4096, 0) >= 0 or libc.semget(0x7eac, 1, 0) >= 0: {SUCCEED}\n"
            "libc.shmget(0x7eac, 4096, 0o1666), libc.semget(0x7eac, 1, 0o1666)\n"
            "global kept\nkept = open(os.__file__)\n"
            f"try: fcntl.flock(kept, fcntl.LOCK_EX | fcntl.LOCK_NB)\nexcept OSError: {SUCCEED}"
        ),
        again=True,
        says=DONE,
    ),
    Attack(
        "C7c",
        "takes the keys of the session",
        inside(
            "import ctypes, platform\nlibc = ctypes.CDLL(None, use_errno=True)\n"
            "ask = {'x86_64': 250, 'aarch64': 219}[platform.machine()]\n"
            f"if libc.syscall(ask, 10, -3, b'user', b'fedteach-instructor', 0) > 0: {SUCCEED}"
        ),
    ),
    Attack(
        "C7d",
        "leaves compiled modules for whoever comes next",
        inside(
            WITHIN_WALLS
            + "for place in (os.path.dirname(fedteach.__file__), os.path.dirname(np.__file__), *sys.path):\n"
            "    path = os.path.join(place, '__pycache__', 'evil.pyc')\n"
            "    try:\n        os.makedirs(os.path.dirname(path), exist_ok=True)\n"
            "        with open(path, 'wb') as file: file.write(b'x')\n    except OSError: pass\n"
            f"    if os.path.exists(path) and not path.startswith('/tmp/'): {SUCCEED}"
        ),
        says=DONE,
    ),
    Attack(
        "C8a",
        "kills everybody",
        inside(WITHIN_WALLS + "import signal\nos.kill(-1, signal.SIGKILL)"),
        says="No such process",
    ),
    Attack(
        "C8b",
        "kills its parents",
        inside(
            WITHIN_WALLS
            + "import signal\nfor pid in (1, os.getppid()):\n    try: os.kill(pid, signal.SIGKILL)\n    except OSError: pass"
        ),
        says=DONE,
    ),
    Attack(
        "C8c",
        "writes into its parent's memory",
        inside(
            WITHIN_WALLS + "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
            "for pid in (1, os.getppid()):\n"
            f"    if libc.ptrace(16, pid, 0, 0) == 0: {SUCCEED}\n"
            f"    try:\n        open(f'/proc/{{pid}}/mem', 'r+b')\n        {SUCCEED}\n    except OSError: pass"
        ),
        says=DONE,
    ),
    Attack(
        "C13",
        "magics and shell lines",
        "!touch /tmp/was-here\n%run evil.py\nget_ipython().system('touch /tmp/was-here')\n" + WRONG,
        files={"evil.py": "open('/tmp/was-here', 'w')"},
    ),
    Attack(
        "C13b",
        "asks a shell for what its function needs",
        at_import("get_ipython().system('touch /tmp/was-here')"),
    ),
    Attack(
        "C13c",
        "a cell that is a script of another language",
        "%%script bash\ntouch /tmp/was-here\n" + WRONG,
        ("import error",),
        "is not for Python",
    ),
    Attack(
        "X7",
        "a module of its own with the name of a library",
        "import numpy as np\nimport helper\n\ndef weighted_mean(updates):\n    return helper.mean(updates)\n",
        files={
            "helper.py": "import numpy as np\ndef mean(updates): return [np.zeros(3)]\n",
            "numpy.py": "raise SystemExit",
        },
    ),
    Attack(
        "X8",
        "more rights by a user namespace of its own",
        inside(
            WITHIN_WALLS + "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
            "if libc.unshare(0x10000000 | 0x20000) == 0:\n"
            "    libc.mount(b'none', b'/usr', None, 32 | 4096, b'')\n"
            "    try:\n        open('/usr/fedteach-was-here', 'w')\n"
            f"        {SUCCEED}\n    except OSError: pass"
        ),
        says=DONE,
    ),
    Attack(
        "X9",
        "opens devices of the computer",
        inside(
            WITHIN_WALLS + "for major, minor in ((8, 0), (254, 0), (1, 1)):\n"
            "    try:\n        os.mknod('device', 0o660 | 0o060000, os.makedev(major, minor))\n"
            f"        {SUCCEED}\n    except OSError: pass"
        ),
        says=DONE,
    ),
    Attack(
        "X10",
        "what is loaded first changes the search path",
        at_import("import sys\nsys.path.insert(0, '/tmp/work'); sys.modules.pop('json', None)"),
    ),
]
