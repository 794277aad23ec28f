"""What a student reads first."""

from collections.abc import Sequence

from fedteach.exercises import find
from fedteach.handout.contents import Notebook
from fedteach.handout.links import Repository, binder_badge, colab_badge

_TEXT = """\
# Learn federated learning by building it
{badges}
## Install

You need Python 3.11, 3.12 or 3.13, about 3 GB of disk, and some minutes, once. In a terminal, in this folder:

    python -m venv .venv
    source .venv/bin/activate
    python -m pip install -r requirements.txt

On Windows the second line is `.venv\\Scripts\\activate`. With conda, instead of all three:

    conda env create -f environment.yml
    conda activate fedteach

On a Mac you need Apple silicon.

## Open

    jupyter lab {first}

Begin with the first cell, and run one after another with Shift and Enter.

## Fill in

{table}

A cell with a `TODO` waits for your code. Write it there, run the cell, and the last line answers:

    {check}    what is right, or the first thing that is not, and often why
    hint("{id}"){space}    the next of up to three hints
    progress(){space_progress}    what is done
    reset("{id}"){space_reset}    the exercise as it was at the beginning

If your teacher has given you an id, say it once in any cell, and the checks ask numbers of your own:

    from fedteach import my_id
    my_id("ab123")

Keep the names of the functions: by them your work is found. Everything else you may change, and you may add cells.

## Hand in

{hand_in}
"""

_BINDER = (
    "On Binder there is nothing to install. It forgets your work when you leave, so download your notebooks before."
)

_FILES = """\
Save your notebooks (Ctrl-S), then hand in {what}:

{files}

Nothing else is needed: no outputs, no other files of this folder."""

_PUSH = """\
Save your notebooks (Ctrl-S), commit and push them:

    git add {names}
    git commit -m "my answers"
    git push

After each push the exercises are checked, and the answers stand in the tab "Actions" of your repository. That is
feedback for you, as in the notebook; your teacher grades with further questions."""

_NBGRADER = """\
Save your notebooks (Ctrl-S), then submit the assignment as your teacher has shown you. Leave the cells that give the
points as they are; the cell above each is yours."""


def readme(
    notebooks: Sequence[Notebook], way: str, on_binder: Repository | None = None, on_colab: Repository | None = None
) -> bytes:
    """Return the README.md of a hand-out.

    Args:
        notebooks: those of the hand-out.
        way: how students hand in: "files", "push" or "nbgrader".
        on_binder: the repository that Binder opens, or None.
        on_colab: the repository that Colab opens, or None.
    """
    stubs = [stub for notebook in notebooks for stub in notebook.stubs]
    id, function = (stubs[0].exercise, stubs[0].function) if stubs else ("4.1", "weighted_mean")
    check = f'check("{id}", {function})'
    badges = [""] if on_binder is None else ["", binder_badge(on_binder, notebooks[0].file), "", _BINDER, ""]
    text = _TEXT.format(
        badges="\n".join(badges),
        first=notebooks[0].file,
        table=_table(notebooks, on_colab),
        check=check,
        id=id,
        space=" " * (len(check) - len(f'hint("{id}")')),
        space_progress=" " * (len(check) - len("progress()")),
        space_reset=" " * (len(check) - len(f'reset("{id}")')),
        hand_in=_hand_in(notebooks, way),
    )
    return text.encode()


def _table(notebooks: Sequence[Notebook], on_colab: Repository | None) -> str:
    colab = on_colab is not None
    lines = [
        "| notebook | you write |" + (" in the browser |" if colab else ""),
        "|---|---|" + ("---|" if colab else ""),
    ]
    for notebook in notebooks:
        exercises = "; ".join(f"{stub.exercise} {find(stub.exercise).title}" for stub in notebook.stubs)
        badge = f" {colab_badge(on_colab, notebook.file)} |" if on_colab is not None else ""
        lines.append(f"| `{notebook.file}` | {exercises or 'nothing: run it, and look'} |{badge}")
    return "\n".join(lines)


def _hand_in(notebooks: Sequence[Notebook], way: str) -> str:
    files = [notebook.file for notebook in notebooks if notebook.stubs] or [notebook.file for notebook in notebooks]
    if way == "nbgrader":
        return _NBGRADER
    if way == "push":
        return _PUSH.format(names=" ".join(files) if len(files) < 3 else "*.ipynb")
    what = "this notebook" if len(files) == 1 else "these notebooks"
    return _FILES.format(what=what, files="\n".join(f"- `{file}`" for file in files))
