"""The sentences of the panel: what is going on, what went wrong, as text and as small pieces of HTML."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from fedteach.history import History, RoundRecord, size_text
from fedteach.lab.runner import Run
from fedteach.steps import specs

_MOST_NAMES = 12


def headline(run: Run) -> str:
    """Say in one line how far a run is."""
    n_rounds, done = run.experiment.rounds, len(run.history)
    if run.state == "preparing":
        if run.stopping:
            return "Stopping as soon as everything is loaded."
        return "Getting ready: loading TensorFlow and the data, which takes some seconds the first time."
    if run.state == "failed":
        return f"Round {done + 1} of {n_rounds} failed." if run.asked or done else "The run could not begin."
    accuracy = run.history[-1].server_accuracy if done else None
    figures = "" if accuracy is None else f" \N{MIDDLE DOT} server accuracy {100 * accuracy:.1f} %"
    if run.state == "running" and run.stopping:
        return f"Stopping after {done} of {n_rounds} rounds{figures}"
    if run.state == "running":
        now = min(done + 1, n_rounds)
        doing = (
            f"{len(run.answered) + len(run.lost)} of {len(run.asked)} clients done" if run.asked else "choosing clients"
        )
        return f"Round {now} of {n_rounds}: {doing}{figures}"
    if run.state == "stopped":
        return f"Stopped after {done} of {n_rounds} rounds ({run.why_stopped or 'it was asked to'}){figures}"
    return f"Done: round {done} of {n_rounds}{figures}"


def detail(run: Run) -> str:
    """Say in a few lines what stands behind the headline: the error, or who was asked and what the last round took."""
    lines = []
    if run.error is not None:
        lines.append(failure(run.error))
    elif run.asked:
        lines.append(who(run.asked, run.lost))
    if len(run.history):
        lines.append(last_round(run.history[-1]))
    if run.saved_in:
        lines.append(f"Saved in {run.saved_in}")
    return "\n".join(lines)


def last_round(record: RoundRecord) -> str:
    """Say what a round took: seconds, bytes."""
    words = (
        f"Round {record.round} took {record.seconds.get('total', 0.0):.1f} s: "
        f"{size_text(record.bytes_down)} sent, {size_text(record.bytes_up)} received."
    )
    return f"{words} {record.note[:1].upper()}{record.note[1:]}." if record.note else words


def who(asked: Iterable[str], lost: Mapping[str, str]) -> str:
    """Say who was asked to train and who was lost, with reasons."""
    words = f"Asked: {_names(asked)}."
    if lost:
        reasons: dict[str, list[str]] = {}
        for client, reason in lost.items():
            reasons.setdefault(reason, []).append(client)
        words += " Lost: " + "; ".join(f"{_names(clients)} ({reason})" for reason, clients in reasons.items()) + "."
    return words


def _names(clients: Iterable[str]) -> str:
    names = list(clients)
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"client{'' if len(names) == 1 else 's'} {', '.join(names[:_MOST_NAMES])}{more}" if names else "nobody"


def failure(error: BaseException) -> str:
    """Say in words what ended a run: the message, and the student's own line."""
    message = str(error) or type(error).__name__
    notes = [note for note in getattr(error, "__notes__", ()) if note]
    return "\n".join([message, *notes])


def begun_text(experiment: Any, out: str | None) -> str:
    """Return what a notebook that is saved while a run goes on keeps of it."""
    where = f"; its log and picture will be in the folder {out}" if out else ""
    return f"A run of {experiment.rounds} rounds has begun{where}."


def saved_text(summary: str, history: History, run: Run) -> str:
    """Return what a saved notebook keeps in text: the summary and the table of all rounds."""
    where = [f"Saved in {run.saved_in}"] if run.saved_in else []
    wrong = [failure(run.error)] if run.error is not None else []
    table = [history.table()] if len(history) else []
    return "\n\n".join([summary, *wrong, *table, *where])


def status_html(line: str, detail: str = "", kind: str = "") -> str:
    """Return the status as HTML that a screen reader announces when it changes.

    Args:
        line: the main line.
        detail: further lines, each on its own.
        kind: "error" marks it as such, "" does not.
    """
    color = "var(--jp-error-color1, #c62828)" if kind == "error" else "inherit"
    mark = "<b>Error.</b> " if kind == "error" else ""
    more = f'<div class="fedteach-detail">{escape(detail)}</div>' if detail else ""
    return (
        f'<div role="status" aria-live="polite" aria-atomic="true" class="fedteach-status">'
        f'<div style="color:{color}">{mark}{escape(line)}</div>{more}</div>'
    )


def caption_html(text: str) -> str:
    """Return quiet words, such as a picture's meaning below it."""
    return f'<div class="fedteach-caption">{escape(text)}</div>'


def table_html(history: History) -> str:
    """Return all rounds as an HTML table."""
    heads = (
        "round",
        "server accuracy",
        "clients, lowest to highest",
        "took part",
        "lost, and why",
        "seconds",
        "sent",
        "received",
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    body = "".join(_row_html(record) for record in history)
    if not body:
        return '<div class="fedteach-table">No round is done yet.</div>'
    return (
        '<div class="fedteach-table" tabindex="0" role="region" aria-label="All rounds">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row_html(record: RoundRecord) -> str:
    figures = [100 * m["accuracy"] for m in record.clients.values() if "accuracy" in m]
    lost = ", ".join(f"client {client}: {reason}" for client, reason in record.lost.items())
    cells = (
        "-" if record.server_accuracy is None else f"{100 * record.server_accuracy:.1f} %",
        f"{min(figures):.1f} to {max(figures):.1f} %" if figures else "-",
        f"{len(record.clients)} of {len(record.selected)}",
        escape(lost) or "none",
        f"{record.seconds.get('total', 0.0):.2f}",
        size_text(record.bytes_down),
        size_text(record.bytes_up),
    )
    return f'<tr><th scope="row">{record.round}</th>' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def copy_html(experiment: Any, steps: Mapping[str, Any]) -> str:
    """Return two fields to copy from: the line of Python and the command that repeat the run."""
    own = ", ".join(f"{name}={specs.name_of(step)}" for name, step in steps.items())
    note = f"<p>The panel also uses functions of your own: {escape(own)}.</p>" if own else ""
    fields = (("Python", experiment.python()), ("Command", experiment.command()))
    return (
        '<div class="fedteach-copy"><p>The same run again, bit for bit: '
        "give the first line to <code>panel(...)</code>, or the second to a terminal.</p>"
        + "".join(_field_html(label, text) for label, text in fields)
        + note
        + "</div>"
    )


def _field_html(label: str, text: str) -> str:
    # Plain browser features, no library: a field that selects itself, and a button that copies it.
    return (
        f"<label><span>{label}</span>"
        f'<textarea readonly spellcheck="false" onfocus="this.select()">{escape(text)}</textarea></label>'
        '<button type="button" class="jupyter-button lm-Widget" '
        "onclick=\"const f=this.previousElementSibling.querySelector('textarea');f.select();"
        "navigator.clipboard&&navigator.clipboard.writeText(f.value);this.textContent='Copied'\">Copy</button>"
    )
