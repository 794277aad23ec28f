"""Archives that an enemy has packed: what comes out is what should, and nothing lands elsewhere."""

import io
import os
import stat
import struct
import zipfile

import pytest

from fedteach.grading.batch.archives import MOST_FILE_BYTES, Budget, open_archive, open_platform_archive

NOTEBOOK = b'{"cells": []}'


def entry(name, mode=0, compressed=zipfile.ZIP_STORED):
    info = zipfile.ZipInfo(name, (2026, 3, 4, 5, 6, 8))
    info.external_attr, info.compress_type = mode << 16, compressed
    return info


def packed(path, *entries):
    with zipfile.ZipFile(path, "w") as archive:
        for info, content in entries:
            archive.writestr(entry(info) if isinstance(info, str) else info, content)
    return path


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_notebooks_and_scripts_come_out_and_nothing_else(tmp_path):
    names = [
        "04_aggregation.ipynb",
        "work/helper.py",
        "photo.jpg",
        "conftest.ini",
        ".git/config.py",
        "__MACOSX/x.ipynb",
    ]
    opened = open_archive(packed(tmp_path / "a.zip", *((name, NOTEBOOK) for name in names)), tmp_path / "out", Budget())
    assert files(tmp_path / "out") == ["04_aggregation.ipynb", "work/helper.py"]
    assert opened.left_out == []


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../evil.py", "leads out"),
        ("a/../../evil.py", "leads out"),
        ("/etc/evil.py", "leads out"),
        ("C:evil.py", "mean something else"),
        ("..\\evil.py", "mean something else"),
        ("con.py", "name of a device"),
        ("a/LPT1.ipynb", "name of a device"),
        ("x" * 300 + ".py", "no file system"),
        ("/".join("abcdefghijklmno") + ".py", "no file system"),
    ],
)
def test_a_path_that_leads_elsewhere_stays_inside_and_is_told(tmp_path, name, why):
    archive = packed(tmp_path / "a.zip", ("ok.ipynb", NOTEBOOK), (name, b"x"))
    opened = open_archive(archive, tmp_path / "deep" / "out", Budget())
    assert files(tmp_path / "deep") == ["out/ok.ipynb"]
    (told,) = opened.left_out
    assert why in told


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFBLK])
def test_links_and_devices_stay_inside(tmp_path, kind):
    archive = packed(tmp_path / "a.zip", (entry("link.py", kind | 0o777), b"/etc/passwd"))
    opened = open_archive(archive, tmp_path / "out", Budget())
    assert "a link, or something else" in opened.left_out[0]
    assert files(tmp_path / "out") == []


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_names_that_are_the_same_to_some_computer_the_first_counts(tmp_path):
    archive = packed(
        tmp_path / "a.zip", ("A.py", b"1"), ("a.py", b"2"), ("A.py", b"3"), ("\u00e9.py", b"4"), ("e\u0301.py", b"5")
    )
    opened = open_archive(archive, tmp_path / "out", Budget())
    assert len(opened.left_out) == 3
    assert (tmp_path / "out" / "A.py").read_bytes() == b"1"


def test_a_bomb_stays_inside_whatever_it_says_of_its_size(tmp_path):
    bomb = packed(tmp_path / "a.zip", (entry("bomb.ipynb", compressed=zipfile.ZIP_DEFLATED), bytes(20 * 2**20)))
    opened = open_archive(bomb, tmp_path / "honest", Budget())
    assert "two hundred times" in opened.left_out[0]
    raw = bomb.read_bytes()
    lie = raw.replace(struct.pack("<I", 20 * 2**20), struct.pack("<I", 100))
    assert lie != raw
    (tmp_path / "lie.zip").write_bytes(lie)
    opened = open_archive(tmp_path / "lie.zip", tmp_path / "lying", Budget())
    assert "damaged" in opened.left_out[0]
    assert files(tmp_path / "lying") == []


def test_what_is_more_than_a_student_may_take_stays_inside(tmp_path):
    archive = packed(tmp_path / "a.zip", *((f"{i}.ipynb", os.urandom(1000)) for i in range(10)))
    opened = open_archive(archive, tmp_path / "out", Budget(n_bytes=5000))
    assert (len(files(tmp_path / "out")), "too much altogether" in opened.left_out[0]) == (5, True)
    opened = open_archive(archive, tmp_path / "more", Budget(n_entries=9))
    assert (len(files(tmp_path / "more")), "too many files" in opened.left_out[0]) == (9, True)


@pytest.mark.parametrize("around", ["", "class/"])
def test_in_a_platforms_archive_nobody_takes_what_is_for_others(tmp_path, around):
    entries = [(f"{around}eve/{n}.py", b"") for n in range(600)] + [(f"{around}anna/04_a.ipynb", NOTEBOOK)]
    opened = open_platform_archive(packed(tmp_path / "a.zip", *entries), tmp_path / "out")
    assert f"{around}anna/04_a.ipynb" in files(tmp_path / "out")
    assert len(opened.left_out) == 100


def test_a_damaged_entry_stays_inside_and_the_others_come_out(tmp_path):
    path = packed(
        tmp_path / "a.zip",
        (entry("bad.ipynb", compressed=zipfile.ZIP_DEFLATED), os.urandom(5000)),
        ("04_a.ipynb", NOTEBOOK),
    )
    raw = bytearray(path.read_bytes())
    raw[60:200] = b"\xff" * 140
    path.write_bytes(raw)
    opened = open_platform_archive(path, tmp_path / "out")
    assert files(tmp_path / "out") == ["04_a.ipynb"]
    assert "bad.ipynb: damaged" in opened.left_out[0]


def test_a_file_of_a_hundred_megabytes_is_too_long(tmp_path):
    info = entry("long.ipynb", compressed=zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive, archive.open(info, "w") as file:
        for _ in range(MOST_FILE_BYTES // 2**20 + 1):
            file.write(bytes(2**20))
    assert "longer than 101 MB" in open_archive(tmp_path / "a.zip", tmp_path / "out", Budget()).left_out[0]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no", b"x" * 1000, None])
def test_what_is_no_zip_is_said(tmp_path, content):
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("a.ipynb", NOTEBOOK)
    (tmp_path / "a.zip").write_bytes(whole.getvalue()[:-30] if content is None else content)
    with pytest.raises(ValueError, match="a.zip cannot be opened"):
        open_archive(tmp_path / "a.zip", tmp_path / "out", Budget())


def test_what_a_locked_archive_holds_is_told(tmp_path):
    archive = packed(tmp_path / "a.zip", ("a.ipynb", NOTEBOOK))
    raw = bytearray(archive.read_bytes())
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(raw)
    assert "locked with a password" in open_archive(archive, tmp_path / "out", Budget()).left_out[0]
