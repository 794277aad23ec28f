"""`fedteach author`: build the notebooks, check the course, begin a new notebook."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from fedteach.authoring.cells import AuthoringError
from fedteach.authoring.sources import COURSE, ROOT, Course

author_app = typer.Typer(
    help="Write the course: sources in solutions/, notebooks built from them.", no_args_is_help=True
)

_Solutions = Annotated[Path, typer.Option(metavar="DIR", help="Where the sources are.", show_default=False)]
_Out = Annotated[Path | None, typer.Option(metavar="DIR", help="Where the notebooks are.", show_default=False)]


@author_app.command()
def build(solutions: _Solutions = COURSE.solutions, out: _Out = None) -> None:
    """Build notebooks/ from solutions/, and the stubs that reset() gives back.

    With --out DIR, only the notebooks are built, there. Sources of another folder need it.
    """
    from fedteach.authoring import building

    with _failures_in_words():
        for path in building.build(_course(solutions, out)):
            typer.echo(f"built {path.name}")


@author_app.command()
def check(solutions: _Solutions = COURSE.solutions, out: _Out = None) -> None:
    """Prove that notebooks are as their sources say, and that every exercise keeps its promises."""
    from fedteach import exercises
    from fedteach.authoring import promises

    with _failures_in_words():
        complaints = promises.check(_course(solutions, out), exercises.catalogue())
        if complaints:
            raise AuthoringError(*complaints)
        count = len(exercises.catalogue())
        typer.echo(f"all is well: {count} {'exercise keeps its' if count == 1 else 'exercises keep their'} promises")


@author_app.command()
def new(name: Annotated[str, typer.Argument(help="Number and topic, such as 08_topic.")]) -> None:
    """Begin a notebook: a source, an exercise and two planted mistakes that work, for you to replace."""
    from fedteach.authoring import skeleton

    with _failures_in_words():
        source, mistakes, exercises = (path.relative_to(ROOT).as_posix() for path in skeleton.begin(name, ROOT))
    typer.echo(f"""\
{source} is the notebook, with exercise {int(name[:2])}.1 and its solution between marks
{exercises} asks the questions that judge it, and holds its hints
{mistakes} holds wrong answers that it must recognise

Next: replace what is in them by your own, then

    fedteach author build    # writes notebooks/{name}.ipynb
    fedteach author check    # says what is still missing""")


def _course(solutions: Path, out: Path | None) -> Course:
    """Return the course, or other folders; then the stubs of the course are left alone.

    Raises:
        AuthoringError: if the notebooks of other sources would take the place of the course's own.
    """
    its_own = solutions.resolve() == COURSE.solutions.resolve()
    if out is None and not its_own:
        raise AuthoringError(f"expected --out DIR for the notebooks of {solutions}: {COURSE.notebooks} is the course's")
    if its_own and (out is None or out.resolve() == COURSE.notebooks.resolve()):
        return COURSE
    return Course(solutions, out or COURSE.notebooks)


@contextmanager
def _failures_in_words() -> Iterator[None]:
    try:
        yield
    except (ValueError, OSError) as error:  # such as two exercises of one number
        typer.echo(error, err=True)
        raise typer.Exit(1) from None
