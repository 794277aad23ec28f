"""MNIST and its writers from files: the real ones, and small ones damaged in every way."""

import gzip
import hashlib
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fedteach import data
from fedteach.data import DataError, idx, mnist, mnist_writers

from .conftest import LABELS, WRITERS, idx_bytes

REPOSITORY = Path(__file__).parents[2]


def refusal(name="mnist"):
    """Load and return the one line with which it is refused."""
    data.clear_cache()
    with pytest.raises(DataError) as error:
        data.load(name)
    message = str(error.value)
    assert "\n" not in message
    return message


# ---- small files -------------------------------------------------------------------------------------------


def test_small_files_come_out_as_they_were_put_in(small_mnist):
    dataset = data.load("mnist")
    # pixel i of the file is i % 256; the tenth is 9 / 255
    assert dataset.train.x[0, 0, 9, 0] == np.float32(9 / 255)
    assert dataset.train.x.shape == (6, 28, 28, 1)
    assert dataset.train.y.tolist() == LABELS["train"]
    assert dataset.test.y.tolist() == LABELS["test"]
    assert dataset.train.writers is None


def test_writers_are_added_to_the_same_images(small_mnist):
    with_writers = data.load("mnist_writers")
    assert with_writers.train.writers.tolist() == WRITERS["train"]
    assert with_writers.test.writers.tolist() == WRITERS["test"]
    assert with_writers.train.x is data.load("mnist").train.x


@pytest.mark.parametrize("key", mnist.FILES)
def test_a_truncated_file_is_told_by_its_size(small_mnist, key):
    path = small_mnist.path(key)
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    message = refusal()
    assert message.startswith(f"{path}: expected {len(whole):,} bytes, got {len(whole) - 5:,}; copy or download")


@pytest.mark.parametrize("key", mnist.FILES)
def test_a_flipped_bit_is_told_by_the_checksum(small_mnist, key):
    path = small_mnist.path(key)
    flipped = bytearray(path.read_bytes())
    flipped[len(flipped) // 2] ^= 1
    path.write_bytes(flipped)
    md5 = hashlib.md5(flipped).hexdigest()
    assert re.search(rf"{path.name}: expected md5 {mnist.FILES[key].md5}, got {md5}; copy or download", refusal())


def test_other_data_under_the_same_name_are_pointed_to_from_arrays(small_mnist):
    small_mnist.path("y_test").write_bytes(b"fashion")
    assert "other data: use data.from_arrays" in refusal()


# What the checksum would let through only if the table itself were wrong; the checks behind it are tried one by one.
DAMAGED = {
    "no gzip": (None, b"just text", "expected a gzip file, got something else or a damaged one"),
    "gzip cut": (
        None,
        gzip.compress(idx_bytes(np.zeros(6)))[:-4],
        "expected a whole gzip file, got one that ends early",
    ),
    "wrong magic": (
        idx_bytes(np.zeros(6), magic=1234),
        None,
        "magic number 2051 for images, 2049 for labels), got magic",
    ),
    "nothing inside": (b"", None, "expected an idx file .* got 0 bytes"),
    "half a header": (struct.pack(">I", 0x0803) + b"12", None, "expected an idx header of 16 bytes, got 6 in all"),
    "too few": (idx_bytes(np.zeros(6))[:-1], None, "expected 6 bytes after the header for shape (6,), got 5"),
    "too many": (idx_bytes(np.zeros(6)) + b"more", None, "expected 6 bytes after the header for shape (6,), got 10"),
    "another count": (idx_bytes(np.zeros(5)), None, "expected bytes of shape (6,), got uint8 (5,)"),
    "images for labels": (idx_bytes(np.zeros((2, 3, 1))), None, "expected bytes of shape (6,), got uint8 (2, 3, 1)"),
    "label 10": (idx_bytes(np.array([1, 2, 10, 3, 11, 0])), None, "expected labels 0 to 9, got 10 at place 2"),
    "a gzip bomb": (bytes(100_000), None, "expected at most 22 bytes when unpacked, got more"),
}


@pytest.mark.parametrize(("content", "packed", "expected"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_refused_in_one_line(small_mnist, content, packed, expected):
    small_mnist.put("y_train", content, packed)
    message = refusal()
    assert message.startswith(f"{small_mnist.path('y_train')}: expected ")
    assert re.search(re.sub(r"([()])", r"\\\1", expected), message)


def test_a_missing_file_is_named(small_mnist):
    small_mnist.path("x_test").unlink()
    assert re.search(r"mnist: expected 4 files, but t10k-images-idx3-ubyte\.gz is missing", refusal())


def test_a_file_that_may_not_be_read_is_an_error_in_one_line(small_mnist):
    with pytest.raises(DataError, match=r"gone\.gz: cannot be read \(No such file or directory\)"):
        idx.read(small_mnist.folder / "gone.gz")


def test_idx_reads_plain_files_and_32_bit_integers(tmp_path):
    numbers = np.array([[1, -2, 300_000]])
    (tmp_path / "plain").write_bytes(struct.pack(">III", 0x0C02, 1, 3) + numbers.astype(">i4").tobytes())
    np.testing.assert_array_equal(idx.read(tmp_path / "plain"), numbers)


def test_the_data_folder_comes_before_the_keras_cache(small_mnist, monkeypatch, tmp_path):
    cache = tmp_path / "keras" / "datasets"
    cache.mkdir(parents=True)
    (cache / "mnist.npz").write_bytes(b"damaged, but nobody looks")
    monkeypatch.setenv("KERAS_HOME", str(cache.parent))
    assert len(data.load("mnist").train) == 6


@pytest.mark.parametrize("start", [".", "notebooks"])
def test_the_datasets_folder_is_found_from_the_course_and_from_its_notebooks(small_mnist, monkeypatch, tmp_path, start):
    monkeypatch.delenv("FEDTEACH_DATA")
    course = tmp_path / "course"
    (course / "notebooks").mkdir(parents=True)
    (course / "datasets").mkdir()
    shutil.copytree(small_mnist.folder / "mnist", course / "datasets" / "mnist")
    monkeypatch.chdir(course / start)
    assert data.load("mnist").train.y.tolist() == LABELS["train"]


# ---- tables of writers -------------------------------------------------------------------------------------


def test_a_changed_table_is_told_by_its_checksum(small_mnist):
    path = small_mnist.table_path("train")
    path.write_bytes(gzip.compress(small_mnist.table("train").replace(",31", ",13").encode()))
    assert re.search(
        r"mnist_train_writers\.csv\.gz: expected sha256 .* when unpacked, got .*; make it", refusal("mnist_writers")
    )


def test_a_truncated_table_is_told(small_mnist):
    path = small_mnist.table_path("test")
    path.write_bytes(path.read_bytes()[:-6])
    assert "mnist_t10k_writers.csv.gz: expected a whole gzip file" in refusal("mnist_writers")


WRONG_TABLES = {
    "other columns": (
        lambda text: text.replace("index", "place"),
        "expected the columns index,label,hsf_series,writer_id",
    ),
    "words": (lambda text: text.replace("31", "Ann"), "expected rows of four whole numbers, got other text"),
    "a row too few": (lambda text: text[: text.rindex("5,2,4")], "expected 6 rows in the order of the images, got 5"),
    "other order": (lambda text: text.replace("0,5,4,31\n1,", "1,5,4,31\n0,"), "rows in the order of the images"),
    "another label": (lambda text: text.replace("3,1,4", "3,7,4"), "expected label 1 in row 3, got 7; 1 rows differ"),
}


@pytest.mark.parametrize(("change", "expected"), WRONG_TABLES.values(), ids=WRONG_TABLES)
def test_a_table_that_does_not_fit_the_images_is_refused(small_mnist, change, expected):
    small_mnist.put_table("train", change(small_mnist.table("train")))
    message = refusal("mnist_writers")
    assert message.startswith(str(small_mnist.table_path("train")))
    assert expected in message


def test_one_table_without_the_other_is_told(small_mnist):
    small_mnist.table_path("test").unlink()
    assert "mnist_t10k_writers.csv.gz is missing" in refusal("mnist_writers")


# ---- the real files ----------------------------------------------------------------------------------------


def test_the_real_mnist_has_its_known_counts(real_data):
    dataset = data.load("mnist")
    assert dataset.train.x.shape == (60000, 28, 28, 1)
    assert dataset.test.x.shape == (10000, 28, 28, 1)
    # the published class counts
    assert np.bincount(dataset.train.y).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(dataset.test.y).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    # the published mean of the training pixels / 255
    assert dataset.train.x.mean(dtype=np.float64) == pytest.approx(0.13066, abs=1e-5)


def test_the_real_writers_are_539_and_297_others(real_data):
    dataset = data.load("mnist_writers")
    train, test = np.unique(dataset.train.writers), np.unique(dataset.test.writers)
    assert (len(train), len(test)) == (539, 297)
    assert not set(train) & set(test)
    # least, median and most images of a writer
    sizes = np.unique(dataset.train.writers, return_counts=True)[1]
    assert (sizes.min(), np.median(sizes), sizes.max()) == (19, 116, 131)
    assert data.split(dataset, "by_writer", None, seed=0).sizes.tolist() == sizes.tolist()


@pytest.mark.parametrize("damage", ["truncate", "flip"])
@pytest.mark.parametrize("key", mnist.FILES)
def test_a_damaged_real_file_is_refused(real_data, tmp_path, monkeypatch, key, damage):
    for file in mnist.FILES.values():
        (tmp_path / "mnist").mkdir(exist_ok=True)
        (tmp_path / "mnist" / file.name).symlink_to(real_data / "mnist" / file.name)
    path = tmp_path / "mnist" / mnist.FILES[key].name
    content = bytearray(path.read_bytes())
    if damage == "truncate":
        content = content[: len(content) // 2]
    else:
        content[len(content) // 2] ^= 0x10
    path.unlink()
    path.write_bytes(content)
    monkeypatch.setenv("FEDTEACH_DATA", str(tmp_path))
    message = refusal()
    assert message.startswith(
        f"{path}: expected {'md5' if damage == 'flip' else mnist.FILES[key].size_bytes.__format__(',')}"
    )


def test_a_damaged_real_table_of_writers_is_refused(real_data, tmp_path):
    labels = data.load("mnist").test.y
    file = mnist_writers.FILES["test"]
    text = gzip.decompress((real_data / "mnist_writers" / file.name).read_bytes())
    (tmp_path / file.name).write_bytes(gzip.compress(text.replace(b"\n77,", b"\n78,", 1)))
    with pytest.raises(DataError, match=r"mnist_t10k_writers\.csv\.gz: expected sha256"):
        mnist_writers.read_table(tmp_path / file.name, file, labels)


def test_the_script_makes_the_real_tables_from_qmnist(real_data, tmp_path):
    script = REPOSITORY / "datasets" / "prepare_mnist_writers.py"
    command = [sys.executable, script, real_data / "mnist_writers", "--to", tmp_path / "new"]
    environment = {"PYTHONPATH": str(REPOSITORY)}
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert result.returncode == 0, result.stderr
    for file in mnist_writers.FILES.values():
        made = gzip.decompress((tmp_path / "new" / file.name).read_bytes())
        assert hashlib.sha256(made).hexdigest() == file.sha256
        assert made == gzip.decompress((real_data / "mnist_writers" / file.name).read_bytes())


def test_the_script_refuses_a_file_that_is_not_qmnists(tmp_path):
    (tmp_path / "qmnist-train-labels-idx2-int.gz").write_bytes(b"something")
    script = REPOSITORY / "datasets" / "prepare_mnist_writers.py"
    command = [sys.executable, script, tmp_path, "--to", tmp_path / "new"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, env={"PYTHONPATH": str(REPOSITORY)})
    assert result.returncode == 1
    assert "expected sha256" in result.stderr
    assert not (tmp_path / "new").exists()
