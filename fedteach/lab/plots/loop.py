"""The loop of federated learning as a picture: five steps, the weights that travel, the examples that stay."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise, product
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Arc, Circle, Ellipse, FancyArrowPatch, FancyBboxPatch, Polygon, Rectangle

from fedteach.checks import whole
from fedteach.lab.plots.card import (
    DOWN,
    EDGE,
    FAINT,
    INK,
    PAPER,
    SERVER,
    SOFT,
    UP,
    Picture,
    axes,
    card,
    line,
    points,
    write,
)

WIDTH, HEIGHT = 780, 440
STEPS = ("client selection", "broadcast", "local update", "aggregation", "global update")
"""The names of the five steps, in order."""

_ABOUT = (
    "who takes part?",
    "weights go out",
    "each client trains",
    "updates are averaged",
    "the model moves",
)
_COLORS = ("#6B4E9B", DOWN, "#00794F", UP, SERVER)
_DIM, _DIM_WORDS = "#CFC9BB", "#6F6A5F"
_CLIENTS = ((112, True), (297, True), (483, False), (668, True))
_FLOOR, _SERVER_Y = 74, 256


def five_steps(highlight: int | None = None) -> Picture:
    """Draw one round of federated learning: server above, clients below, the five steps in between.

    Args:
        highlight: a step, 1 to 5, to light up while the others step back; None shows all alike.

    Returns:
        A picture of 780 x 440 pixels.

    Raises:
        ValueError: if `highlight` is neither None nor a whole number from 1 to 5.
    """
    lit = None if highlight is None else whole("highlight", highlight, 1, 5)
    subtitle = "Weights travel. Examples never do." if lit is None else f"You are at step {lit}: {STEPS[lit - 1]}."
    figure = card(WIDTH, HEIGHT, "One round in five steps", subtitle)
    ax = axes(figure, 0, 0, WIDTH, HEIGHT)
    ax.set(xlim=(0, WIDTH), ylim=(0, HEIGHT), xticks=[], yticks=[])
    pen = _Pen(ax, lit)
    _draw_server(pen)
    for x, chosen in _CLIENTS:
        _draw_client(pen, x, chosen)
        if chosen:
            _draw_travel(pen, x)
    _draw_labels(pen)
    here = "" if lit is None else f" Highlighted: step {lit}, {STEPS[lit - 1]}."
    return Picture(figure, _IN_WORDS + here)


_IN_WORDS = (
    "One round of federated learning. 1, client selection: the server chooses who takes part; here 3 of 4 clients. "
    "2, broadcast: the weights of the global model go out to them. 3, local update: each client trains on its own "
    "examples, which never leave it. 4, aggregation: their updates come back and are averaged. "
    "5, global update: the server moves the global model. Then the next round begins."
)


@dataclass(frozen=True)
class _Pen:
    """Draws shapes in pixels, pale where they belong to a step that is not lit."""

    ax: Axes
    lit: int | None

    def color(self, step: int, own: str | None = None) -> str:
        """Return the colour of a step, or a pale one if another step is lit."""
        return (own or _COLORS[step - 1]) if self.lit in (None, step) else _DIM

    def write(self, x: float, y: float, words: str, size: float = 12, color: str = SOFT, **style: Any) -> None:
        write(self.ax, x, y, words, size, color, **{"va": "center_baseline", "zorder": 7, **style})

    def stroke(self, xs: Sequence[float], ys: Sequence[float], color: str, width: float, **style: Any) -> None:
        self.ax.plot(xs, ys, **line(color, width), **{"zorder": 4, **style})

    def disc(self, x: float, y: float, radius: float, color: str, **style: Any) -> None:
        self.ax.add_patch(Circle((x, y), radius, **{"facecolor": color, "linewidth": 0, "zorder": 4, **style}))

    def box(self, x: float, y: float, width: float, height: float, corner: float, **style: Any) -> None:
        shape = f"round,pad=0,rounding_size={corner}"
        self.ax.add_patch(FancyBboxPatch((x, y), width, height, shape, **{"linewidth": points(1.6), **style}))

    def arrow(self, start: tuple[float, float], end: tuple[float, float], color: str, width: float = 3) -> None:
        arrow = FancyArrowPatch(start, end, arrowstyle="-|>,head_length=4.2,head_width=2.3", color=color, zorder=4)
        arrow.set(mutation_scale=points(width * 0.75), linewidth=points(width), capstyle="butt", joinstyle="miter")
        arrow.shrinkA = arrow.shrinkB = 0
        self.ax.add_patch(arrow)

    def badge(self, step: int, x: float, y: float) -> None:
        """Draw the number of a step in its disc, its name and what it is about to the right."""
        bright = self.lit in (None, step)
        if self.lit == step:
            self.disc(x, y, 18.5, self.color(step), alpha=0.2, zorder=5)
        self.disc(x, y, 13, self.color(step), zorder=6)
        self.write(x, y - 0.5, str(step), 14, PAPER, weight="bold", ha="center")
        self.write(x + 24, y + 2, STEPS[step - 1], 13.5, INK if bright else _DIM_WORDS, weight="bold", va="bottom")
        self.write(x + 24, y - 1, _ABOUT[step - 1], 11.5, SOFT if bright else _DIM_WORDS, va="top")

    def network(self, x: float, y: float, size: float, color: str) -> None:
        """Draw a model as a small net of nodes, `size` pixels wide, around (x, y)."""
        layers = []
        for i, n in enumerate((3, 4, 2)):
            layers.append([(x + size * (i - 1) / 2, y + size * 0.29 * (j - (n - 1) / 2)) for j in range(n)])
        for left, right in pairwise(layers):
            for (x0, y0), (x1, y1) in product(left, right):
                self.stroke([x0, x1], [y0, y1], color, size / 40, alpha=0.55, zorder=3)
        for node_x, node_y in chain(*layers):
            self.disc(node_x, node_y, size * 0.095, color)

    def examples(self, x: float, y: float, color: str) -> None:
        """Draw a client's examples: a drum of data with a padlock."""
        style = {"facecolor": PAPER, "edgecolor": color, "linewidth": points(1.5)}
        self.ax.add_patch(Ellipse((x, y - 15), 30, 10, zorder=3, **style))
        self.ax.add_patch(Rectangle((x - 15, y - 15), 30, 28, zorder=3.1, facecolor=PAPER, linewidth=0))
        for side in (-15, 15):
            self.stroke([x + side] * 2, [y - 15, y + 13], color, 1.5, zorder=3.2)
        self.ax.add_patch(Ellipse((x, y + 13), 30, 10, zorder=3.3, **style))
        self.padlock(x, y, color)

    def padlock(self, x: float, y: float, color: str) -> None:
        bow = Arc((x, y - 1), 9, 11, theta1=0, theta2=180, color=color, linewidth=points(1.9), zorder=3.4)
        self.ax.add_patch(bow)
        self.box(x - 6.5, y - 11, 13, 10.5, 2, facecolor=color, linewidth=0, zorder=3.5)


def _draw_server(pen: _Pen) -> None:
    """Draw the server: who is chosen at the left, the global model in the middle, its move at the right."""
    center, row = WIDTH / 2, _SERVER_Y + 62
    pen.box(28, _SERVER_Y, WIDTH - 56, 112, 12, facecolor="#FFFFFF", edgecolor=EDGE)
    pen.write(44, _SERVER_Y + 92, "SERVER", 11, weight="bold")
    pen.badge(1, 58, row)
    _draw_choice(pen, 58, _SERVER_Y + 23)
    pen.box(center - 62, _SERVER_Y + 12, 124, 88, 10, facecolor="#F3F6FA", edgecolor=pen.color(5), zorder=2)
    pen.network(center, _SERVER_Y + 65, 56, pen.color(5))
    pen.write(center, _SERVER_Y + 25, "global model", 12, INK, weight="bold", ha="center")
    pen.arrow((center + 122, row), (center + 68, row), pen.color(5), 3.4)
    pen.badge(5, center + 142, row)
    _draw_average(pen, center + 142, _SERVER_Y + 23)
    pen.arrow((center - 68, row), (center - 160, row), FAINT, 1.8)
    pen.write(center - 112, row + 10, "next round", 11.5, ha="center")


def _draw_choice(pen: _Pen, x: float, y: float) -> None:
    """Draw one disc a client, ticked if it was chosen."""
    for i, (_, chosen) in enumerate(_CLIENTS):
        at = x + 29 * i
        if not chosen:
            pen.disc(at, y, 8.5, "none", edgecolor=FAINT, linewidth=points(1.5))
            continue
        pen.disc(at, y, 9, pen.color(1), zorder=3)
        pen.stroke([at - 3.6, at - 0.9, at + 4], [y + 0.1, y - 3.2, y + 3.4], "#FFFFFF", 2)


def _draw_average(pen: _Pen, x: float, y: float) -> None:
    """Draw three updates that become one."""
    for i, size in enumerate((6.5, 4.5, 7.5)):
        pen.disc(x + 19 * i - 4, y, size, pen.color(4))
    pen.arrow((x + 51, y), (x + 74, y), pen.color(4), 2)
    pen.disc(x + 88, y, 6.2, pen.color(4))
    pen.write(x + 102, y, "their average", 11.5)


def _draw_client(pen: _Pen, x: float, chosen: bool) -> None:
    """Draw one client: a laptop with its examples and, if it was chosen, its copy of the model."""
    edge = pen.color(3, INK) if chosen else _DIM
    pen.box(x - 64, _FLOOR, 128, 78, 8, facecolor="#FFFFFF" if chosen else PAPER, edgecolor=edge, zorder=2)
    base = [(x - 76, _FLOOR - 10), (x + 76, _FLOOR - 10), (x + 66, _FLOOR - 1), (x - 66, _FLOOR - 1)]
    pen.ax.add_patch(Polygon(base, color=edge, linewidth=points(1.6), joinstyle="round", zorder=2))
    pen.examples(x - 36, _FLOOR + 38, pen.color(3) if chosen else _DIM)
    if chosen:
        pen.network(x + 34, _FLOOR + 39, 40, pen.color(3))
        pen.arrow((x - 17, _FLOOR + 39), (x + 7, _FLOOR + 39), pen.color(3), 2.4)
    else:
        pen.write(x + 24, _FLOOR + 39, "not asked", 11.5, _DIM_WORDS, ha="center")


def _draw_travel(pen: _Pen, x: float) -> None:
    """Draw what travels between the server and one client: weights down, an update up."""
    top, bottom = _SERVER_Y - 5, _FLOOR + 84
    pen.arrow((x - 17, top), (x - 17, bottom), pen.color(2))
    pen.arrow((x + 17, bottom), (x + 17, top), pen.color(4))


def _draw_labels(pen: _Pen) -> None:
    pen.badge(2, 160, 208)
    pen.badge(4, 498, 208)
    pen.badge(3, 58, 33)
    pen.write(WIDTH - 36, 33, "The examples never leave their client.", ha="right")
    pen.padlock(WIDTH - 262, 34, SOFT)
