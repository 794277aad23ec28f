"""Numbers against numbers: one line with markers for each named series."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from fedteach.lab.plots import card
from fedteach.lab.plots.card import CLIENTS, GRID, MARKERS, Picture, pixels, points
from fedteach.lab.plots.curves import HEIGHT, WIDE_KEY, WIDTH, Key, key_table

Series = Mapping[str, tuple[Sequence[float | None], Sequence[float | None]]]
"""Two equally long rows of numbers by name; a number that is missing is None or NaN."""

MOST_SERIES = 8
_LEFT, _BOTTOM, _TOP, _RIGHT = 68, 62, 100, 278
_ALL_MARKED, _ALL_SAID, _MOST_TICKS = 25, 8, 9


class _Line(NamedTuple):
    name: str
    x: np.ndarray
    y: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None


def lines(
    series: Series,
    *,
    x_label: str,
    y_label: str,
    title: str,
    subtitle: str = "",
    log_x: bool = False,
    percent: bool = False,
    spread: Series | None = None,
) -> Picture:
    """Draw one or more series as lines with a marker at each point.

    A y value that is None or NaN leaves a gap.

    Args:
        series: x values and y values of each line by its name; one to eight lines.
        x_label: what stands on the x axis, with its unit.
        y_label: what stands on the y axis, with its unit.
        title: heading of the picture.
        subtitle: a line in small print below it.
        log_x: the x axis grows by factors (1, 10, 100) and not by steps; all x values must be above 0.
        percent: the y values are shares from 0 to 1, drawn in percent on an axis from 0 to 100.
        spread: lowest and highest y values for some of the names, drawn as a band around the line.

    Returns:
        A picture of 780 x 420 pixels; its summary holds the points of each line, or the ends and the extremes of
        a long one.

    Raises:
        ValueError: if there is no series, or more than eight; if one has no point, rows of different lengths, an x
            value that is no finite number, or not above 0 on a log axis; if a spread has no line to go with.
    """
    if not 1 <= len(series) <= MOST_SERIES:
        raise ValueError(f"lines draws 1 to {MOST_SERIES} series, got {len(series)}; draw fewer at once")
    if unknown := set(spread or {}) - set(series):
        raise ValueError(f"there is a spread for {', '.join(sorted(unknown))}, but no series of that name")
    drawn = [_line(name, *pair, (spread or {}).get(name), log_x, percent) for name, pair in series.items()]
    figure = card.card(WIDTH, HEIGHT, title, subtitle)
    ax = card.axes(figure, _LEFT, _BOTTOM, WIDTH - _LEFT - _RIGHT, HEIGHT - _BOTTOM - _TOP)
    keys = [_draw(ax, line, i, percent, beside_a_spread=bool(spread)) for i, line in enumerate(drawn)]
    _x_axis(ax, np.concatenate([line.x for line in drawn]), log_x)
    _y_axis(ax, drawn, percent)
    card.name_axis(ax, x_label)
    style = {"rotation": 0, "ha": "left", "va": "bottom", "fontsize": points(12), "family": card.fonts()}
    ax.set_ylabel(y_label, color=card.INK, **style)
    ax.yaxis.set_label_coords(24, HEIGHT - _TOP + 10, transform=pixels(figure))
    key_table(figure, keys, "last point", first_is_bold=False, left=WIDE_KEY)
    words = "; ".join(_in_words(line, percent) for line in drawn)
    return Picture(figure, f"{title.rstrip('.?!')}. {y_label} against {x_label}. {words}.")


def _line(
    name: str,
    x: Sequence[float | None],
    y: Sequence[float | None],
    spread: tuple[Sequence[float | None], Sequence[float | None]] | None,
    log_x: bool,
    percent: bool,
) -> _Line:
    """Check one series and turn it into arrays, the y values in percent if so wished."""
    xs, ys = _row(name, x), _row(name, y)
    low, high = (None, None) if spread is None else (_row(name, spread[0]), _row(name, spread[1]))
    lengths = {len(row) for row in (xs, ys, low, high) if row is not None}
    if len(lengths) > 1 or not len(xs):
        rest = "" if low is None or high is None else f", and a spread of {len(low)} and {len(high)}"
        raise ValueError(
            f"series {name!r} has {len(xs)} x values and {len(ys)} y values{rest}; expected equally many, at least one"
        )
    if not np.isfinite(xs).all() or (log_x and xs.min() <= 0):
        wanted = "above 0 (the axis grows by factors)" if log_x else "finite"
        raise ValueError(f"series {name!r}: expected x values {wanted}, got {xs.tolist()}")
    scale = 100 if percent else 1
    return _Line(name, xs, ys * scale, *(None if row is None else row * scale for row in (low, high)))


def _row(name: str, values: Sequence[float | None]) -> np.ndarray:
    """Return numbers as an array, with NaN for whatever is missing or infinite."""
    try:
        row = np.array([np.nan if value is None else value for value in values], dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"series {name!r}: expected a row of numbers, got {values!r}") from None
    if row.ndim != 1:
        raise ValueError(f"series {name!r}: expected a row of numbers, got an array of shape {row.shape}")
    return np.where(np.isfinite(row), row, np.nan)


def _draw(ax: Axes, line: _Line, place: int, percent: bool, beside_a_spread: bool) -> Key:
    """Draw one line, and its spread if it has one: it is then the one to look at, and the others are thinner."""
    has_spread = line.low is not None and line.high is not None
    width = 2.6 if not beside_a_spread else 3.4 if has_spread else 1.4
    style = card.line(CLIENTS[place], width, MARKERS[place], 8 if has_spread else 7)
    every = None if len(line.x) <= _ALL_MARKED else max(1, len(line.x) // 12)
    ax.plot(line.x, line.y, label=line.name, markevery=every, zorder=6 if has_spread else 5, clip_on=False, **style)
    if line.low is not None and line.high is not None:
        ax.fill_between(line.x, line.low, line.high, color=CLIENTS[place], alpha=0.18, linewidth=0, zorder=3)
    known = line.y[np.isfinite(line.y)]
    return Key(line.name, _value(known[-1], percent) if len(known) else "-", style)


def _x_axis(ax: Axes, x: np.ndarray, log_x: bool) -> None:
    """Set the x axis; where there are few x values, and they stand well apart, each has its tick."""
    values = np.unique(x)
    if log_x:
        ax.set_xscale("log")
        ax.xaxis.set_minor_locator(NullLocator())
        decades = float(np.log10(values[-1] / values[0]))
        ax.xaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5) if decades < 3 else (1,), numticks=_MOST_TICKS))
    else:
        ax.xaxis.set_major_locator(MaxNLocator(_MOST_TICKS - 1, steps=[1, 2, 5, 10], integer=_all_whole(values)))
    places = np.log(values) if log_x else values
    width = np.ptp(places)
    if len(values) <= _MOST_TICKS and (np.diff(places) >= width / 12).all():
        ax.set_xticks(values)
    margin = 0.03 * width or 0.5
    low, high = places[0] - margin, places[-1] + margin
    ax.set_xlim(*(np.exp([low, high]) if log_x else (low, high)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _number(value)))


def _y_axis(ax: Axes, drawn: Sequence[_Line], percent: bool) -> None:
    """Set the y axis: all percents; else from 0 on, unless that would flatten what is to be seen."""
    rows = [row for line in drawn for row in (line.y, line.low, line.high) if row is not None]
    values = np.concatenate(rows)
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    margin = 0.06 * (high - low) or 0.5
    bottom = 0.0 if 0 <= low <= high / 2 else low - margin
    ax.set_ylim(*((min(0.0, low), max(100.0, high)) if percent else (bottom, high + margin)))
    ax.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _number(value)))
    ax.grid(True, axis="y", color=GRID, linewidth=points(1), linestyle="-")
    ax.set_axisbelow(True)


def _all_whole(values: np.ndarray) -> bool:
    return bool((values == np.round(values)).all())


def _number(value: float) -> str:
    """Say a number briefly: 0.05, 12.5, 3,500, 1.5 M."""
    size = abs(value)
    if size >= 1e6:
        return f"{value / 1e6:,.4g} M" if size < 1e10 else f"{value:.3g}"
    return f"{value:,.0f}" if size >= 1000 else f"{value:.4g}"


def _value(value: float, percent: bool) -> str:
    return f"{value:.1f} %" if percent else _number(value)


def _in_words(line: _Line, percent: bool) -> str:
    """Say each point of a short line, the ends and extremes of a long one."""
    known = [(x, y) for x, y in zip(line.x, line.y, strict=True) if np.isfinite(y)]

    def say(point: tuple[float, float]) -> str:
        return f"{_value(point[1], percent)} at {_number(point[0])}"

    if not known:
        return f"{line.name}: nothing measured"
    if len(known) <= _ALL_SAID:
        text = f"{line.name}: {', '.join(map(say, known))}"
    else:
        low, high = min(known, key=lambda point: point[1]), max(known, key=lambda point: point[1])
        text = f"{line.name}: {say(known[0])} to {say(known[-1])}, lowest {say(low)}, highest {say(high)}"
    if line.low is None or line.high is None or not (np.isfinite(line.low) & np.isfinite(line.high)).any():
        return text
    widest = int(np.nanargmax(line.high - line.low))
    ends = f"{_value(line.low[widest], percent)} to {_value(line.high[widest], percent)}"
    return f"{text}, spread at its widest {ends} at {_number(line.x[widest])}"
