"""`fedteach grade`: thin, so that everything it does can be done in Python too."""

import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fedteach.grading.batch.gradebook import Gradebook
    from fedteach.grading.batch.lanes import Graded

_MOST_LISTED = 20
_WHAT, _HOW, _REPORTS = "What is graded", "How", "Reports"


def grade(
    submissions: Annotated[Path, typer.Argument(help="Folder or zip of the platform's, or one notebook.")],
    out: Annotated[Path, typer.Option(help="Folder for results; a second call goes on where the first ended.")],
    exercises: Annotated[
        list[str] | None,
        typer.Option(
            "--exercises",
            "--exercise",
            help="Only these: 4.1, or 4 for all of step 4; several with commas. Default: all.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    roster: Annotated[
        Path | None,
        typer.Option(help="CSV of the class: student_id, and any other columns.", rich_help_panel=_WHAT),
    ] = None,
    deadline: Annotated[
        str | None,
        typer.Option(
            help="Such as 2026-12-24T18:00; the roster's column `deadline` holds extensions.", rich_help_panel=_REPORTS
        ),
    ] = None,
    late_policy: Annotated[
        str,
        typer.Option(
            help="What lateness costs: none, zero, 10%/day, 5%/hour; each begun one counts.", rich_help_panel=_REPORTS
        ),
    ] = "none",
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            help="Write what canvas, moodle or gradescope takes in. Default: where the hand-ins are from.",
            rich_help_panel=_REPORTS,
        ),
    ] = None,
    seed_key: Annotated[
        Path | None,
        typer.Option(
            help="File of the course key; made if it is not there. Default: OUT/course.key.", rich_help_panel=_HOW
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option(help="Students graded side by side; 0: one for each processor.", rich_help_panel=_HOW)
    ] = 0,
    time_limit: Annotated[
        float, typer.Option(help="Seconds for loading what a function needs.", rich_help_panel=_HOW)
    ] = 20.0,
    memory_limit: Annotated[
        int, typer.Option(help="Megabytes that a student's code may use.", rich_help_panel=_HOW)
    ] = 2048,
    resume: Annotated[
        bool, typer.Option("--resume/--again", help="Go on, or grade anew what is done too.", rich_help_panel=_HOW)
    ] = True,
) -> None:
    """Grade a class: each student's code in a sandbox, with public and hidden questions.

    Killed in the middle, the same command goes on with what is not done yet. Reports are in OUT: overview.html and
    grades.csv for you, feedback/ for the students.
    """
    from fedteach.exercises import chosen, stubs
    from fedteach.grading.batch.run import Course, Options, grade_class
    from fedteach.grading.seeds import ASSIGNMENT

    ids = tuple(id.strip() for text in exercises or () for id in text.split(",") if id.strip())
    course = Course(ASSIGNMENT, partial(chosen, ids), {id: stub.text for id, stub in stubs.stubs().items()})
    options = Options(
        roster=roster,
        seed_key=seed_key,
        deadline=deadline,
        late_policy=late_policy,
        formats=tuple(formats or ()),
        jobs=jobs,
        time_limit_s=time_limit,
        memory_mb=memory_limit,
        resume=resume,
    )
    try:
        book = grade_class(course, submissions, out, options, tell=_tell, track=_with_bar)
    except KeyboardInterrupt:
        _tell("stopped; the same command goes on with what is not graded yet")
        raise
    _summary(book, out)


def _tell(sentence: str) -> None:
    from fedteach.grading.readable import readable

    typer.echo(readable(sentence), err=True)


def _with_bar(graded: "Iterable[Graded]", total: int) -> "Iterable[Graded]":
    from tqdm import tqdm

    # Each student who is done is shown at once: a class is hundreds, not millions.
    return tqdm(graded, total=total, unit="student", file=sys.stderr, disable=None, mininterval=0, miniters=1)


def _summary(book: "Gradebook", out: Path) -> None:
    import statistics

    points = [row.points for row in book.rows]
    if points:
        middle = statistics.median(points)
        typer.echo(f"graded {len(points)}: from {min(points):g} to {max(points):g} of {book.of:g}, median {middle:g}")
    typer.echo(
        f"class report in {out / 'overview.html'}, grades in {out / 'grades.csv'}, for students {out / 'feedback'}"
    )
    ungraded = [row.result.student for row in book.rows if row.result.ungraded]
    if ungraded:
        _tell(f"not graded for reasons of ours, call again: {', '.join(ungraded[:_MOST_LISTED])}")
        raise typer.Exit(1)
