"""What a box lets through: every character as itself, no order to the page or to a terminal."""

import itertools
import re
from html.parser import HTMLParser

import hypothesis
import hypothesis.strategies as st
import pytest

from fedteach.lab import box
from fedteach.lab.box import CODE_PAPER, EDGE, INK, LOOKS, PAPER, SOFT, Box
from fedteach.lab.plots import card
from tests.lab.test_plots import contrast


class Reader(HTMLParser):
    """Reads HTML strictly: every tag is closed in its turn. `text` is what a person sees, `tags` what there is."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.attributes, self.text = [], set(), [], ""
        self.feed(html)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        raise AssertionError(f"<{tag}/> closes itself")

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")


def everything(text):
    """Return a box that holds a text in every place that can hold one."""
    parts = [
        box.paragraph(text),
        box.aligned([(text, box.code(text))]),
        box.folded(f"More {text}", [(text, text)]),
        box.block(text),
    ]
    return box.framed(LOOKS["failed"], text, text, parts, word=text) + box.line(text).html


ALLOWED = {"div", "span", "dl", "dt", "dd", "details", "summary", "pre", "code"}


@hypothesis.given(st.text(st.characters()) | st.text("<>&\"'`\x1b[m]\n\u202e/=! abc", max_size=60))
def test_any_text_is_shown_and_none_is_obeyed(text):
    seen = Reader(everything(text))
    assert seen.tags <= ALLOWED
    assert {name for name, _ in seen.attributes} <= {"style", "class", "role", "aria-label"}
    assert box.readable(text) in Reader(box.block(text)).text
    seen.text.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("<b>bold</b> & <script>alert(1)</script>", "<b>bold</b> & <script>alert(1)</script>"),
        ("\x1b[31mred\x1b[0m and \x1b[2Kcleared", "red and cleared"),
        ("\x1b]0;a title\x07after it", "after it"),
        ("abc\u202edcba", "abc\\u202edcba"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("\x00\x07\r", "\\x00\\x07\\r"),
        ("half a character \ud83d", "half a character \\ud83d"),
        ("two\r\nlines\tand a tab", "two\nlines\tand a tab"),
        ("한글, עברית, ∂w, 👩\u200d🔬", "한글, עברית, ∂w, 👩\u200d🔬"),
    ],
)
def test_what_cannot_be_seen_is_named_or_left_out(text, seen):
    assert box.readable(text) == seen
    assert Reader(box.block(text)).text == seen


def test_backticks_mark_code_and_lone_ones_are_themselves():
    html = box.with_code('write `x < "y"`, not `z')
    assert Reader(html).text == 'write x < "y", not `z'
    assert html.count("<code") == 1


def test_a_long_text_is_cut_in_the_middle_and_says_how_much():
    assert box.cut("a" * 60, 60) == "a" * 60
    # 1000 - 2 * 30 = 940
    assert box.cut("a" * 500 + "b" * 500, 60) == f"{'a' * 30} [... 940 characters left out ...] {'b' * 30}"
    lines = box.cut("\n".join(map(str, range(100))), 1000, 4).split("\n")
    assert lines == ["0", "1", "[... 96 lines left out ...]", "98", "99"]


def test_text_can_be_read_on_every_paper_of_a_box():
    for color, paper in itertools.product((INK, SOFT), (PAPER, CODE_PAPER)):
        assert contrast(color, paper) >= 4.5, (color, paper)
    for look in LOOKS.values():
        # As a mark on the paper, and as the badge below the paper-coloured word.
        assert contrast(look.color, PAPER) >= 4.5, look
    assert (PAPER, EDGE, INK, SOFT) == (card.PAPER, card.EDGE, card.INK, card.SOFT), "boxes and pictures look alike"


def test_every_colour_comes_with_its_background_and_nothing_is_asked_of_the_page():
    html = everything("text")
    for style in re.findall(r'style="([^"]*)"', html):
        names = [part.partition(":")[0].strip() for part in style.split(";")]
        assert len(names) == len(set(names)), style
        if "background-color" in names:
            assert "color" in names, style
    for forbidden in ("<style", "<script", "<link", "<img", "url(", "http", "var(--", "!important", "position"):
        assert forbidden not in html


def test_a_box_says_its_word_with_a_symbol_and_its_sentence_at_once():
    html = box.framed(LOOKS["failed"], "4.1 a mean", "The sentence.", [box.paragraph("and more")])
    assert 'role="group" aria-label="Not yet: 4.1 a mean"' in html
    status = html[html.index('role="status"') : html.index("and more")]
    assert "Not yet" in status
    assert LOOKS["failed"].symbol in status
    assert "The sentence." in status
    assert len({(look.symbol, look.word) for look in LOOKS.values()}) == len(LOOKS), "colour alone tells nobody apart"


def test_nothing_is_folded_where_there_is_nothing():
    assert box.folded("More", []) == ""
    assert box.aligned([]) == ""


def test_outside_of_notebooks_a_box_is_its_words(capsys):
    box.show(Box("<div>html</div>", "the words"))
    assert capsys.readouterr().out == "the words\n"


def test_a_notebook_gets_both_forms():
    shown = Box("<div>html</div>", "the words")
    assert shown._repr_mimebundle_() == {"text/html": "<div>html</div>", "text/plain": "the words"}
    assert repr(shown) == "the words"
