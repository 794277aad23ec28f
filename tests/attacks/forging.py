"""A: submissions that want marks for a wrong answer."""

from tests.attacks.attack import HONEST, WRONG, Attack, at_import, inside

_FORGE = """
import os, stat
from fedteach.grading.sandbox.orders import ANSWERS
from fedteach.grading.sandbox.wire import pack
from fedteach.grading.worker import Reply

def sockets():
    for fd in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                yield fd
        except OSError:
            pass

def say(message):
    for fd in sockets():
        os.write(fd, len(message).to_bytes(8, "big") + message)
"""

FORGING = [
    Attack("A1", "ends the process while it is loaded", at_import("import os\nos._exit(0)"), ("killed",)),
    Attack("A2", "sys.exit(0) while it is loaded", at_import("import sys\nsys.exit(0)"), ("import error",)),
    Attack("A3", "ends the process when it is called", inside("import os\nos._exit(0)"), ("killed",)),
    Attack("A4", "pytest.skip()", inside("import pytest\npytest.skip('no')")),
    Attack("A5", "pytest.xfail()", inside("import pytest\npytest.xfail('no')")),
    Attack("A6", "pytest.exit(returncode=0)", inside("import pytest\npytest.exit('no', returncode=0)")),
    Attack(
        "A7",
        "a value that equals everything",
        inside(
            "return Yes()",
            "class Yes:\n"
            "    def __eq__(self, other): return True\n"
            "    def __array__(self, dtype=None, copy=None): return np.array([5.0])\n"
            "    def __len__(self): return 1\n"
            "    def __getitem__(self, i): return self\n",
        ),
        ("not plain data",),
    ),
    Attack(
        "A8", "replaces numpy's assertions", inside("np.testing.assert_allclose = np.allclose = lambda *a, **k: True")
    ),
    Attack(
        "A9", "makes AssertionError another class", at_import("import builtins\nbuiltins.AssertionError = SystemExit")
    ),
    Attack(
        "A10",
        "patches pytest's runner",
        at_import("import _pytest.runner as r\nr.CallInfo.from_call = classmethod(lambda cls, *a, **k: None)"),
    ),
    Attack(
        "A11",
        "patches pytest's reports",
        at_import("import _pytest.reports as r\nr.TestReport.from_item_and_call = classmethod(lambda cls, *a: None)"),
    ),
    Attack(
        "A12", "empties pytest's tests", at_import("import _pytest.python as p\np.Function.runtest = lambda self: None")
    ),
    Attack(
        "A13",
        "reads what is expected from the caller's variables",
        inside(
            "import sys\nframe = sys._getframe(1)\nwhile frame:\n"
            "    for name in ('expected', 'want', 'answer'):\n"
            "        if name in frame.f_locals: return frame.f_locals[name]\n"
            "    frame = frame.f_back"
        ),
    ),
    Attack(
        "A14",
        "empties every function that could be a test",
        at_import(
            "import sys, types\ndef nothing(*a, **k): return None\n"
            "for module in list(sys.modules.values()):\n"
            "    for name, thing in list(vars(module).items()) if isinstance(module, types.ModuleType) else ():\n"
            "        if isinstance(thing, types.FunctionType) and name.startswith(('test', 'judge', 'any_')):\n"
            "            thing.__code__ = nothing.__code__"
        ),
    ),
    Attack(
        "A15",
        "reads the questions from their file",
        inside(
            "import glob\nfor place in ('/work', '/home', '/root', '/tmp', '/opt'):\n"
            "    for path in glob.glob(place + '/**/exercises/aggregation/mean.py', recursive=True):\n"
            "        names = {}\n        exec(open(path).read(), names)\n        return names['reference_mean'](updates)"
        ),
        ("failed", "time out"),
    ),
    Attack("A16", "ends the process at its exit", at_import("import atexit, os\natexit.register(lambda: os._exit(0))")),
    Attack(
        "A17",
        "writes a report of its own",
        at_import("open('junit.xml', 'w').write('<testsuite tests=\"3\" failures=\"0\"/>')"),
    ),
    Attack(
        "A18",
        "writes a report when all is over",
        at_import("import atexit\natexit.register(lambda: open('junit.xml', 'w').write('<testsuite/>'))"),
    ),
    Attack(
        "A19",
        "looks for verdicts in memory and turns them",
        inside(
            "import gc\nfor thing in gc.get_objects():\n"
            "    if isinstance(thing, dict) and 'state' in thing: thing['state'] = 'passed'\n"
            "    if type(thing).__name__ in ('Verdict', 'CaseResult'): object.__setattr__(thing, 'state', 'passed')"
        ),
    ),
    Attack(
        "A20",
        "patches json, so that what is reported is something else",
        at_import('import json\njson.dumps = json.dump = lambda *a, **k: \'{"state": "passed"}\''),
        ("not plain data",),
    ),
    Attack(
        "A21",
        "ships a conftest.py",
        WRONG,
        files={"conftest.py": "def pytest_runtest_makereport(item, call):\n    call.excinfo = None\n"},
    ),
    Attack("A22", "ships a pytest.ini", WRONG, files={"pytest.ini": "[pytest]\naddopts = --collect-only\n"}),
    Attack("A23", "prints what pytest prints", inside("print('============ 3 passed in 0.01s ============')")),
    Attack(
        "A24",
        "rewrites the package for whoever comes next",
        inside(
            "import fedteach, pathlib\nfor path in pathlib.Path(fedteach.__file__).parent.rglob('*.py'):\n"
            "    try: path.write_text('raise SystemExit')\n"
            "    except OSError: pass"
        ),
    ),
    Attack(
        "A25",
        "writes the judge a reply of its own",
        inside(
            "say(pack(Reply('value', value=[np.array([5.0])], after=(None,)), ANSWERS))\nreturn [np.array([5.0])]",
            _FORGE,
        ),
        ("failed", "not plain data", "killed"),
    ),
    Attack(
        "A26a",
        "a reply without end",
        inside("say(b''); os.write(next(sockets()), b'\\x7f' * 8)", _FORGE),
        ("output limit", "not plain data", "failed"),
    ),
    Attack(
        "A26b",
        "a reply said to be a terabyte",
        inside("os.write(next(sockets()), (2**40).to_bytes(8, 'big'))", _FORGE),
        ("output limit",),
    ),
    Attack(
        "A26c",
        "a reply nested a million deep",
        inside(
            "text = b'{\"__metadata__\":{\"fedteach\":\"' + b'[' * 10**6 + b'\"}}'\n"
            "say(len(text).to_bytes(8, 'little') + text)",
            _FORGE,
        ),
        ("not plain data",),
    ),
    Attack(
        "A26d",
        "numbers that are no JSON",
        inside(
            "import json, struct\n"
            "for text in ('{\"value\": NaN}', '{\"value\": 1e400}', '{\"value\": ' + '9' * 5000 + '}', '{\"value\": {}}'):\n"
            "    head = json.dumps({'__metadata__': {'fedteach': text}}).encode()\n"
            "    say(len(head).to_bytes(8, 'little') + head)",
            _FORGE,
        ),
        ("not plain data",),
    ),
    Attack(
        "A26e",
        "half a reply, and then nothing",
        inside("os.write(next(sockets()), (100).to_bytes(8, 'big') + b'x')\nwhile True: pass", _FORGE),
        ("time out", "not plain data"),
    ),
    Attack(
        "A27",
        "a value that runs code when it is unpickled",
        inside(
            "return np.array([Evil(), Evil()], dtype=object)",
            "class Evil:\n    def __reduce__(self): return (__import__('os').system, ('touch /tmp/pickled',))\n",
        ),
        ("not plain data",),
    ),
    Attack(
        "A28a",
        "an array whose class lies about its numbers",
        inside(
            "return [np.zeros(1, np.float32).view(Liar)]",
            "class Liar(np.ndarray):\n"
            "    def __array_ufunc__(self, *a, **k): return np.array([True])\n"
            "    def __eq__(self, other): return np.array([True])\n"
            "    def __sub__(self, other): return np.zeros(1)\n",
        ),
    ),
    Attack(
        "A28b",
        "a list whose class lies about itself",
        inside(
            "return Liar([np.zeros(1, np.float32)])",
            "class Liar(list):\n    __class__ = list\n    def __eq__(self, other): return True\n",
        ),
        ("failed", "not plain data"),
    ),
    Attack(
        "A29",
        "changes what it was given, and returns that",
        inside(
            "updates = list(updates)\nfor u in updates:\n    for t in u.delta: t[...] = 5.0\nreturn updates[0].delta"
        ),
    ),
    Attack(
        "A30",
        "knows the public answers by heart",
        inside(
            "updates = list(updates)\nif [u.n_examples for u in updates] == [1, 3]: return [np.array([5.0], np.float32)]"
        ),
    ),
    Attack(
        "A31a",
        "calls the reference answer",
        inside("from fedteach.exercises.aggregation.mean import reference_mean\nreturn reference_mean(updates)"),
    ),
    Attack(
        "A31b",
        "looks for solutions wherever files may be",
        inside(
            "import os\nfor place in ('solutions', '../solutions', '/work', '/home', os.environ.get('HOME', '')):\n"
            "    for folder, _, names in os.walk(place):\n"
            "        for name in names:\n"
            "            if name.startswith('04_aggregation'): exec(open(os.path.join(folder, name)).read(), globals())"
        ),
        ("failed", "time out"),
    ),
    Attack(
        "A31c",
        "asks the processes around it",
        inside(
            "import glob\nsaid = b''\n"
            "for path in [p for name in ('cmdline', 'environ', 'mem') for p in glob.glob('/proc/*/' + name)]:\n"
            "    try: said += open(path, 'rb').read(100000)\n    except OSError: pass\n"
            "if b'reference_mean' in said or b'judge' in said: return [np.array([5.0])]"
        ),
    ),
    Attack(
        "A32",
        "claims accuracies that it has not measured",
        "def play(weights, train, evaluate, rounds):\n    return weights, [0.99] * rounds\n",
        exercise="5.4",
        outcomes=("failed", "not plain data"),
    ),
    Attack("X1", "redefines the function after its check", HONEST + "\n\ncheck('4.1', weighted_mean)\n\n" + WRONG),
    Attack(
        "X2",
        "swaps the worker's own tools: to_plain, pack, send",
        inside(
            "import fedteach.grading.worker as w, fedteach.grading.sandbox.inside as i\n"
            "w.to_plain = lambda value: [np.array([5.0], np.float32)]\n"
            "i.pack = lambda *a: b''"
        ),
        ("failed", "not plain data"),
    ),
    Attack(
        "X3",
        "a reply that claims not to have been asked: 'not started', to be spared",
        inside("say(pack(Reply('not started', exercise='4.1', after=(None,)), ANSWERS))\nwhile True: pass", _FORGE),
        ("not started", "not plain data", "time out"),
    ),
]
