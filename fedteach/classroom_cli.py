"""`fedteach serve` and `fedteach join`: thin, so that everything they do can be done in Python too."""

import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from fedteach.classroom.news import News
    from fedteach.classroom.server import HttpServer

INTERRUPTED = 130
_WHAT, _ROUNDS, _SERVER = "What the class learns", "Rounds", "The server"


def _option(text: str, panel: str, *names: str) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=panel, show_default=False)


def serve(
    context: typer.Context,
    preset: Annotated[str | None, _option("Start from a named set-up: welcome, course, fedavg-paper.", _WHAT)] = None,
    dataset: Annotated[
        str | None, _option("Data set: digits, mnist, mnist_writers, glyphs. Default: digits.", _WHAT)
    ] = None,
    model: Annotated[str | None, _option("Model: small_cnn, cnn, lenet, lenet_original, 2nn, logistic.", _WHAT)] = None,
    split: Annotated[
        str | None, _option("Who holds what: 1-4, iid, dirichlet:0.5, shards:2, by_writer, ... Default: 1.", _WHAT)
    ] = None,
    clients: Annotated[int | None, _option("Places in the class. Default: 5.", _WHAT)] = None,
    rounds: Annotated[int | None, _option("Number of rounds. Default: 5.", _WHAT)] = None,
    seed: Annotated[int | None, _option("The same seed gives the same run. Default: 0.", _WHAT)] = None,
    epochs: Annotated[int | None, _option("Times a client goes through its examples. Default: 10.", _WHAT)] = None,
    batch_size: Annotated[int | None, _option("Examples in a gradient step; 0: all. Default: 8.", _WHAT)] = None,
    learning_rate: Annotated[float | None, _option("Step size of local SGD. Default: 0.01.", _WHAT)] = None,
    fraction: Annotated[float | None, _option("Share of those present who are chosen. Default: 1.0.", _WHAT)] = None,
    broadcast: Annotated[str | None, _option("Codec down: float32, float16, int8, top_k:0.1.", _WHAT)] = None,
    upload: Annotated[str | None, _option("Codec up: float32, float16, int8, top_k:0.1.", _WHAT)] = None,
    aggregate: Annotated[
        str | None, _option("weighted_mean, median, trimmed_mean:0.1, krum:1, multi_krum:1,3.", _WHAT)
    ] = None,
    global_update: Annotated[str | None, _option("add, momentum:0.9, adam, yogi:0.01, ...", _WHAT)] = None,
    min_clients: Annotated[
        int | None, _option("A round begins when so many are here. Default: half of the places.", _ROUNDS)
    ] = None,
    start_window: Annotated[
        float | None, _option("Seconds it waits for them from the first one on. Default: 60.", _ROUNDS)
    ] = None,
    update_window: Annotated[float | None, _option("Seconds a round waits for updates. Default: 300.", _ROUNDS)] = None,
    update_ratio: Annotated[float | None, _option("Share of updates that is enough. Default: 1.0.", _ROUNDS)] = None,
    host: Annotated[
        str | None, _option("Address to listen on; 0.0.0.0: every network. Default: 127.0.0.1.", _SERVER)
    ] = None,
    port: Annotated[int | None, _option("Port; 0: a free one. Default: 8765.", _SERVER)] = None,
    tls: Annotated[
        bool | None, _option("Serve https, with a certificate made on the spot.", _SERVER, "--tls/--no-tls")
    ] = None,
    out: Annotated[Path | None, _option("Folder for log, checkpoints and keys. Default: runs.", _SERVER)] = None,
    resume: Annotated[
        Path | None, _option("Go on with the newest class in this folder: same tokens and places.", _SERVER)
    ] = None,
    redis: Annotated[
        str | None, _option("Redis that keeps the mailbox, as in redis://127.0.0.1:6379.", _SERVER)
    ] = None,
    workers: Annotated[int, _option("Server processes on consecutive ports; needs --redis. Default: 1.", _SERVER)] = 1,
    classic: Annotated[
        bool,
        _option("Serve the original course's API instead: ten routes, JSON, no tokens at all.", _SERVER, "--classic"),
    ] = False,
    qr: Annotated[bool, _option("Show the dashboard's address as a QR code.", _SERVER, "--qr")] = False,
    stay: Annotated[
        bool,
        _option("Go on serving the dashboard when all rounds are done. Default: yes.", _SERVER, "--stay/--no-stay"),
    ] = True,
) -> None:
    """Serve a federation for a class: clients join over the network with `fedteach join`.

    Prints what students type, and the dashboard's address. Ctrl-C ends it; --resume DIR goes on, also after a crash.
    """
    windows = {
        "min_clients": min_clients,
        "start_window_s": start_window,
        "update_window_s": update_window,
        "update_ratio": update_ratio,
    }
    given = _options_given(context)
    settings = {name: context.params[name] for name in given if name in (*_EXPERIMENT, "preset")}
    if classic:
        wrong = [option for name, option in given.items() if name not in _CLASSIC_KNOWS]
        if wrong:
            raise ValueError(f"the classic API knows none of this: leave {', '.join(wrong)} away")
        _serve_classic(settings, out or Path("runs"), host or "127.0.0.1", port, update_window, qr)
        return
    with _stopping() as stop:
        server = _server(settings, resume, out, host, port, tls=tls, redis=redis, workers=workers, **windows)
        with server:
            _say_hello(server, qr)
            _follow(server, stop)
            if stay and not stop.is_set():
                typer.echo("the dashboard stays up; Ctrl-C ends it")
                stop.wait()
            elif not stop.is_set():
                _let_everybody_hear(server, stop)
        _say_goodbye(server, resume or out or Path("runs"), stop)


def _options_given(context: typer.Context) -> dict[str, str]:
    """Return the options that were given: the parameter's name, and how one types it ("stay": "--no-stay")."""
    given = {}
    for parameter in context.command.params:
        name = parameter.name or ""
        source = context.get_parameter_source(name)
        if source is not None and source.name != "DEFAULT":
            turned_off = context.params[name] is False and parameter.secondary_opts
            given[name] = (parameter.secondary_opts if turned_off else parameter.opts)[0]
    return given


def _serve_classic(
    settings: dict[str, Any], out: Path, host: str, port: int | None, update_window: float | None, qr: bool
) -> None:
    """Serve the original course's API until Ctrl-C."""
    from fedteach import checks
    from fedteach.classic import COURSE, FederatedServer
    from fedteach.classic.course import SPLITS
    from fedteach.classroom.addresses import reachable
    from fedteach.transport.http.classic_routes import ClassicApp
    from fedteach.transport.http.web_server import WebServer

    if "split" in settings:  # first of all: what else does not suit another split says nothing to the teacher
        checks.known("split of the original course", settings["split"], SPLITS)
    window_s = 300.0 if update_window is None else update_window
    server = FederatedServer(COURSE.replace(**settings), update_window_s=window_s, out=out)
    web = WebServer(ClassicApp(server).app(), host, _USUAL_PORT if port is None else port)
    server.shapes()  # data that cannot be had stop the command, not the first client
    with _stopping() as stop:
        web.start()
        url = f"http://{reachable(host)}:{web.port}"
        typer.echo(f"The original course's API is at {url}\nDashboard: {url}/#view=classic")
        typer.echo("Warning: it knows no tokens, so whoever reaches it can do everything", err=True)
        if qr:
            _show_qr(f"{url}/#view=classic")
        sys.stdout.flush()
        told = ""
        while not stop.wait(0.5):
            trouble = server.trouble
            if trouble and trouble != told:
                typer.echo(f"Warning: the log is not written: {trouble}; the class goes on", err=True)
            told = trouble
    web.stop()
    if server.records():
        typer.echo(f"log saved in {server.save()}")


_EXPERIMENT = (
    "dataset",
    "model",
    "split",
    "clients",
    "rounds",
    "seed",
    "epochs",
    "batch_size",
    "learning_rate",
    "fraction",
    "broadcast",
    "upload",
    "aggregate",
    "global_update",
)
_CLASSIC_KNOWS = (
    "classic",
    "dataset",
    "model",
    "split",
    "clients",
    "rounds",
    "seed",
    "update_window",
    "host",
    "port",
    "out",
    "qr",
)
"""Options of `serve` that mean something with `--classic`: what clients do there is their own affair."""

_USUAL_PORT = 8765
_HEARD_WITHIN_S = 25.0


def _server(
    settings: dict[str, Any], resume: Path | None, out: Path | None, host: str | None, port: int | None, **how: Any
) -> "HttpServer":
    from fedteach import checks
    from fedteach.classroom.server import HttpServer, InsecureServer
    from fedteach.experiment import PRESETS, Experiment

    warnings.simplefilter("ignore", InsecureServer)  # `_say_hello` says it in its own place
    if resume is not None:
        if settings or out is not None:
            option = next(iter([*settings, "out"])).replace("_", "-")
            raise ValueError(f"a resumed class keeps its settings and its folder: leave --{option} away")
        return HttpServer(resume=resume, host=host, port=port, **how)
    preset = settings.pop("preset", None)
    base = PRESETS[checks.known("preset", preset, PRESETS)] if preset else Experiment()
    port = _USUAL_PORT if port is None else port
    return HttpServer(base.replace(**settings), out=out or Path("runs"), host=host, port=port, **how)


def _say_hello(server: "HttpServer", qr: bool) -> None:
    typer.echo(f"Students type:\n\n    {server.join_line}\n")
    typer.echo(f"or, in a notebook: fedteach.join({server.url!r}, {server.class_token!r})\n")
    typer.echo(f"Class token:  {server.class_token}")
    typer.echo(f"Dashboard:    {server.dashboard_url}")
    typer.echo(f"Instructor:   {server.instructor_url}")
    typer.echo("              (has buttons to pause, resume and end: do not show it)")
    if server.is_loopback:
        typer.echo("\nOnly this computer can reach it; --host 0.0.0.0 --tls opens it to the others in the network.")
    if server.warning:
        typer.echo(f"\nWarning: {server.warning}", err=True)
    if qr:
        _show_qr(server.dashboard_url)
    typer.echo("")
    sys.stdout.flush()


def _show_qr(url: str) -> None:
    import segno

    typer.echo("")
    segno.make(url, micro=False).terminal(out=sys.stdout, compact=True)


def _follow(server: "HttpServer", stop: threading.Event) -> None:
    """Print a sentence whenever there is a new one, until all rounds are done."""
    from fedteach.transport.http.web_server import settle_down

    said, n_rounds = "", 0
    while not stop.is_set():
        over = server.wait(0.2)
        if not said and server.folder is not None:  # everything is loaded
            settle_down()
        for record in server.history[n_rounds:]:
            n_rounds += 1
            accuracy = "not measured" if record.server_accuracy is None else f"{record.server_accuracy:.3f}"
            lost = f", lost: {', '.join(f'{c} ({why})' for c, why in record.lost.items())}" if record.lost else ""
            note = f" ({record.note})" if record.note else ""
            typer.echo(
                f"round {record.round} of {server.experiment.rounds}: server accuracy {accuracy}, "
                f"{len(record.clients)} of {len(record.selected)} clients{lost}{note}"
            )
        sentence = _standing(server)
        if sentence != said and not sentence.startswith("round "):
            typer.echo(sentence)
            said = sentence
        if over:
            return


def _standing(server: "HttpServer") -> str:
    """Return where the class stands, in a sentence."""
    from fedteach.transport.http.store import StoreDown

    try:
        return str(server.board().get("say", "")).partition("; waiting")[0]
    except StoreDown as down:
        return f"{down}; the class goes on when it is back"


def _let_everybody_hear(server: "HttpServer", stop: threading.Event) -> None:
    """Serve on until every client that is still here has been told that it is over."""
    from fedteach.transport.http.store import StoreDown

    members = server.mailbox.members
    over_at = time.monotonic()
    while time.monotonic() < over_at + _HEARD_WITHIN_S and not stop.wait(0.2):
        with suppress(StoreDown):
            here, sightings = members.here(), members.sightings()
            if all(member.client in sightings and sightings[member.client].state == "over" for member in here):
                stop.wait(0.5)  # the last answer is on its way
                return


def _say_goodbye(server: "HttpServer", out: Path, stop: threading.Event) -> None:
    from fedteach.lab import plots

    if len(server.history):
        typer.echo(server.history.table())
    folder = server.folder
    if folder is not None and len(server.history):
        plots.accuracy(server.history).save(folder.picture_path)
        typer.echo(f"log saved in {folder.log_path}\nplot saved in {folder.picture_path}")
    if server.error is not None:
        raise server.error
    if len(server.history) < server.experiment.rounds:
        typer.echo(f"stopped; go on with: fedteach serve --resume {out}", err=True)
        raise typer.Exit(INTERRUPTED if stop.is_set() else 0)


def join(
    url: Annotated[str, typer.Argument(help="The server's address, such as http://192.168.1.5:8765.")],
    token: Annotated[
        str, typer.Option(help="The class token; or set FEDTEACH_TOKEN.", envvar="FEDTEACH_TOKEN", show_default=False)
    ] = "",
    name: Annotated[
        str, typer.Option(help="What the dashboard calls you. Default: your user name.", show_default=False)
    ] = "",
    fingerprint: Annotated[
        str | None, typer.Option(help="Fingerprint of the server's certificate, with https.", show_default=False)
    ] = None,
    cert_path: Annotated[
        Path | None, typer.Option(help="The class' certificate.pem, with https.", show_default=False)
    ] = None,
    patience: Annotated[
        float, typer.Option(help="Seconds after which a server that does not answer is given up.")
    ] = 900.0,
) -> None:
    """Join a class: train on this computer whenever the server asks, until the class is over. Ctrl-C leaves."""
    from fedteach.classroom.participant import Participant

    participant = Participant(
        url,
        token,
        name=name,
        fingerprint=fingerprint,
        cert_path=cert_path,
        on_news=_Printed(),
        patience_s=patience,
    )
    with _stopping() as stop:
        threading.Thread(target=_leave_when, args=(stop, participant), daemon=True).start()
        participant.run()
    if stop.is_set():
        raise typer.Exit(INTERRUPTED)


def _leave_when(stop: threading.Event, participant: Any) -> None:
    stop.wait()
    participant.leave()


class _Printed:
    """Prints each new sentence once; seconds that count down are no news."""

    def __init__(self) -> None:
        self._said = ""

    def __call__(self, news: "News") -> None:
        sentence = news.say.partition("; waiting")[0].partition("; trying again")[0]
        if sentence and sentence != self._said:
            typer.echo(news.say)
            sys.stdout.flush()
            self._said = sentence


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """Turn Ctrl-C and a polite kill into an event; a second Ctrl-C ends the process at once."""
    stop = threading.Event()

    def ask_to_stop(number: int, frame: Any) -> None:
        if stop.is_set():
            os._exit(INTERRUPTED)
        stop.set()

    before = {number: signal.signal(number, ask_to_stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
