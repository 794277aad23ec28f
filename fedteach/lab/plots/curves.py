"""Accuracy round by round: every client thin, the server thick."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from fedteach.history import History, RoundRecord
from fedteach.lab.plots import card
from fedteach.lab.plots.card import CLIENTS, GRID, MARKERS, PAPER, SERVER, SOFT, Picture, Style, pixels, points, write

WIDTH, HEIGHT = 780, 420
MOST_LINES = 10
"""Up to here each client has a line of its own colour; above, all clients together make a band."""

_LEFT, _BOTTOM, _TOP, _RIGHT = 62, 62, 100, 268
_KEY = WIDTH - 194
WIDE_KEY = WIDTH - 254
"""Where the key begins if its names are a user's own, and no word stands beside the lines."""
_MANY_ROUNDS = 15
_OUTLINE = [patheffects.withStroke(linewidth=points(6.5), foreground=PAPER)]


@dataclass(frozen=True)
class Key:
    """One row of the key: what it is, its newest value, how it looks."""

    label: str
    value: str
    style: Style
    area: bool = False


def accuracy(history: History) -> Picture:
    """Draw the accuracy of the server and of each client, in percent, for the rounds done so far.

    The frame is that of the whole run from the start, so that a live picture grows without jumping.
    A round in which a client took no part is a gap. More than ten clients are drawn as a band.

    Args:
        history: the run, from no round at all to its end.

    Returns:
        A picture of 780 x 420 pixels; its summary names the server's first, last and best accuracy
        and the best and worst client of the last round.
    """
    n_clients, n_rounds = len(history.client_ids), planned_rounds(history)
    heading = f"Client num: {n_clients} experiment: {_experiment(history)} max round: {n_rounds}"
    figure = card.card(WIDTH, HEIGHT, heading, "Every line is tested on the same examples, which only the server has.")
    ax = frame(figure, n_rounds)
    records = list(history)
    if not records:
        words = "The first point appears when round 1 is done."
        write(ax, 0.5, 0.5, words, size=13, color=SOFT, transform=ax.transAxes, ha="center", va="center")
        return Picture(figure, f"Accuracy, {card.count(n_rounds, 'round')} planned, none done yet.")
    draw_clients = _lines if n_clients <= MOST_LINES else _band
    keys = draw_clients(ax, records, history.client_ids, n_rounds)
    key_table(figure, [_server(ax, records, n_rounds), *keys], f"round {records[-1].round}")
    return Picture(figure, _in_words(history, records, n_rounds))


def planned_rounds(history: History) -> int:
    """Return how many rounds the run is to have (at least one, so that an axis can be drawn)."""
    return max(int(history.settings.get("rounds") or 0), len(history), 1)


def round_ticks(n_rounds: int, most: int = 12) -> list[int]:
    """Return whole round numbers for an axis: the first, then even steps; about `most` at most."""
    steps = (1, 5, *(unit * 10**k for k in range(1, 9) for unit in (1, 2, 5)))
    step = next(step for step in steps if n_rounds <= most * step)
    return sorted({1, *range(step, n_rounds + 1, step)})


def _experiment(history: History) -> str:
    return str(history.settings.get("split", "?"))


def frame(figure: Figure, n_rounds: int) -> Axes:
    """Return the empty axes of a run of n_rounds: percent upwards, rounds to the right."""
    ax = card.axes(figure, _LEFT, _BOTTOM, WIDTH - _LEFT - _RIGHT, HEIGHT - _BOTTOM - _TOP)
    margin = 0.5 if n_rounds == 1 else 0.03 * (n_rounds - 1)
    percents = range(0, 101, 20)
    ax.set(xlim=(1 - margin, n_rounds + margin), ylim=(0, 100), yticks=percents, xticks=round_ticks(n_rounds))
    ax.hlines(percents, 0, 1, transform=ax.get_yaxis_transform(), color=GRID, linewidth=points(1), zorder=0)
    card.name_axis(ax)
    # The name of the y axis lies flat above it: nobody has to tilt the head.
    ax.set_ylabel(
        "accuracy (%)", rotation=0, ha="left", va="bottom", fontsize=points(12), color=card.INK, family=card.fonts()
    )
    ax.yaxis.set_label_coords(24, HEIGHT - _TOP + 10, transform=pixels(figure))
    return ax


def _server(ax: Axes, records: Sequence[RoundRecord], n_rounds: int) -> Key:
    """Draw the server's line, its last point and its name beside it."""
    values = percent([record.server_accuracy for record in records])
    style = card.line(SERVER, 3.4, "o", 7.5)
    above: Style = {"zorder": 10, "clip_on": False, "path_effects": _OUTLINE}
    shown = None if n_rounds <= _MANY_ROUNDS else lonely(values)
    ax.plot(_rounds(records), values, label="server accuracy", markevery=shown, **above, **style)
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return Key("server", "-", style)
    x, y = records[known[-1]].round, float(values[known[-1]])
    ring = card.line(SERVER, 0, "o", 12) | {"markeredgecolor": PAPER, "markeredgewidth": points(2)}
    ax.plot([x], [y], zorder=11, clip_on=False, **ring)
    _beside(ax, x, y, 0, f"{y:.1f} %", size=15, weight="bold")
    _beside(ax, x, y, -13, "server", size=12)
    return Key("server", f"{y:.1f} %", style)


def _beside(ax: Axes, x: float, y: float, lift: float, words: str, size: float, weight: str = "normal") -> None:
    """Write words to the right of a point, `lift` pixels higher, with an outline that keeps lines away."""
    text = ax.annotate(words, (x, y), (points(12), points(lift)), textcoords="offset points", annotation_clip=False)
    text.set(fontsize=points(size), weight=weight, family=card.fonts(), color=SERVER)
    text.set(va="center", zorder=12, path_effects=_OUTLINE)


def _lines(ax: Axes, records: Sequence[RoundRecord], clients: Sequence[str], n_rounds: int) -> list[Key]:
    """Draw one thin line a client, each with its own colour and its own marker."""
    keys, step = [], -(-n_rounds // _MANY_ROUNDS)
    for i, client in enumerate(clients):
        values = percent(_of_client(records, client))
        style = card.line(CLIENTS[i % len(CLIENTS)], 1.6, MARKERS[i % len(MARKERS)], 6)
        # On a long run the markers are spread out, each client's at other rounds, and none is lost in a gap.
        shown = sorted({*range((i * step) // len(clients), len(values), step), *lonely(values)})
        ax.plot(_rounds(records), values, label=f"client {client}", markevery=shown, zorder=5, clip_on=False, **style)
        keys.append(Key(f"client {client}", "-" if np.isnan(values[-1]) else f"{values[-1]:.1f} %", style))
    return keys


def _band(ax: Axes, records: Sequence[RoundRecord], clients: Sequence[str], n_rounds: int) -> list[Key]:
    """Draw many clients as faint lines, a band for the middle half and a line for the median."""
    rounds, color = _rounds(records), CLIENTS[0]
    values = np.array([percent(_of_client(records, client)) for client in clients])
    low, median, high = _quartiles(values)
    faint = card.line(color, 0.7, "o", 2.6, alpha=0.25)
    ax.plot(rounds, values.T, zorder=2, clip_on=False, **faint)
    ax.fill_between(rounds, low, high, color=color, alpha=0.22, linewidth=0, zorder=3)
    middle = card.line(color, 2, "D", 5.5) | {"linestyle": (0, (4, 1.5))}
    shown = None if n_rounds <= _MANY_ROUNDS else lonely(median)
    ax.plot(rounds, median, zorder=6, label="median client", markevery=shown, **middle)
    known = np.isfinite(median[-1])
    half = f"{low[-1]:.0f}-{high[-1]:.0f} %" if known else "-"
    return [
        Key("median client", f"{median[-1]:.1f} %" if known else "-", middle),
        Key("middle half", half, {"color": color, "alpha": 0.28}, area=True),
        Key(f"all {len(clients)} clients", "", faint | {"alpha": 0.6}),
    ]


def key_table(
    figure: Figure, keys: Sequence[Key], heading: str, first_is_bold: bool = True, left: float = _KEY
) -> None:
    """Write the key at the right, from `left` on: look, name, newest value."""
    letters = round((WIDTH - 88 - left) / 6.6)  # what is left beside the sample line and the value
    row = min(21.0, (HEIGHT - 100) / (len(keys) + 1))
    top = HEIGHT - _TOP + 10
    write(figure, WIDTH - 24, top, heading, size=11, color=SOFT, ha="right", va="baseline")
    for i, key in enumerate(keys):
        y = top - (i + 1) * row - (4 if i == 0 else 8)
        if key.area:
            sample: Any = Rectangle((left, y - 5), 26, 10, linewidth=0, transform=pixels(figure), **key.style)
        else:
            ends = [left, left + 13, left + 26]
            sample = Line2D(ends, [y] * 3, markevery=[1], transform=pixels(figure), **key.style)
        figure.add_artist(sample)
        weight = "bold" if i == 0 and first_is_bold else "normal"
        write(figure, left + 34, y, card.shortened(key.label, letters), size=12, va="center_baseline", weight=weight)
        write(figure, WIDTH - 24, y, key.value, size=12, va="center_baseline", ha="right", weight=weight)


def _of_client(records: Sequence[RoundRecord], client: str) -> list[float | None]:
    return [record.clients.get(client, {}).get("accuracy") for record in records]


def percent(values: Sequence[float | None]) -> np.ndarray:
    """Return shares from 0 to 1 in percent; nan where nothing was measured."""
    return np.array([np.nan if value is None else 100 * value for value in values], dtype=float)


def _rounds(records: Sequence[RoundRecord]) -> list[int]:
    return [record.round for record in records]


def lonely(values: np.ndarray) -> list[int]:
    """Return the places of values without a neighbour: as a bare line they would be invisible."""
    known = np.concatenate([[False], np.isfinite(values), [False]])
    return [int(i) for i in np.flatnonzero(known[1:-1] & ~known[:-2] & ~known[2:])]


def _quartiles(values: np.ndarray) -> np.ndarray:
    """Return the 25, 50 and 75 % points of each round, shape (3, n_rounds); nan where no client was measured."""
    out = np.full((3, values.shape[1]), np.nan)
    for i, column in enumerate(values.T):
        known = column[np.isfinite(column)]
        if len(known):
            out[:, i] = np.quantile(known, [0.25, 0.5, 0.75])
    return out


def _in_words(history: History, records: Sequence[RoundRecord], n_rounds: int) -> str:
    """Say what the picture shows, for people who do not see it."""
    last, clients = records[-1], card.count(len(history.client_ids), "client")
    parts = [f"Accuracy after round {last.round} of {n_rounds}, {clients}, experiment {_experiment(history)}."]
    server = [(r.round, 100 * r.server_accuracy) for r in records if r.server_accuracy is not None]
    if server:
        (first, start), (newest, now), (top, best) = server[0], server[-1], max(server, key=lambda pair: pair[1])
        begin = "" if first == newest else f"{start:.1f} % after round {first}, "
        peak = "" if first == newest else f", best {best:.1f} % after round {top}"
        parts.append(f"Server: {begin}{now:.1f} % after round {newest}{peak}.")
    figures = {c: 100 * m["accuracy"] for c, m in last.clients.items() if "accuracy" in m}
    if figures:
        low, high = min(figures, key=figures.__getitem__), max(figures, key=figures.__getitem__)
        span = f"{figures[low]:.1f} % (client {low})"
        if low != high:
            median = np.median(list(figures.values()))
            span += f" to {figures[high]:.1f} % (client {high}), median {median:.1f} %"
        parts.append(f"Clients in round {last.round}: {span}.")
    return " ".join(parts)
