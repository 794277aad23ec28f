"""The picture of what is done."""

import pytest

from fedteach.grading.exercise import Exercise
from fedteach.grading.progress import Standing
from fedteach.lab import plots
from fedteach.lab.plots import card
from fedteach.lab.plots.progress import PASSED, TRIED, UNTOUCHED
from tests.lab.made_up import two
from tests.lab.test_plots import EYES, cielab, contrast


def course(**notebooks):
    """Return exercises, such as two in notebook 1 and one in notebook 4 for `course(n1=2, n4=1)`."""
    return [
        Exercise(f"{name[1:]}.{i}", f"f{name}{i}", "a title", ("why?",), (two,), len)
        for name, n in notebooks.items()
        for i in range(1, n + 1)
    ]


STANDINGS = {"1.1": Standing("passed", 12, 3), "1.2": Standing("tried", 1, 0), "4.1": Standing("not started", 2, 1)}


def words_in(picture):
    return [text.get_text() for text in picture.figure.axes[0].texts]


def test_each_notebook_has_a_row_and_each_exercise_a_tile():
    picture = plots.progress(course(n1=3, n4=2), STANDINGS)
    assert picture.size == (780, 86 + 2 * 68 + 10)
    words = words_in(picture)
    assert [word for word in words if "." in word] == ["1.1", "1.2", "1.3", "4.1", "4.2"]
    assert {"01 client selection", "1 of 3 passed", "04 aggregation", "0 of 2 passed"} <= set(words)
    assert {"12 attempts", "3 hints", "1 attempt", "2 attempts", "1 hint"} <= set(words)


def test_the_summary_says_it_all():
    assert plots.progress(course(n1=3, n4=2), STANDINGS).summary == (
        "1 of 5 exercises passed, 1 more tried.\n"
        "01 client selection: 1.1 passed (12 attempts, 3 hints), 1.2 tried (1 attempt), 1.3 not started.\n"
        "04 aggregation: 4.1 not started (2 attempts, 1 hint), 4.2 not started."
    )
    assert plots.progress(course(n0=1), {}).summary == ("0 of 1 exercise passed.\n00 welcome: 0.1 not started.")


@pytest.mark.parametrize("notebooks", [{}, {"n9": 1}, {"n1": 30}, {f"n{i}": 7 for i in range(12)}])
def test_any_course_fits(notebooks):
    picture = plots.progress(course(**notebooks), STANDINGS)
    assert picture.png(100).startswith(b"\x89PNG")
    boxes = [patch for ax in picture.figure.axes for patch in ax.patches if hasattr(patch, "get_x")]
    assert all(box.get_x() + box.get_width() <= 780 - 20 for box in boxes)


def test_the_three_states_are_told_apart_by_all_eyes_and_by_more_than_colour():
    for eyes in EYES:
        for one, other in ((PASSED, card.PAPER), (PASSED, UNTOUCHED), (PASSED, TRIED)):
            assert abs(cielab(one, eyes) - cielab(other, eyes)).max() >= 10
    assert contrast(card.PAPER, PASSED) >= 4.5
    assert contrast(TRIED, card.PAPER) >= 3
    assert contrast(card.INK, UNTOUCHED) >= 4.5
    ax = plots.progress(course(n1=3), STANDINGS).figure.axes[0]
    tiles, ticks, discs = ax.patches, ax.get_lines(), [p for p in ax.patches if type(p).__name__ == "Wedge"]
    assert (len(ticks), len(discs)) == (1, 1), "a tick for passed, half a disc for tried"
    assert len(tiles) == 3 + 2
