"""The folder that a class is graded into: one grading at a time, and nothing of anybody else's."""

import multiprocessing

import pytest

from fedteach.grading.batch.workspace import FolderInUse, workspace


def test_only_one_grading_at_a_time_writes_into_a_folder(tmp_path):
    with workspace(tmp_path / "out") as work:
        assert work.is_dir()
        with pytest.raises(FolderInUse, match="another grading writes into"), workspace(tmp_path / "out"):
            pass
        assert work.is_dir(), "and whoever came second has removed nothing"
    assert not work.exists()
    with workspace(tmp_path / "out"):
        pass


def _die_inside(out):
    import os

    with workspace(out) as work:
        (work / "left over").write_text("x")
        os._exit(1)


def test_what_a_killed_grading_has_left_is_removed_by_the_next(tmp_path):
    process = multiprocessing.get_context("spawn").Process(target=_die_inside, args=(tmp_path / "out",))
    process.start()
    process.join()
    assert (tmp_path / "out" / ".work" / "left over").exists()
    with workspace(tmp_path / "out") as work:
        assert list(work.iterdir()) == []


def test_a_folder_with_other_things_is_refused_and_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("x")
    with pytest.raises(ValueError, match="holds other things"), workspace(tmp_path / "mine"):
        pass
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]
    with pytest.raises(ValueError, match="is a file"), workspace(tmp_path / "mine" / "notes.txt"):
        pass
