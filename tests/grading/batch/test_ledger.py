"""Results on disk: found again, safe for spreadsheets, and a folder of its own for each student."""

import csv
import json

import pytest

from fedteach.exercises import catalogue
from fedteach.grading.batch.intake import HandIn
from fedteach.grading.batch.lanes import Graded
from fedteach.grading.batch.ledger import Ledger, cell
from fedteach.grading.batch.marks import UNGRADED, mark
from fedteach.grading.submission import cannot_be_had
from fedteach.grading.verdict import Finding, not_started

MEAN = catalogue()["4.1"]
NOT_STARTED = mark(MEAN, not_started(MEAN), None, 0.1)
OURS = mark(MEAN, cannot_be_had(MEAN, Finding("The sandbox failed."), UNGRADED), None, 0.1)


def hand_in(tmp_path, student="anna", name="Anna", text="{}"):
    folder = tmp_path / "hand-ins" / str(abs(hash((student, text))))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "04_aggregation.ipynb").write_text(text)
    return HandIn(student, name, folder, received=0.0)


def test_a_result_is_found_again_while_hand_in_and_settings_are_the_same(tmp_path):
    ledger, mine = Ledger(tmp_path / "out", {"a": 1}), hand_in(tmp_path)
    assert ledger.find(mine) is None
    entered = ledger.enter(mine, Graded("anna", (NOT_STARTED,), 1.0), "run 1")
    assert ledger.find(mine) == json.loads(json.dumps(entered))
    assert Ledger(tmp_path / "out", {"a": 2}).find(mine) is None
    assert ledger.find(hand_in(tmp_path, text="{ }")) is None, "handed in anew"
    (next(tmp_path.glob("out/students/*/result.json"))).write_text("{")
    assert ledger.find(mine) is None


def test_what_failed_through_a_fault_of_ours_is_done_again(tmp_path):
    ledger, mine = Ledger(tmp_path / "out", {}), hand_in(tmp_path)
    ledger.enter(mine, Graded("anna", (OURS,), 1.0), "run 1")
    assert ledger.find(mine) is None
    assert "not graded, through no fault of yours" in next(tmp_path.glob("out/students/*/report.txt")).read_text()


def test_names_that_look_alike_in_a_file_system_have_folders_of_their_own(tmp_path):
    ledger = Ledger(tmp_path / "out", {})
    for student in ("a/b", "a_b", "A_B", "..", "", "\u00e9", "CON", "x" * 500):
        ledger.enter(hand_in(tmp_path, student), Graded(student, (NOT_STARTED,), 1.0), "run")
    folders = list((tmp_path / "out" / "students").iterdir())
    assert len({folder.name.casefold() for folder in folders}) == 8
    assert {path.name for path in (tmp_path / "out").rglob("*") if path.is_file()} == {"result.json", "report.txt"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'=1"),
        ('Anna, "the\nfirst"', 'Anna, "the first"'),
        ("\u202eevil", "\\u202eevil"),
        ("\x1b[31mred", "red"),
    ],
)
def test_no_spreadsheet_takes_a_name_for_a_formula_or_a_line(tmp_path, text, shown):
    assert cell(text) == shown
    ledger = Ledger(tmp_path / "out", {})
    result = ledger.enter(hand_in(tmp_path, name=text), Graded("anna", (NOT_STARTED,), 1.0), "run")
    with ledger.write_grades([result], ["4.1"]).open(newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) == 2
    assert rows[1][:2] == ["anna", shown]
    assert [float(value) for value in rows[1][4:7]] == [0, 0, MEAN.points]
