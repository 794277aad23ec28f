"""Fetching a file: whole and checked, or not at all. The server is this machine."""

import gzip
import hashlib
import http.server
import io
import threading
import time

import numpy as np
import pytest

from fedteach import data
from fedteach.data import DataError, mnist, places
from fedteach.data.download import download

CONTENT = bytes(range(256)) * 1000  # 256,000 bytes
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.BaseHTTPRequestHandler):
    """Answers each path in its own way; counts what it was asked."""

    content = CONTENT

    def do_GET(self):
        self.server.asked.append(self.path)
        getattr(self, self.path.strip("/"))()

    def start(self, length=None, status=200):
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def whole(self):
        self.start(len(self.content))
        self.wfile.write(self.content)

    def without_length(self):
        self.start()
        self.wfile.write(self.content)

    def packed(self):
        packed = gzip.compress(self.content)
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(packed)))
        self.end_headers()
        self.wfile.write(packed)

    def changed(self):
        self.start(len(self.content))
        self.wfile.write(b"?" + self.content[1:])

    def cut_short(self):
        self.start(len(self.content))
        self.wfile.write(self.content[:1000])

    def missing(self):
        self.start(0, status=404)

    def endless(self):
        self.start()
        try:
            while True:
                self.wfile.write(b"x" * 65536)
        except OSError:
            pass

    def trickle(self):
        self.start(len(self.content))
        try:
            for _ in range(200):
                self.wfile.write(b"x")
                time.sleep(0.05)
        except OSError:
            pass

    def silent(self):
        self.start(len(self.content))
        self.server.let_go.wait(10)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        server.asked, server.let_go = [], threading.Event()
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        server.url = f"http://127.0.0.1:{server.server_port}/"
        yield server
        server.let_go.set()
        server.shutdown()
        thread.join()


def fetch(server, path, target, **changes):
    options = {"at_most_bytes": len(CONTENT), "progress": False, **changes}
    return download(server.url + path, target, SHA256, **options)


@pytest.mark.parametrize("path", ["whole", "without_length", "packed"])
def test_a_file_arrives_whole_with_its_folder_and_nothing_beside_it(server, tmp_path, path):
    target = tmp_path / "new" / "folder" / "file"
    assert fetch(server, path, target) == target
    assert target.read_bytes() == CONTENT
    assert [file.name for file in target.parent.iterdir()] == ["file"]


def test_progress_is_shown_unless_it_is_not_wanted(server, tmp_path, capsys):
    fetch(server, "whole", tmp_path / "file", progress=True)
    shown = capsys.readouterr().err
    assert "file: 100%" in shown
    fetch(server, "whole", tmp_path / "file")
    assert capsys.readouterr().err == ""


FAILURES = {
    "changed": ("changed", {}, "expected sha256"),
    "cut short": ("cut_short", {}, "the download broke off"),
    "refused": ("missing", {}, "the server answered 404"),
    "endless": ("endless", {}, "expected at most 256,000 bytes"),
    "announced too large": ("whole", {"at_most_bytes": 255_999}, "expected at most 255,999 bytes"),
    "trickling": ("trickle", {"limit_s": 0.3}, "not finished after 0.3 s"),
    "silent": ("silent", {"answer_s": 0.3}, "did not answer in time"),
}


@pytest.mark.parametrize(("path", "options", "message"), FAILURES.values(), ids=FAILURES)
def test_a_failed_download_leaves_the_old_file_and_no_crumbs(server, tmp_path, path, options, message):
    target = tmp_path / "file"
    target.write_bytes(b"old")
    started = time.monotonic()
    with pytest.raises(DataError, match=message) as error:
        fetch(server, path, target, **options)
    assert time.monotonic() - started < 5
    assert "\n" not in str(error.value)
    assert target.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_an_interrupted_download_leaves_no_crumbs(server, tmp_path, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("fedteach.data.download._save", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch(server, "whole", tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_error_in_one_line(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="cannot be written"):
        fetch(server, "whole", tmp_path / "file" / "below")


# ---- MNIST through the loopback server ---------------------------------------------------------------------


@pytest.fixture
def small_npz(server, monkeypatch):
    """A small mnist.npz that the server hands out, with a checksum that fits."""
    arrays = {
        "x_train": np.full((4, 28, 28), 51, np.uint8),
        "y_train": np.arange(4, dtype=np.uint8),
        "x_test": np.zeros((2, 28, 28), np.uint8),
        "y_test": np.arange(2, dtype=np.uint8),
    }
    file = io.BytesIO()
    np.savez(file, **arrays)
    monkeypatch.setattr(Server, "content", file.getvalue())
    monkeypatch.setattr(mnist, "KERAS_SHA256", hashlib.sha256(file.getvalue()).hexdigest())
    return file.getvalue()


def test_mnist_is_downloaded_once_into_the_keras_cache(server, small_npz):
    dataset = data.load("mnist", url=server.url + "whole")
    # 51 / 255 = 0.2
    np.testing.assert_array_equal(dataset.train.x, np.full((4, 28, 28, 1), 0.2, np.float32))
    assert (places.keras_cache() / "mnist.npz").read_bytes() == small_npz
    data.clear_cache()
    data.load("mnist", url=server.url + "whole")
    assert server.asked == ["/whole"]
    assert {entry.name for entry in data.available() if entry.here} == {"digits", "glyphs", "mnist"}


def test_a_changed_download_is_refused_and_not_kept(server, small_npz):
    with pytest.raises(DataError, match="expected sha256"):
        data.load("mnist", url=server.url + "changed")
    assert not (places.keras_cache() / "mnist.npz").exists()


def test_a_damaged_file_in_the_keras_cache_says_to_delete_it(server, small_npz):
    cached = places.keras_cache() / "mnist.npz"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(small_npz[:-1])
    with pytest.raises(DataError, match=r"mnist\.npz: expected sha256 .* delete the file and load again"):
        data.load("mnist", url=server.url + "whole")
    assert server.asked == []


def test_an_npz_in_the_data_folder_will_do(small_npz, tmp_path, monkeypatch):
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "mnist.npz").write_bytes(small_npz)
    monkeypatch.setenv("FEDTEACH_DATA", str(tmp_path))
    assert len(data.load("mnist").train) == 4


def test_offline_one_line_says_what_to_do():
    # Port 9 (discard) of this machine: nobody listens, as when there is no network.
    with pytest.raises(DataError) as error:
        data.load("mnist", url="http://127.0.0.1:9/mnist.npz")
    message = str(error.value)
    assert "\n" not in message
    assert "the connection was refused" in message
    assert "put the four classic .gz files" in message
    assert "`digits` and `glyphs` need no download" in message


def test_mnist_writers_without_its_tables_does_not_wait_for_a_download(server):
    with pytest.raises(DataError, match="prepare_mnist_writers.py"):
        data.load("mnist_writers", url=server.url + "silent")
    assert server.asked == []
