import io
import struct

import numpy as np
import PIL.Image
import pytest

from fedteach.lab import plots
from tests.lab.records import history, long_run, record, three_rounds

NAMES = {"x_label": "local epochs", "y_label": "accuracy (%)", "title": "More epochs"}
NAN, INF = float("nan"), float("inf")


def lines(series, **more):
    return plots.lines(series, **(NAMES | more))


def runs(n):
    return {f"run {i}": long_run(3, 2) for i in range(n)}


def many_points(n):
    return {"a": (range(n), [i * i for i in range(n)])}


PICTURES = {
    "one line": (lambda: lines({"a": ([1, 2, 3], [0.1, 0.2, 0.4])}), (780, 420)),
    "one point": (lambda: lines({"a": ([3], [5])}), (780, 420)),
    "eight lines": (lambda: lines({str(i): ([1, 2], [i, i + 1]) for i in range(8)}), (780, 420)),
    "a log axis": (lambda: lines({"a": ([1, 10, 1000], [1, 2, 3])}, log_x=True), (780, 420)),
    "one point on a log axis": (lambda: lines({"a": ([10], [1])}, log_x=True), (780, 420)),
    "percents": (lambda: lines({"a": ([1, 2], [0.5, 1.0])}, percent=True), (780, 420)),
    "gaps": (lambda: lines({"a": ([1, 2, 3], [1, None, NAN]), "b": ([1, 2], [NAN, INF])}), (780, 420)),
    "nothing but gaps": (lambda: lines({"a": ([1, 2], [None, None])}), (780, 420)),
    "a spread": (lambda: lines({"a": ([1, 2], [1, 2])}, spread={"a": ([0, 1], [2, None])}), (780, 420)),
    "200 points": (lambda: lines(many_points(200)), (780, 420)),
    "numpy's numbers": (lambda: lines({"a": (np.arange(3), np.ones(3, np.float32))}), (780, 420)),
    # 98 pixels of heading, 154 for each row, 56 below.
    "two runs": (lambda: plots.grid(runs(2), title="Two"), (780, 308)),
    "twelve runs": (lambda: plots.grid(runs(12), title="Twelve", columns=4), (780, 616)),
    "one column": (lambda: plots.grid(runs(3), title="One below the other", columns=1), (780, 616)),
    "short, long and none": (
        lambda: plots.grid({"gaps": three_rounds(), "long": long_run(200, 30), "none": history()}, title="Mixed"),
        (780, 308),
    ),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_generic_picture_has_its_size_is_not_blank_and_ends_its_sentence(name):
    draw, size = PICTURES[name]
    picture = draw()
    assert picture.size == size
    png = picture.png(100)
    assert struct.unpack(">II", png[16:24]) == size
    inside = PIL.Image.open(io.BytesIO(png)).convert("RGBA").crop((6, 6, size[0] - 6, size[1] - 6))
    assert inside.getextrema()[3] == (255, 255)
    assert len(inside.getcolors(10**6)) > 20, "hardly anything was drawn"
    assert picture.summary.endswith(".")
    assert "nan" not in picture.summary
    assert "inf" not in picture.summary


def test_the_same_numbers_give_the_same_bytes():
    assert PICTURES["gaps"][0]().png() == PICTURES["gaps"][0]().png()
    assert PICTURES["two runs"][0]().svg() == PICTURES["two runs"][0]().svg()


def test_a_short_line_is_said_point_by_point():
    picture = lines({"uniform": ([1, 5, 20], [0.5, None, 0.9]), "skewed": ([1, 5], [0.25, 0.125])}, percent=True)
    assert picture.summary == (
        "More epochs. accuracy (%) against local epochs. uniform: 50.0 % at 1, 90.0 % at 20; "
        "skewed: 25.0 % at 1, 12.5 % at 5."
    )


def test_a_long_line_is_said_by_its_ends_and_extremes():
    # 0, 1, 4, ..., 81 at 0 to 9.
    assert lines(many_points(10)).summary == (
        "More epochs. accuracy (%) against local epochs. a: 0 at 0 to 81 at 9, lowest 0 at 0, highest 81 at 9."
    )


def test_a_line_with_nothing_measured_says_so():
    assert lines({"a": ([1, 2], [None, NAN])}).summary.endswith("a: nothing measured.")


def test_a_spread_is_said_where_it_is_widest():
    picture = lines({"a": ([1, 2], [0.5, 0.6])}, percent=True, spread={"a": ([0.4, 0.3], [0.6, 0.7])})
    assert picture.summary.endswith("a: 50.0 % at 1, 60.0 % at 2, spread at its widest 30.0 % to 70.0 % at 2.")
    (band,) = picture.figure.axes[0].collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (30, 70)


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.05, "0.05"), (12.5, "12.5"), (153128, "153,128"), (1_531_280, "1.531 M"), (-3, "-3"), (1e12, "1e+12")],
)
def test_numbers_are_said_briefly(value, words):
    assert f"a: {words} at 1" in lines({"a": ([1], [value])}).summary


def drawn_lines(ax):
    return {line.get_label(): line.get_xydata() for line in ax.get_lines()}


def test_lines_are_drawn_as_given_with_gaps_where_nothing_was_measured():
    (ax,) = lines({"a": ([1, 2, 3], [1, None, 3]), "b": ([2, 1], [INF, 5])}).figure.axes
    np.testing.assert_allclose(drawn_lines(ax)["a"], [[1, 1], [2, np.nan], [3, 3]])
    np.testing.assert_allclose(drawn_lines(ax)["b"], [[2, np.nan], [1, 5]])


def test_shares_are_drawn_in_percent_on_an_axis_from_0_to_100():
    (ax,) = lines({"a": ([1, 2], [0.25, 0.5])}, percent=True).figure.axes
    np.testing.assert_allclose(drawn_lines(ax)["a"], [[1, 25], [2, 50]])
    assert ax.get_ylim() == (0, 100)


@pytest.mark.parametrize(("values", "bottom"), [([1, 9], 0), ([0, 0], 0), ([95, 97], 94.88), ([-1, 1], -1.12)])
def test_the_axis_begins_at_0_unless_that_would_flatten_the_line(values, bottom):
    # 95 and 97: 6 % of the 2 between them below the lowest, 95 - 0.12.
    assert lines({"a": ([1, 2], values)}).figure.axes[0].get_ylim()[0] == pytest.approx(bottom)


@pytest.mark.parametrize(
    ("x", "log", "ticks"),
    [([1, 2, 5, 10, 20], True, [1, 2, 5, 10, 20]), ([1, 2, 5, 50], False, None), ([3], False, [3])],
)
def test_a_few_points_far_apart_have_a_tick_each(x, log, ticks):
    ax = lines({"a": (x, x)}, log_x=log).figure.axes[0]
    if ticks is None:  # 1 and 2 stand too close: even steps instead
        assert len(set(np.diff(ax.get_xticks()))) == 1
    else:
        assert list(ax.get_xticks()) == ticks


def test_names_are_taken_literally_in_generic_pictures():
    assert "<svg" in lines({"$x_1$ & <b>": ([1], [1])}, title="$a", subtitle="50 % of {x}").svg()
    assert "<svg" in plots.grid({"$x_1$ & <b>": three_rounds(), "b": history()}, title="$a").svg()


@pytest.mark.parametrize("n", [0, 9])
def test_lines_refuses_none_and_too_many(n):
    with pytest.raises(ValueError, match=f"1 to 8 series, got {n}"):
        lines({str(i): ([1], [1]) for i in range(n)})


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        ([], [], "'mine' has 0 x values and 0 y values; expected equally many, at least one"),
        ([1, 2], [1], "'mine' has 2 x values and 1 y values; expected equally many"),
        ([1, None], [1, 2], r"expected x values finite, got \[1.0, nan\]"),
        ([1, 2], "ab", "expected a row of numbers, got 'ab'"),
        (3, [1], "expected a row of numbers, got 3"),
        ([1], [[1, 2]], r"expected a row of numbers, got an array of shape \(1, 2\)"),
    ],
)
def test_what_is_no_line_is_refused(x, y, words):
    with pytest.raises(ValueError, match=words):
        lines({"mine": (x, y)})


def test_a_log_axis_refuses_0():
    with pytest.raises(ValueError, match=r"expected x values above 0 .* got \[0.0, 1.0\]"):
        lines({"a": ([0, 1], [1, 2])}, log_x=True)


def test_a_spread_must_fit_its_line():
    with pytest.raises(ValueError, match="and a spread of 1 and 2; expected equally many"):
        lines({"a": ([1, 2], [1, 2])}, spread={"a": ([1], [1, 2])})
    with pytest.raises(ValueError, match="spread for b, but no series of that name"):
        lines({"a": ([1, 2], [1, 2])}, spread={"b": ([1, 2], [1, 2])})


def test_the_grid_says_where_each_run_ended():
    # Two clients in the last round of the long run: 4/5 and 4/6; in the other: 70 and 55 %.
    picture = plots.grid({"a": three_rounds(), "b": long_run(4, 2), "c": history()}, title="Three")
    assert picture.summary == (
        "Three. a: server 60.0 % after round 3, clients 55.0 to 70.0 %; "
        "b: server 80.0 % after round 4, clients 66.7 to 80.0 %; c: no round yet."
    )


def test_the_grid_says_nothing_of_what_was_not_measured():
    alone, silent = history([record(1, None, {"0": 0.5})], rounds=1), history([record(1, 0.5, {"0": None})])
    assert plots.grid({"alone": alone, "silent": silent}, title="Odd").summary == (
        "Odd. alone: server - after round 1, client 50.0 %; silent: server 50.0 % after round 1."
    )


def test_all_runs_of_a_grid_share_their_axes():
    picture = plots.grid({"a": three_rounds(), "b": long_run(9, 2), "c": history(rounds=1)}, title="Three")
    ((x_limits, y_limits),) = {(ax.get_xlim(), ax.get_ylim()) for ax in picture.figure.axes}
    assert x_limits == pytest.approx((0.68, 9.32))  # 4 % of the 8 rounds between first and last on either side
    assert y_limits == (0, 100)


def test_the_grid_draws_the_server_thick_and_each_client_thin():
    ax = plots.grid({"a": three_rounds(), "b": history()}, title="Two").figure.axes[0]
    *clients, server = ax.get_lines()
    assert len(clients) == 3
    np.testing.assert_allclose(server.get_xydata(), [[1, 20], [2, np.nan], [3, 60]])
    assert all(client.get_linewidth() < server.get_linewidth() for client in clients)


def test_names_of_axes_stand_at_the_left_and_under_the_last_row_only():
    axes = plots.grid(runs(5), title="Five", columns=3).figure.axes
    for ax, left, below in zip(axes, [1, 0, 0, 1, 0], [0, 0, 1, 1, 1], strict=True):
        assert ax.yaxis.get_tick_params()["labelleft"] == bool(left)
        assert ax.xaxis.get_tick_params()["labelbottom"] == bool(below)
        assert bool(ax.get_xlabel()) == bool(below)


@pytest.mark.parametrize(("n", "words"), [(0, "2 to 12 runs, got 0"), (1, "accuracy"), (13, "2 to 12 runs, got 13")])
def test_the_grid_refuses_too_few_and_too_many(n, words):
    with pytest.raises(ValueError, match=words):
        plots.grid(runs(n), title="x")


@pytest.mark.parametrize("columns", [0, 5, 2.5, "3"])
def test_the_grid_refuses_columns_that_do_not_fit(columns):
    with pytest.raises(ValueError, match="columns must be a whole number from 1 to 4, got"):
        plots.grid(runs(3), title="x", columns=columns)


def test_the_line_with_a_spread_is_the_one_to_look_at():
    series = {"mean": ([1, 2], [2, 3]), "seed 0": ([1, 2], [1, 2])}
    (ax,) = lines(series, spread={"mean": ([1, 2], [3, 4])}).figure.axes
    mean, seed = ax.get_lines()
    assert mean.get_linewidth() > 2 * seed.get_linewidth()
    (plain,) = lines(series).figure.axes
    assert len({line.get_linewidth() for line in plain.get_lines()}) == 1


@pytest.mark.parametrize(("last", "ticks"), [(8, {0.5, 1, 2, 5}), (300, {1, 10, 100})])
def test_a_log_axis_has_ticks_at_round_numbers(last, ticks):
    x = np.geomspace(0.3, last, 20)
    (ax,) = lines({"a": (x, x)}, log_x=True).figure.axes
    low, high = ax.get_xlim()
    shown = {round(tick, 6) for tick in ax.get_xticks() if low <= tick <= high}
    assert ticks <= shown
    assert len(shown) <= 9
