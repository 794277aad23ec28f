"""Several runs in one picture: the server's line of each."""

from collections.abc import Mapping

import numpy as np

from fedteach.history import History
from fedteach.lab.plots import card, curves
from fedteach.lab.plots.card import CLIENTS, MARKERS, SOFT, Picture, write

MOST_RUNS = 8
_SUBTITLE = "The global model after each round, on the server's test examples."


def compare(
    histories: Mapping[str, History], title: str = "Server accuracy, run by run", subtitle: str = _SUBTITLE
) -> Picture:
    """Draw the server accuracy of several runs on one frame, each with its name.

    Args:
        histories: the runs by name, one to eight.
        title: heading of the picture.
        subtitle: a line in small print below it.

    Returns:
        A picture of 780 x 420 pixels; its summary names each run's accuracy after its last round.

    Raises:
        ValueError: if there is no run, or more than eight.
    """
    if not 1 <= len(histories) <= MOST_RUNS:
        raise ValueError(f"compare draws 1 to {MOST_RUNS} runs, got {len(histories)}; draw fewer at once")
    n_rounds = max(curves.planned_rounds(history) for history in histories.values())
    figure = card.card(curves.WIDTH, curves.HEIGHT, title, subtitle)
    ax = curves.frame(figure, n_rounds)
    keys, words = [], []
    for i, (name, history) in enumerate(histories.items()):
        values = np.array([np.nan if a is None else 100 * a for a in history.server_accuracy])
        style = card.line(CLIENTS[i % len(CLIENTS)], 2.6, MARKERS[i % len(MARKERS)], 7)
        ax.plot([record.round for record in history], values, zorder=5, clip_on=False, **style)
        known = values[np.isfinite(values)]
        last = f"{known[-1]:.1f} %" if len(known) else "-"
        keys.append(curves.Key(name, last, style))
        words.append(f"{name}: {last} after round {len(history)}")
    if not any(len(history) for history in histories.values()):
        style_of_words = {"transform": ax.transAxes, "ha": "center", "va": "center"}
        write(ax, 0.5, 0.5, "No round is done yet.", size=13, color=SOFT, **style_of_words)
    curves.key_table(figure, keys, "last round", first_is_bold=False, left=curves.WIDE_KEY)
    return Picture(figure, f"{title.rstrip('.?!')}. " + "; ".join(words) + ".")
