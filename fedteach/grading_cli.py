"""`fedteach grade`: thin, so that everything it does can be done in Python too."""

import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from fedteach.grading.batch.intake import Intake
    from fedteach.grading.exercise import Exercise

_MOST_LISTED = 20


def grade(
    submissions: Annotated[Path, typer.Argument(help="Folder or zip of the platform's, or one notebook.")],
    out: Annotated[Path, typer.Option(help="Folder for results; a second call goes on where the first ended.")],
    exercise: Annotated[list[str] | None, typer.Option(help="Only this one, such as 4.1; may be repeated.")] = None,
    roster: Annotated[Path | None, typer.Option(help="CSV of the class: student_id, and any other columns.")] = None,
    seed_key: Annotated[
        Path | None, typer.Option(help="File of the course key; made if it is not there. Default: OUT/course.key.")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Students graded side by side; 0: one for each processor.")] = 0,
    time_limit: Annotated[float, typer.Option(help="Seconds for loading what a function needs.")] = 20.0,
    memory_limit: Annotated[int, typer.Option(help="Megabytes that a student's code may use.")] = 2048,
    again: Annotated[bool, typer.Option("--again", help="Grade everything anew, also what is done.")] = False,
) -> None:
    """Grade a class: each student's code in a sandbox, with public and hidden questions.

    Killed in the middle, the same command goes on with what is not done yet.
    """
    from tqdm import tqdm

    from fedteach import checks
    from fedteach.grading.batch.intake import take_in
    from fedteach.grading.batch.lanes import Orders
    from fedteach.grading.batch.lanes import grade as graded_of
    from fedteach.grading.batch.ledger import Ledger
    from fedteach.grading.batch.roster import Roster
    from fedteach.grading.batch.seeds import course_key

    exercises = _exercises(exercise)
    checks.whole("jobs", jobs, least=0, most=256)
    checks.number("time_limit", time_limit, least=0, open_left=True)
    checks.whole("memory_limit", memory_limit, least=128)
    key_path = seed_key or out / "course.key"
    key = course_key(key_path)
    ids = [one.id for one in exercises]
    limits = {"time": time_limit, "memory": memory_limit}
    # The secret seeds belong to the key: another key, other questions, so what was done is done anew.
    ledger = Ledger(out, {"exercises": ids, "limits": limits, "key": key.hex()[:8]})
    run = time.strftime("%Y%m%d_%H%M%S", time.gmtime())
    with tempfile.TemporaryDirectory(prefix="fedteach-grade-") as work:
        intake = take_in(submissions, Path(work) / "intake", Roster.load(roster) if roster else None)
        _say(intake)
        _say_fences()
        results = {} if again else {h.student: r for h in intake.hand_ins if (r := ledger.find(h)) is not None}
        if results:
            typer.echo(f"{len(results)} of {len(intake.hand_ins)} are graded already", err=True)
        todo = {h.student: h for h in intake.hand_ins if h.student not in results}
        orders = Orders(partial(_exercises, exercise), "fedteach", key, memory_limit * 2**20, time_limit, Path(work))
        lanes = min(jobs or os.cpu_count() or 1, max(len(todo), 1))
        hand_ins = [(student, hand_in.folder) for student, hand_in in todo.items()]
        with tqdm(total=len(todo), unit="student", file=sys.stderr, disable=None) as bar:
            for graded in graded_of(hand_ins, orders, lanes):
                results[graded.student] = ledger.enter(todo[graded.student], graded, run)
                bar.update()
        table = ledger.write_grades([results[h.student] for h in intake.hand_ins], ids)
    _summary([results[h.student] for h in intake.hand_ins], table)


def _exercises(wanted: list[str] | None) -> "list[Exercise]":
    from fedteach.exercises import catalogue, find

    return [find(id) for id in dict.fromkeys(wanted)] if wanted else list(catalogue().values())


def _say(intake: "Intake") -> None:
    """Say what came, and what is nobody's."""
    platform = f" ({intake.platform})" if intake.platform else ""
    typer.echo(f"{len(intake.hand_ins)} students{platform}", err=True)
    for words, entries in (("not graded", intake.unclear), ("nothing came from", intake.missing)):
        for entry in entries[:_MOST_LISTED]:
            typer.echo(f"{words}: {_shown(entry)}", err=True)
        if len(entries) > _MOST_LISTED:
            typer.echo(f"{words}: {len(entries) - _MOST_LISTED} more", err=True)


def _say_fences() -> None:
    """Say what stands between students' code and this computer."""
    from fedteach.grading.sandbox.launcher import Sandbox

    with Sandbox() as sandbox:
        layers = sandbox.layers
    for line in layers.lines():
        typer.echo(f"sandbox: {line}", err=True)
    if layers.warning:
        typer.echo(f"Warning: {layers.warning}", err=True)


def _shown(text: str) -> str:
    from fedteach.grading.readable import readable

    return readable(text)


def _summary(results: list[dict[str, Any]], table: Path) -> None:
    points = sorted(result["points"] for result in results)
    if points:
        middle = points[len(points) // 2]
        typer.echo(
            f"graded {len(points)}: from {points[0]:g} to {points[-1]:g} of {results[0]['of']:g}, median {middle:g}"
        )
    ungraded = [result["student"] for result in results if result["ungraded"]]
    if ungraded:
        typer.echo(
            f"not graded for reasons of ours, call again: {', '.join(map(_shown, ungraded[:_MOST_LISTED]))}", err=True
        )
    typer.echo(f"grades in {table}")
    if ungraded:
        raise typer.Exit(1)
