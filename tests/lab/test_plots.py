import io
import itertools
import struct
import subprocess
import sys

import numpy as np
import PIL.Image
import pytest

from fedteach.lab import plots
from fedteach.lab.plots import card
from tests.lab.records import history, long_run, record, three_rounds

COUNTS = np.array([[4, 0, 0], [1, 1, 2]])
SKEWED = np.arange(50 * 10).reshape(50, 10)
DIGITS = [str(i) for i in range(10)]


def names(n):
    return [str(i) for i in range(n)]


def images(n, side=8, channels=1):
    return np.linspace(0, 1, n * side * side * channels).reshape(n, side, side, channels)


def many_lost():
    everybody = {str(i): 0.5 for i in range(70)}
    return history([record(1, 0.5, everybody), record(2, 0.6, {"0": 0.5}, lost={"1": "late"})], clients=71, rounds=2)


PICTURES = {
    "accuracy of no round": (lambda: plots.accuracy(history()), (780, 420)),
    "accuracy of no client": (lambda: plots.accuracy(history(clients=0)), (780, 420)),
    "accuracy of one round": (lambda: plots.accuracy(long_run(1, 3)), (780, 420)),
    "accuracy with gaps": (lambda: plots.accuracy(three_rounds()), (780, 420)),
    "accuracy of 50 clients": (lambda: plots.accuracy(long_run(20, 50)), (780, 420)),
    "accuracy without the server's": (lambda: plots.accuracy(history([record(1, None, {"0": 0.5})])), (780, 420)),
    "accuracy of nobody": (lambda: plots.accuracy(history([record(1, 0.5, {})])), (780, 420)),
    "two runs": (lambda: plots.compare({"a": three_rounds(), "b": long_run(5, 3)}), (780, 420)),
    "a run that did not begin": (lambda: plots.compare({"a": history()}), (780, 420)),
    "histograms": (lambda: plots.label_bars(COUNTS, ["a", "b"], ["x", "y", "z"]), (780, 420)),
    "histograms of 50 clients": (lambda: plots.label_bars(SKEWED, names(50), DIGITS), (780, 420)),
    "heat map": (lambda: plots.label_heatmap(COUNTS, ["a", "b"], ["x", "y", "z"]), (780, 420)),
    "heat map of 50 clients": (lambda: plots.label_heatmap(SKEWED, names(50), DIGITS), (780, 420)),
    "heat map of nothing": (lambda: plots.label_heatmap(np.zeros((1, 1), int), ["a"], ["x"]), (780, 420)),
    "participation of no round": (lambda: plots.participation(history()), (780, 420)),
    "participation": (lambda: plots.participation(three_rounds()), (780, 420)),
    "participation of 71 clients": (lambda: plots.participation(many_lost()), (780, 420)),
    "traffic of no round": (lambda: plots.traffic(history()), (780, 420)),
    "traffic of one round": (lambda: plots.traffic(long_run(1, 3)), (780, 420)),
    "traffic of 200 rounds": (lambda: plots.traffic(long_run(200, 3)), (780, 420)),
    "the five steps": (lambda: plots.five_steps(), (780, 440)),
    "step 4": (lambda: plots.five_steps(4), (780, 440)),
    # A heading of 78 pixels, 52 for each row, 20 below.
    "examples": (lambda: plots.examples({"0": images(20), "1": images(2)}), (780, 202)),
    "colour examples": (lambda: plots.examples({"0": images(3, channels=3)}), (780, 150)),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_has_its_size_from_the_start_and_is_not_blank(name):
    draw, size = PICTURES[name]
    picture = draw()
    assert picture.size == size
    png = picture.png(100)
    assert struct.unpack(">II", png[16:24]) == size
    image = PIL.Image.open(io.BytesIO(png)).convert("RGBA")
    assert image.getpixel((0, 0))[3] == 0, "outside the rounded card the page shines through"
    inside = image.crop((6, 6, size[0] - 6, size[1] - 6))
    assert inside.getextrema()[3] == (255, 255)
    assert len(inside.getcolors(10**6)) > 20, "hardly anything was drawn"
    assert picture.summary.endswith(".")
    assert "nan" not in picture.summary


def test_a_sharp_picture_has_more_pixels_and_the_same_size_on_the_page():
    picture = plots.accuracy(three_rounds())
    assert struct.unpack(">II", picture.png(200)[16:24]) == (1560, 840)
    shown, metadata = picture._repr_mimebundle_()
    assert metadata["image/png"] == {"width": 780, "height": 420, "alt": picture.summary}
    assert shown["text/plain"] == picture.summary
    assert shown["image/png"] == picture._repr_png_()


def test_the_same_records_give_the_same_bytes():
    assert plots.accuracy(three_rounds()).png() == plots.accuracy(three_rounds()).png()
    assert plots.accuracy(three_rounds()).svg() == plots.accuracy(three_rounds()).svg()


# What people see who lack the red- or the green-sensitive cones: Machado et al. (2009), doi:10.1109/TVCG.2009.113,
# table of severity 1.0, for linear RGB.
EYES = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
}


def linear_rgb(color):
    value = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def cielab(color, eyes):
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = to_xyz @ np.clip(EYES[eyes] @ linear_rgb(color), 0, 1) / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(color, background):
    dark, light = sorted(linear_rgb(c) @ [0.2126, 0.7152, 0.0722] for c in (color, background))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("eyes", EYES)
def test_colours_that_mean_something_stay_apart_for_all_eyes(eyes):
    pairs = [*itertools.combinations(card.CLIENTS[:5], 2), (card.DOWN, card.UP), (card.CLIENTS[0], card.LOST)]
    pairs += [(card.SERVER, client) for client in card.CLIENTS[:5]]
    for one, other in pairs:
        assert np.linalg.norm(cielab(one, eyes) - cielab(other, eyes)) >= 20, (one, other)


def test_text_and_lines_can_be_read_on_the_paper():
    for color in (card.INK, card.SOFT, card.SERVER, card.DOWN, card.UP, card.LOST):
        assert contrast(color, card.PAPER) >= 4.5, color
    for color in card.CLIENTS:
        assert contrast(color, card.PAPER) >= 3, color


def test_accuracy_says_first_last_best_and_who_is_ahead():
    # In round 3 only clients 0 (70 %) and 1 (55 %) were measured: median (70 + 55) / 2 = 62.5.
    assert plots.accuracy(three_rounds()).summary == (
        "Accuracy after round 3 of 5, 3 clients, experiment 1. "
        "Server: 20.0 % after round 1, 60.0 % after round 3, best 60.0 % after round 3. "
        "Clients in round 3: 55.0 % (client 1) to 70.0 % (client 0), median 62.5 %."
    )
    assert plots.accuracy(history([record(1, 0.2, {"0": 0.1})], clients=1)).summary == (
        "Accuracy after round 1 of 5, 1 client, experiment 1. Server: 20.0 % after round 1. "
        "Clients in round 1: 10.0 % (client 0)."
    )
    assert plots.accuracy(history()).summary == "Accuracy, 5 rounds planned, none done yet."
    assert plots.accuracy(history(rounds=1)).summary == "Accuracy, 1 round planned, none done yet."


def drawn_lines(picture):
    return {line.get_label(): line.get_xydata() for ax in picture.figure.axes for line in ax.get_lines()}


def test_accuracy_draws_what_was_measured_and_leaves_gaps_where_nothing_was():
    lines = drawn_lines(plots.accuracy(three_rounds()))
    np.testing.assert_allclose(lines["server accuracy"], [[1, 20], [2, np.nan], [3, 60]])
    np.testing.assert_allclose(lines["client 0"], [[1, 10], [2, 50], [3, 70]])
    np.testing.assert_allclose(lines["client 1"], [[1, 30], [2, np.nan], [3, 55]])
    np.testing.assert_allclose(lines["client 2"], [[1, 20], [2, 40], [3, np.nan]])


def test_a_point_between_two_gaps_keeps_its_marker_on_a_long_run():
    alone = [record(r, r / 100, {"0": 0.5} if r == 7 else {"1": 0.5}) for r in range(1, 41)]
    picture = plots.accuracy(history(alone, clients=2, rounds=40))
    (line,) = [line for line in picture.figure.axes[0].get_lines() if line.get_label() == "client 0"]
    assert 6 in line.get_markevery(), "round 7 is the seventh point"


def test_many_clients_are_a_band_around_their_median():
    # 11 clients at 0, 10, ..., 100 %: median 50, middle half 25 to 75.
    figures = {str(i): i / 10 for i in range(11)}
    picture = plots.accuracy(history([record(1, 0.5, figures)], clients=11, rounds=2))
    np.testing.assert_allclose(drawn_lines(picture)["median client"], [[1, 50]])
    words = [text.get_text() for text in picture.figure.texts]
    assert "25-75 %" in words
    assert "all 11 clients" in words


def test_the_frame_is_that_of_the_whole_run_from_the_start():
    empty, full = plots.accuracy(history(rounds=3)), plots.accuracy(long_run(3, 3))
    assert empty.figure.axes[0].get_xlim() == full.figure.axes[0].get_xlim()
    assert empty.figure.axes[0].get_ylim() == full.figure.axes[0].get_ylim() == (0, 100)


@pytest.mark.parametrize(
    ("rounds", "ticks"),
    [(1, [1]), (5, [1, 2, 3, 4, 5]), (60, [1, *range(5, 61, 5)]), (1000, [1, *range(100, 1001, 100)])],
)
def test_ticks_stand_at_whole_rounds(rounds, ticks):
    assert list(plots.accuracy(history(rounds=rounds)).figure.axes[0].get_xticks()) == ticks


def test_compare_says_where_each_run_ended():
    # The long run ends at 4 / (4 + 1) = 80 %.
    picture = plots.compare({"mine": three_rounds(), "theirs": long_run(4, 2), "none": history()}, title="Two")
    assert picture.summary == "Two. mine: 60.0 % after round 3; theirs: 80.0 % after round 4; none: - after round 0."


@pytest.mark.parametrize("n", [0, 9])
def test_compare_refuses_none_and_too_many(n):
    with pytest.raises(ValueError, match=f"1 to 8 runs, got {n}"):
        plots.compare({str(i): history() for i in range(n)})


def test_labels_say_who_has_little_and_who_is_one_sided():
    # a has 4 of x: 100 % one class. b has 1 + 1 + 2 = 4, its largest class z is 2 of 4.
    expected = (
        "2 clients and 3 classes, 8 examples in all. Each client holds 4. "
        "The largest class makes up from 50% (client b) to 100% (client a, class x) of a client's examples."
    )
    assert plots.label_bars(COUNTS, ["a", "b"], ["x", "y", "z"]).summary == expected
    assert plots.label_heatmap(COUNTS, ["a", "b"], ["x", "y", "z"]).summary == expected


def test_bars_are_as_high_as_the_counts_and_on_one_scale():
    one, two = plots.label_bars(COUNTS, ["a", "b"], ["x", "y", "z"]).figure.axes
    assert [bar.get_height() for bar in one.patches] == [4, 0, 0]
    assert [bar.get_height() for bar in two.patches] == [1, 1, 2]
    assert one.get_ylim() == two.get_ylim() == (0, 4)


def test_bars_of_too_many_clients_say_that_some_are_left_out():
    picture = plots.label_bars(SKEWED, names(50), DIGITS)
    assert picture.summary.endswith("These are the first 12 of 50 clients.")
    assert len(picture.figure.axes) == 12


@pytest.mark.parametrize("draw", [plots.label_bars, plots.label_heatmap])
@pytest.mark.parametrize(
    ("counts", "clients", "classes"),
    [(COUNTS, ["a"], ["x", "y", "z"]), (COUNTS, ["a", "b"], ["x"]), (np.zeros((0, 3)), [], ["x", "y", "z"])],
)
def test_counts_that_do_not_fit_the_names_are_refused(draw, counts, clients, classes):
    expected = rf"expected shape \({len(clients)}, {len(classes)}\), got \({len(counts)}, 3\)"
    with pytest.raises(ValueError, match=expected):
        draw(counts, clients, classes)


def test_participation_counts_answers_and_names_the_reason():
    # Asked: 3 + 2 + 3 = 8; answers: 3 + 2 + 2 = 7; one dropped.
    assert plots.participation(three_rounds()).summary == (
        "Who took part in 3 rounds: 8 times a client was asked, 7 answers used, 1 lost. "
        "Commonest reason (1 of 1): dropped."
    )
    assert plots.participation(long_run(2, 2)).summary == (
        "Who took part in 2 rounds: 4 times a client was asked, 4 answers used, none lost."
    )
    assert "has not ended yet" in plots.participation(history()).summary


def test_participation_shows_each_client_in_each_round():
    # Three rounds of three clients: 7 answers; client 1 is not asked in round 2, client 2 is lost in round 3.
    lines = [line.get_xydata().tolist() for line in plots.participation(three_rounds()).figure.axes[0].get_lines()]
    answered, lost, not_asked = lines
    assert answered == [[1, 0], [1, 1], [1, 2], [2, 0], [2, 2], [3, 0], [3, 1]]
    assert lost == [[3, 2]]
    assert not_asked == [[2, 1]]


def test_traffic_adds_up():
    # Down: 3, 2 and 3 kB; up: 3, 2 and 2 kB. Means 8 / 3 = 2.7 and 7 / 3 = 2.3.
    assert plots.traffic(three_rounds()).summary == (
        "Bytes over the network in 3 rounds: 8.0 kB down to clients (2.7 kB a round), "
        "7.0 kB up to the server (2.3 kB a round)."
    )
    each, total = plots.traffic(three_rounds()).figure.axes
    assert [bar.get_height() for bar in each.patches] == [3000, 2000, 3000, 3000, 2000, 2000]
    down, up = (line.get_ydata().tolist() for line in total.get_lines())
    assert down == [3000, 5000, 8000]
    assert up == [3000, 5000, 7000]


def test_the_five_steps_are_named_in_order_and_one_can_be_lit():
    summary = plots.five_steps().summary
    places = [summary.index(f"{i + 1}, {step}") for i, step in enumerate(STEPS)]
    assert places == sorted(places)
    assert plots.five_steps(4).summary == f"{summary} Highlighted: step 4, aggregation."
    assert plots.five_steps(4).png(100) != plots.five_steps().png(100)


STEPS = ("client selection", "broadcast", "local update", "aggregation", "global update")


@pytest.mark.parametrize("step", [0, 6, 2.5, "4"])
def test_there_is_no_sixth_step(step):
    with pytest.raises(ValueError, match="highlight must be a whole number from 1 to 5, got"):
        plots.five_steps(step)


def test_examples_draw_up_to_eight_clients_of_fourteen_images():
    picture = plots.examples({str(i): images(20) for i in range(9)})
    assert picture.summary == "Rows of example images of 8 clients: 0, 1, 2, 3, 4, 5, 6, 7."
    assert len(picture.figure.axes) == 8 * 14
    # Drawn as ink on paper: the first image begins with 0 (paper), which is white.
    assert picture.figure.axes[0].get_images()[0].get_array()[0, 0] == 1


@pytest.mark.parametrize(
    ("clients", "shape"),
    [({}, "no client"), ({"0": np.zeros((3, 8, 8))}, r"\(3, 8, 8\)"), ({"0": np.zeros((3, 8, 8, 2))}, r"8, 2\)")],
)
def test_what_is_no_image_is_refused(clients, shape):
    with pytest.raises(ValueError, match=rf"shape \(n, h, w, 1\) or \(n, h, w, 3\), got .*{shape}"):
        plots.examples(clients)


def test_names_are_taken_literally_and_cut_when_long():
    picture = plots.label_heatmap(COUNTS, ["$x_1$ & <b>", "a client with a long name"], ["$a$", "b^2", "a long class"])
    heard = [text.get_text() for text in picture.figure.axes[0].get_yticklabels()]
    assert heard == ["$x_1$ & <…", "a client …"]
    assert "<svg" in picture.svg()


@pytest.mark.parametrize(("ending", "magic"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".PDF", b"%PDF")])
def test_a_picture_is_saved_as_its_ending_says(tmp_path, ending, magic):
    path = plots.accuracy(three_rounds()).save(tmp_path / f"new folder/picture{ending}")
    assert path.read_bytes().startswith(magic)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["picture.jpg", "picture", "png"])
def test_another_ending_is_refused_in_words(tmp_path, name):
    with pytest.raises(ValueError, match=r"saved as \.png, \.svg or \.pdf, got .*" + name):
        plots.accuracy(history()).save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_personal_matplotlib_setting_changes_no_picture():
    import matplotlib

    before = plots.accuracy(three_rounds()).png(100)
    personal = {
        "lines.linestyle": ":",
        "axes.grid": True,
        "savefig.bbox": "tight",
        "font.size": 30,
        "lines.marker": "x",
    }
    with matplotlib.rc_context(personal):
        assert plots.accuracy(three_rounds()).png(100) == before


def modules_after(code):
    report = "\nimport sys; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code + report], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_pictures_are_drawn_without_pyplot():
    code = "from fedteach import History, lab; lab.plots.accuracy(History()).png(); lab.plots.five_steps().svg()"
    loaded = modules_after(code)
    assert "matplotlib.figure" in loaded
    assert "matplotlib.pyplot" not in loaded


def test_importing_the_lab_loads_neither_matplotlib_nor_widgets():
    loaded = modules_after("import fedteach.lab; dir(fedteach.lab); from fedteach.lab import runner, frontend")
    assert not loaded & {"matplotlib", "ipywidgets", "IPython", "tensorflow"}


def test_the_lab_has_the_names_it_says():
    import fedteach.lab

    assert all(getattr(fedteach.lab, name) is not None for name in fedteach.lab.__all__)
    with pytest.raises(AttributeError, match="no attribute 'plot'"):
        _ = fedteach.lab.plot
