"""A: submissions that want marks for a wrong answer.

What asks nothing of the answer has nothing to attack: A24 of the list, a test file that is rewritten for the next run,
is here the package that is.
"""

from tests.attacks.attack import DONE, HONEST, SUCCEED, WITHIN_WALLS, WRONG, Attack, at_import, inside

_FORGE = """
import os, stat
from fedteach.grading.recipes import Passage
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

def answer(outcome="value", value=None, **more):
    say(pack(Reply(outcome, value=value, after=(Passage(0, 0, False),), **more), ANSWERS))
"""

_DEAF = """
import signal
signal.signal(signal.SIGALRM, signal.SIG_IGN)
"""

_OWN_MEAN = "return steps.aggregation.weighted_mean(updates)"

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
            "    for name in ('expected', 'want', 'says', 'ask', 'exercise'):\n"
            f"        if name in frame.f_locals: {SUCCEED}\n"
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
            f"        if 'reference_mean' in open(path).read(): {SUCCEED}"
        ),
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
            WITHIN_WALLS + "import pathlib\nfor path in pathlib.Path(fedteach.__file__).parent.rglob('*.py'):\n"
            "    try: path.write_text('raise SystemExit')\n"
            "    except OSError: pass"
        ),
        says=DONE,
    ),
    Attack(
        "A25",
        "writes the judge a reply of its own",
        inside("answer(value=[np.array([777.0])])\nos._exit(0)", _FORGE),
        ("killed",),
        "got: [array([777.])]",  # it is an answer as any other, and wrong as any other
    ),
    Attack(
        "A26a",
        "a reply without end",
        inside("for fd in sockets():\n    while True: os.write(fd, b'\\x7f' * 2**20)", _FORGE),
        ("output limit",),
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
    *(
        Attack(
            f"A26d{n}",
            f"no number of JSON's: {what}",
            inside(
                f"import json\nhead = json.dumps({{'__metadata__': {{'fedteach': {text}}}}}).encode()\n"
                "say(len(head).to_bytes(8, 'little') + head)",
                _FORGE,
            ),
            ("not plain data",),
        )
        for n, (what, text) in enumerate(
            [
                ("NaN", "'{\"value\": NaN}'"),
                ("Infinity", "'{\"value\": -Infinity}'"),
                ("1e400", "'{\"value\": 1e400}'"),
                ("five thousand digits", "'{\"value\": ' + '9' * 5000 + '}'"),
                ("an object of none of our kinds", "'{\"value\": {}}'"),
            ]
        )
    ),
    Attack(
        "A26e",
        "half a reply, and then nothing",
        inside("os.write(next(sockets()), (10**6).to_bytes(8, 'big') + b'x')\nwhile True: pass", _FORGE + _DEAF),
        ("time out",),
    ),
    Attack(
        "A26f",
        "a reply that comes drop by drop",
        inside(
            "import time\nos.write(next(sockets()), (10**6).to_bytes(8, 'big'))\n"
            "while True: os.write(next(sockets()), b'x'); time.sleep(0.02)",
            _FORGE + _DEAF,
        ),
        ("time out",),
    ),
    Attack(
        "A26g",
        "two replies to one question, the second meant for the next",
        inside("answer(value=[np.array([777.0])])\nanswer(value=[np.array([778.0])])\nos._exit(0)", _FORGE),
        ("killed",),
        "got: [array([777.])]",
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
        ("not plain data",),
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
        says="No module named 'fedteach.exercises'",
    ),
    Attack(
        "A31b",
        "looks for solutions wherever files may be",
        inside(
            "import os\nfor place in ('solutions', '..', '/work', '/home', '/root', '/opt', '/tmp'):\n"
            "    for folder, below, names in os.walk(place):\n"
            "        below[:] = [] if folder.endswith(('site-packages', '/lib/python3')) else below\n"
            f"        if any(name.startswith('04_aggregation') for name in names): {SUCCEED}"
        ),
    ),
    Attack(
        "A31c",
        "asks the processes around it",
        inside(
            "import glob, os\nwords = b'FEDTEACH_SECRET', b'pytest', b'grade'\n"
            "for path in [p for name in ('cmdline', 'environ') for p in glob.glob('/proc/[0-9]*/' + name)]:\n"
            "    try: said = open(path, 'rb').read()\n    except OSError: continue\n"
            "    found = [word for word in words if word in said.replace(b'fedteach.grading', b'')]\n"
            f"    if found: {SUCCEED}"
        ),
    ),
    Attack(
        "A31d",
        "reads the environment of the first process",
        inside(f"said = open('/proc/1/environ', 'rb').read()\nif b'FEDTEACH_SECRET' in said: {SUCCEED}"),
        says="Permission denied: '/proc/1/environ'",
    ),
    Attack(
        "A31e",
        "looks for questions and answers among everything in memory",
        inside(
            "import gc, types\nfor thing in gc.get_objects():\n"
            "    names = getattr(thing, '__dict__', None)\n"
            "    names = names if type(names) is dict else thing if type(thing) is dict else {}\n"
            f"    if 'reference_mean' in names or 'FEDTEACH_SECRET' in names: {SUCCEED}"
        ),
    ),
    Attack(
        "A31f",
        "looks for questions among the lines that Python remembers",
        inside(
            "import linecache, sys\nframe = sys._getframe(1)\nwhile frame:\n"
            "    linecache.getlines(frame.f_code.co_filename); frame = frame.f_back\n"
            "said = ''.join(line for entry in linecache.cache.values() if len(entry) > 2 for line in entry[2])\n"
            f"if 'def by' + '_hand' in said or 'def reference' + '_mean' in said: {SUCCEED}"
        ),
    ),
    Attack(
        "A32",
        "claims accuracies that it has not measured",
        "def play(weights, train, evaluate, rounds):\n    return weights, [0.99] * rounds\n",
        exercise="5.4",
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
        ("not plain data",),
    ),
    Attack(
        "X3",
        "a reply that claims not to have been asked: 'not started', to be spared",
        inside("answer('not started', exercise='4.1')\nos._exit(0)", _FORGE),
        ("not started",),
    ),
    Attack(
        "X4a",
        "imports fedteach's own answer",
        "from fedteach.steps.aggregation import weighted_mean",
        ("import error",),
    ),
    Attack("X4b", "calls fedteach's own answer", inside("from fedteach import steps", then=_OWN_MEAN)),
    Attack(
        "X4c",
        "has fedteach's own answer made by its name",
        inside(
            "from fedteach.steps.aggregation import aggregation", then="return aggregation('weighted_mean')(updates)"
        ),
    ),
    Attack(
        "X4d",
        "runs the source of fedteach's own answer",
        inside(
            "import inspect\nfrom fedteach.steps import aggregation\nnames = dict(vars(aggregation))\n"
            "exec(inspect.getsource(aggregation.weighted_mean), names)",
            then="return names['weighted_mean'](updates)",
        ),
    ),
    Attack(
        "X4e",
        "trims the mean to the median",
        "from fedteach.steps.aggregation import trimmed_mean\ndef median_update(updates):\n"
        "    return trimmed_mean(0.4999)(updates)\n",
        exercise="4.4",
    ),
    Attack(
        "X4f",
        "momentum without memory, to add",
        "from fedteach import steps\ndef apply_delta(weights, delta):\n"
        "    return steps.global_update.momentum(0, 1).apply(weights, delta, {'v': delta})[0]\n",
        exercise="5.1",
    ),
    Attack(
        "X4g",
        "fedteach's own Adam",
        "from fedteach.steps.global_update import adam\ndef adam_step(w, d, m, v, rate, beta1, beta2, tau):\n"
        "    w, s = adam(rate, beta1, beta2, tau).apply(w, d, {'m': m, 'v': v})\n    return w, s['m'], s['v']\n",
        exercise="5.3",
    ),
    Attack(
        "X4h",
        "fedteach's own split",
        "from fedteach.data.splits import experiment_1\ndef split_uniform(labels, n_clients, per_client, rng):\n"
        "    return list(experiment_1(labels, n_clients, per_client, rng).parts)\n",
        exercise="3.1",
    ),
    Attack(
        "X4i",
        "fedteach's own split, by a name in a table",
        "import numpy as np\nfrom fedteach.data import Examples, splits\n"
        "def split_uniform(labels, n_clients, per_client, rng):\n"
        "    return list(splits._BY_NAME['1'](labels, n_clients, per_client, None, None, rng).parts)\n",
        exercise="3.1",
        says="fedteach's own answer to 3.1 is not here",
    ),
]
