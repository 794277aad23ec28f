"""The look of every picture: a paper card of fixed size, one family of colours, one way to write on it.

A notebook may be light or dark, and no text colour reaches a contrast of 4.5 on both white and #111
(the best possible grey has 4.3). So each picture brings its own paper: a rounded card that stands well
on either. Sizes are in screen pixels, so that a picture never changes size while a run goes on.
"""

import io
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from matplotlib import font_manager, rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text
from matplotlib.transforms import Affine2D, Bbox, Transform

from fedteach.files import write_atomically

Style = dict[str, Any]
"""Keyword arguments of a matplotlib drawing function."""

SCREEN_DPI = 100
"""At this resolution one unit of our sizes is one pixel; 200 draws the same picture for a sharp screen."""

PAPER, EDGE, INK, SOFT, GRID, FAINT = "#F9F6EF", "#D6D0C0", "#1B2733", "#55606A", "#E6E0D2", "#B5AF9F"
SERVER, DOWN, UP, LOST = "#14304F", "#1F6FB2", "#AE500A", "#C2410C"

# Each has a contrast of 3 on the paper. The first five stay well apart (CIELAB distance 20 and more) for people who
# confuse red and green; further clients are told apart by their markers too.
CLIENTS = (
    "#0072B2", "#A23B3B", "#009882", "#332288", "#A87900", "#B0508B", "#006D77", "#D1495B", "#7B5FB5", "#454545",
)  # fmt: skip
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "h")
BLUES = ("#F1EFE8", "#CFE0EC", "#93BFDD", "#4B94C6", "#1F6AA5", "#12395F")

_FAMILIES = ("Inter", "Source Sans 3", "Segoe UI", "Helvetica Neue", "Helvetica", "Arial", "Liberation Sans")
_OTHER_SCRIPTS = ("Noto Sans CJK KR", "Malgun Gothic", "Apple SD Gothic Neo", "NanumGothic")
_drawing = threading.RLock()


@dataclass(frozen=True)
class Picture:
    """A finished drawing with its meaning in words.

    Shown by a notebook cell that ends with it; screen readers and text-only viewers get the words.

    Attributes:
        figure: the drawing.
        summary: what it shows, numbers included; the alternative text.
    """

    figure: Figure = field(repr=False)
    summary: str

    @property
    def size(self) -> tuple[int, int]:
        """Width and height on the screen in pixels."""
        width, height = self.figure.get_size_inches() * SCREEN_DPI
        return round(width), round(height)

    def png(self, dpi: int = 2 * SCREEN_DPI) -> bytes:
        """Return the picture as PNG; always `size` times dpi / 100 pixels, clear outside the card."""
        with _drawing:
            self.figure.set_dpi(dpi)
            canvas = FigureCanvasAgg(self.figure)
            canvas.draw()
            image = PIL.Image.fromarray(np.asarray(canvas.buffer_rgba()))
        file = io.BytesIO()
        image.save(file, format="png", compress_level=3, dpi=(dpi, dpi))
        return file.getvalue()

    def svg(self) -> str:
        """Return the picture as SVG text."""
        return self._vector("svg", {"Date": None, "Title": self.summary}).decode()

    def save(self, path: str | Path) -> Path:
        """Write a file; its ending decides: .png, .svg or .pdf. It appears whole or not at all.

        Raises:
            ValueError: if the ending is another one.
            OSError: if the folder cannot be written.
        """
        ending = Path(path).suffix.lower()
        if ending == ".png":
            return write_atomically(path, self.png())
        if ending == ".svg":
            return write_atomically(path, self.svg())
        if ending == ".pdf":
            return write_atomically(path, self._vector("pdf", {"CreationDate": None, "Title": self.summary[:80]}))
        raise ValueError(f"a picture can be saved as .png, .svg or .pdf, got {str(path)!r}")

    def _vector(self, kind: str, metadata: dict[str, Any]) -> bytes:
        file = io.BytesIO()
        whole = Bbox.from_bounds(0, 0, *self.figure.get_size_inches())
        # The box is given, so that no personal matplotlib setting can crop the card; the salt, so that ids repeat.
        with _drawing, rc_context({"svg.hashsalt": "fedteach", "svg.fonttype": "path"}):
            self.figure.savefig(file, format=kind, facecolor="none", bbox_inches=whole, metadata=metadata)
        return file.getvalue()

    def _repr_png_(self) -> bytes:
        return self.png()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        width, height = self.size
        shown = {"width": width, "height": height, "alt": self.summary}
        return {"image/png": self.png(), "text/plain": self.summary}, {"image/png": shown}


def card(width: int, height: int, title: str = "", subtitle: str = "") -> Figure:
    """Return an empty card of width x height pixels with its heading."""
    figure = Figure(figsize=(width / SCREEN_DPI, height / SCREEN_DPI), dpi=SCREEN_DPI)
    FigureCanvasAgg(figure)
    figure.patch.set_alpha(0)
    paper = FancyBboxPatch(
        (1.5, 1.5),
        width - 3,
        height - 3,
        boxstyle="round,pad=0,rounding_size=12",
        facecolor=PAPER,
        edgecolor=EDGE,
        linewidth=points(1),
        transform=pixels(figure),
        zorder=-10,
    )
    figure.add_artist(paper)
    write(figure, 24, height - 32, title, size=15, weight="bold")
    write(figure, 24, height - 51, subtitle, size=11.5, color=SOFT)
    return figure


def axes(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Return axes in a rectangle given in pixels, without matplotlib's frame and ticks."""
    total_width, total_height = figure.get_size_inches() * SCREEN_DPI
    box = (left / total_width, bottom / total_height, width / total_width, height / total_height)
    ax = figure.add_axes(box, facecolor="none")
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.tick_params(length=0, pad=points(6), labelsize=points(11.5), labelcolor=SOFT, labelfontfamily=fonts())
    return ax


def line(color: str, width: float, marker: str = "", size: float = 0.0, **more: Any) -> Style:
    """Return the style of a line with its markers, sizes in pixels; names everything that a user may have set."""
    return {
        "color": color,
        "linewidth": points(width),
        "linestyle": "-",
        "marker": marker,
        "markersize": points(size),
        "markeredgewidth": 0,
        **more,
    }


def name_axis(ax: Axes, words: str = "rounds") -> None:
    """Write the name of the axis to the right under its ticks."""
    ax.set_xlabel(words, labelpad=points(6), fontsize=points(12), color=INK, family=fonts())


def write(on: Figure | Axes, x: float, y: float, words: str, size: float = 12, color: str = INK, **style: Any) -> Text:
    """Write words, taken literally (a dollar sign is a dollar sign); on a figure x and y are pixels."""
    if isinstance(on, Figure):
        style.setdefault("transform", pixels(on))
    return on.text(x, y, words, fontsize=points(size), color=color, family=fonts(), parse_math=False, **style)


def count(n: int, noun: str, plural: str = "s") -> str:
    """Say "1 client" or "5 clients"."""
    return f"{n:,} {noun}{'' if n == 1 else plural}"


def shortened(name: str, most: int) -> str:
    """Return a name cut to at most `most` letters, the cut marked by an ellipsis."""
    return name if len(name) <= most else name[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"


def points(pixels: float) -> float:
    """Turn pixels into the points that matplotlib counts in."""
    return pixels * 72 / SCREEN_DPI


@cache
def fonts() -> list[str]:
    """The font families to write with: a clean one if the machine has it, and others for what it lacks."""
    installed = set(font_manager.fontManager.get_font_names())
    first = next((name for name in _FAMILIES if name in installed), "DejaVu Sans")
    return list(dict.fromkeys([first, "DejaVu Sans", *(name for name in _OTHER_SCRIPTS if name in installed)]))


def pixels(figure: Figure) -> Transform:
    """Return the transform from screen pixels (origin at the lower left) to the figure, at any resolution."""
    return Affine2D().scale(1 / SCREEN_DPI) + figure.dpi_scale_trans


def key_row(figure: Figure, y: float, entries: Sequence[tuple[str, dict[str, Any]]], right: float) -> None:
    """Write a key in one row that ends at `right`: marker and word, marker and word.

    Args:
        figure: a card.
        y: height of the row in pixels.
        entries: word and `Line2D` style of its marker, from left to right.
        right: where the row ends, in pixels.
    """
    x = right
    for word, style in reversed(entries):
        text = write(figure, x, y, word, size=11.5, ha="right", va="center_baseline", color=SOFT)
        x -= text.get_window_extent().width * SCREEN_DPI / figure.dpi + 12
        figure.add_artist(Line2D([x], [y], transform=pixels(figure), **(style | {"linestyle": ""})))
        x -= 20
