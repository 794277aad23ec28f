"""What the learning platforms hand over: each student's files land with that student, or are listed."""

import os
import zipfile
from datetime import UTC, datetime

import pytest

from fedteach.grading.batch.intake import IntakeError, take_in
from fedteach.grading.batch.roster import Roster, RosterError

NOTEBOOK = '{"cells": []}'


def write(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(NOTEBOOK)
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return folder


def who_has_what(intake):
    return {hand_in.student: sorted(path.name for path in hand_in.folder.iterdir()) for hand_in in intake.hand_ins}


def roster(tmp_path, text):
    (tmp_path / "roster.csv").write_text(text, encoding="utf-8")
    return Roster.load(tmp_path / "roster.csv")


def test_a_folder_for_each_student(tmp_path):
    source = write(tmp_path / "in", "anna/04_aggregation.ipynb", "anna/helper.py", "ben/work/04_aggregation.ipynb")
    intake = take_in(source, tmp_path / "out")
    assert who_has_what(intake) == {"anna": ["04_aggregation.ipynb", "helper.py"], "ben": ["04_aggregation.ipynb"]}
    assert [hand_in.received for hand_in in intake.hand_ins] == [1_700_000_000] * 2


def test_moodle(tmp_path):
    source = write(
        tmp_path / "in",
        "Zoë Müller_1234567_assignsubmission_file_/04_aggregation.ipynb",
        "Ben O'Neil_1234568_assignsubmission_file_/05_global_update.ipynb",
    )
    intake = take_in(source, tmp_path / "out")
    assert intake.platform == "Moodle"
    assert [(h.student, h.name) for h in intake.hand_ins] == [("1234567", "Zoë Müller"), ("1234568", "Ben O'Neil")]
    flat = write(tmp_path / "flat", "Zoë Müller_1234567_assignsubmission_file_04_aggregation.ipynb")
    assert who_has_what(take_in(flat, tmp_path / "out2")) == {"1234567": ["04_aggregation.ipynb"]}


def test_canvas_with_a_late_one_and_a_second_version(tmp_path):
    source = write(
        tmp_path / "in",
        "mullerzoe_12345_678901_04_aggregation-1.ipynb",
        "mullerzoe_12345_678902_05_global_update.ipynb",
        "oneilben_LATE_12346_678903_04_aggregation.ipynb",
    )
    intake = take_in(source, tmp_path / "out", roster(tmp_path, "student_id,name,canvas\nzm,Zoë,12345\nbo,Ben,12346\n"))
    assert intake.platform == "Canvas"
    assert who_has_what(intake) == {
        "bo": ["04_aggregation.ipynb"],
        "zm": ["04_aggregation.ipynb", "05_global_update.ipynb"],
    }
    assert [hand_in.late for hand_in in intake.hand_ins] == [True, False]


def test_gradescope_with_its_manifest(tmp_path):
    source = write(tmp_path / "in", "submission_1/04_aggregation.ipynb", "submission_2/04_aggregation.ipynb")
    (source / "submission_metadata.yml").write_text(
        "submission_1:\n  :submitters:\n  - :name: Zoë Müller\n    :sid: s1\n  :created_at: 2026-03-04 05:06:07 Z\n"
        "submission_2:\n  :submitters:\n  - :name: Ben\n    :sid: s2\n  :created_at: 2026-03-05 00:00:00 Z\n",
        encoding="utf-8",
    )
    intake = take_in(source, tmp_path / "out")
    assert [(h.student, h.name) for h in intake.hand_ins] == [("s1", "Zoë Müller"), ("s2", "Ben")]
    assert intake.hand_ins[0].received == datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "text",
    [
        "submission_1: !!python/object/apply:os.system [touch /tmp/x]",
        "[",
        "- 1",
        "submission_1:\n  :submitters: []",
        "\x00",
    ],
)
def test_a_manifest_that_is_none_runs_nothing_and_stops_nobody(tmp_path, text):
    source = write(tmp_path / "in", "submission_1/04_aggregation.ipynb")
    (source / "submission_metadata.yml").write_text(text)
    assert list(who_has_what(take_in(write(source, "submission_2/04_a.ipynb"), tmp_path / "out"))) == ["1", "2"]


def test_github_classroom_needs_the_roster_to_tell_an_account_from_the_assignment(tmp_path):
    source = write(tmp_path / "in", "fl-04-team-anna/04_aggregation.ipynb", "fl-04-team-ben/04_aggregation.ipynb")
    known = roster(tmp_path, "student_id,github\n7,team-anna\n8,team-ben\n")
    intake = take_in(source, tmp_path / "out", known)
    assert len(intake.unclear) == 2, "'anna' is nobody's account, and nothing is guessed"
    known = roster(tmp_path, "student_id,github\n7,anna\n8,ben\n")
    intake = take_in(source, tmp_path / "out2", known)
    assert (intake.platform, list(who_has_what(intake))) == ("GitHub Classroom", ["7", "8"])


def test_nbgrader_and_its_timestamp_is_not_believed(tmp_path):
    source = write(
        tmp_path / "course", "submitted/anna/ps4/04_aggregation.ipynb", "submitted/ben/ps4/04_aggregation.ipynb"
    )
    (source / "submitted/anna/ps4/timestamp.txt").write_text("1970-01-01 00:00:00 UTC")
    intake = take_in(source, tmp_path / "out")
    assert list(who_has_what(intake)) == ["anna", "ben"]
    assert intake.hand_ins[0].received == 1_700_000_000


def test_a_zip_of_folders_a_zip_for_each_student_and_a_single_notebook(tmp_path):
    write(tmp_path / "in", "all/anna/04_aggregation.ipynb", "all/ben/04_aggregation.ipynb")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path in sorted((tmp_path / "in").rglob("*.ipynb")):
            archive.write(path, path.relative_to(tmp_path / "in"))
    assert list(who_has_what(take_in(tmp_path / "all.zip", tmp_path / "out"))) == ["anna", "ben"]
    (tmp_path / "each").mkdir()
    for name in ("anna", "ben"):
        with zipfile.ZipFile(tmp_path / "each" / f"{name}.zip", "w") as archive:
            archive.writestr("my work/04_aggregation.ipynb", NOTEBOOK)
    assert who_has_what(take_in(tmp_path / "each", tmp_path / "out2")) == {
        "anna": ["04_aggregation.ipynb"],
        "ben": ["04_aggregation.ipynb"],
    }
    single = write(tmp_path / "one", "anna_04_aggregation.ipynb") / "anna_04_aggregation.ipynb"
    assert who_has_what(take_in(single, tmp_path / "out3")) == {"anna": ["04_aggregation.ipynb"]}


def test_what_belongs_to_nobody_is_listed_and_never_guessed(tmp_path):
    source = write(
        tmp_path / "in", "anna_04_aggregation.ipynb", "04_aggregation.ipynb", "stranger_04_aggregation.ipynb"
    )
    intake = take_in(source, tmp_path / "out", roster(tmp_path, "student_id,name\nanna,Anna\nben,Ben\n"))
    assert list(who_has_what(intake)) == ["anna"]
    assert intake.missing == ["ben"]
    assert intake.unclear == [
        "04_aggregation.ipynb: it is not clear whose it is",
        "stranger_04_aggregation.ipynb: stranger is not in the roster",
    ]


def test_links_are_not_followed(tmp_path):
    source = write(tmp_path / "in", "anna/04_aggregation.ipynb", "ben/04_aggregation.ipynb")
    secret = write(tmp_path / "secret", "05_global_update.ipynb")
    (source / "anna" / "05_global_update.ipynb").symlink_to(secret / "05_global_update.ipynb")
    (source / "chris").symlink_to(secret, target_is_directory=True)
    (source / "ben" / "below").symlink_to(secret, target_is_directory=True)
    assert who_has_what(take_in(source, tmp_path / "out")) == {
        "anna": ["04_aggregation.ipynb"],
        "ben": ["04_aggregation.ipynb"],
    }


def test_a_bad_archive_of_one_student_is_that_students_note(tmp_path):
    source = write(tmp_path / "in", "anna/04_aggregation.ipynb")
    (source / "ben.zip").write_bytes(b"no zip")
    intake = take_in(source, tmp_path / "out")
    assert who_has_what(intake) == {"anna": ["04_aggregation.ipynb"], "ben": []}
    assert "ben.zip cannot be opened" in intake.hand_ins[1].notes[0]


def test_two_files_of_one_name_are_both_kept(tmp_path):
    source = write(tmp_path / "in", "anna/04_a.ipynb", "anna/old/04_a.ipynb", "ben/04_a.ipynb")
    intake = take_in(source, tmp_path / "out")
    assert who_has_what(intake)["anna"] == ["04_a (2).ipynb", "04_a.ipynb"]
    assert "several files named 04_a.ipynb" in intake.hand_ins[0].notes[0]


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_nothing_to_grade_is_said(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(IntakeError, match="there is no"):
        take_in(tmp_path / name, tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no column student_id"),
        ("a,b\n1,2\n", "its columns: a, b"),
        ("id\n1\n1\n", "names 1 twice"),
        ("\xff", "UTF-8"),
    ],
)
def test_a_roster_that_is_none_is_said(tmp_path, text, says):
    (tmp_path / "roster.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(RosterError, match=says):
        Roster.load(tmp_path / "roster.csv")


def test_a_name_that_two_students_share_finds_neither(tmp_path):
    known = roster(tmp_path, "student_id,name\n1,Kim Lee\n2,Kim Lee\n3,Zoë\n")
    assert known.find("Kim Lee") is None
    assert known.find("Zoë").id == "3"
    assert known.find("2", "Kim Lee").id == "2"
