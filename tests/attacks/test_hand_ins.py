"""A class with hostile hand-ins, graded by the command; then everything is read, in a terminal and in a real browser."""

import csv
import json
import re
import subprocess
import sys
import time
import unicodedata

import pytest
from playwright.sync_api import sync_playwright

from fedteach.exercises import catalogue
from fedteach.grading.batch.ledger import folder_name
from tests.attacks.attack import HONEST, Attack
from tests.attacks.hand_ins import FULL, HAND_INS
from tests.browser import lab as jupyter
from tests.traces import family, files_outside, finding_orphans, left_of

LIMIT_S = 5.0
GRANTED_S = 2 * (LIMIT_S + catalogue()["4.1"].time_limit_s)
"""What one function is granted: loading and calls, with the public questions and again with the secret ones."""
MORE_S = 2.0
CLASS_S = 120.0
"""For all of them, two at a time; a minute where nothing else runs."""
HONEST_ONES = tuple(f"honest{n}" for n in range(4))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("class")


def everything_in(folder):
    return {str(path): path.lstat().st_mtime_ns for path in sorted(folder.rglob("*"))}


@pytest.fixture(scope="module")
def graded(place):
    """The class, graded in one go: what the command said, and how long it took."""
    (place / "in").mkdir()
    for student in HONEST_ONES:
        Attack("honest", "", HONEST).write(place / "in" / student)
    for hand_in in HAND_INS:
        hand_in.write(place / "in")
    before, outside, began = everything_in(place / "in"), files_outside(), time.monotonic()
    with finding_orphans():
        begun = family()
        done = _grade(place)
        assert left_of(begun) == []
    seconds = time.monotonic() - began
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    assert everything_in(place / "in") == before, "what was handed in is only read"
    assert sorted(path.name for path in place.iterdir()) == ["in", "out"], "nothing has got out"
    assert files_outside() == outside
    assert seconds < CLASS_S
    return said


def _grade(place):
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "fedteach",
            "grade",
            "in",
            "--out",
            "out",
            "--exercises",
            "4.1",
            "--time-limit",
            str(LIMIT_S),
        ]
        + ["--memory-limit", "600", "--jobs", "2", "--format", "canvas", "--format", "moodle"],
        cwd=place,
        capture_output=True,
        timeout=2 * CLASS_S,
    )


def result_of(place, student):
    return json.loads((place / "out" / "students" / folder_name(student) / "result.json").read_text())


@pytest.mark.parametrize("hand_in", HAND_INS, ids=lambda hand_in: f"{hand_in.id} {hand_in.what}")
def test_it_ends_as_it_should(hand_in, graded, place):
    result = result_of(place, hand_in.student)
    (mark,) = result["marks"]
    assert mark["outcome"] in hand_in.outcomes, mark["message"]
    assert mark["points"] <= hand_in.most
    assert len(mark["message"]) < 20_000
    assert result["seconds"] < GRANTED_S + MORE_S


def test_honest_students_get_exactly_their_marks(graded, place):
    for student in HONEST_ONES:
        assert result_of(place, student)["points"] == FULL


def test_what_an_archive_could_not_give_is_told(graded, place):
    notes = " ".join(result_of(place, "c3a")["notes"])
    for reason in ("leads out of the archive", "a link", "the name of a device", "another one of that name"):
        assert reason in notes
    assert "two hundred times its size" in " ".join(result_of(place, "b18c")["notes"])


def texts(place):
    return [path for path in (place / "out").rglob("*") if path.suffix in (".html", ".txt", ".csv", ".xml", ".py")]


def test_no_report_gives_orders_or_turns_its_letters_round(graded, place):
    found = texts(place)
    assert len(found) > 3 * len(HAND_INS)
    for name, text in [("terminal", graded), *((path.name, path.read_text(encoding="utf-8")) for path in found)]:
        hidden = {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in "\n\t\r\u200d\u200c"}
        assert not hidden, (name, hidden)


def test_every_table_has_its_rows_and_no_formula(graded, place):
    for name, more in (("grades.csv", 1), ("upload/canvas.csv", 2), ("upload/moodle.csv", 1)):
        with (place / "out" / name).open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        assert len(rows) == len(HAND_INS) + len(HONEST_ONES) + more
        assert len({len(row) for row in rows}) == 1
        assert not [value for row in rows for value in row if re.match(r"[=+@\t\r]|-\D", value)]


def test_what_was_asked_in_secret_reaches_the_instructor_alone(graded, place):
    own = folder_name("d4")
    assert "HIDDEN [" in result_of(place, "d4")["marks"][0]["hidden_message"]
    assert result_of(place, "d4")["marks"][0]["cases"][1]["public"] == "passed"
    for path in (place / "out" / "feedback").rglob("*"):
        assert path.is_dir() or "HIDDEN [" not in path.read_text(), path
    assert "HIDDEN [" in (place / "out" / "students" / own / "details.html").read_text()


def test_nobody_reads_where_the_instructor_works(graded, place):
    told = [path for path in (place / "out" / "feedback").rglob("*") if path.is_file()]
    assert "/tmp/work" in result_of(place, "d4b")["marks"][0]["message"], "what it has found out is told"
    assert [path for path in told if str(place) in path.read_text(encoding="utf-8")] == []


def test_time_and_name_are_the_platforms(graded, place):
    result = result_of(place, "c9")
    assert (result["student"], result["account"], result["marked_late"]) == ("c9", "", None)
    assert result["received"] == pytest.approx((place / "in" / "c9" / "04_aggregation.ipynb").stat().st_mtime)


@pytest.mark.browser
def test_no_page_runs_or_loads_anything_in_a_real_browser(graded, place):
    path = jupyter.find_chromium()
    if path is None:
        pytest.skip("needs a browser")
    pages = [one for one in texts(place) if one.suffix == ".html"]
    trouble, asked = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(jupyter.CHROMIUM_FLAGS), headless=True)
        page = browser.new_page()
        page.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        for one in pages:
            page.goto(one.as_uri())
            for details in page.query_selector_all("details > summary"):
                details.click()
            assert page.evaluate("document.querySelectorAll('script, img, iframe, svg[onload]').length") == 0
            assert page.evaluate("getComputedStyle(document.body).fontFamily").startswith("system-ui"), (
                "the style counts"
            )
        browser.close()
    assert trouble == []
    assert [url for url in asked if not url.startswith("file:")] == []
    assert len([url for url in asked if url.startswith("file:")]) == len(pages)
