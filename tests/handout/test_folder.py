"""A hand-out is on the disk whole or not at all, and takes nobody's place."""

import os
import shutil
import sys
import zipfile

import pytest

from fedteach.handout import folder
from fedteach.zips import zipped

FILES = {"README.md": b"Read me.\n", "wheels/a.whl": b"wheel"}


def tree(path):
    return {p.relative_to(path).as_posix(): p.read_bytes() for p in path.rglob("*") if p.is_file()}


@pytest.fixture
def place(tmp_path):
    return tmp_path / "handout"


def test_the_zip_holds_the_folder_and_is_the_same_each_time(place, tmp_path):
    archive = folder.write(place, FILES, True)
    assert archive == tmp_path / "handout.zip"
    before = archive.read_bytes()
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        assert {name: opened.read(name) for name in opened.namelist()} == {
            "handout/README.md": b"Read me.\n",
            "handout/wheels/a.whl": b"wheel",
        }
    os.utime(place / "README.md", (1, 1))
    folder.write(place, dict(reversed(FILES.items())), True)
    assert archive.read_bytes() == before == zipped((f"handout/{name}", content) for name, content in FILES.items())


def test_an_earlier_hand_out_is_replaced_and_nothing_else_is_left(place, tmp_path):
    folder.write(place, FILES, True)
    folder.write(place, {"other.txt": b"new"}, True)
    assert set(tree(place)) == {"other.txt", folder.MANIFEST}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["handout", "handout.zip"]


def test_without_a_zip_that_of_an_earlier_release_goes(place, tmp_path):
    folder.write(place, FILES, True)
    assert folder.write(place, FILES, False) is None
    assert [path.name for path in tmp_path.iterdir()] == ["handout"]


def test_an_empty_folder_will_do(place):
    (place / "wheels").mkdir(parents=True)
    folder.write(place, FILES, False)
    assert set(tree(place)) == {*FILES, folder.MANIFEST}


def _changed(place):
    (place / "README.md").write_text("my own words")


def _added(place):
    (place / "notes.txt").write_text("mine")


def _linked(place):
    (place / "README.md").unlink()
    (place / "README.md").symlink_to("wheels/a.whl")


def _no_manifest(place):
    (place / folder.MANIFEST).unlink()


def _broken_manifest(place):
    (place / folder.MANIFEST).write_text('{"files": [1]}')


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_changed, "holds README.md, which is not as fedteach wrote it"),
        (_added, "holds notes.txt, which is not as fedteach wrote it"),
        (_linked, "holds README.md"),
        (_no_manifest, "is not empty, and no hand-out"),
        (_broken_manifest, "is not empty, and no hand-out"),
    ],
)
def test_what_is_not_ours_stays(place, tmp_path, spoil, says):
    folder.write(place, FILES, False)
    spoil(place)
    before = tree(tmp_path)
    with pytest.raises(ValueError, match=says):
        folder.write(place, {"other.txt": b"new"}, True)
    assert tree(tmp_path) == before


def test_somebody_elses_zip_stays(place, tmp_path):
    (tmp_path / "handout.zip").write_text("mine")
    with pytest.raises(ValueError, match=r"handout\.zip is there and not from an earlier release"):
        folder.write(place, FILES, True)
    folder.write(place, FILES, False)
    assert (tmp_path / "handout.zip").read_text() == "mine"


def test_a_file_is_no_folder(place):
    place.write_text("a file")
    with pytest.raises(ValueError, match="is a file: name another DIR"):
        folder.write(place, FILES, True)
    with pytest.raises(ValueError, match="cannot be written"):
        folder.write(place / "below", FILES, True)
    assert place.read_text() == "a file"


def test_a_folder_of_the_course_is_forbidden_also_by_a_link(tmp_path):
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    (tmp_path / "link").symlink_to(notebooks)
    for name in ("notebooks", "notebooks/handout", "link/handout", "link"):
        with pytest.raises(ValueError, match="a folder of the course itself"):
            folder.write(tmp_path / name, FILES, True, (notebooks,))
    assert list(notebooks.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder in which not even the administrator may write")
def test_where_nobody_may_write_one_sentence_says_so(tmp_path):
    from pathlib import Path

    with pytest.raises(ValueError, match=r"^/proc/handout cannot be written"):
        folder.write(Path("/proc/handout"), FILES, True)


@pytest.mark.parametrize("step", ["_fill", "_take_the_place"])
def test_a_disk_that_fails_leaves_what_was_there(place, tmp_path, monkeypatch, step):
    folder.write(place, FILES, True)
    before = tree(tmp_path)

    def full(part, *others):
        part.mkdir(exist_ok=True)
        (part / "half").write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder, step, full)
    with pytest.raises(ValueError, match="No space left on device"):
        folder.write(place, {"other.txt": b"new"}, True)
    assert tree(tmp_path) == before


def test_a_move_that_fails_puts_the_old_one_back(place, tmp_path, monkeypatch):
    folder.write(place, FILES, False)
    before = tree(tmp_path)
    shutil.copytree(place, tmp_path / "copy")
    with pytest.raises(OSError, match="missing"):
        folder._take_the_place(tmp_path / "missing", place)
    shutil.rmtree(tmp_path / "copy")
    assert tree(tmp_path) == before
