"""Data sets by name: what is loaded, shared, refused and announced."""

import ast
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from fedteach import data
from fedteach.data import DataError, datasets


def test_digits_are_cut_into_1297_and_500():
    digits = data.load("digits")
    assert (len(digits.train), len(digits.test)) == (1297, 500)
    assert digits.input_shape == (8, 8, 1)
    assert digits.classes == tuple("0123456789")
    assert (digits.train.x.dtype, digits.train.y.dtype) == (np.float32, np.int32)
    assert (digits.train.x.min(), digits.train.x.max()) == (0, 1)


def test_every_digit_has_its_share_of_the_test_examples():
    # 1797 digits: 178 182 177 183 181 182 181 179 174 180; times 500/1797:
    # 49.53 50.64 49.25 50.92 50.36 50.64 50.36 49.81 48.41 50.08. Rounded down they make 495; the five
    # largest fractions (3: .92, 7: .81, 1 and 5: .64, 0: .53) get one more.
    test = data.load("digits").test
    np.testing.assert_array_equal(np.bincount(test.y), [50, 51, 49, 51, 50, 51, 50, 50, 48, 50])


def test_digits_are_all_of_scikit_learns_and_each_once():
    sklearn_datasets = pytest.importorskip("sklearn.datasets")
    theirs = sklearn_datasets.load_digits()
    digits = data.load("digits")
    rows = [np.column_stack([part.x.reshape(-1, 64) * 16, part.y]) for part in (digits.train, digits.test)]
    ours = np.concatenate(rows)
    expected = np.column_stack([theirs.data, theirs.target])
    np.testing.assert_array_equal(ours[np.lexsort(ours.T)], expected[np.lexsort(expected.T)])


def test_the_same_name_gives_the_same_object():
    assert data.load("digits") is data.load("digits")


def test_written_out_defaults_give_the_same_object():
    assert data.load("glyphs", n_writers=2, per_writer=3) is data.load("glyphs", per_writer=3, n_writers=2, seed=0)
    assert data.load("glyphs", n_writers=2, per_writer=3) is not data.load("glyphs", n_writers=2, per_writer=3, seed=1)


def test_two_threads_get_the_same_object():
    with ThreadPoolExecutor(4) as threads:
        loaded = list(threads.map(lambda _: data.load("glyphs", n_writers=3, per_writer=4), range(8)))
    assert len({id(dataset) for dataset in loaded}) == 1


def test_loading_imports_only_what_reading_a_file_needs():
    code = "import sys; from fedteach import data; data.load('digits'); data.available(); print(sorted(sys.modules))"
    environment = {"PYTHONPATH": str(Path(data.__file__).parents[2])}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment)
    assert result.returncode == 0, result.stderr
    loaded = set(ast.literal_eval(result.stdout))
    assert not loaded & {"tensorflow", "keras", "sklearn", "scipy", "requests", "tqdm", "matplotlib", "PIL"}


def test_a_cleared_cache_loads_anew():
    before = data.load("digits")
    data.clear_cache()
    after = data.load("digits")
    assert after is not before
    np.testing.assert_array_equal(after.train.x, before.train.x)


def test_nobody_can_change_shared_data():
    for name, options in {"digits": {}, "glyphs": {"n_writers": 2, "per_writer": 3}}.items():
        dataset = data.load(name, **options)
        for examples in (dataset.train, dataset.test):
            for array in (examples.x, examples.y, examples.writers):
                if array is not None:
                    with pytest.raises(ValueError, match="read-only"):
                        array[0] = 0


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(ValueError, match="unknown data set 'digit'.*did you mean 'digits'"):
        data.load("digit")


def test_an_unknown_option_suggests_the_nearest():
    with pytest.raises(ValueError, match="unknown option of data set 'glyphs' 'writers'.*did you mean 'n_writers'"):
        data.load("glyphs", writers=3)
    with pytest.raises(ValueError, match="'digits' takes no options, got 'seed'"):
        data.load("digits", seed=3)


def test_an_option_of_the_wrong_kind_is_refused_even_after_an_equal_one():
    data.load("glyphs", n_writers=2, per_writer=3)
    with pytest.raises(ValueError, match="n_writers must be a whole number"):
        data.load("glyphs", n_writers=2.0, per_writer=3)
    with pytest.raises(ValueError, match="n_writers must be a single value"):
        data.load("glyphs", n_writers=[2])


def test_every_data_set_says_where_it_comes_from(small_mnist):
    for name in data.DATASETS:
        dataset = data.load(name)
        assert dataset.name == name
        assert dataset.licence
        assert dataset.citation
        assert dataset.source
        assert dataset.n_classes == len(dataset.classes)


def test_in_an_empty_world_digits_and_glyphs_are_here_and_the_rest_says_how():
    entries = {entry.name: entry for entry in data.available()}
    assert list(entries) == list(data.DATASETS)
    assert {name for name, entry in entries.items() if entry.here} == {"digits", "glyphs"}
    assert entries["mnist"].where == ""
    assert "datasets/mnist" in entries["mnist"].how_to_get
    assert "prepare_mnist_writers.py" in entries["mnist_writers"].how_to_get


def test_what_lies_in_the_data_folder_is_here(small_mnist):
    entries = {entry.name: entry for entry in data.available()}
    assert all(entry.here for entry in entries.values())
    assert entries["mnist"].where == str(small_mnist.folder / "mnist")


def test_writers_without_images_are_not_here(small_mnist):
    for file in (small_mnist.folder / "mnist").iterdir():
        file.unlink()
    entries = {entry.name: entry for entry in data.available()}
    assert not entries["mnist_writers"].here


def test_a_broken_data_folder_is_told_and_hides_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setenv("FEDTEACH_DATA", str(tmp_path / "gone"))
    entries = {entry.name: entry for entry in data.available()}
    assert entries["digits"].here
    assert not entries["mnist"].here
    assert "FEDTEACH_DATA: expected a folder" in entries["mnist"].where
    with pytest.raises(DataError, match="FEDTEACH_DATA: expected a folder .* set it anew or unset it"):
        data.load("mnist")


def test_asking_what_is_available_reads_no_data(small_mnist, monkeypatch):
    monkeypatch.setattr("pathlib.Path.read_bytes", lambda self: pytest.fail(f"read {self}"))
    monkeypatch.setattr(np, "loadtxt", lambda *a, **k: pytest.fail("read a table"))
    assert len(datasets.available()) == 4


@pytest.mark.parametrize("damage", [b"", b"no gzip at all", b"\x1f\x8b\x08"])
def test_damaged_digits_are_refused_in_one_line(tmp_path, damage):
    from fedteach.data import digits

    (tmp_path / "digits.csv.gz").write_bytes(damage)
    with pytest.raises(DataError, match="install scikit-learn again"):
        digits._table_in(tmp_path / "digits.csv.gz")


def test_a_changed_digit_is_refused(tmp_path):
    import gzip

    from fedteach.data import digits

    (tmp_path / "digits.csv.gz").write_bytes(gzip.compress(b"1," * 64 + b"77\n"))
    with pytest.raises(DataError, match="has sha256 .*, expected"):
        digits._table_in(tmp_path / "digits.csv.gz")
