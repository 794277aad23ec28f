"""A stroke font of our own: each of the 62 characters as a few pen strokes.

A stroke is a list of points "x,y"; "~" in front makes it a smooth curve through its points, "|" starts
the next stroke. x grows to the right, y downwards: capitals and digits reach from 0 to 100, small
letters from 42 to 100, and what hangs below the line ends at 138.
"""

import functools
from dataclasses import dataclass

import numpy as np

CLASSES = tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
"""The classes in the order of their labels, as in LEAF's FEMNIST: digits, capitals, small letters."""

STROKES = {
    "0": "~29,0 10,16 4,50 10,84 29,100 48,84 54,50 48,16 29,0",
    "1": "8,26 32,0 32,100",
    "2": "~4,24 14,5 32,0 52,10 54,32 36,62 4,100 | 4,100 58,100",
    "3": "~4,12 26,0 50,10 48,36 20,46 | ~20,46 50,54 58,76 40,98 14,98 0,84",
    "4": "42,100 42,0 0,68 60,68",
    "5": "52,0 10,0 6,44 | ~6,44 30,36 54,50 57,74 40,97 16,99 0,88",
    "6": "~48,2 22,18 4,55 6,84 30,100 54,84 52,62 30,52 6,68",
    "7": "2,0 56,0 22,100",
    "8": "~30,47 8,32 10,8 30,0 50,8 52,32 30,47 4,66 6,92 30,100 54,92 56,66 30,47",
    "9": "~52,30 36,50 12,46 4,24 16,3 38,0 52,14 54,44 48,76 36,100",
    "A": "0,100 30,0 60,100 | 11,64 49,64",
    "B": "4,0 4,100 | ~4,0 40,3 50,22 38,43 4,47 | ~4,47 46,51 58,74 44,97 4,100",
    "C": "~58,18 36,0 10,18 2,50 10,82 36,100 59,82",
    "D": "4,0 4,100 | ~4,0 38,7 60,34 60,66 38,93 4,100",
    "E": "54,0 4,0 4,100 56,100 | 4,48 44,48",
    "F": "54,0 4,0 4,100 | 4,48 44,48",
    "G": "~58,18 36,0 10,18 2,50 10,82 36,100 58,84 | 58,84 58,54 34,54",
    "H": "4,0 4,100 | 58,0 58,100 | 4,48 58,48",
    "I": "30,0 30,100 | 8,0 52,0 | 8,100 52,100",
    "J": "20,0 60,0 | ~44,0 44,40 43,76 28,99 8,92 2,72",
    "K": "4,0 4,100 | 54,0 6,56 | 20,42 58,100",
    "L": "4,0 4,100 56,100",
    "M": "0,100 6,0 37,72 68,0 74,100",
    "N": "4,100 4,0 58,100 58,0",
    "O": "~38,0 12,14 0,50 12,86 38,100 64,86 76,50 64,14 38,0",
    "P": "4,0 4,100 | ~4,0 44,4 56,27 44,50 4,54",
    "Q": "~38,0 12,14 0,50 12,86 38,100 64,86 76,50 64,14 38,0 | 46,70 78,110",
    "R": "4,0 4,100 | ~4,0 44,4 56,26 44,48 4,52 | 26,52 60,100",
    "S": "~56,16 34,0 8,10 8,34 32,48 56,64 56,90 30,100 2,84",
    "T": "0,0 66,0 | 33,0 33,100",
    "U": "~4,0 4,45 8,82 30,100 52,82 56,45 56,0",
    "V": "0,0 31,100 62,0",
    "W": "0,0 20,100 41,22 62,100 82,0",
    "X": "2,0 60,100 | 60,0 2,100",
    "Y": "0,0 31,50 | 62,0 31,50 31,100",
    "Z": "4,0 58,0 2,100 60,100",
    "a": "~46,60 30,42 10,48 2,70 10,94 28,100 46,80 | ~47,43 46,80 51,98 60,97",
    "b": "4,0 4,100 | ~4,62 24,43 46,54 50,74 42,94 24,100 4,84",
    "c": "~46,52 28,42 8,52 2,71 8,90 28,100 47,90",
    "d": "50,0 50,100 | ~50,60 30,42 8,52 2,72 10,94 30,100 50,82",
    "e": "2,71 49,71 | ~49,71 44,50 26,42 8,51 2,71 9,93 28,100 48,90",
    "f": "~54,8 40,0 26,12 23,40 23,100 | 4,44 46,44",
    "g": "~48,58 30,42 8,50 2,70 10,90 30,97 48,80 | ~49,43 49,90 46,124 28,138 5,127",
    "h": "4,0 4,100 | ~4,66 22,44 40,47 46,66 46,100",
    "i": "20,46 20,100 | 20,16 21,22",
    "j": "~34,46 34,100 30,128 14,138 0,126 | 34,16 35,22",
    "k": "4,0 4,100 | 44,44 5,76 | 17,67 47,100",
    "l": "~20,0 20,40 20,80 27,98 42,95",
    "m": "4,44 4,100 | ~4,64 18,43 32,48 36,66 36,100 | ~36,64 50,43 64,48 68,66 68,100",
    "n": "4,44 4,100 | ~4,66 22,43 40,47 46,66 46,100",
    "o": "~26,42 8,51 2,71 8,91 26,100 44,91 50,71 44,51 26,42",
    "p": "4,44 4,138 | ~4,62 24,43 46,54 50,74 42,94 24,100 4,84",
    "q": "50,44 50,138 64,122 | ~50,60 30,42 8,52 2,72 10,94 30,100 50,82",
    "r": "4,44 4,100 | ~4,70 14,51 28,43 43,48",
    "s": "~43,51 26,42 8,48 9,63 26,71 45,80 43,95 22,100 3,92",
    "t": "~22,12 22,48 22,80 29,98 46,93 | 4,42 44,42",
    "u": "~4,44 4,76 12,97 28,98 46,80 | 46,44 46,100",
    "v": "2,44 25,100 48,44",
    "w": "0,44 16,100 33,54 50,100 66,44",
    "x": "4,44 48,100 | 48,44 4,100",
    "y": "5,44 28,97 | 50,44 28,97 10,138",
    "z": "4,44 48,44 3,100 50,100",
}

VARIANTS = {
    "1": "10,24 32,0 32,100 | 10,100 54,100",
    "4": "16,0 4,60 60,60 | 44,32 44,100",
    "7": "2,0 56,0 22,100 | 14,52 54,52",
    "9": "~50,28 34,48 10,44 4,22 18,2 40,1 51,16 | 52,14 50,100",
    "a": "~6,54 24,42 42,49 46,66 46,100 | ~46,66 18,70 4,84 14,99 32,97 46,82",
    "A": "~4,100 8,40 30,0 52,40 56,100 | 6,62 54,62",
    "f": "~56,6 42,0 28,14 25,60 22,110 8,134 | 6,46 46,46",
    "l": "20,0 20,100",
    "r": "4,44 4,100 | 4,66 24,46 42,46",
    "t": "22,8 22,100 | 2,40 44,40",
    "u": "~4,44 4,70 8,92 25,100 42,92 46,70 46,44",
    "y": "~4,44 6,72 24,84 46,64 | ~48,44 47,90 42,124 24,138 4,128",
    "z": "4,44 48,44 3,100 50,100 | 10,72 42,72",
    "Z": "4,0 58,0 2,100 60,100 | 12,50 50,50",
}
"""A second way to write some characters; each writer has a habit."""

_STEP = 9.0
"""Longest piece of a stroke, in font units: short enough to bend with the hand."""


@dataclass(frozen=True, eq=False)
class Font:
    """All pieces of all characters in two flat arrays.

    Attributes:
        a, b: ends of each piece, shape (n_pieces, 2), in font units, centred on the character's
            middle in x; y as in the font.
        start, count: first piece and number of pieces of each form, shape (n_forms,).
        variant: form that a writer with the other habit uses, for each class, shape (62,);
            the class itself where there is only one form.
    """

    a: np.ndarray
    b: np.ndarray
    start: np.ndarray
    count: np.ndarray
    variant: np.ndarray


@functools.cache
def build() -> Font:
    """Cut every character into short straight pieces; done once, then remembered."""
    forms = [STROKES[name] for name in CLASSES] + list(VARIANTS.values())
    variant = np.arange(len(CLASSES))
    variant[[CLASSES.index(name) for name in VARIANTS]] = len(CLASSES) + np.arange(len(VARIANTS))
    pieces = [_pieces(text) for text in forms]
    count = np.array([len(a) for a, _ in pieces])
    return Font(
        a=np.concatenate([a for a, _ in pieces]),
        b=np.concatenate([b for _, b in pieces]),
        start=np.cumsum(count) - count,
        count=count,
        variant=variant,
    )


def _pieces(text: str) -> tuple[np.ndarray, np.ndarray]:
    lines = [_stroke(part.strip()) for part in text.split("|")]
    everything = np.concatenate(lines)
    middle = np.array([(everything[:, 0].min() + everything[:, 0].max()) / 2, 0.0])
    ends = [(line[:-1] - middle, line[1:] - middle) for line in lines]
    return np.concatenate([a for a, _ in ends]), np.concatenate([b for _, b in ends])


def _stroke(text: str) -> np.ndarray:
    """Return the points of one stroke, no two neighbours more than about `_STEP` apart."""
    points = np.array([[float(v) for v in pair.split(",")] for pair in text.lstrip("~").split()])
    if not text.startswith("~"):
        return _subdivide(points)
    # Catmull-Rom: the tangent at a point is half the way from its neighbour before to the one after.
    closed = np.array_equal(points[0], points[-1])
    before = points[-2] if closed else 2 * points[0] - points[1]
    after = points[1] if closed else 2 * points[-1] - points[-2]
    p = np.concatenate([[before], points, [after]])
    t = np.linspace(0, 1, 8, endpoint=False)[None, :, None]
    p0, p1, p2, p3 = (p[i : len(p) - 3 + i, None, :] for i in range(4))
    curve = p1 + t / 2 * (p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0)))
    return _thin(np.concatenate([curve.reshape(-1, 2), points[-1:]]))


def _subdivide(points: np.ndarray) -> np.ndarray:
    parts = [points[:1]]
    for a, b in zip(points[:-1], points[1:], strict=True):
        n = max(1, int(np.ceil(np.hypot(*(b - a)) / _STEP)))
        parts.append(a + (b - a) * np.arange(1, n + 1)[:, None] / n)
    return np.concatenate(parts)


def _thin(points: np.ndarray) -> np.ndarray:
    """Take points about `_STEP` apart along a fine curve, both ends included."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    n = max(1, int(np.ceil(along[-1] / _STEP)))
    wanted = np.linspace(0, along[-1], n + 1)
    return np.column_stack([np.interp(wanted, along, points[:, 0]), np.interp(wanted, along, points[:, 1])])
