"""What the panel of a class shows: the newest sentence, and a tab each for the class, my data and my rounds."""

import html
from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets

from fedteach.classroom.news import MyRound
from fedteach.history import size_text
from fedteach.lab import words
from fedteach.lab.panel_parts.screen import STYLE, caption_box, image_box

TABS = ("The class", "My data", "My rounds")
CLASS, DATA, MINE = range(len(TABS))

HEAD = ("round", "what became of it", "seconds", "sent", "training loss")


class ClassScreen:
    """Sets traits only, so any thread may call it."""

    def __init__(self) -> None:
        self.leave = widgets.Button(
            description="Leave",
            icon="sign-out",
            tooltip="Leave the class; it goes on without you",
            layout=widgets.Layout(width="96px", margin="0 8px 0 0"),
        )
        self.progress = widgets.FloatProgress(
            value=0, min=0, max=1, layout=widgets.Layout(flex="1 1 auto", width="auto", margin="2px 0 2px 8px")
        )
        self.status = widgets.HTML(layout=widgets.Layout(height="64px", overflow="auto", margin="0"))
        self.images, self.captions = [image_box(), image_box()], [caption_box(), caption_box()]
        self.table = widgets.HTML(rounds_html(()))
        pages = [widgets.VBox([image, caption]) for image, caption in zip(self.images, self.captions, strict=True)]
        self.tabs = widgets.Tab([*pages, self.table], titles=TABS)
        bar = widgets.HBox([self.leave, self.progress], layout=widgets.Layout(align_items="center"))
        style = widgets.HTML(STYLE, layout=widgets.Layout(display="none"))
        self.view = widgets.VBox([style, bar, self.status, self.tabs], layout=widgets.Layout(grid_gap="8px"))
        self.view.add_class("fedteach-panel")

    def say(self, line: str, detail: str = "", kind: str = "") -> None:
        """Set the status line and what stands below it."""
        self.status.value = words.status_html(line, detail, kind)

    def put(self, tab: int, picture: Any, dpi: int) -> None:
        """Show a picture and its words in a tab."""
        self.images[tab].value = picture.png(dpi)
        self.captions[tab].value = words.caption_html(picture.summary)

    def list_rounds(self, mine: Sequence[MyRound]) -> None:
        """Show what this client did."""
        self.table.value = rounds_html(mine)


def rounds_html(mine: Sequence[MyRound]) -> str:
    """Return the table of this client's rounds as HTML."""
    head = "".join(f'<th scope="col">{name}</th>' for name in HEAD)
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells_of(one)) + "</tr>" for one in mine
    )
    empty = "" if mine else words.caption_html("You have not been asked to train yet.")
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div class="fedteach-table fedteach-mine">{table}{empty}</div>'


def rounds_text(mine: Sequence[MyRound]) -> str:
    """Return the same table as text, for a saved notebook and a screen reader."""
    lines = [HEAD, *(cells_of(one) for one in mine)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def cells_of(one: MyRound) -> tuple[str, ...]:
    """Return a round as one text for each column."""
    loss = "-" if one.train_loss is None else f"{one.train_loss:.3f}"
    what = one.became if one.became == "sent" else f"{one.became}: {one.say}"
    return str(one.round), what, f"{one.seconds:.1f}", size_text(one.bytes_up), loss
