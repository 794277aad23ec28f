"""What an attack is: code that a student hands in as the answer to an exercise, and what may come of it.

The letters and numbers are those of the list in the issue: A forges verdicts, B uses up resources, C goes for the host
and for data; X are our own.
"""

import os
import re
from dataclasses import dataclass, field, replace

import nbformat

STEPS = {"3": "03_local_update", "4": "04_aggregation", "5": "05_global_update"}

SUCCESS = "the attack has succeeded"
"""What a verdict must never say."""

SUCCEED = f"raise RuntimeError('{SUCCESS}')"
"""What an attack does when it has got what it wanted: a wrong answer would look as if it had failed."""

WRONG = """
import numpy as np

def weighted_mean(updates):
    return [np.zeros(3)]
"""

HONEST = """
import numpy as np

def weighted_mean(updates):
    total, n = None, 0
    for update in updates:
        part = [update.n_examples * np.asarray(tensor, np.float64) for tensor in update.delta]
        total = part if total is None else [a + b for a, b in zip(total, part)]
        n += update.n_examples
    if n == 0:
        raise ValueError("nobody answered, so there is nothing to average")
    return [(tensor / n).astype(np.float32) for tensor in total]
"""


HONEST_SGD = """
import tensorflow as tf

def local_sgd(model, x, y, plan, rng):
    loss_of = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    for _ in range(plan.epochs):
        order = rng.permutation(len(x))
        size = plan.batch_size or len(x)
        for begin in range(0, len(x), size):
            rows = order[begin : begin + size]
            with tf.GradientTape() as tape:
                loss = loss_of(y[rows], model(x[rows], training=True))
            for weight, step in zip(model.trainable_variables, tape.gradient(loss, model.trainable_variables)):
                weight.assign_sub(plan.learning_rate * step)
"""


@dataclass(frozen=True)
class Attack:
    """One submission.

    Attributes:
        id: its number in the list.
        what: what it tries, a few words.
        code: its code cell.
        outcomes: how judging it may end; never "passed". More than one only where machines differ.
        says: what the verdict says of it, so that it is known to have got as far as it meant to.
        exercise: what it is handed in for.
        files: what else is in the folder, by name.
        metadata: of the code cell.
        again: whether to hand it in twice: the second may find what the first has left.
        limit_s: seconds that its calls may take; None: what the exercise gives.
    """

    id: str
    what: str
    code: str
    outcomes: tuple[str, ...] = ("failed",)
    says: str = ""
    exercise: str = "4.1"
    files: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, object] = field(default_factory=dict)
    again: bool = False
    limit_s: float | None = None

    def aimed(self, **targets):
        """Return the attack with what it is to go for in the place of each `@NAME@`.

        Raises:
            ValueError: if it is to go for something that is not given.
        """
        code = self.code
        for name, what in {"NAMESPACES": [_link(space) for space in NAMESPACES], **targets}.items():
            code = code.replace(f"@{name}@", str(what))
        if left := re.findall("@[A-Z]+@", code):
            raise ValueError(f"attack {self.id} goes for {left}, and nobody has said what that is")
        return replace(self, code=code)

    def write(self, folder):
        """Write the submission into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        cell = nbformat.v4.new_code_cell(self.code, metadata=self.metadata)
        notebook = nbformat.v4.new_notebook(cells=[cell])
        name = STEPS[self.exercise[0]]
        (folder / f"{name}.ipynb").write_text(nbformat.writes(notebook), encoding="utf-8")
        for name, text in self.files.items():
            (folder / name).write_text(text, encoding="utf-8")
        return folder


NAMESPACES = ("/proc/self/ns/mnt", "/proc/self/ns/pid")

WITHIN_WALLS = f"""
import fedteach, os, sys
for space, of_the_host in zip({NAMESPACES}, @NAMESPACES@):
    if not os.path.lexists(space) or os.readlink(space) == of_the_host: {SUCCEED}
libraries = [os.path.dirname(module.__file__) for module in (os, np, fedteach)]
for place in ('/', '/etc', '/usr', '@OTHERS@', sys.prefix, sys.base_prefix, *libraries):
    if os.path.exists(place) and not os.statvfs(place).f_flag & os.ST_RDONLY: {SUCCEED}
"""
"""How an attack begins that would do lasting harm: where a wall is missing it has won, and does not go on."""


def within_limit(name):
    """Return how an attack begins that would use a computer up: without this limit it has won, and does not go on."""
    return f"import resource\nif resource.getrlimit(resource.{name})[0] == resource.RLIM_INFINITY: {SUCCEED}\n"


DONE = "got: array([0., 0., 0.])"
"""What a verdict says of an attack that has done all it could, and then answered wrongly."""

MEAN, SGD = "weighted_mean(updates)", "local_sgd(model, x, y, plan, rng)"
"""What is asked for in 4.1, and in 3.5, whose sandbox is the one with TensorFlow."""


def _link(path):
    return os.readlink(path) if os.path.lexists(path) else ""


def inside(body: str, before: str = "", then: str = "return [np.zeros(3)]", function: str = MEAN) -> str:
    """Return a function that does something when it is called, and then answers wrongly."""
    lines = "\n".join(f"    {line}" for line in [*body.strip("\n").split("\n"), then])
    return f"import numpy as np\n{before}\n\ndef {function}:\n{lines}\n"


def at_import(body: str, function: str = MEAN) -> str:
    """Return code that does something while the function is loaded: the function needs what it gives."""
    lines = "\n".join(f"    {line}" for line in body.strip("\n").split("\n"))
    return (
        f"import numpy as np\n\ndef attack():\n{lines}\n\nDONE = attack()\n\n"
        f"def {function}:\n    DONE\n    return [np.zeros(3)]\n"
    )
