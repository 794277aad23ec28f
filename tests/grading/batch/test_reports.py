"""Reports from a gradebook: who may read what, and forms that platforms and programs take in."""

import csv
import io
import json
import math
import re
import xml.etree.ElementTree as ET
import zipfile
from datetime import datetime
from html.parser import HTMLParser

import pytest

from fedteach.grading.batch.lateness import Lateness
from fedteach.grading.batch.ledger import folder_name
from fedteach.grading.batch.reports import (
    FORMATS,
    canvas,
    gradescope,
    junit,
    moodle,
    overview,
    student,
    tables,
    write_reports,
)
from tests.grading.batch.books import (
    book,
    by_heart,
    doubled,
    ours,
    result,
    right,
    untouched,
    with_title,
)

NASTY = "</pre></script><script>alert(1)</script>\u202eevil\x1b[31m\x00\x07 ]]> & \" ' \ud800 \ufffe"
LATE = Lateness(3600.0, 0.5, "It came 1 hour late. 50% of the points is taken off.")


class Page(HTMLParser):
    """The elements of a page and its text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.words = [], [], []
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.words.append(data)


def pages_of(book):
    row = book.rows[0]
    return {
        "student": student.page(book, row),
        "details": student.details(book, row),
        "overview": overview.page(book),
    }


def a_class():
    results = [
        result("anna", right(), name="Anna"),
        result("ben", doubled(), name="Ben"),
        result("cora", by_heart(), name="Cora"),
        result("dan", untouched(), name="Dan"),
        result("eve", ours(), name="Eve"),
    ]
    return book(*results, platform="Moodle")


# ---- pages -----------------------------------------------------------------------------------------------------


def test_a_student_reads_public_findings_and_the_number_of_hidden_ones_alone():
    one = by_heart()
    secret = next(line for line in one.hidden_message.splitlines() if line.startswith("expected: "))
    own = book(result("cora", one))
    page, details, text = (
        student.page(own, own.rows[0]),
        student.details(own, own.rows[0]),
        student.text(own.rows[0]),
    )
    for shown in (Page(page).text, text):
        assert f"{one.counted('public')} public checks, {one.counted('hidden')} hidden checks" in shown
        assert "Some of the hidden checks" in " ".join(shown.split())
        assert secret not in shown
        assert "hidden: failed" not in shown
    assert secret in " ".join(Page(details).words)
    assert "hidden: failed" in Page(details).text


def test_points_lateness_and_what_is_not_begun_are_told():
    own = book(result("anna", right(), name="Anna"), lateness=LATE)
    shown = Page(student.page(own, own.rows[0])).text
    assert "1 of 2 points" in shown
    assert f"{LATE.says} Before that it was 2." in shown
    assert student.text(own.rows[0]).startswith(f"Anna: 1 of 2 points\n{LATE.says}\n")
    none = book(result("dan", untouched()))
    assert "Not started 0 of 2 4.1 FedAvg" in Page(student.page(none, none.rows[0])).text


def test_the_overview_tells_what_an_instructor_asks():
    shown = Page(overview.page(a_class())).text
    for words in (
        "5 students",
        "Not graded, through a fault of ours",
        "Eve : 4.1",
        "fail in secret",
        "Most frequent findings",
        "1.5",
    ):
        assert words in shown
    assert "not given" not in shown
    assert Page(overview.page(book())).text.startswith("Class report"), "also of an empty class"


def test_every_bin_of_the_distribution_holds_its_tenth():
    assert overview.histogram([0.0, 0.05, 0.1, 0.55, 0.99, 1.0]) == [2, 1, 0, 0, 0, 1, 0, 0, 0, 2]


@pytest.mark.parametrize("kind", ["student", "details", "overview"])
def test_whatever_a_student_writes_is_text_on_every_page(kind):
    nasty = with_title(doubled(), "t")
    nasty = type(nasty)(**{**vars(nasty), "message": f"x\n{NASTY}", "hidden_message": NASTY})
    own = book(
        result(NASTY, nasty, name=NASTY, notes=(NASTY,), code={"4.1": NASTY}),
        lateness=Lateness(1.0, 1.0, NASTY),
        unclear=(NASTY,),
        missing=(NASTY,),
        platform=NASTY,
        warning=NASTY,
    )
    html = pages_of(own)[kind]
    html.encode("utf-8")
    page = Page(html)
    assert not {"script", "iframe", "object", "embed", "form", "link", "base", "img"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("style", "src")]
    assert "<script>alert(1)</script>\\u202eevil" in " ".join(page.words)
    assert not set(html) & set("\u202e\x1b\x00\x07")


def test_no_page_may_run_or_load_anything():
    for html in pages_of(a_class()).values():
        policy = next(value for name, value in Page(html).attributes if name == "content")
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy
        assert "http:" not in html
        assert "https:" not in html


# ---- tables ----------------------------------------------------------------------------------------------------


def rows_of(text):
    return list(csv.reader(io.StringIO(text)))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'=1"),
        ('Anna;=HYPERLINK("x")', 'Anna;\'=HYPERLINK("x")'),
        ("\uff1d1+1", "'\uff1d1+1"),
        ('Anna, "the\nfirst"', 'Anna, "the first"'),
        ("\u202eevil", "\\u202eevil"),
        ("\x1b[31mred", "red"),
    ],
)
def test_no_spreadsheet_takes_a_name_for_a_formula_or_a_line(text, shown, tmp_path):
    assert tables.cell(text) == shown
    own = book(result(text, right(), name=text), platform="Moodle")
    (_, row) = rows_of(tables.grades(own))
    assert row[:2] == [shown, shown]
    assert [float(value) for value in row[4:9]] == [2, 2, 0, 2, 2]
    assert rows_of(canvas.write(own, tmp_path).read_text())[2][0] == shown
    assert rows_of(moodle.write(own, tmp_path).read_text())[1][1] == shown


def test_the_table_of_the_class_says_what_is_late_fresh_and_not_graded():
    heading, first, *_, last = rows_of(tables.grades(book(result("a", right()), result("e", ours()), lateness=LATE)))
    assert heading == "student name received late 4.1 points lateness total of ungraded run fresh".split()
    assert first[:2] == ["a", ""]
    assert datetime.strptime(first[2], "%Y-%m-%d %H:%M:%S%z").timestamp() == 0, "with the zone that it is told in"
    assert first[3] == "late"
    assert [float(number) for number in first[4:9]] == [2, 2, -1, 1, 2]
    assert first[9:] == ["", "20261127_120000", "fresh"]
    assert (last[4], last[9]) == ("", "4.1")


def test_canvas_gets_its_columns_and_leaves_alone_what_is_not_graded(tmp_path):
    own = book(result("anna", right(), name="Anna", account="991"), result("eve", ours()), platform="Canvas")
    heading, possible, anna, eve = rows_of(canvas.write(own, tmp_path).read_text())
    assert heading == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "fedteach"]
    assert possible[0].strip() == "Points Possible"
    assert float(possible[5]) == 2
    assert anna == ["Anna", "991", "", "anna", "", "2.0"]
    assert eve[5] == ""


def test_moodle_gets_a_worksheet_and_everybodys_page(tmp_path):
    own = book(
        result("anna", right(), untouched(), name="Anna/../B", account="991"),
        result("eve", ours(), account="992"),
        platform="Moodle",
    )
    heading, anna, eve = rows_of(moodle.write(own, tmp_path).read_text())
    assert {"Identifier", "Grade", "Last modified (grade)"} <= set(heading)
    assert dict(zip(heading, anna, strict=True))["Identifier"] == "Participant 991"
    assert (anna[2], eve[2]) == ("2.0", "")
    assert anna[5] == "4.1: 5 of 5 public checks, 5 of 5 hidden checks. 4.1: not started."
    packed = tmp_path / "moodle_feedback.zip"
    with zipfile.ZipFile(packed) as archive:
        names = archive.namelist()
        assert names == ["Anna    B_991_assignsubmission_file_report.html", "eve_992_assignsubmission_file_report.html"]
        assert archive.read(names[0]).decode() == student.page(own, own.rows[0])
    before = packed.read_bytes()
    moodle.write(own, tmp_path)
    assert packed.read_bytes() == before


def test_gradescope_gets_results_in_its_form_and_hides_what_is_hidden(tmp_path):
    own = book(result("cora", by_heart(), untouched()), lateness=LATE)
    path = gradescope.write(own, tmp_path) / folder_name("cora") / "results.json"
    data = json.loads(path.read_text())
    assert data["score"] == own.rows[0].points
    assert data["stdout_visibility"] == "hidden"
    public = [test for test in data["tests"] if test["visibility"] == "visible"]
    hidden = [test for test in data["tests"] if test["visibility"] == "hidden"]
    assert [test["max_score"] for test in public] == [2.0, 2.0]
    assert sum(test["score"] for test in public) == own.rows[0].result.points
    assert len(hidden) == 1
    assert "score" not in hidden[0], "or a student would not see the total"
    assert hidden[0]["output"] == by_heart().hidden_message
    assert all(by_heart().hidden_message not in test["output"] for test in public)


def test_junit_tells_states_apart_and_survives_any_text():
    nasty = with_title(right(), NASTY)
    suites = ET.fromstring(junit.xml(book(result(NASTY, nasty, doubled(), untouched(), ours()))))
    (suite,) = suites
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped"), suite.get("errors")) == (
        "4",
        "1",
        "1",
        "1",
    )
    assert [[child.tag for child in case] for case in suite] == [[], ["failure"], ["skipped"], ["error"]]
    assert "\\u202eevil" in suite.get("name")
    assert "\\ufffe" in suite.get("name")


def test_junit_holds_no_hidden_question():
    text = ET.tostring(ET.fromstring(junit.xml(book(result("cora", by_heart())))), encoding="unicode")
    secret = re.search(r"expected: (.*)", by_heart().hidden_message)[1]
    assert secret not in text


# ---- all of them -----------------------------------------------------------------------------------------------


def test_everything_is_written_and_what_was_of_earlier_runs_gives_way(tmp_path):
    write_reports(book(result("old", right(), code={"4.1": "x"})), tmp_path, ["canvas"])
    own = book(result("anna", right(), code={"4.1": "return 1"}), result("cora", by_heart()))
    write_reports(own, tmp_path, list(FORMATS))
    there = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    anna, cora, old = map(folder_name, ("anna", "cora", "old"))
    assert there == {
        "overview.html",
        "grades.csv",
        "junit.xml",
        *(f"feedback/{name}/{file}" for name in (anna, cora) for file in ("report.html", "report.txt")),
        *(f"students/{name}/details.html" for name in (anna, cora, old)),
        f"plagiarism/{anna}/4.1_weighted_mean.py",
        "upload/canvas.csv",
        "upload/moodle.csv",
        "upload/moodle_feedback.zip",
        *(f"upload/gradescope/{name}/results.json" for name in (anna, cora)),
    }
    for path in tmp_path.rglob("*"):
        if path.name in ("overview.html", "details.html"):
            assert path.stat().st_mode & 0o077 == 0, "hidden questions are nobody else's business"
    secret = re.search(r"expected: (.*)", by_heart().hidden_message)[1]
    for path in (tmp_path / "feedback").rglob("report.*"):
        assert secret not in path.read_text()


def test_points_that_nobody_could_get_divide_nothing():
    empty = book(result("a"))
    assert math.isfinite(empty.of)
    overview.page(empty)


def test_why_nothing_could_be_judged_is_told_once_to_student_and_instructor():
    lost = with_title(untouched(), "t")
    lost = type(lost)(**{**vars(lost), "message": "4.1 t: not started\nThere is no notebook in what was handed in."})
    own = book(result("anna", lost, lost))
    for page in (student.page(own, own.rows[0]), overview.page(own)):
        assert Page(page).text.count("There is no notebook in what was handed in.") == 1
    plain = book(result("anna", untouched()))
    assert "is not started yet" not in student.page(plain, plain.rows[0])


def test_moodles_numbers_are_moodles_alone(tmp_path):
    own = book(result("anna", right(), account="345"), platform="Canvas")
    assert rows_of(moodle.write(own, tmp_path).read_text())[1][0] == "Participant anna"
