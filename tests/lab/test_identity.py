"""Who the student is, and that checks then ask numbers of the student's own."""

import pytest

from fedteach.exercises import catalogue
from fedteach.grading.seeds import ASSIGNMENT, visible_seed
from fedteach.lab import box, checking, identity, kept
from fedteach.lab.identity import current, my_id, seed_for


@pytest.fixture(autouse=True)
def shown(monkeypatch, tmp_path):
    found = []
    monkeypatch.setattr(box, "show", lambda shown: found.append(shown.text))
    monkeypatch.setattr(kept, "_home", None)
    monkeypatch.setattr(identity, "_known", "")
    monkeypatch.delenv("FEDTEACH_STUDENT", raising=False)
    monkeypatch.chdir(tmp_path)
    return found


def test_nobody_is_asked_what_everybody_is_asked(shown):
    assert (current(), seed_for("4.1")) == ("", 0)
    my_id()
    assert shown == ["Nobody has said who you are, so the checks ask what they ask everybody."]


def test_an_id_is_kept_beside_the_notebooks_and_taken_back(shown, tmp_path):
    my_id(" ab123 ")
    assert current() == "ab123"
    assert (tmp_path / identity.FILE_NAME).read_text() == "ab123\n"
    assert seed_for("4.1") == visible_seed(ASSIGNMENT, "4.1", "ab123") != seed_for("4.2")
    my_id()
    assert "You are `ab123`" in shown[-1] or "You are ab123" in shown[-1]
    my_id("")
    assert (current(), seed_for("4.1")) == ("", 0)


def test_the_environment_counts_first(monkeypatch):
    my_id("ab123")
    monkeypatch.setenv("FEDTEACH_STUDENT", "cd456")
    assert current() == "cd456"


@pytest.mark.parametrize("wrong", [17, ["a"], "a\nb", "x" * 101, "\u202ea"])
def test_what_is_no_id_is_said_kindly(shown, wrong):
    my_id(wrong)
    assert "An id is a text of at most 100" in shown[0]
    assert 'my_id("ab123")' in shown[0]
    assert current() == ""


def test_where_nothing_can_be_written_it_counts_in_this_notebook(shown, monkeypatch):
    def refuse(path, text):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(identity, "write_atomically", refuse)
    my_id("ab123")
    assert "cannot be kept for the other notebooks (Read-only file system)" in shown[0]
    assert current() == "ab123"


def test_check_asks_numbers_of_the_students_own(monkeypatch):
    mean, asked = catalogue()["4.1"], []

    def weighted_mean(updates):
        updates = list(updates)
        asked.append([u.delta[0].tolist() for u in updates])
        return mean.reference(updates)

    for student in ("anna", "anna", "ben"):
        my_id(student)
        asked.append(student)
        checking.check("4.1", weighted_mean)
    first, second, third = (asked[start + 1 : end] for start, end in _parts(asked))
    assert first == second != third


def test_who_will_be_graded_hears_that_there_are_hidden_checks(monkeypatch):
    shown = []
    monkeypatch.setattr(box, "show", lambda shown_box: shown.append(shown_box.html))
    mean = catalogue()["4.1"].reference

    def right(updates):
        return mean(updates)

    def wrong(updates):
        return []

    checking.check("4.1", right)
    assert "public checks" not in shown[-1]
    my_id("anna")
    checking.check("4.1", right)
    assert "That is 5 of 5 public checks; hidden checks, with other numbers, run after hand-in." in shown[-1]
    checking.check("4.1", wrong)
    assert "public checks" not in shown[-1]


def _parts(asked):
    starts = [number for number, entry in enumerate(asked) if isinstance(entry, str)]
    return zip(starts, [*starts[1:], len(asked)], strict=True)
