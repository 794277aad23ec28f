"""All the files of a hand-out, made in memory, and what may not be asked for together."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fedteach.authoring.sources import COURSE, ROOT, Course
from fedteach.handout import folder
from fedteach.handout.contents import Notebook, notebooks
from fedteach.handout.github_classroom import github_classroom
from fedteach.handout.installing import installation
from fedteach.handout.links import Repository, for_colab
from fedteach.handout.nbgrader import for_nbgrader
from fedteach.handout.readme import readme

_ASSIGNMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Order:
    """What a teacher has asked for.

    Attributes:
        notebooks: names such as "04_aggregation"; empty: all.
        github_classroom: whether a push is checked on GitHub.
        binder: the repository that Binder opens, or None.
        colab: the repository that Colab opens, or None.
        nbgrader: the name of the assignment in nbgrader, or "" for a hand-out without.
    """

    notebooks: tuple[str, ...] = ()
    github_classroom: bool = False
    binder: Repository | None = None
    colab: Repository | None = None
    nbgrader: str = ""

    def __post_init__(self) -> None:
        """Refuse what does not go together."""
        if not self.nbgrader:
            return
        if not _ASSIGNMENT.fullmatch(self.nbgrader):
            raise ValueError(f"expected an assignment of letters, digits, '_' and '-', got {self.nbgrader!r}")
        if self.github_classroom or self.binder or self.colab:
            raise ValueError(
                "nbgrader hands notebooks out itself, so --nbgrader goes with none of --github-classroom, --binder and"
                " --colab: make two hand-outs"
            )


def release(
    place: Path, order: Order, with_zip: bool = True, course: Course = COURSE, root: Path = ROOT
) -> Path | None:
    """Make a hand-out, and return its zip or None.

    Args:
        place: the folder.
        order: what is asked for.
        with_zip: whether to make a zip beside the folder.
        course: where the notebooks come from.
        root: the folder of the course, with its pins.

    Raises:
        ValueError: says what is wrong; nothing was written then.
    """
    own = (course.notebooks, course.solutions, *(root / name for name in ("fedteach", "tests", "datasets", ".git")))
    folder.look(place, own)  # before the work, for one wants to know at once
    return folder.write(place, files(order, course, root), with_zip, own)


def files(order: Order, course: Course = COURSE, root: Path = ROOT) -> dict[str, bytes]:
    """Return all files of a hand-out, name -> content.

    Raises:
        ValueError: if there is no such notebook, or no course.
    """
    chosen = notebooks(course, order.notebooks)
    made = installation(root)
    (wheel,) = (name for name in made if name.endswith(".whl"))
    if order.nbgrader:
        made |= _texts([for_nbgrader(notebook) for notebook in chosen])
        made["README.md"] = readme(chosen, "nbgrader")
        return {f"source/{order.nbgrader}/{name}": content for name, content in made.items()}
    if order.github_classroom:
        made |= github_classroom(chosen, everything=not order.notebooks)
    shown = [for_colab(notebook, order.colab, wheel) if order.colab else notebook for notebook in chosen]
    way = "push" if order.github_classroom else "files"
    return made | _texts(shown) | {"README.md": readme(chosen, way, order.binder, order.colab)}


def _texts(notebooks: Sequence[Notebook]) -> dict[str, bytes]:
    return {notebook.file: notebook.text().encode() for notebook in notebooks}
