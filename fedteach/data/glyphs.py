"""Generated handwriting: 62 characters, as many writers as you like, each with a hand of their own.

It stands in for FEMNIST where that cannot be had: same classes, same order of labels, 28x28, and
clients who differ in style as people do. No file is needed.
"""

from dataclasses import dataclass

import numpy as np

from fedteach import checks
from fedteach.data import glyph_font
from fedteach.data.base import Dataset, Examples, read_only
from fedteach.randomness import rng_for

_UNIT = 0.0058
"""One font unit as a share of the image's side: 100 units (a capital) are 16 of 28 pixels."""
_MIDDLE_Y = 65.0
"""The font's y that lies in the middle of the image, in font units."""
_BASELINE = 100.0


@dataclass(frozen=True, eq=False)
class Hand:
    """How one writer writes; lengths in font units.

    Attributes:
        slant: lean to the right, as the tangent of the angle.
        size: height against the font's own (no unit).
        aspect: width against height (no unit).
        turn: angle of the line of writing, in radians.
        pen: half the width of the stroke.
        ink: darkness of the stroke, at most 1.
        shift: (x, y) by which the writer misses the middle of the box.
        wobble: how far strokes stray, (writer's own forms, from image to image).
        bend: phases of the writer's own forms, shape (62, 2, 2).
        forms: the form used for each class, shape (62,).
        mix: how often each class is written, shape (62,), sums to 1.
    """

    slant: float
    size: float
    aspect: float
    turn: float
    pen: float
    ink: float
    shift: np.ndarray
    wobble: tuple[float, float]
    bend: np.ndarray
    forms: np.ndarray
    mix: np.ndarray


def load(n_writers: int = 100, per_writer: int = 40, seed: int = 0, size: int = 28) -> Dataset:
    """Write `per_writer` characters with each of `n_writers` hands.

    The images of a writer depend on the seed and the writer's number alone, not on how many writers
    there are. The last tenth of each writer's images, at least one, is for testing.

    Args:
        n_writers: number of writers, >= 1.
        per_writer: number of images of each writer, >= 2.
        seed: whole number >= 0; another seed gives other people.
        size: side of the square images in pixels, 8 to 128.

    Returns:
        Images (n, size, size, 1) in [0, 1], background 0, in the order of the writers.

    Raises:
        ValueError: if an argument is out of range.
    """
    checks.whole("n_writers", n_writers, least=1)
    checks.whole("per_writer", per_writer, least=2, hint="one image is kept for testing")
    checks.whole("size", size, least=8, most=128)
    n_test = max(1, round(per_writer / 10))
    x = np.empty((n_writers, per_writer, size, size, 1), np.float32)
    y = np.empty((n_writers, per_writer), np.int32)
    for writer in range(n_writers):
        rng = rng_for(seed, "glyphs", writer)
        hand = draw_hand(rng)
        y[writer] = rng.choice(len(glyph_font.CLASSES), size=per_writer, p=hand.mix)
        x[writer, ..., 0] = write(y[writer], hand, size, rng)
    writers = np.broadcast_to(np.arange(n_writers, dtype=np.int32)[:, None], y.shape)
    cut = per_writer - n_test
    train, test = (
        read_only(Examples(x[:, part].reshape(-1, size, size, 1), y[:, part].ravel(), writers[:, part].ravel()))
        for part in (slice(None, cut), slice(cut, None))
    )
    return Dataset(
        name="glyphs",
        train=train,
        test=test,
        classes=glyph_font.CLASSES,
        licence="same as fedteach; generated, no person's handwriting",
        citation="fedteach, data/glyphs.py",
        source=f"generated: {n_writers} writers, {per_writer} images each, seed {seed}",
    )


def draw_hand(rng: np.random.Generator) -> Hand:
    """Draw how a new writer writes."""
    n_classes = len(glyph_font.CLASSES)
    second_habit = rng.random(n_classes) < 0.4
    return Hand(
        slant=float(np.clip(rng.normal(0.08, 0.18), -0.3, 0.5)),
        size=float(rng.uniform(0.82, 1.08)),
        aspect=float(rng.uniform(0.85, 1.35)),
        turn=float(rng.normal(0, 0.05)),
        pen=float(rng.uniform(4.5, 9.5)),
        ink=float(rng.uniform(0.65, 1.0)),
        shift=rng.normal(0, 3.5, size=2).clip(-6, 6),
        wobble=(float(rng.uniform(1.5, 4.5)), float(rng.uniform(0.8, 3.0))),
        bend=rng.uniform(0, 2 * np.pi, size=(n_classes, 2, 2)),
        forms=np.where(second_habit, glyph_font.build().variant, np.arange(n_classes)),
        mix=rng.dirichlet(np.full(n_classes, 4.0)),
    )


def write(labels: np.ndarray, hand: Hand, size: int, rng: np.random.Generator) -> np.ndarray:
    """Write one image for each label with one hand.

    Args:
        labels: classes, int, shape (n,).
        hand: how the writer writes.
        size: side of the images in pixels.
        rng: for what differs from image to image.

    Returns:
        Images, float32, (n, size, size), whole multiples of 1/255.
    """
    n, font, forms = len(labels), glyph_font.build(), hand.forms[labels]
    image = np.repeat(np.arange(n), font.count[forms])
    # The pieces of image i are start[form], start[form] + 1, ...: count up inside each image.
    first = np.cumsum(font.count[forms]) - font.count[forms]
    piece = np.arange(len(image)) - first[image] + font.start[forms][image]
    ends = np.stack([font.a[piece], font.b[piece]])
    ends = _bend(ends, hand.wobble[0], hand.bend[labels][image])
    ends = _bend(ends, hand.wobble[1], rng.uniform(0, 2 * np.pi, size=(n, 2, 2))[image])
    scale = size * _UNIT * hand.size * rng.normal(1, 0.03, size=n).clip(0.9, 1.1)
    shift = hand.shift + rng.normal(0, 2, size=(n, 2)).clip(-5, 5)
    turn = hand.turn + rng.normal(0, 0.04, size=n)
    ends = _move(ends, hand, shift[image], turn[image])
    a, b = (ends * scale[image, None] + (size - 1) / 2).astype(np.float32)
    return ink(a, b, image, n, size, pen=hand.pen * size * _UNIT, dark=hand.ink)


def _bend(points: np.ndarray, reach: float, phase: np.ndarray) -> np.ndarray:
    """Send a slow wave across the character: neighbours move alike, so strokes that meet still meet.

    Args:
        points: ends of the pieces, shape (2, m, 2), in font units.
        reach: height of each wave, in font units.
        phase: of the waves of each piece's character, shape (m, 2, 2), in radians.
    """
    x, y = points[..., 0], points[..., 1]
    dx = np.sin(y / 22 + phase[:, 0, 0]) + np.sin(x / 16 + y / 40 + phase[:, 0, 1])
    dy = np.sin(x / 18 + phase[:, 1, 0]) + np.sin(y / 26 - x / 40 + phase[:, 1, 1])
    return points + reach * np.stack([dx, dy], axis=-1)


def _move(points: np.ndarray, hand: Hand, shift: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Widen, lean, shift and turn points (2, m, 2) of the font; (0, 0) becomes the image's middle."""
    x, y = points[..., 0] * hand.aspect, points[..., 1]
    x = x + hand.slant * (_BASELINE / 2 - y) + shift[:, 0]
    y = y - _MIDDLE_Y + shift[:, 1]
    cos, sin = np.cos(turn), np.sin(turn)
    return np.stack([cos * x - sin * y, sin * x + cos * y], axis=-1)


def ink(
    a: np.ndarray, b: np.ndarray, image: np.ndarray, n_images: int, size: int, pen: float, dark: float
) -> np.ndarray:
    """Draw short pieces with a round pen, smoothed over one pixel at the edge.

    Each piece touches only the pixels of a small window round its middle; where windows overlap, the
    darker value stays.

    Args:
        a: one end of each piece in pixels (x, y), float32, shape (m, 2).
        b: the other end.
        image: image of each piece, int, shape (m,).
        n_images: number of images.
        size: side of the images in pixels.
        pen: half the width of the stroke in pixels.
        dark: value in the middle of a stroke, at most 1.

    Returns:
        float32, (n_images, size, size), whole multiples of 1/255.
    """
    middle = (a + b) / 2
    longest = np.sqrt(((b - a) ** 2).sum(axis=1).max(initial=0))
    reach = int(np.ceil(longest / 2 + pen + 1))
    window = np.arange(-reach, reach + 1)
    centre = np.rint(middle).astype(np.int64)
    column = centre[:, 0, None, None] + window[None, None, :]
    row = centre[:, 1, None, None] + window[None, :, None]
    distance = _distance(column.astype(np.float32), row.astype(np.float32), a, b)
    value = np.clip(np.float32(pen + 0.5) - distance, 0, 1)
    inside = (column >= 0) & (column < size) & (row >= 0) & (row < size) & (value > 0)
    flat = (image[:, None, None] * size + row) * size + column
    canvas = np.zeros(n_images * size * size, np.float32)
    np.maximum.at(canvas, flat[inside], value[inside])
    # Whole 255ths, as from a scanner, hide the last bits in which two machines may differ.
    return np.rint(canvas * np.float32(dark * 255)).reshape(n_images, size, size) / np.float32(255)


def _distance(column: np.ndarray, row: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distance from pixels (m, w, w) to their piece, in pixels."""
    ax, ay, dx, dy = (v[:, None, None] for v in (a[:, 0], a[:, 1], b[:, 0] - a[:, 0], b[:, 1] - a[:, 1]))
    length2 = np.maximum(dx * dx + dy * dy, np.float32(1e-12))
    along = np.clip(((column - ax) * dx + (row - ay) * dy) / length2, 0, 1)
    return np.sqrt((column - ax - along * dx) ** 2 + (row - ay - along * dy) ** 2)
