"""What the learning platforms hand over: each student's files land with that student, or are listed."""

import os
import zipfile
from datetime import UTC, datetime

import pytest

from fedteach.grading.batch.intake import IntakeError, take_in
from fedteach.grading.batch.roster import Roster

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
    assert {hand_in.received for hand_in in intake.hand_ins} == {None}, "the files are as old as the download"


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


def test_each_member_of_a_gradescope_group_gets_what_the_group_has_handed_in(tmp_path):
    source = write(tmp_path / "in", "submission_1/04_aggregation.ipynb", "submission_2/04_aggregation.ipynb")
    (source / "submission_metadata.yml").write_text(
        "submission_1:\n  :submitters:\n  - :name: Anna\n    :sid: s1\n  - :name: Ben\n    :sid: s2\n"
        "  :created_at: 2026-03-04 05:06:07 Z\n"
        "submission_2:\n  :submitters: []\n"
    )
    intake = take_in(source, tmp_path / "out")
    assert [(h.student, h.name, h.time_from) for h in intake.hand_ins] == [
        ("2", "", "file"),
        ("s1", "Anna", "manifest"),
        ("s2", "Ben", "manifest"),
    ]
    assert {tuple(files) for files in who_has_what(intake).values()} == {("04_aggregation.ipynb",)}


def test_a_file_named_by_an_id_alone_is_that_students(tmp_path):
    source = write(tmp_path / "in", "ab1.ipynb", "cd2/04_aggregation.ipynb", "04_aggregation.ipynb")
    intake = take_in(source, tmp_path / "out")
    assert who_has_what(intake) == {"ab1": ["ab1.ipynb"], "cd2": ["04_aggregation.ipynb"]}
    assert intake.unclear == ["04_aggregation.ipynb: it is not clear whose it is"]


def test_a_file_that_is_no_submission_is_refused(tmp_path):
    write(tmp_path, "class.csv")
    with pytest.raises(IntakeError, match="is no submission; expected a folder, a zip or one notebook"):
        take_in(tmp_path / "class.csv", tmp_path / "out")


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
    for number, accounts in enumerate((("team-anna", "team-ben"), ("anna", "ben"), ("04-team-anna", "04-team-ben"))):
        known = roster(tmp_path, f"student_id,github\n7,{accounts[0]}\n8,{accounts[1]}\n")
        intake = take_in(source, tmp_path / f"out{number}", known)
        assert (intake.platform, list(who_has_what(intake))) == ("GitHub Classroom", ["7", "8"])
        assert [hand_in.received for hand_in in intake.hand_ins] == [None, None]


def test_a_clone_of_somebody_else_is_listed_and_costs_the_class_nothing(tmp_path):
    people = ("anna", "ben", "cleo", "teacher")
    source = write(tmp_path / "in", *(f"hw1-{one}/04_aggregation.ipynb" for one in people), "notes.ipynb", "README.md")
    known = roster(tmp_path, "student_id,github\n1,anna\n2,ben\n3,cleo\n")
    intake = take_in(source, tmp_path / "out", known)
    assert list(who_has_what(intake)) == ["1", "2", "3"]
    assert intake.unclear == [
        "hw1-teacher: teacher is not in the roster",
        "notes.ipynb: it is not clear whose it is",
        "README.md: neither a notebook, a script nor a zip",
    ]
    with pytest.raises(
        IntakeError, match="none of the 5 hand-ins .* example: hw1-anna: "
    ):  # one of four is no sign of an assignment
        take_in(source, tmp_path / "out2", roster(tmp_path, "student_id,github\n1,anna\n"))


def test_a_clone_bears_no_time_even_where_nobody_says_whose_it_is(tmp_path):
    source = write(tmp_path / "in", "hw1-anna/04_a.ipynb", "hw1-anna/.git/HEAD", "ben/04_a.ipynb")
    intake = take_in(source, tmp_path / "out")
    assert {h.student: h.received for h in intake.hand_ins} == {"ben": 1_700_000_000, "hw1-anna": None}


def test_nbgrader_and_its_timestamp_is_not_believed(tmp_path):
    source = write(
        tmp_path / "course", "submitted/anna/ps4/04_aggregation.ipynb", "submitted/ben/ps4/04_aggregation.ipynb"
    )
    (source / "submitted/anna/ps4/timestamp.txt").write_text("1970-01-01 00:00:00 UTC")
    intake = take_in(source, tmp_path / "out")
    assert list(who_has_what(intake)) == ["anna", "ben"]
    assert intake.hand_ins[0].received == 1_700_000_000


@pytest.mark.parametrize("named", ["course", "course/submitted"])
def test_a_single_student_of_nbgrader_keeps_the_name(tmp_path, named):
    write(tmp_path / "course", "submitted/anna/ps4/04_aggregation.ipynb")
    assert list(who_has_what(take_in(tmp_path / named, tmp_path / "out"))) == ["anna"]


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
    assert intake.missing == ["ben (Ben)"]
    assert intake.unclear == [
        "04_aggregation.ipynb: it is not clear whose it is",
        "stranger_04_aggregation.ipynb: stranger is not in the roster",
    ]


def test_who_hands_in_something_else_has_handed_in_and_it_is_told(tmp_path):
    source = write(
        tmp_path / "canvas",
        "mullerzoe_12345_678901_04_aggregation.ipynb",
        "mullerzoe_12345_678902_notes.pdf",
        "oneilben_12346_678903_essay.docx",
    )
    intake = take_in(source, tmp_path / "out")
    assert who_has_what(intake) == {"12345": ["04_aggregation.ipynb"], "12346": []}
    assert [hand_in.notes for hand_in in intake.hand_ins] == [
        ["mullerzoe_12345_678902_notes.pdf: neither a notebook, a script nor a zip"],
        ["oneilben_12346_678903_essay.docx: neither a notebook, a script nor a zip"],
    ]
    assert not intake.unclear
    only = write(tmp_path / "only", "oneilben_12346_678903_essay.docx")
    assert who_has_what(take_in(only, tmp_path / "out2")) == {"12346": []}


def test_a_folder_without_a_notebook_and_a_loose_file_are_told(tmp_path):
    source = write(tmp_path / "in", "anna/04_aggregation.ipynb", "ben/essay.docx", "README.md", "chris.pdf")
    intake = take_in(source, tmp_path / "out")
    assert who_has_what(intake) == {"anna": ["04_aggregation.ipynb"], "ben": []}
    assert intake.hand_ins[1].notes == ["ben: there is no notebook in it"]
    assert intake.unclear == [
        "README.md: neither a notebook, a script nor a zip",
        "chris.pdf: neither a notebook, a script nor a zip",
    ]
    with pytest.raises(IntakeError, match="there is no notebook"):
        take_in(write(tmp_path / "read", "README.md"), tmp_path / "out2")


def test_a_lone_student_with_folders_beside_the_notebook_is_no_class(tmp_path):
    source = write(tmp_path / "in", "anna/04_a.ipynb", "anna/old/05_b.ipynb", "anna/spare/06_c.ipynb")
    assert who_has_what(take_in(source, tmp_path / "out")) == {"anna": ["04_a.ipynb", "05_b.ipynb", "06_c.ipynb"]}


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


def test_a_stray_file_beside_a_platforms_names_is_listed_and_changes_nobodys_id(tmp_path):
    source = write(
        tmp_path / "in",
        "Anna Moser_17_assignsubmission_file_/04_aggregation.ipynb",
        "Ben O'Neil_18_assignsubmission_file_/04_aggregation.ipynb",
        "helper.py",
    )
    intake = take_in(source, tmp_path / "out")
    assert (intake.platform, list(who_has_what(intake))) == ("Moodle", ["17", "18"])
    assert intake.unclear == ["helper.py: it is not clear whose it is"]


def test_a_name_that_plays_another_persons_number_belongs_to_nobody(tmp_path):
    source = write(
        tmp_path / "in",
        "Anna_17_assignsubmission_file_/04_aggregation.ipynb",
        "Ben_18_assignsubmission_file_/04_aggregation.ipynb",
        "Eve_17_assignsubmission_file_99_assignsubmission_file_04_aggregation.ipynb",
    )
    intake = take_in(source, tmp_path / "out")
    assert list(who_has_what(intake)) == ["17", "18"]
    assert intake.unclear[0].startswith("Eve_17")


MANIFEST = (
    "submission_1:\n  :submitters:\n  - :name: V\n    :sid: victim\n  :created_at: 2020-03-04 05:06:07 Z\n"
    "submission_2:\n  :submitters:\n  - :sid: other\n"
)


@pytest.mark.parametrize("n_folders", [1, 2])
@pytest.mark.parametrize("zipped", [False, True])
def test_the_only_student_plays_no_platform(tmp_path, n_folders, zipped):
    files = [f"anna/submission_{n + 1}/04_aggregation.ipynb" for n in range(n_folders)]
    source = write(tmp_path / "in", *files)
    (source / "anna" / "submission_metadata.yml").write_text(MANIFEST)
    if zipped:
        source = zipped_folder(source)
    hand_ins = take_in(source, tmp_path / "out").hand_ins
    assert not {"victim", "other"} & {hand_in.student for hand_in in hand_ins}
    assert {hand_in.time_from for hand_in in hand_ins} == {"file"}
    known = roster(tmp_path, "student_id\nanna\nvictim\n1\n2\n")
    assert list(who_has_what(take_in(source, tmp_path / "out2", known))) == ["anna"]


def test_gradescopes_export_is_believed_in_its_zip(tmp_path):
    folder = "assignment_123_export"
    source = write(tmp_path / "in", *(f"{folder}/submission_{n}/04_aggregation.ipynb" for n in (1, 2)))
    (source / folder / "submission_metadata.yml").write_text(MANIFEST)
    intake = take_in(zipped_folder(source), tmp_path / "out")
    assert [(h.student, h.time_from) for h in intake.hand_ins] == [("other", "file"), ("victim", "manifest")]


def zipped_folder(folder):
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as archive:
        for path in sorted(folder.rglob("*.*")):
            archive.write(path, path.relative_to(folder))
    return folder.with_suffix(".zip")


def test_a_zip_in_a_folder_came_when_the_zip_did(tmp_path):
    source = write(tmp_path / "in", "ben/04_aggregation.ipynb")
    (source / "anna").mkdir()
    with zipfile.ZipFile(source / "anna" / "work.zip", "w") as archive:
        archive.writestr("04_aggregation.ipynb", NOTEBOOK)
    os.utime(source / "anna" / "work.zip", (1_600_000_000, 1_600_000_000))
    anna, _ = take_in(source, tmp_path / "out").hand_ins
    assert (anna.received, anna.time_from) == (1_600_000_000, "file")


def test_a_seat_or_a_partner_tells_nobody_and_a_conflict_is_listed(tmp_path):
    source = write(tmp_path / "in", "Anna Moser_17_assignsubmission_file_/04_aggregation.ipynb")
    known = roster(tmp_path, "student_id,name,seat,partner\nam,Anna Moser,4,bo\nbo,Ben,17,am\n")
    assert list(who_has_what(take_in(source, tmp_path / "out", known))) == ["am"]
    known = roster(tmp_path, "student_id,name,moodle id\nam,Anna Moser,4\nbo,Ben,17\n")
    with pytest.raises(IntakeError, match="none of the 1 hand-ins"):
        take_in(source, tmp_path / "out2", known)


def test_nobody_has_more_than_some_notes(tmp_path):
    (tmp_path / "in").mkdir()
    with zipfile.ZipFile(tmp_path / "in" / "eve.zip", "w") as archive:
        for n in range(300):
            archive.writestr(f"../{n}.py", "")
    (hand_in,) = take_in(write(tmp_path / "in", "ben/04_a.ipynb"), tmp_path / "out").hand_ins[1:]
    assert len(hand_in.notes) <= 21
