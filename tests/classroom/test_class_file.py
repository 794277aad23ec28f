"""What a class keeps so that it can go on after a crash."""

import json
import os

import pytest

from fedteach.classroom.class_file import ClassFile
from fedteach.history import History
from fedteach.run_folder import Checkpoint, ResumeError, RunFolder, SaveError
from fedteach.transport.http.keys import Keys
from tests.classroom.classes import SMALL

MEMBERS = [{"client": "0", "name": "Zo\u00eb <b>", "key": "k" * 16, "generation": 2, "codecs": ["int8"]}]
WINDOWS = {"min_clients": 2, "start_window_s": 1.5, "update_window_s": None, "update_ratio": 0.8}


def a_file(**changes):
    return ClassFile(
        **{
            "keys": Keys.fresh(),
            "experiment": SMALL,
            "host": "0.0.0.0",
            "port": 8765,
            "tls": True,
            "windows": WINDOWS,
            "members": MEMBERS,
            **changes,
        }
    )


def a_run(out):
    folder = RunFolder(out)
    folder.start(History(["0"], {}), Checkpoint(0, [], {}, {}))
    return folder


def test_what_was_saved_is_read_back(tmp_path):
    saved = a_file()
    saved.save(tmp_path, None)
    assert ClassFile.load(tmp_path) == saved
    assert not saved.has_run


def test_from_the_first_round_on_it_stands_beside_the_checkpoints_and_nowhere_else(tmp_path):
    saved = a_file()
    saved.save(tmp_path, None)
    folder = a_run(tmp_path)
    assert not ClassFile.load(tmp_path).has_run, "killed before the run had its file: it begins anew, with its tokens"
    saved.save(tmp_path, folder)
    assert list(tmp_path.rglob("class.json")) == [folder.checkpoints / "class.json"]
    found = ClassFile.load(tmp_path)
    assert found.has_run
    assert found.keys == saved.keys


def test_only_its_owner_may_read_it_from_the_first_byte_on(tmp_path, monkeypatch):
    modes = []
    replace = os.replace

    before = os.umask(0)
    try:
        monkeypatch.setattr(
            "pathlib.Path.replace", lambda self, to: (modes.append(self.stat().st_mode), replace(self, to))
        )
        a_file().save(tmp_path, None)
        a_file().save(tmp_path, a_run(tmp_path))
    finally:
        os.umask(before)
    (path,) = tmp_path.rglob("class.json")
    assert path.stat().st_mode & 0o777 == 0o600
    assert 0o600 in {mode & 0o777 for mode in modes}, "while it was written"


def test_the_newest_class_is_found(tmp_path):
    first, second = a_file(port=1), a_file(port=2)
    first.save(tmp_path, a_run(tmp_path))
    second.save(tmp_path, a_run(tmp_path))
    assert ClassFile.load(tmp_path).port == 2


def test_a_folder_without_a_class_is_said_in_words(tmp_path):
    with pytest.raises(ResumeError, match="there is no run to resume in"):
        ClassFile.load(tmp_path)
    a_run(tmp_path)
    with pytest.raises(ResumeError, match=r"is not one of `fedteach serve`; go on with: fedteach run --resume"):
        ClassFile.load(tmp_path)


@pytest.mark.parametrize("damage", ["half", "no keys", "other experiment"])
def test_a_damaged_file_is_said_in_words(tmp_path, damage):
    a_file().save(tmp_path, None)
    path = tmp_path / "class.json"
    data = json.loads(path.read_text())
    if damage == "no keys":
        del data["keys"]
    elif damage == "other experiment":
        data["experiment"]["clients"] = -1
    text = json.dumps(data)
    path.write_text(text[: len(text) // 2] if damage == "half" else text)
    with pytest.raises(ResumeError, match=r"class\.json cannot be used: .*; start the class anew"):
        ClassFile.load(tmp_path)


def test_where_nothing_can_be_written_it_says_what_to_do(tmp_path):
    (tmp_path / "out").write_text("a file where the folder should be")
    with pytest.raises(SaveError, match=r"cannot write .*; choose another --out"):
        a_file().save(tmp_path / "out", None)
