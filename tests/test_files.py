"""Files that appear whole or not at all."""

import os
import threading

import pytest

from fedteach.files import write_atomically


def test_threads_that_write_one_file_at_once_leave_one_whole_text_and_no_parts(tmp_path):
    path = tmp_path / "class.json"
    texts = {str(i) * 100_000 for i in range(8)}
    together, failed = threading.Barrier(len(texts)), []

    def write(text):
        try:
            together.wait()
            for _ in range(20):
                write_atomically(path, text)
        except OSError as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert path.read_text() in texts
    assert list(tmp_path.iterdir()) == [path]


def test_who_is_interrupted_while_writing_leaves_the_old_text_and_no_part(tmp_path, monkeypatch):
    path = write_atomically(tmp_path / "class.json", "old")

    def interrupted(fd):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
