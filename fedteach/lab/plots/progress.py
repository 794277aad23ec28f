"""What a student has done: one row for each notebook, one tile for each exercise."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyBboxPatch, Wedge

from fedteach.grading.exercise import Exercise
from fedteach.grading.progress import Standing
from fedteach.lab.plots.card import (
    FAINT,
    INK,
    PAPER,
    SOFT,
    Picture,
    Style,
    axes,
    card,
    count,
    key_row,
    line,
    points,
    write,
)
from fedteach.lab.plots.loop import STEPS

WIDTH = 780
PASSED, TRIED, UNTOUCHED = "#1B6B3A", "#8A5200", "#EFEADD"

_TOP, _ROW, _BOTTOM, _LEFT, _RIGHT = 86, 68, 10, 190, 24
_TILE_WIDTH, _TILE_HEIGHT, _PITCH, _NARROW = 60, 30, 70, 44
_NOTEBOOKS = {
    "0": "welcome",
    **{str(number): name for number, name in enumerate(STEPS, 1)},
    "6": "experiments",
    "7": "classroom",
}

Row = Sequence[Exercise]
Standings = Mapping[str, Standing]


def progress(exercises: Sequence[Exercise], standings: Standings) -> Picture:
    """Draw which exercises are passed, tried and not started, with the attempts and hints they took.

    Args:
        exercises: all of them, in order.
        standings: how far the student is, by exercise; those that are missing are not started.

    Returns:
        A picture 780 pixels wide, with a row for each notebook that has exercises.
    """
    stands = {exercise.id: standings.get(exercise.id, Standing()) for exercise in exercises}
    rows = {step: list(group) for step, group in groupby(exercises, lambda exercise: exercise.step)}
    height = _TOP + _ROW * max(len(rows), 1) + _BOTTOM
    figure = card(WIDTH, height, "What you have done", _total(stands))
    tile: Style = {"marker": "s", "markersize": points(10), "markeredgewidth": points(1.4), "color": PAPER}
    entries = (("passed", PASSED, PASSED), ("tried", PAPER, TRIED), ("not started", UNTOUCHED, FAINT))
    key = [(word, tile | {"markerfacecolor": face, "markeredgecolor": edge}) for word, face, edge in entries]
    key_row(figure, height - 36, key, WIDTH - _RIGHT)
    ax = axes(figure, 0, 0, WIDTH, height)
    ax.set(xlim=(0, WIDTH), ylim=(0, height), xticks=[], yticks=[])
    for place, (step, row) in enumerate(rows.items()):
        _draw_row(ax, height - _TOP - place * _ROW, step, row, stands)
    words = [f"{_notebook(step)}: {', '.join(_one(e, stands[e.id]) for e in row)}." for step, row in rows.items()]
    return Picture(figure, "\n".join([_total(stands), *words]))


def _draw_row(ax: Axes, top: float, step: str, row: Row, stands: Standings) -> None:
    middle = top - _TILE_HEIGHT / 2
    passed = sum(stands[exercise.id].stage == "passed" for exercise in row)
    style: Style = {"va": "center_baseline"}
    write(ax, 24, middle + 8, _notebook(step), 13, weight="bold", **style)
    write(ax, 24, middle - 10, f"{passed} of {len(row)} passed", 11.5, SOFT, **style)
    pitch = min(_PITCH, (WIDTH - _LEFT - _RIGHT) / len(row))
    for place, exercise in enumerate(row):
        _draw_tile(ax, _LEFT + place * pitch, top, pitch * _TILE_WIDTH / _PITCH, exercise.id, stands[exercise.id])


def _draw_tile(ax: Axes, left: float, top: float, width: float, name: str, standing: Standing) -> None:
    """Draw one exercise: its number, a tick if it is passed, half a disc if it is tried, what it took below."""
    middle, narrow = top - _TILE_HEIGHT / 2, width < _NARROW
    face, edge = {"passed": (PASSED, PASSED), "tried": (PAPER, TRIED)}.get(standing.stage, (UNTOUCHED, FAINT))
    shape = "round,pad=0,rounding_size=6"
    box = FancyBboxPatch((left, top - _TILE_HEIGHT), width, _TILE_HEIGHT, shape, facecolor=face, edgecolor=edge)
    box.set(linewidth=points(1.6), zorder=4)
    ax.add_patch(box)
    if not narrow and standing.stage == "passed":
        ax.plot([left + 9, left + 12.5, left + 19], [middle, middle - 4.5, middle + 5], **line(PAPER, 2.4), zorder=6)
    if not narrow and standing.stage == "tried":
        ax.add_patch(Circle((left + 14, middle), 5, facecolor=PAPER, edgecolor=TRIED, linewidth=points(1.4), zorder=5))
        ax.add_patch(Wedge((left + 14, middle), 5, 90, 270, facecolor=TRIED, linewidth=0, zorder=6))
    color = PAPER if standing.stage == "passed" else INK
    style: Style = {"ha": "center", "va": "center_baseline", "zorder": 7}
    x = left + width / 2 + (0 if narrow or standing.stage == "not started" else 8)
    write(ax, x, middle - 0.5, name, 10.5 if narrow else 12.5, color, weight="bold", **style)
    for place, words in enumerate([] if narrow else _took(standing)):
        write(ax, left + width / 2, top - _TILE_HEIGHT - 9 - 12 * place, words, 10, SOFT, **style)


def _notebook(step: str) -> str:
    return f"{step.zfill(2)} {_NOTEBOOKS.get(step, '')}".strip()


def _total(stands: Standings) -> str:
    stages = [standing.stage for standing in stands.values()]
    tried = stages.count("tried")
    rest = f", {tried} more tried" if tried else ""
    return f"{stages.count('passed')} of {count(len(stages), 'exercise')} passed{rest}."


def _one(exercise: Exercise, standing: Standing) -> str:
    took = _took(standing)
    return f"{exercise.id} {standing.stage}" + (f" ({', '.join(took)})" if took else "")


def _took(standing: Standing) -> list[str]:
    numbers = ((standing.attempts, "attempt"), (standing.hints, "hint"))
    return [count(number, noun) for number, noun in numbers if number]
