"""What a panel shows: the status line, progress, and one tab for each way to look at a run."""

from typing import Any

import ipywidgets as widgets

from fedteach.history import History
from fedteach.lab import words

TABS = ("Who holds what", "Accuracy", "Who took part", "Bytes", "All rounds", "Repeat this run")
DATA, ACCURACY, PARTICIPATION, TRAFFIC, TABLE, COPY = range(len(TABS))
SIZE = ("780px", "420px")

_BLANK = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000000000300"
    "01f5f5a1b70000000049454e44ae426082"
)

STYLE = """<style>
.fedteach-panel { max-width: 816px; color: var(--jp-ui-font-color1, inherit); }
.fedteach-panel .fedteach-box { border: 1px solid var(--jp-border-color2, #bdbdbd); border-radius: 8px;
  padding: 12px 16px; }
.fedteach-panel .fedteach-controls .widget-label { text-align: left; }
.fedteach-panel .fedteach-box { container-type: inline-size; }
.fedteach-sixths-2 { grid-column: span 2; } .fedteach-sixths-3 { grid-column: span 3; }
.fedteach-sixths-6 { grid-column: span 6; }
@container (max-width: 600px) { .fedteach-panel .fedteach-controls > * { grid-column: span 6; } }
.fedteach-status { line-height: 1.45; font-size: var(--jp-ui-font-size1, 13px); font-weight: 600; }
.fedteach-detail { font-weight: 400; color: var(--jp-ui-font-color2, inherit); white-space: pre-line; }
.fedteach-caption { line-height: 1.4; font-size: var(--jp-ui-font-size1, 13px);
  color: var(--jp-ui-font-color2, inherit); }
.fedteach-table { height: 464px; box-sizing: border-box; overflow: auto; padding: 8px 0; }
.fedteach-table table { border-collapse: collapse; font-variant-numeric: tabular-nums;
  color: var(--jp-ui-font-color1, inherit); }
.fedteach-table th, .fedteach-table td { padding: 5px 10px; text-align: right; vertical-align: top; line-height: 1.35;
  white-space: nowrap; border-bottom: 1px solid var(--jp-border-color3, #e0e0e0); background: none; }
.fedteach-table thead th { white-space: normal; color: var(--jp-ui-font-color2, inherit); font-weight: 600;
  vertical-align: bottom; }
.fedteach-table td:nth-child(5), .fedteach-table th:nth-child(5) { text-align: left; white-space: normal; }
.fedteach-mine td:nth-child(2), .fedteach-mine th:nth-child(2) { text-align: left; white-space: normal; }
.fedteach-mine td:nth-child(5), .fedteach-mine th:nth-child(5) { text-align: right; }
.fedteach-copy { height: 464px; box-sizing: border-box; padding: 8px 4px; line-height: 1.5; }
.fedteach-copy label { display: block; margin-top: 12px; }
.fedteach-copy label span { display: block; color: var(--jp-ui-font-color2, inherit); }
.fedteach-copy textarea { resize: none; height: 56px; width: 100%; box-sizing: border-box; padding: 6px 8px;
  font-family: var(--jp-code-font-family, monospace);
  color: var(--jp-ui-font-color1, inherit); background: var(--jp-layout-color2, transparent);
  border: 1px solid var(--jp-border-color2, #bdbdbd); border-radius: 4px; }
.fedteach-copy button { margin: 6px 0 0; }
.jp-OutputArea-child:has(.fedteach-panel) + .jp-OutputArea-child { display: none; }
</style>"""
# The last rule hides the saved copy of the result while the living panel above it shows the same. In a saved
# notebook, in HTML or PDF the panel is gone, the rule with it, and the copy is there.


class Screen:
    """Everything below the settings. Sets traits only, so any thread may call it."""

    def __init__(self, controls: widgets.Widget, note: str):
        button = widgets.Layout(width="96px", margin="0 8px 0 0")
        self.run = widgets.Button(
            description="Run", icon="play", button_style="primary", tooltip="Run the experiment", layout=button
        )
        self.stop = widgets.Button(
            description="Stop", icon="stop", tooltip="Stop after the work at hand", disabled=True, layout=button
        )
        self.progress = widgets.FloatProgress(
            value=0, min=0, max=1, layout=widgets.Layout(flex="1 1 auto", width="auto", margin="2px 0 2px 8px")
        )
        self.status = widgets.HTML(layout=widgets.Layout(height="80px", overflow="auto", margin="0"))
        self.images = [image_box() for _ in range(TRAFFIC + 1)]
        self.captions = [caption_box() for _ in self.images]
        self.table, self.copy = widgets.HTML(), widgets.HTML()
        pages = [widgets.VBox([image, caption]) for image, caption in zip(self.images, self.captions, strict=True)]
        self.tabs = widgets.Tab([*pages, self.table, self.copy], titles=TABS)
        bar = widgets.HBox([self.run, self.stop, self.progress], layout=widgets.Layout(align_items="center"))
        box = widgets.VBox([controls, *_note(note)], layout=widgets.Layout(overflow="hidden"))
        box.add_class("fedteach-box")
        self.view = widgets.VBox(
            [widgets.HTML(STYLE, layout=widgets.Layout(display="none")), box, bar, self.status, self.tabs],
            layout=widgets.Layout(grid_gap="8px"),
        )
        self.view.add_class("fedteach-panel")

    def say(self, line: str, detail: str = "", kind: str = "") -> None:
        """Set the status line and what stands below it."""
        self.status.value = words.status_html(line, detail, kind)

    def draw(self, tab: int, history: History, dpi: int) -> None:
        """Draw one tab from a history."""
        from fedteach.lab import plots

        if tab == TABLE:
            self.table.value = words.table_html(history)
        elif tab in (ACCURACY, PARTICIPATION, TRAFFIC):
            draw = {ACCURACY: plots.accuracy, PARTICIPATION: plots.participation, TRAFFIC: plots.traffic}[tab]
            self.put(tab, draw(history), dpi)

    def put(self, tab: int, picture: Any, dpi: int) -> None:
        """Show a picture and its words in a tab."""
        self.images[tab].value = picture.png(dpi)
        self.captions[tab].value = words.caption_html(picture.summary)

    def clear(self, tab: int, why: str) -> None:
        """Show no picture in a tab, and say why."""
        self.images[tab].value = _BLANK
        self.captions[tab].value = words.caption_html(why)

    def buttons(self, running: bool, can_stop: bool) -> None:
        """Set which buttons can be pressed."""
        self.run.disabled = running
        self.stop.disabled = not (running and can_stop)


def image_box() -> widgets.Image:
    """Return a place for a picture; it keeps its size, so that nothing jumps."""
    width, height = SIZE
    return widgets.Image(
        value=_BLANK,
        format="png",
        layout=widgets.Layout(width=width, height=height, max_width="100%", object_fit="contain", margin="0"),
    )


def caption_box() -> widgets.HTML:
    """Return a place for a picture's words."""
    return widgets.HTML(layout=widgets.Layout(height="44px", overflow="auto", margin="4px 0 0 0"))


def _note(text: str) -> list[widgets.Widget]:
    return [widgets.HTML(words.caption_html(text))] if text else []
