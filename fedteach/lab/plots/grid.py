"""Small multiples: many runs beside one another, all on the same axes."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fedteach.history import History
from fedteach.lab.plots import card, curves
from fedteach.lab.plots.card import CLIENTS, GRID, INK, SERVER, SOFT, Picture, points, write

MOST_RUNS = 12
MOST_COLUMNS = 4

_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 28, 98, 56
_GAP, _NAME, _PLOT = 26, 30, 124
_ALL_MARKED = 12


def grid(histories: Mapping[str, History], *, title: str, subtitle: str = "", columns: int = 3) -> Picture:
    """Draw several runs beside one another: the server's accuracy thick, the clients' thin, one scale for all.

    Args:
        histories: the runs by name, two to twelve.
        title: heading of the picture.
        subtitle: a line in small print below it.
        columns: how many stand in one row, 1 to 4.

    Returns:
        A picture, 780 pixels wide and as high as its rows need; its summary names each run's accuracy after its last
        round and the span of its clients.

    Raises:
        ValueError: if there are fewer than two or more than twelve runs, or columns is not 1 to 4.
    """
    if not 2 <= len(histories) <= MOST_RUNS:
        one = "; draw one with lab.plots.accuracy" if len(histories) == 1 else ""
        raise ValueError(f"grid draws 2 to {MOST_RUNS} runs, got {len(histories)}{one}")
    if columns not in range(1, MOST_COLUMNS + 1):
        raise ValueError(f"columns must be a whole number from 1 to {MOST_COLUMNS}, got {columns!r}")
    columns = min(columns, len(histories))
    n_rows = -(-len(histories) // columns)
    height = _TOP + n_rows * (_NAME + _PLOT) + _BOTTOM
    figure = card.card(curves.WIDTH, height, title, subtitle)
    looks = [("server", card.line(SERVER, 0, "o", 10)), ("each client", card.line(CLIENTS[0], 0, "o", 6, alpha=0.6))]
    card.key_row(figure, height - 78, looks, curves.WIDTH - _RIGHT)
    write(figure, 24, height - 82, "accuracy (%)", color=INK)
    n_rounds = max(curves.planned_rounds(history) for history in histories.values())
    words = []
    for i, (name, history) in enumerate(histories.items()):
        ax = _cell(figure, i, columns, height, n_rounds)
        _tidy_edges(ax, first=i % columns == 0, last=i + columns >= len(histories))
        words.append(_run(ax, name, history))
    return Picture(figure, f"{title.rstrip('.?!')}. {'; '.join(words)}.")


def _cell(figure: Figure, place: int, columns: int, height: int, n_rounds: int) -> Axes:
    """Return the empty axes at one place of the grid."""
    row, column = divmod(place, columns)
    width = (curves.WIDTH - _LEFT - _RIGHT - _GAP * (columns - 1)) / columns
    bottom = height - _TOP - (row + 1) * (_NAME + _PLOT)
    ax = card.axes(figure, _LEFT + column * (width + _GAP), bottom, width, _PLOT)
    percents = range(0, 101, 25)
    margin = 0.5 if n_rounds == 1 else 0.04 * (n_rounds - 1)
    ticks = curves.round_ticks(n_rounds, most=int(width / (9 * len(str(n_rounds)) + 8)))
    ax.set(xlim=(1 - margin, n_rounds + margin), ylim=(0, 100), yticks=percents, xticks=ticks)
    ax.hlines(percents, 0, 1, transform=ax.get_yaxis_transform(), color=GRID, linewidth=points(1), zorder=0)
    return ax


def _tidy_edges(ax: Axes, first: bool, last: bool) -> None:
    """Leave the numbers at the left edge and under the last row only: the axes are shared."""
    ax.tick_params(labelleft=first, labelbottom=last, labelsize=points(11))
    if last:
        card.name_axis(ax)


def _run(ax: Axes, name: str, history: History) -> str:
    """Draw one run with its name and its last accuracy above it; return it in words."""
    rounds = [record.round for record in history]
    few = len(rounds) <= _ALL_MARKED
    clients = [curves.percent(history.client_metric(client)) for client in history.client_ids]
    alpha = max(0.12, min(0.6, 6 / max(1, len(clients))))
    for values in clients:
        shown = None if few else curves.lonely(values)
        thin = card.line(CLIENTS[0], 1, "o", 2.6, alpha=alpha)
        ax.plot(rounds, values, zorder=3, clip_on=False, markevery=shown, **thin)
    server = curves.percent(history.server_accuracy)
    shown = None if few else curves.lonely(server)
    ax.plot(rounds, server, zorder=6, clip_on=False, markevery=shown, **card.line(SERVER, 3, "o", 5.5))
    known = server[np.isfinite(server)]
    last = f"{known[-1]:.1f} %" if len(known) else "-"
    room = int(ax.get_window_extent().width / ax.figure.dpi * card.SCREEN_DPI / 6.8) - len(last) - 1
    above = {"transform": ax.transAxes, "va": "bottom"}
    write(ax, 0, 1.05, card.shortened(name, max(6, room)), size=12, color=INK, weight="bold", **above)
    write(ax, 1, 1.05, last, size=12, color=SERVER, weight="bold", ha="right", **above)
    if not len(history):
        write(ax, 0.5, 0.62, "no round yet", color=SOFT, ha="center", va="center", transform=ax.transAxes)
    return _in_words(name, history, last)


def _in_words(name: str, history: History, last: str) -> str:
    if not len(history):
        return f"{name}: no round yet"
    words = f"{name}: server {last} after round {history[-1].round}"
    figures = curves.percent([history[-1].clients[client].get("accuracy") for client in history[-1].clients])
    figures = figures[np.isfinite(figures)]
    if not len(figures):
        return words
    span = f"{figures.min():.1f} %" if len(figures) == 1 else f"{figures.min():.1f} to {figures.max():.1f} %"
    return f"{words}, {'client' if len(figures) == 1 else 'clients'} {span}"
