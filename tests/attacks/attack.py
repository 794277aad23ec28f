"""What an attack is: code that a student hands in as the answer to an exercise, and what may come of it.

The letters and numbers are those of the list in the issue: A forges verdicts, B uses up resources, C goes for the host
and for data; X are our own.
"""

from dataclasses import dataclass, field

import nbformat

STEPS = {"3": "03_local_update", "4": "04_aggregation", "5": "05_global_update"}

WRONG = """
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


@dataclass(frozen=True)
class Attack:
    """One submission.

    Attributes:
        id: its number in the list.
        what: what it tries, a few words.
        code: its code cell.
        outcomes: how judging it may end; never "passed".
        exercise: what it is handed in for.
        files: what else is in the folder, by name.
        metadata: of the code cell.
    """

    id: str
    what: str
    code: str
    outcomes: tuple[str, ...] = ("failed",)
    exercise: str = "4.1"
    files: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, object] = field(default_factory=dict)

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


def inside(body: str, before: str = "", then: str = "return [np.zeros(3)]") -> str:
    """Return a `weighted_mean` that does something when it is called, and then answers wrongly."""
    lines = "\n".join(f"    {line}" for line in [*body.strip("\n").split("\n"), then])
    return f"import numpy as np\n{before}\n\ndef weighted_mean(updates):\n{lines}\n"


def at_import(body: str) -> str:
    """Return code that does something while the function is loaded: the function needs what it gives."""
    lines = "\n".join(f"    {line}" for line in body.strip("\n").split("\n"))
    return (
        f"import numpy as np\n\ndef attack():\n{lines}\n\nDONE = attack()\n\n"
        "def weighted_mean(updates):\n    DONE\n    return [np.zeros(3)]\n"
    )
