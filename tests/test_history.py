import csv
import json
import threading

import pytest

from fedteach.history import History, LogError, RoundRecord, Row, size_text, write_atomically


def history() -> History:
    first = RoundRecord(
        1,
        selected=("a", "b"),
        clients={"a": {"accuracy": 0.5, "n_examples": 10}},
        lost={"b": "late"},
        server={"accuracy": 0.25},
        seconds={"total": 1.5},
        bytes_down=200,
        bytes_up=100,
    )
    second = RoundRecord(2, selected=("b",), clients={"b": {"accuracy": 0.75}}, server={"accuracy": 0.5}, note="hello")
    return History(["a", "b"], {"split": "4", "rounds": 2, "seed": 0}, [first, second])


def test_rows_hold_one_value_each():
    rows = list(history().rows())
    assert Row(1, "server", "accuracy", 0.25) in rows
    assert Row(1, "a", "n_examples", 10) in rows
    assert Row(1, "b", "lost", 1.0) in rows
    assert Row(1, "server", "bytes_up", 100) in rows
    assert Row(1, "server", "seconds_total", 1.5) in rows
    assert len(rows) == len({row[:3] for row in rows})


def test_the_log_has_the_keys_of_the_original_course():
    log = history().to_log()
    assert list(log)[:6] == ["client number", "experiment", "max round", "clients acc", "server acc", "final weight"]
    assert log["client number"] == 2
    assert log["experiment"] == "4"
    assert log["max round"] == 2
    # client a took no part in round 2, client b was lost in round 1
    assert log["clients acc"] == {"a": [0.5, None], "b": [None, 0.75]}
    assert log["server acc"] == [0.25, 0.5]
    assert log["final weight"] is None


def test_a_log_comes_back_as_it_was(tmp_path):
    path = history().to_json(tmp_path / "logs" / "run.json")
    back = History.from_json(path)
    assert list(back) == list(history())
    assert back.client_ids == ("a", "b")
    assert back.settings == history().settings


def test_a_log_of_the_original_course_can_be_read(tmp_path):
    log = {
        "client number": 2,
        "experiment": 1,
        "max round": 3,
        "clients acc": {"0": [0.8, 0.9, 0.95], "1": [0.7, 0.8, 0.9]},
        "server acc": [0.889, 0.671, 0.891],
        "final weight": [[1.0]],
    }
    path = tmp_path / "20211121_101112.json"
    path.write_text(json.dumps(log))
    read = History.from_json(path)
    assert read.server_accuracy == [0.889, 0.671, 0.891]
    assert read.client_metric("1") == [0.7, 0.8, 0.9]
    assert read.settings["split"] == "1"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "cannot be read as a JSON log"),
        ('{"client number": 2', "cannot be read as a JSON log"),
        ("[]", "is not a federation log"),
        ("{}", "expected the keys 'client number'"),
        ('{"client number": 1, "experiment": 1, "max round": 1, "clients acc": 3, "server acc": []}', "is not a"),
        ('{"rounds": [{"round": 1}], "client ids": [], "settings": {}}', "is not a federation log"),
    ],
)
def test_a_damaged_log_is_refused_in_one_line(tmp_path, text, words):
    path = tmp_path / "log.json"
    path.write_text(text)
    with pytest.raises(LogError, match=words) as error:
        History.from_json(path)
    assert "\n" not in str(error.value)


def test_a_missing_log_is_refused(tmp_path):
    with pytest.raises(LogError, match="there is no log"):
        History.from_json(tmp_path / "nothing.json")


def test_the_csv_has_a_header_and_every_row(tmp_path):
    path = history().to_csv(tmp_path / "run.csv")
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == len(list(history().rows()))
    assert lines[0] == {"round": "1", "client": "server", "metric": "accuracy", "value": "0.25"}


def test_the_table_says_in_words_what_happened():
    lines = history().table().splitlines()
    assert lines[0].split("  ")[0].strip() == "round"
    assert lines[1].split() == ["1", "0.250", "0.500-0.500", "1", "of", "2", "1", "1.50", "200", "B", "100", "B"]
    assert lines[-1] == "round 2: hello"


def test_an_empty_history_has_a_table_and_a_log():
    assert "round" in History(["a"]).table()
    assert History(["a"]).to_log()["server acc"] == []


def test_readers_and_a_writer_do_not_disturb_each_other():
    growing = History(["a"])
    failures = []

    def read():
        while len(growing) < 2000:
            rounds = [record.round for record in growing]
            if rounds != list(range(1, len(rounds) + 1)):
                failures.append(rounds)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(1, 2001):
        growing.append(RoundRecord(number))
    for reader in readers:
        reader.join()
    assert not failures


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "log.json"
    write_atomically(path, "old")

    def full_disk(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["log.json"]


@pytest.mark.parametrize(
    ("n_bytes", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (4_799_528, "4.8 MB"), (2.5e9, "2.5 GB")]
)
def test_sizes_are_said_in_the_unit_a_person_would_use(n_bytes, text):
    assert size_text(n_bytes) == text
