"""What the examples look like: one row of images for each client."""

from collections.abc import Mapping

import numpy as np

from fedteach.lab.plots import card
from fedteach.lab.plots.card import SOFT, Picture, axes, write

WIDTH = 780
MOST_ROWS, MOST_COLUMNS = 8, 14
_ROW, _LEFT, _TOP = 52, 96, 78


def examples(clients: Mapping[str, np.ndarray]) -> Picture:
    """Draw some images of each client, one row a client.

    Args:
        clients: for each client its images, shape (n, h, w, 1) or (n, h, w, 3), values 0 to 1. The first
            eight clients are drawn, and up to fourteen images of each, spread over all it has.

    Returns:
        A picture 780 pixels wide, 52 pixels higher with each row.

    Raises:
        ValueError: if there is no client, or the arrays are no images.
    """
    rows = dict(list(clients.items())[:MOST_ROWS])
    wrong = [name for name, images in rows.items() if np.ndim(images) != 4 or images.shape[3] not in (1, 3)]
    if not rows or wrong:
        shape = np.shape(rows[wrong[0]]) if wrong else "no client"
        raise ValueError(f"examples draws images of shape (n, h, w, 1) or (n, h, w, 3), got {shape}")
    height = _TOP + _ROW * len(rows) + 20
    figure = card.card(
        WIDTH, height, "What the clients hold", "A sample from each client. Only that client sees its images."
    )
    for i, (name, images) in enumerate(rows.items()):
        bottom = height - _TOP - (i + 1) * _ROW
        write(figure, 24, bottom + _ROW / 2, f"client {card.shortened(name, 8)}", size=12, color=SOFT, va="center")
        sample = np.linspace(0, len(images) - 1, min(len(images), MOST_COLUMNS)).round().astype(int)
        for j, image in enumerate(images[sample]):
            ax = axes(figure, _LEFT + j * (_ROW - 5), bottom + 4, _ROW - 9, _ROW - 9)
            # Ink is 1 and paper 0: drawn dark on light, as it was written.
            ax.imshow(1 - image, cmap="gray", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
            ax.set(xticks=[], yticks=[])
    return Picture(figure, f"Rows of example images of {card.count(len(rows), 'client')}: {', '.join(rows)}.")
