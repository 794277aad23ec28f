"""The list of the class: any spreadsheet's, any platform's; it finds one person or nobody."""

import unicodedata

import pytest

from fedteach.grading.batch.roster import Roster, RosterError, Unknown


def roster(tmp_path, text):
    (tmp_path / "roster.csv").write_text(text, encoding="utf-8")
    return Roster.load(tmp_path / "roster.csv")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no column student_id"),
        ("a,b\n1,2\n", "its columns: a, b"),
        ("id\n1\n1\n", "names 1 twice"),
        ("\x81", "UTF-8"),
    ],
)
def test_a_roster_that_is_none_is_said(tmp_path, text, says):
    (tmp_path / "roster.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(RosterError, match=says):
        Roster.load(tmp_path / "roster.csv")


def test_a_name_that_two_students_share_finds_neither(tmp_path):
    known = roster(tmp_path, "student_id,name\n1,Kim Lee\n2,Kim Lee\n3,Zoë\n")
    with pytest.raises(Unknown, match="Kim Lee may be 1 or 2"):
        known.find("Kim Lee")
    with pytest.raises(Unknown, match="by the id 3 it is 3's, and by the name Kim Lee 1's"):
        known.find("3", "Kim Lee")
    assert known.find("Zoë").id == "3"
    assert known.find("2", "Kim Lee").id == "2"


@pytest.mark.parametrize(
    "raw",
    [
        "student_id;name\nzm;Z\u00f6e M\u00fcller\n".encode("utf-8-sig"),
        "student_id;name\nzm;Z\u00f6e M\u00fcller\n".encode("cp1252"),
        "student_id\tname\r\nzm\tZ\u00f6e M\u00fcller\r\n".encode("utf-16"),
    ],
)
def test_a_roster_may_come_from_any_spreadsheet(tmp_path, raw):
    (tmp_path / "roster.csv").write_bytes(raw)
    assert Roster.load(tmp_path / "roster.csv").find("zm").name == "Z\u00f6e M\u00fcller"


@pytest.mark.parametrize(
    "heading",
    [
        "student_id,First name,Last name",  # Moodle, Gradescope
        "Last Name,First Name,SID",
        "Matrikelnummer;Nachname;Vorname",
        "ID-Nummer;Vorname;Nachname;E-Mail-Adresse",
    ],
)
def test_a_name_may_stand_in_two_columns(tmp_path, heading):
    comma = ";" if ";" in heading else ","
    values = {"first": "Zoë", "vorname": "Zoë", "last": "van der Müller", "nachname": "van der Müller"}
    row = [values.get(column.split()[0].casefold(), "7") for column in heading.split(comma)]
    person = roster(tmp_path, f"{heading}\n{comma.join(row)}\n").find("4711", "Zoë van der Müller")
    assert (person.id, person.name) == ("7", "Zoë van der Müller")


def test_a_name_is_found_however_a_platform_or_a_file_system_writes_it(tmp_path):
    known = roster(
        tmp_path, 'student_id,name\n1,Zoë Müller\n2,"Strauß, Renée"\n3,Kim Lee\n4,Lee Kim\n5,Ana García López\n'
    )
    for spelling in ("Zoë Müller", "mullerzoe", unicodedata.normalize("NFD", "Zoë Müller"), "Müller, Zoë"):
        assert known.find("99", spelling).id == "1", spelling
    for spelling in ("straussrenee", "Renée Strauß"):
        assert known.find("99", spelling).id == "2", spelling
    for spelling in ("garcíalópezana", "López Ana García", "Ana García-López"):
        assert known.find("99", spelling).id == "5", spelling
    assert (known.find("99", "Kim Lee").id, known.find("99", "leekim").id) == ("3", "4")
