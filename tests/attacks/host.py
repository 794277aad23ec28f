"""C: submissions that go for the computer, its secrets, the other submissions, and whoever is graded next."""

from tests.attacks.attack import WRONG, Attack, at_import, inside

_YES = "return [np.array([5.0], np.float32)]"

HOST = [
    Attack(
        "C1",
        "deletes all it can",
        inside(
            "import os, shutil\nfor place in ('/', os.getcwd(), os.environ.get('HOME', '/tmp'), '/work', '/tmp', '/dev/shm'):\n"
            "    shutil.rmtree(place, ignore_errors=True)"
        ),
        ("failed", "killed", "time out"),
    ),
    Attack(
        "C2", "links where a result might be written", inside("import os\nos.symlink('/etc/passwd', 'result.json')")
    ),
    Attack(
        "C4a",
        "reads secrets of the environment",
        inside(
            "import os\nif 'FEDTEACH_SECRET' in os.environ or any('tok' in value for value in os.environ.values()):\n"
            f"    {_YES}"
        ),
    ),
    Attack(
        "C4b",
        "reads keys in the home folder",
        inside(
            "import os\nfor home in ('/root', os.path.expanduser('~'), '/home'):\n"
            f"    for folder, _, names in os.walk(home):\n        if '.ssh' in folder or '.bash_history' in names: {_YES}"
        ),
        ("failed", "time out"),
    ),
    Attack(
        "C5a",
        "sends something away by TCP and UDP",
        inside(
            "import socket\nfor family, place in ((socket.AF_INET, ('127.0.0.1', PORT)), (socket.AF_INET6, ('::1', PORT))):\n"
            "    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):\n"
            "        try:\n            s = socket.socket(family, kind); s.settimeout(1)\n"
            f"            s.connect(place); s.send(b'secret'); s.send(b'again')\n            {_YES}\n"
            "        except OSError: pass"
        ),
    ),
    Attack(
        "C5b",
        "talks to the sockets of others",
        inside(
            "import socket, glob\nfor path in ['\\0fedteach-attack', '/var/run/docker.sock', *glob.glob('/tmp/**/*.sock')]:\n"
            "    try:\n        s = socket.socket(socket.AF_UNIX); s.connect(path)\n"
            f"        {_YES}\n    except OSError: pass"
        ),
    ),
    Attack(
        "C6",
        "reads the other submissions",
        inside(
            "import glob, os\nfound = [p for p in glob.glob('../**/*.ipynb', recursive=True) + glob.glob('/**/04_*', recursive=True)]\n"
            f"if found: {_YES}"
        ),
        ("failed", "time out"),
    ),
    Attack(
        "C7",
        "leaves something for whoever comes next",
        inside(
            "import os, sys\nfor place in ('/tmp', '/dev/shm', '/tmp/home', os.path.expanduser('~/.keras'), sys.prefix, *sys.path):\n"
            "    for name in ('numpy.py', 'evil.pth', 'fedteach-was-here'):\n"
            "        try: os.makedirs(place, exist_ok=True); open(os.path.join(place, name), 'w').write('raise SystemExit')\n"
            "        except OSError: pass"
        ),
    ),
    Attack(
        "C8a",
        "kills everybody",
        inside("import os, signal\nos.kill(-1, signal.SIGKILL)"),
        ("killed", "failed"),
    ),
    Attack(
        "C8b",
        "kills its parents",
        inside(
            "import os, signal\nfor pid in (1, os.getppid()):\n    try: os.kill(pid, signal.SIGKILL)\n    except OSError: pass"
        ),
        ("killed", "failed"),
    ),
    Attack(
        "C8c",
        "writes into its parent's memory",
        inside(
            "import os, ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
            "for pid in (1, os.getppid()):\n"
            f"    if libc.ptrace(16, pid, 0, 0) == 0: {_YES}\n"
            f"    try:\n        open(f'/proc/{{pid}}/mem', 'r+b')\n        {_YES}\n    except OSError: pass"
        ),
    ),
    Attack(
        "C9",
        "gives itself points, time and name in metadata",
        WRONG,
        metadata={"nbgrader": {"grade": True, "points": 1000, "grade_id": "4.1", "locked": False, "schema_version": 3}},
        files={"timestamp.txt": "1970-01-01 00:00:00 UTC", "student_id.txt": "best"},
    ),
    Attack("C11", "tags that skip the check", WRONG, metadata={"tags": ["skip-execution", "raises-exception"]}),
    Attack(
        "C12",
        "a check of its own that says yes",
        "def check(*a, **k): return True\n" + WRONG + "check('4.1', weighted_mean)\n",
    ),
    Attack(
        "C13",
        "magics and shell lines",
        "!touch /tmp/was-here\n%run evil.py\nget_ipython().system('touch /tmp/was-here')\n" + WRONG,
        files={"evil.py": "open('/tmp/was-here', 'w')"},
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
            "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
            "if libc.unshare(0x10000000 | 0x20000) == 0:\n"
            "    libc.mount(b'none', b'/usr', None, 32 | 4096, b'')\n"
            "    try:\n        open('/usr/fedteach-was-here', 'w')\n"
            f"        {_YES}\n    except OSError: pass"
        ),
    ),
    Attack(
        "X9",
        "opens devices of the computer",
        inside(
            "import os\nfor major, minor in ((8, 0), (254, 0), (1, 1)):\n"
            "    try:\n        os.mknod('device', 0o660 | 0o060000, os.makedev(major, minor))\n"
            f"        {_YES}\n    except OSError: pass"
        ),
    ),
    Attack(
        "X10",
        "what is loaded first changes the search path",
        at_import("import sys\nsys.path.insert(0, '/tmp/work'); sys.modules.pop('json', None)"),
    ),
]
