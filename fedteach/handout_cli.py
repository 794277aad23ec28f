"""`fedteach release`: thin, so that everything it does can be done in Python too."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fedteach.handout.links import Repository


def release(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder, or an earlier hand-out.")],
    notebook: Annotated[
        list[str] | None, typer.Option(help="Only this one, such as 04_aggregation; may be repeated.")
    ] = None,
    github_classroom: Annotated[
        bool, typer.Option("--github-classroom", help="Add a workflow that checks the exercises at every push.")
    ] = False,
    binder: Annotated[
        str | None, typer.Option(metavar="URL", help="Link to Binder; https://github.com/OWNER/REPO to be pushed to.")
    ] = None,
    colab: Annotated[str | None, typer.Option(metavar="URL", help="Links to Colab, from the same kind of URL.")] = None,
    branch: Annotated[str, typer.Option(help="Branch of that repository.")] = "main",
    nbgrader: Annotated[
        bool, typer.Option("--nbgrader", help="Make DIR/source/ASSIGNMENT for nbgrader instead.")
    ] = False,
    assignment: Annotated[str, typer.Option(help="Name of the assignment in nbgrader.")] = "fedteach",
    zip: Annotated[bool, typer.Option("--zip/--no-zip", help="Make DIR.zip too.")] = True,
) -> None:
    """Make what students get: notebooks without solutions, how to install, what to hand in.

    The same course gives the same zip, byte for byte.
    """
    from fedteach.handout.making import Order
    from fedteach.handout.making import release as make

    order = Order(
        tuple(notebook or ()),
        github_classroom,
        _repository(binder, branch),
        _repository(colab, branch),
        assignment if nbgrader else "",
    )
    archive = make(directory, order, zip)
    typer.echo(f"hand-out in {directory}" + (f", packed in {archive}" if archive else ""))
    if nbgrader:
        typer.echo(
            f"next: copy source/{assignment} into the folder source of your course, then"
            f" nbgrader generate_assignment {assignment}"
        )


def _repository(address: str | None, branch: str) -> "Repository | None":
    from fedteach.handout.links import repository

    return repository(address, branch) if address is not None else None
