"""The `fedteach` command: thin, so that everything it does can be done in Python too.

TensorFlow and matplotlib are imported when a command needs them: `fedteach --help` answers at once.
"""

import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fedteach import classroom_cli as classroom
from fedteach import grading_cli as grading
from fedteach import handout_cli as handout
from fedteach.authoring.command import author_app

if TYPE_CHECKING:
    from fedteach.experiment import Experiment
    from fedteach.federation import Federation
    from fedteach.history import RoundRecord

app = typer.Typer(
    help="Learn federated learning by building it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(author_app, name="author")
app.command()(classroom.serve)
app.command()(classroom.join)
app.command()(grading.grade)
app.command()(handout.release)

INTERRUPTED = 130  # what a shell reports after Ctrl-C


def main() -> None:
    """Run the command line; every failure is one sentence on stderr, never a traceback."""
    with _failures_in_words():
        app()


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    if version:
        from fedteach import __version__

        typer.echo(f"fedteach {__version__}")
        raise typer.Exit


_DATA, _CLIENTS, _STEPS, _RUN = "Data", "What clients do", "The server's steps", "The run"


def _option(text: str, panel: str, *names: str) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=panel, show_default=False)


@app.command()
def run(
    preset: Annotated[str | None, _option("Start from a named set-up: welcome, course, fedavg-paper.", _RUN)] = None,
    dataset: Annotated[
        str | None, _option("Data set: digits, mnist, mnist_writers, glyphs. Default: digits.", _DATA)
    ] = None,
    clients: Annotated[int | None, _option("Number of clients. Default: 5.", _DATA)] = None,
    split: Annotated[
        str | None,
        _option("Who holds what: 1-4, iid, dirichlet:0.5, shards:2, quantity:1.5, by_writer. Default: 1.", _DATA),
    ] = None,
    examples_per_client: Annotated[int | None, _option("Examples each client draws in splits 1-3.", _DATA)] = None,
    redraw_each_round: Annotated[bool | None, _option("Draw new examples every round.", _DATA)] = None,
    model: Annotated[str | None, _option("Model: small_cnn, cnn, lenet, lenet_original, 2nn, logistic.", _DATA)] = None,
    rounds: Annotated[int | None, _option("Number of rounds. Default: 5.", _RUN)] = None,
    seed: Annotated[int | None, _option("The same seed gives the same run. Default: 0.", _RUN)] = None,
    out: Annotated[Path | None, _option("Folder for log, picture and checkpoints. Default: runs.", _RUN)] = None,
    resume: Annotated[Path | None, _option("Go on with the newest run in this folder.", _RUN)] = None,
    as_json: Annotated[bool, _option("Print one JSON object a round on stdout.", _RUN, "--json")] = False,
    workers: Annotated[int | None, _option("Clients that train at once. Default: one per core.", _RUN)] = None,
    precision: Annotated[str | None, _option("float32 or mixed_bfloat16. Default: float32.", _RUN)] = None,
    test_examples: Annotated[int | None, _option("Test examples that judge each round. Default: 1000.", _RUN)] = None,
    client_accuracy: Annotated[bool | None, _option("Judge each client's model too. Default: yes.", _RUN)] = None,
    own_accuracy: Annotated[bool | None, _option("Clients judge themselves on their own examples.", _RUN)] = None,
    drop: Annotated[float | None, _option("Share of updates that get lost on the way. Default: 0.", _RUN)] = None,
    fraction: Annotated[float | None, _option("Share of clients in a round. Default: 1.0.", _STEPS)] = None,
    select: Annotated[str | None, _option("Other selection, such as power_of_choice:3,6.", _STEPS)] = None,
    broadcast: Annotated[str | None, _option("Codec down: float32, float16, int8, top_k:0.1.", _STEPS)] = None,
    upload: Annotated[str | None, _option("Codec up: float32, float16, int8, top_k:0.1.", _STEPS)] = None,
    aggregate: Annotated[
        str | None, _option("weighted_mean, median, trimmed_mean:0.1, krum:1, multi_krum:1,3.", _STEPS)
    ] = None,
    global_update: Annotated[
        str | None, _option("add, server_learning_rate:0.5, momentum:0.9, adagrad, adam, yogi:0.01.", _STEPS)
    ] = None,
    epochs: Annotated[int | None, _option("Times a client goes through its examples. Default: 10.", _CLIENTS)] = None,
    batch_size: Annotated[int | None, _option("Examples in a gradient step; 0: all. Default: 8.", _CLIENTS)] = None,
    learning_rate: Annotated[float | None, _option("Step size of local SGD. Default: 0.01.", _CLIENTS)] = None,
    momentum: Annotated[float | None, _option("Momentum of local SGD. Default: 0.", _CLIENTS)] = None,
    keep_momentum: Annotated[bool | None, _option("Momentum survives the round.", _CLIENTS)] = None,
    proximal_mu: Annotated[float | None, _option("FedProx' pull to the global model. Default: 0.", _CLIENTS)] = None,
    clip_norm: Annotated[float | None, _option("Longest update that leaves a client.", _CLIENTS)] = None,
    noise_multiplier: Annotated[float | None, _option("Noise on updates, in clip norms. Default: 0.", _CLIENTS)] = None,
    common_init: Annotated[bool | None, _option("All start from the same weights. Default: yes.", _CLIENTS)] = None,
) -> None:
    """Run a federation in this process and save what happens.

    Writes DIR/logs/YYYYmmdd_HHMMSS.json, and beside it the picture (.png), the table (.csv) and the weights
    (.safetensors).

    Ctrl-C ends it cleanly; --resume DIR goes on.
    """
    options = {name: value for name, value in locals().items() if value is not None}
    for name in ("preset", "out", "resume", "as_json"):
        options.pop(name, None)
    stop = threading.Event()
    with _stop_on_signals(stop):
        if resume is not None:
            federation, todo = _resumed(resume, out, options, preset, stop)
        else:
            experiment = _experiment(preset, options)
            federation, todo = experiment.federation(out=out or Path("runs"), stop=stop), experiment.rounds
        _play(federation, todo, as_json)
        _finish(federation, as_json, stop)


@app.command()
def plot(
    log: Annotated[Path, typer.Argument(help="A log that `fedteach run` or the original course wrote.")],
    out: Annotated[Path | None, typer.Option(help="Picture to write (.png, .svg, .pdf).")] = None,
) -> None:
    """Draw the accuracy of server and clients from a log."""
    from fedteach.history import History
    from fedteach.lab import plots

    path = out or log.with_suffix(".png")
    picture = plots.accuracy(History.from_json(log))
    picture.save(path)
    typer.echo(picture.summary)
    typer.echo(f"plot saved in {path}")


@app.command()
def datasets() -> None:
    """List the data sets: what is here, and how to get the rest."""
    from fedteach import data

    for entry in data.available():
        state = "here" if entry.here else "not here"
        typer.echo(f"{entry.name:<14} {state:<9} {entry.what}")
        typer.echo(f"{'':<14} {'':<9} {entry.where if entry.here else entry.how_to_get}")


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="A notebook, or a folder of notebooks.")] = Path("notebooks"),
    exercise: Annotated[list[str] | None, typer.Option(help="Only this one, such as 4.1; may be repeated.")] = None,
    student: Annotated[str, typer.Option(help="Ask the numbers of this student's own, as my_id() does.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Judge the exercises in a student's notebooks, with points; exit code 0 if all are right."""
    from fedteach.exercises import catalogue, find
    from fedteach.grading import report
    from fedteach.grading.seeds import ASSIGNMENT, visible_seed
    from fedteach.grading.submission import Submission

    submission = Submission(path, catalogue().values(), seed_for=lambda id: visible_seed(ASSIGNMENT, id, student))
    exercises = [find(id) for id in dict.fromkeys(exercise or ())] or submission.exercises()
    lines = [json.dumps(report.as_data(submission, exercises))] if as_json else report.table(submission, exercises)
    for line in lines:
        print(line, flush=True)
    if not all(submission.verdict(one.id).passed for one in exercises):
        raise typer.Exit(1)


# ---- the parts of `run` -----------------------------------------------------------------------------------


def _experiment(preset: str | None, options: dict[str, Any]) -> "Experiment":
    from fedteach import checks
    from fedteach.experiment import PRESETS, Experiment

    base = PRESETS[checks.known("preset", preset, PRESETS)] if preset else Experiment()
    return base.replace(**options)


def _resumed(
    folder: Path, out: Path | None, options: dict[str, Any], preset: str | None, stop: threading.Event
) -> tuple["Federation", int]:
    from fedteach.experiment import Experiment
    from fedteach.run_folder import RunFolder

    named = {"preset": preset, "out": out}
    other = sorted({*options, *(name for name, value in named.items() if value is not None)} - {"rounds", "workers"})
    if other:
        option = other[0].replace("_", "-")
        raise ValueError(f"a resumed run keeps its settings: --{option} cannot be given, only --rounds and --workers")
    run_folder = RunFolder.find(folder)
    done = run_folder.rounds_done
    experiment = Experiment.from_settings(run_folder.settings()).replace(**options)
    if done >= experiment.rounds:
        raise ValueError(
            f"all {done} rounds of the run in {folder} are done; ask for more, as with --rounds {done + 5}"
        )
    federation = experiment.federation(resume=folder, stop=stop)
    return federation, experiment.rounds - len(federation.history)


def _play(federation: "Federation", rounds: int, as_json: bool) -> None:
    from tqdm import tqdm

    done = len(federation.history)
    bar = tqdm(
        total=done + rounds,
        initial=done,
        unit="round",
        file=sys.stderr,
        disable=not sys.stderr.isatty(),
        # tqdm itself shows nothing on a terminal that does not tell its size.
        ncols=shutil.get_terminal_size().columns,
        nrows=shutil.get_terminal_size().lines,
    )
    with bar:
        for record in federation.rounds(rounds):
            bar.update()
            if record.server_accuracy is not None:
                bar.set_postfix_str(f"server accuracy {record.server_accuracy:.3f}")
            if as_json:
                print(json.dumps(_line(record)), flush=True)
            elif bar.disable:
                print(_sentence(record, done + rounds), flush=True)


def _finish(federation: "Federation", as_json: bool, stop: threading.Event) -> None:
    from fedteach.lab import plots

    assert federation.folder is not None
    history, folder = federation.history, federation.folder
    # With --json, stdout holds nothing but JSON lines.
    where = sys.stderr if as_json else sys.stdout
    if len(history):
        plots.accuracy(history).save(folder.picture_path)
        if not as_json:
            print(history.table())
        print(f"log saved in {folder.log_path}\nplot saved in {folder.picture_path}", file=where)
    if stop.is_set():
        print(f"stopped; go on with: fedteach run --resume {folder.out}", file=sys.stderr)
        raise typer.Exit(INTERRUPTED)


def _line(record: "RoundRecord") -> dict[str, Any]:
    return {
        "round": record.round,
        "server_accuracy": record.server_accuracy,
        "server_loss": record.server.get("loss"),
        "full_accuracy": record.server.get("full_accuracy"),
        "seconds": record.seconds["total"],
        "bytes_down": record.bytes_down,
        "bytes_up": record.bytes_up,
        "selected": list(record.selected),
        "clients": {client: figures.get("accuracy") for client, figures in record.clients.items()},
        "lost": dict(record.lost),
        "note": record.note,
    }


def _sentence(record: "RoundRecord", rounds: int) -> str:
    accuracy = "not measured" if record.server_accuracy is None else f"{record.server_accuracy:.3f}"
    lost = f", lost {len(record.lost)}" if record.lost else ""
    note = f" ({record.note})" if record.note else ""
    return f"round {record.round} of {rounds}: server accuracy {accuracy}, {record.seconds['total']:.1f} s{lost}{note}"


@contextmanager
def _stop_on_signals(stop: threading.Event) -> Iterator[None]:
    """Turn Ctrl-C and a polite kill into "stop": the run ends within a second, and everything is saved."""

    def ask_to_stop(number: int, frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt  # a second Ctrl-C: at once
        stop.set()

    before = {number: signal.signal(number, ask_to_stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _failures_in_words() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # `fedteach run --json | head -1`: the reader has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if os.environ.get("FEDTEACH_DEBUG") == "1":
            raise
        print(f"fedteach: {_in_words(error)}", file=sys.stderr)
        sys.exit(2 if isinstance(error, ValueError) else 1)


def _in_words(error: Exception) -> str:
    from fedteach.data import DataError
    from fedteach.transport.base import TransportError

    if isinstance(error, ValueError | OSError | RuntimeError | DataError | TransportError):
        return str(error)
    return (
        f"something went wrong that should not: {type(error).__name__}: {error}. "
        "With FEDTEACH_DEBUG=1 the full traceback is shown; please report it"
    )


if __name__ == "__main__":
    main()
