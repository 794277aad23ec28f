"""Who holds which classes: a heat map for any number of clients, small histograms for a few."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fedteach.lab.plots.card import (
    BLUES,
    DOWN,
    GRID,
    INK,
    PAPER,
    SOFT,
    Picture,
    Style,
    axes,
    card,
    count,
    fonts,
    pixels,
    points,
    shortened,
    write,
)

WIDTH, HEIGHT = 780, 420
MOST_BARS = 12
"""So many clients get a histogram each; of more, the first twelve are drawn."""

_LEFT, _RIGHT, _BOTTOM, _TOP = 92, 130, 52, 84
_COLORS = LinearSegmentedColormap.from_list("fedteach_blues", BLUES)


def label_heatmap(counts: np.ndarray, client_ids: Sequence[str], class_names: Sequence[str]) -> Picture:
    """Draw how many examples of each class each client holds, and each client's total.

    Args:
        counts: whole numbers >= 0, shape (n_clients, n_classes).
        client_ids: n_clients names.
        class_names: n_classes names.

    Raises:
        ValueError: if the shape of `counts` does not fit the names.
    """
    counts = _checked(counts, client_ids, class_names)
    n_clients, n_classes = counts.shape
    title = f"Who holds what: {count(n_clients, 'client')}, {count(n_classes, 'class', 'es')}"
    figure = card(WIDTH, HEIGHT, title, "The darker a cell, the more examples of that class lie with that client.")
    # One or two clients would make huge cells: a row has a greatest height, the card keeps its size.
    height = min(HEIGHT - _TOP - _BOTTOM, 72 * n_clients)
    bottom = HEIGHT - _TOP - height
    ax = axes(figure, _LEFT, bottom, WIDTH - _LEFT - _RIGHT, height)
    cell = (WIDTH - _LEFT - _RIGHT) / n_classes, height / n_clients
    gap = points(2 if min(cell) > 12 else 0.6 if min(cell) > 3 else 0)
    ax.pcolormesh(
        counts, cmap=_COLORS, vmin=0, vmax=max(1, counts.max()), edgecolors=PAPER, linewidth=gap, antialiased=True
    )
    ax.set(xlim=(0, n_classes), ylim=(n_clients, 0))
    _name_ticks(ax, client_ids, class_names, cell)
    if cell[0] >= 26 and cell[1] >= 15:
        _numbers(ax, counts)
    _totals(axes(figure, WIDTH - _RIGHT + 12, bottom, _RIGHT - 72, height), counts, cell[1])
    _scale(figure, int(counts.max()))
    return Picture(figure, _in_words(counts, client_ids, class_names))


def label_bars(counts: np.ndarray, client_ids: Sequence[str], class_names: Sequence[str]) -> Picture:
    """Draw one small histogram of classes for each client, all on the same scale.

    More than twelve clients do not fit: the first twelve are drawn, and the picture says so.

    Args:
        counts: whole numbers >= 0, shape (n_clients, n_classes).
        client_ids: n_clients names.
        class_names: n_classes names.

    Raises:
        ValueError: if the shape of `counts` does not fit the names.
    """
    counts = _checked(counts, client_ids, class_names)
    shown = min(len(counts), MOST_BARS)
    cut = "" if shown == len(counts) else f" These are the first {shown} of {len(counts)} clients."
    subtitle = "The number of examples of each class, on one scale for all." + cut
    figure = card(WIDTH, HEIGHT, f"Who holds what: {count(len(counts), 'client')}", subtitle)
    columns = min(shown, 4) if shown != 5 else 3
    rows = -(-shown // columns)
    width, height = (WIDTH - 48 - 22) / columns, (HEIGHT - 78 - 30) / rows
    top_value = max(1, int(counts[:shown].max()))
    for i in range(shown):
        left, bottom = 24 + 22 + (i % columns) * width, HEIGHT - 78 - (i // columns + 1) * height
        ax = axes(figure, left, bottom + 14, width - 20, height - 40)
        ax.bar(range(counts.shape[1]), counts[i], width=0.78, color=DOWN, linewidth=0, zorder=2)
        ax.set(xlim=(-0.6, counts.shape[1] - 0.4), ylim=(0, top_value), yticks=[0, top_value])
        ax.hlines([0, top_value], 0, 1, transform=ax.get_yaxis_transform(), color=GRID, linewidth=points(1), zorder=0)
        _thin_ticks(ax, class_names, (width - 20) / len(class_names))
        ax.tick_params(labelsize=points(10), labelleft=i % columns == 0, pad=points(4))
        _client_title(ax, client_ids[i], int(counts[i].sum()))
    return Picture(figure, _in_words(counts, client_ids, class_names) + cut)


def _client_title(ax: Axes, client: str, total: int) -> None:
    style: Style = {"transform": ax.transAxes, "va": "bottom"}
    write(ax, 0, 1.04, f"client {shortened(client, 10)}", size=12, weight="bold", **style)
    write(ax, 1, 1.04, f"{total:,}", size=11, color=SOFT, ha="right", **style)


def _checked(counts: np.ndarray, client_ids: Sequence[str], class_names: Sequence[str]) -> np.ndarray:
    counts = np.asarray(counts)
    if counts.shape != (len(client_ids), len(class_names)) or counts.size == 0:
        raise ValueError(
            "counts must have one row for each client and one column for each class, at least one of each: "
            f"expected shape ({len(client_ids)}, {len(class_names)}), got {counts.shape}"
        )
    return counts


def _name_ticks(ax: Axes, client_ids: Sequence[str], class_names: Sequence[str], cell: tuple[float, float]) -> None:
    """Name rows and columns; where they are too narrow, only every second, fifth, tenth, ..."""
    _thin_ticks(ax, class_names, cell[0], shift=0.5)
    step = _step(len(client_ids), cell[1], 13)
    names = [shortened(client, 10) for client in client_ids[::step]]
    ax.set_yticks(np.arange(len(client_ids))[::step] + 0.5, names, parse_math=False)
    style: Style = {"fontsize": points(12), "color": INK, "family": fonts()}
    ax.set_xlabel("class", labelpad=points(6), **style)
    write(ax, -6 / cell[0], -8 / cell[1], "client", size=12, ha="right", va="baseline")


def _thin_ticks(ax: Axes, names: Sequence[str], pixels_each: float, shift: float = 0.0) -> None:
    longest = max(len(name) for name in names)
    step = _step(len(names), pixels_each, 7 * min(longest, 8) + 5)
    ax.set_xticks(
        np.arange(len(names))[::step] + shift, [shortened(name, 8) for name in names[::step]], parse_math=False
    )


def _step(n: int, pixels_each: float, pixels_needed: float) -> int:
    """Return how many names to go on for each one written, so that they do not touch."""
    return next(
        (step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500) if step * pixels_each >= pixels_needed), max(n, 1)
    )


def _numbers(ax: Axes, counts: np.ndarray) -> None:
    half = 0.55 * max(1, counts.max())
    for (row, column), value in np.ndenumerate(counts):
        color = PAPER if value > half else INK if value else SOFT
        write(ax, column + 0.5, row + 0.5, f"{value:,}", size=11, color=color, ha="center", va="center_baseline")


def _totals(ax: Axes, counts: np.ndarray, row_height: float) -> None:
    """Draw each client's number of examples as a bar, with the number where there is room."""
    totals = counts.sum(axis=1)
    thick = 0.62 if row_height > 8 else 0.8
    ax.barh(np.arange(len(totals)) + 0.5, totals, height=thick, color=BLUES[3], linewidth=0)
    ax.set(xlim=(0, max(1, totals.max())), ylim=(len(totals), 0), xticks=[], yticks=[])
    write(ax, 0, -8 / row_height, "examples", size=11, color=SOFT, va="baseline")
    for i in range(0, len(totals), _step(len(totals), row_height, 13)):
        write(ax, 1.05, i + 0.5, f"{totals[i]:,}", size=11, transform=ax.get_yaxis_transform(), va="center_baseline")


def _scale(figure: Figure, most: int) -> None:
    """Draw what the colours mean, at the upper right."""
    y, width = HEIGHT - 36, 16
    left = WIDTH - 24 - width * len(BLUES) - 8 * len(f"{most:,}")
    for i, color in enumerate(BLUES):
        box = Rectangle((left + i * width, y), width, 10, facecolor=color, edgecolor=GRID, linewidth=points(0.5))
        box.set_transform(pixels(figure))
        figure.add_artist(box)
    write(figure, left - 6, y + 5, "0", size=11, color=SOFT, ha="right", va="center_baseline")
    write(figure, left + width * len(BLUES) + 6, y + 5, f"{most:,}", size=11, color=SOFT, va="center_baseline")


def _in_words(counts: np.ndarray, client_ids: Sequence[str], class_names: Sequence[str]) -> str:
    """Say how much each client holds and how one-sided it is."""
    totals = counts.sum(axis=1)
    shares = counts.max(axis=1) / np.maximum(totals, 1)
    small, large = int(totals.argmin()), int(totals.argmax())
    even, skewed = int(shares.argmin()), int(shares.argmax())
    poor, rich = f"{totals[small]:,} (client {client_ids[small]})", f"{totals[large]:,} (client {client_ids[large]})"
    holds = f"Each client holds {totals[small]:,}" if small == large else f"A client holds from {poor} to {rich}"
    strong = f"{shares[skewed]:.0%} (client {client_ids[skewed]}, class {class_names[int(counts[skewed].argmax())]})"
    span = strong if even == skewed else f"from {shares[even]:.0%} (client {client_ids[even]}) to {strong}"
    return (
        f"{count(len(client_ids), 'client')} and {count(len(class_names), 'class', 'es')}, "
        f"{totals.sum():,} examples in all. {holds}. The largest class makes up {span} of a client's examples."
    )
