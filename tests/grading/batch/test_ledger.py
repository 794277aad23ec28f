"""Results on disk: found again, one file and folder for each student."""

import json

import pytest

from fedteach.grading.batch.intake import HandIn
from fedteach.grading.batch.lanes import Graded
from fedteach.grading.batch.ledger import Ledger, folder_name
from tests.grading.batch.books import ours, right, untouched


def hand_in(tmp_path, student="anna", name="Anna", text="{}"):
    folder = tmp_path / "hand-ins" / str(abs(hash((student, text))))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "04_aggregation.ipynb").write_text(text)
    return HandIn(student, name, folder, received=0.0, account="17", notes=["a note"])


def test_a_result_is_found_again_while_hand_in_and_settings_are_the_same(tmp_path):
    ledger, mine = Ledger(tmp_path / "out", {"a": 1}), hand_in(tmp_path)
    assert ledger.find(mine) is None
    entered = ledger.enter(mine, Graded("anna", (right(),), {"4.1": "x = 1"}, 1.0), "run 1")
    assert ledger.find(mine) == entered
    assert (entered.account, entered.notes, entered.code) == ("17", ("a note",), {"4.1": "x = 1"})
    assert Ledger(tmp_path / "out", {"a": 2}).find(mine) is None
    assert ledger.find(hand_in(tmp_path, text="{ }")) is None, "handed in anew"


@pytest.mark.parametrize(
    "damaged",
    ["{", "[]", "{}", '{"marks": 3}', "null", '{"marks": [{"cases": [{}]}]}', "[" * 100_000],
)
def test_a_damaged_file_is_no_result(tmp_path, damaged):
    ledger, mine = Ledger(tmp_path / "out", {}), hand_in(tmp_path)
    ledger.enter(mine, Graded("anna", (right(),)), "run 1")
    path = next(tmp_path.glob("out/students/*/result.json"))
    path.write_text(damaged)
    assert ledger.find(mine) is None


def test_a_result_says_on_disk_what_it_adds_up_to_and_belongs_to_its_owner_alone(tmp_path):
    Ledger(tmp_path / "out", {}).enter(hand_in(tmp_path), Graded("anna", (right(), untouched())), "run 1")
    path = next(tmp_path.glob("out/students/*/result.json"))
    data = json.loads(path.read_text())
    assert (data["points"], data["of"], data["ungraded"]) == (2.0, 4.0, [])
    assert path.stat().st_mode & 0o077 == 0


def test_what_failed_through_a_fault_of_ours_is_done_again(tmp_path):
    ledger, mine = Ledger(tmp_path / "out", {}), hand_in(tmp_path)
    assert ledger.enter(mine, Graded("anna", (ours(),)), "run 1").ungraded == ("4.1",)
    assert ledger.find(mine) is None


def test_names_that_look_alike_in_a_file_system_have_folders_of_their_own():
    names = [folder_name(s) for s in ("a/b", "a_b", "A_B", "..", "", "\u00e9", "CON", "x" * 500, "\udc80", "\udc81")]
    assert len({name.casefold() for name in names}) == 10
    assert all(len(name) < 64 and name.isascii() and "/" not in name for name in names)


def test_a_corrected_name_or_time_counts_without_grading_anew(tmp_path):
    ledger, mine = Ledger(tmp_path / "out", {}), hand_in(tmp_path)
    ledger.enter(mine, Graded("anna", (right(),)), "run 1")
    mine.name, mine.received, mine.late, mine.account, mine.notes = "Anna Moser", 5.0, True, "18", []
    found = ledger.find(mine)
    assert (found.name, found.received, found.marked_late, found.account) == ("Anna Moser", 5.0, True, "18")
    assert (found.notes, found.run) == ((), "run 1")


def test_who_was_graded_earlier_and_is_not_here_now_is_known(tmp_path):
    ledger = Ledger(tmp_path / "out", {})
    for student in ("anna", "ben", "cleo"):
        ledger.enter(hand_in(tmp_path, student), Graded(student, (right(),)), "run 1")
    next(tmp_path.glob("out/students/cleo-*/result.json")).write_text("{")
    assert ledger.others({"anna"}) == ["ben"]
