"""What happened in each round besides learning: who took part, and how many bytes went over the network."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from fedteach.history import History, RoundRecord, size_text
from fedteach.lab.plots import card
from fedteach.lab.plots.card import CLIENTS, DOWN, FAINT, GRID, LOST, SOFT, UP, Picture, Style, count, points, write
from fedteach.lab.plots.curves import planned_rounds, round_ticks

WIDTH, HEIGHT = 780, 420
MOST_ROWS = 60
"""Up to here each client has a row of its own; above, the picture counts them."""

_LEFT, _BOTTOM, _TOP, _RIGHT = 92, 58, 88, 28
_DASH: Style = {DOWN: "-", UP: (0, (3, 2))}
"""Often as much goes up as down: the upper line is dashed, so that the lower one is seen through it."""
_EMPTY = "The first round has not ended yet."
_STATES: dict[str, Style] = {
    "answered": {"marker": "o", "color": CLIENTS[0]},
    "lost": {"marker": "x", "color": LOST},
    "no answer used": {"marker": "o", "color": CLIENTS[4], "fillstyle": "none"},
    "not asked": {"marker": ".", "color": FAINT},
}


def participation(history: History) -> Picture:
    """Draw who was asked in each round, who answered and who was lost.

    Up to 60 clients have a row each; of more, the picture shows how many.

    Args:
        history: the run, from no round at all to its end.

    Returns:
        A picture of 780 x 420 pixels; its summary counts answers and losses and names the commonest reason.
    """
    subtitle = "One column a round. A lost client was asked, but its answer was not used."
    figure = card.card(WIDTH, HEIGHT, "Who took part", subtitle)
    n_rounds, records, clients = planned_rounds(history), list(history), history.client_ids
    ax = card.axes(figure, _LEFT, _BOTTOM, WIDTH - _LEFT - _RIGHT, HEIGHT - _BOTTOM - _TOP)
    ax.set(xlim=(0.4, n_rounds + 0.6), xticks=round_ticks(n_rounds, most=15))
    card.name_axis(ax)
    if len(clients) <= MOST_ROWS:
        shown = _rows(ax, records, clients, n_rounds)
    else:
        shown = _counts(ax, records, len(clients))
    write(figure, _LEFT - 6, HEIGHT - _TOP + 8, "client" if len(clients) <= MOST_ROWS else "clients", ha="right")
    card.key_row(figure, HEIGHT - 76, [(name, _STATES[name] | _weight(name, 9)) for name in shown], WIDTH - _RIGHT)
    if not records:
        write(ax, 0.5, 0.5, _EMPTY, size=13, color=SOFT, transform=ax.transAxes, ha="center", va="center")
    return Picture(figure, _participation_in_words(records))


def _rows(ax: Axes, records: Sequence[RoundRecord], clients: Sequence[str], n_rounds: int) -> list[str]:
    """Draw one marker for each client and round; return the states that occur."""
    row = (HEIGHT - _BOTTOM - _TOP) / max(len(clients), 1)
    step = next(step for step in (1, 2, 5, 10) if step * row >= 13 or step == 10)
    ax.set_ylim(len(clients) - 0.4, -0.6)
    ax.set_yticks(range(0, len(clients), step), [card.shortened(c, 10) for c in clients[::step]], parse_math=False)
    rows = range(len(clients))
    ax.hlines(rows, 0, 1, transform=ax.get_yaxis_transform(), color=GRID, linewidth=points(min(1, row / 12)), zorder=0)
    places: dict[str, list[tuple[int, int]]] = {name: [] for name in _STATES}
    for record in records:
        for i, client in enumerate(clients):
            places[_state(record, client)].append((record.round, i))
    size = max(2.6, min(15.0, 0.62 * row, 0.62 * (WIDTH - _LEFT - _RIGHT) / n_rounds))
    for name, where in places.items():
        if where:
            x, y = zip(*where, strict=True)
            ax.plot(x, y, linestyle="", clip_on=False, **_STATES[name], **_weight(name, size))
    return [name for name, where in places.items() if where]


def _weight(name: str, size: float) -> Style:
    """Return marker size and stroke width of a state, so that all states weigh the same to the eye."""
    if name == "answered":
        return {"markersize": points(size), "markeredgewidth": 0}
    if name == "not asked":
        return {"markersize": points(max(2.5, size * 0.55)), "markeredgewidth": 0}
    return {"markersize": points(size * 0.82), "markeredgewidth": points(max(1.2, size / 5))}


def _state(record: RoundRecord, client: str) -> str:
    if client in record.lost:
        return "lost"
    if client in record.clients:
        return "answered"
    return "no answer used" if client in record.selected else "not asked"


def _counts(ax: Axes, records: Sequence[RoundRecord], n_clients: int) -> list[str]:
    """Draw, for each round, how many answered (full bar) and how many were lost (hatched, on top)."""
    rounds = [record.round for record in records]
    answered, lost = np.array([(len(record.clients), len(record.lost)) for record in records]).reshape(-1, 2).T
    ax.bar(rounds, answered, width=0.72, color=_STATES["answered"]["color"], linewidth=0)
    hatched: Style = {"facecolor": "none", "edgecolor": LOST, "hatch": "xxx", "linewidth": points(1)}
    ax.bar(rounds, lost, bottom=answered, width=0.72, **hatched)
    ax.set_ylim(0, max([len(record.selected) for record in records], default=n_clients) * 1.05)
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    return ["answered", "lost"] if lost.any() else ["answered"]


def _participation_in_words(records: Sequence[RoundRecord]) -> str:
    if not records:
        return f"Who took part: {_EMPTY}"
    asked = sum(len(record.selected) for record in records)
    answered = sum(len(record.clients) for record in records)
    reasons = Counter(reason for record in records for reason in record.lost.values())
    words = f"Who took part in {count(len(records), 'round')}: {count(asked, 'time')} a client was asked"
    if not reasons:
        return f"{words}, {count(answered, 'answer')} used, none lost."
    reason, times = reasons.most_common(1)[0]
    return (
        f"{words}, {count(answered, 'answer')} used, {reasons.total():,} lost. "
        f"Commonest reason ({times:,} of {reasons.total():,}): {reason}."
    )


def traffic(history: History) -> Picture:
    """Draw the bytes sent to clients and received from them: each round, and added up.

    Args:
        history: the run, from no round at all to its end.

    Returns:
        A picture of 780 x 420 pixels; its summary gives the totals and the mean per round.
    """
    subtitle = "Weights go down to the clients, updates come up to the server."
    figure = card.card(WIDTH, HEIGHT, "Bytes over the network", subtitle)
    looks = [("down, to clients", card.line(DOWN, 0, "s", 10)), ("up, to the server", card.line(UP, 0, "^", 10))]
    card.key_row(figure, HEIGHT - 30, looks, WIDTH - _RIGHT)
    n_rounds, records = planned_rounds(history), list(history)
    rounds = np.array([record.round for record in records])
    down = np.array([record.bytes_down for record in records], dtype=float)
    up = np.array([record.bytes_up for record in records], dtype=float)
    each, total = _half(figure, 76, "each round", n_rounds), _half(figure, 424, "so far", n_rounds)
    _bytes_scale(each, max([*down, *up], default=0))
    _bytes_scale(total, max(down.sum(), up.sum()))
    for values, other, color, marker, side in ((down, up, DOWN, "s", -1), (up, down, UP, "^", 1)):
        _each_round(each, rounds, values, color, side, n_rounds)
        if len(rounds):
            _so_far(total, rounds, values, color, marker, higher=values.sum() > other.sum() or color == DOWN)
    return Picture(figure, _traffic_in_words(down, up))


def _each_round(ax: Axes, rounds: np.ndarray, values: np.ndarray, color: str, side: int, n_rounds: int) -> None:
    """Draw one bar a round, or a staircase where there are too many for bars."""
    if n_rounds <= 25:
        ax.bar(rounds + 0.2 * side, values, width=0.38, color=color, linewidth=0)
    elif len(rounds):
        edges = np.concatenate([rounds - 0.5, rounds[-1:] + 0.5])
        ax.stairs(values, edges, color=color, alpha=0.16, fill=True)
        ax.stairs(values, edges, color=color, linewidth=points(1.8), baseline=None, linestyle=_DASH[color])


def _so_far(ax: Axes, rounds: np.ndarray, values: np.ndarray, color: str, marker: str, higher: bool) -> None:
    """Draw the running sum and write its newest value beside it, clear of the other line's."""
    sums = np.cumsum(values)
    every = max(1, int(ax.get_xlim()[1]) // 12)
    style = card.line(color, 2.6, marker, 6, linestyle=_DASH[color])
    ax.plot(rounds, sums, clip_on=False, markevery=every, **style)
    text = ax.annotate(size_text(sums[-1]), (rounds[-1], sums[-1]), (points(8), points(8 if higher else -8)))
    text.set(fontsize=points(12.5), family=card.fonts(), weight="bold", color=color, va="center", clip_on=False)
    text.set_anncoords("offset points")
    text.set_annotation_clip(False)


def _half(figure: Figure, left: float, title: str, n_rounds: int) -> Axes:
    ax = card.axes(figure, left, _BOTTOM, 262, HEIGHT - _BOTTOM - 104)
    ax.set(xlim=(0.4, n_rounds + 0.6), xticks=round_ticks(n_rounds, most=8))
    card.name_axis(ax)
    write(figure, left - 52, HEIGHT - 88, title, size=12.5, weight="bold")
    return ax


def _bytes_scale(ax: Axes, top: float) -> None:
    ax.set_ylim(0, max(top, 1000) * 1.08)
    ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: size_text(value).replace(".0 ", " ")))
    ax.grid(True, axis="y", color=GRID, linewidth=points(1), linestyle="-")
    ax.set_axisbelow(True)


def _traffic_in_words(down: np.ndarray, up: np.ndarray) -> str:
    if not len(down):
        return f"Bytes over the network: {_EMPTY}"
    return (
        f"Bytes over the network in {count(len(down), 'round')}: {size_text(down.sum())} down to clients "
        f"({size_text(down.mean())} a round), {size_text(up.sum())} up to the server ({size_text(up.mean())} a round)."
    )
