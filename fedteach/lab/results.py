"""Many runs in one table: what a lab notebook ends with."""

from collections.abc import Mapping

from fedteach import checks
from fedteach.history import History, size_text

_NOTHING = "-"


def results_table(histories: Mapping[str, History], *, reach: float | None = None) -> str:
    """Return one line a run: where it ended, its best round, what it cost.

    Args:
        histories: the runs by name, at least one.
        reach: also say after which round the server's accuracy first was at least this, 0 to 1.

    Returns:
        A text table for `print`. Accuracies are the server's, in percent; "clients" are the lowest and the highest
        of the clients' own models in the last round, or the one figure that both are; bytes and seconds are those of
        all rounds together.

    Raises:
        ValueError: if there is no run, or `reach` is no share.
    """
    if not histories:
        raise ValueError("a table of results needs at least one run, got none")
    head = ["run", "rounds", "accuracy", "best (round)", "clients", "bytes", "seconds"]
    if reach is not None:
        reach = checks.number("reach", reach, least=0, most=1, hint="0.8 asks for 80 %")
        head.insert(4, f"{100 * reach:g} % in round")
    lines = [head, *(_line(name, history, reach) for name, history in histories.items())]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))])
        for line in lines
    )


def _line(name: str, history: History, reach: float | None) -> list[str]:
    measured = [(r.round, r.server_accuracy) for r in history if r.server_accuracy is not None]
    best = max(measured, key=lambda pair: pair[1], default=None)
    cells = [
        name,
        str(len(history)),
        _percent(measured[-1][1]) if measured else _NOTHING,
        f"{_percent(best[1])} ({best[0]})" if best else _NOTHING,
        _clients(history),
        size_text(sum(record.bytes_down + record.bytes_up for record in history)),
        f"{sum(record.seconds.get('total', 0.0) for record in history):.1f}",
    ]
    if reach is not None:
        cells.insert(4, next((str(number) for number, accuracy in measured if accuracy >= reach), "not reached"))
    return cells


def _clients(history: History) -> str:
    """Say the lowest and highest accuracy of the clients' models in the last round."""
    figures = [m["accuracy"] for m in history[-1].clients.values() if "accuracy" in m] if len(history) else []
    if not figures:
        return _NOTHING
    lowest, highest = _percent(min(figures)), _percent(max(figures))
    return highest if lowest == highest else f"{100 * min(figures):.1f}-{highest}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
