"""A server that is killed inside of a round, at moments that one cannot see from outside, and comes back."""

import json
import signal

import pytest

from fedteach.classroom import line
from fedteach.messages import tensors_from_bytes, weights_from_tensors
from tests.classroom.classes import SMALL, Counting, join_words, joined, shells, wait_until
from tests.classroom.test_server import without_times
from tests.federations import same_bits

# What has happened when it dies, and what must not happen twice, or be forgotten.
MOMENTS = [
    ("averaged", 2),  # all updates are in, and nothing is written: the round is asked again
    ("half saved", 3),  # the new weights are written, the round does not count yet
    ("saved", 4),  # the round counts, and nobody was told
    ("saved", 6),  # the last one; there is no final log
    ("over", 0),  # all is written, and no client knows that it is over
]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_server_that_is_killed_inside_of_a_round_loses_nothing_and_asks_nobody_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(line, "_LONGEST_PAUSE_S", 0.5)
    experiment = SMALL.replace(clients=2, rounds=6, epochs=2, examples_per_client=None, test_examples=1000)
    experiment = experiment.replace(broadcast="float16")
    here = experiment.federation()
    here.run(6)
    settings = ["--model", "logistic", "--clients", "2", "--rounds", "6", "--epochs", "2", "--learning-rate", "0.1"]
    first = ["serve", "--port", "0", *settings, "--broadcast", "float16", "--min-clients", "2", "--no-stay"]
    with shells(tmp_path) as start:
        server = start(*first, dies=MOMENTS[0])
        words = join_words(server)
        token = words[words.index("--token") + 1]
        with joined(words[1], token, 2, Counting) as clients:
            for moment in [*MOMENTS[1:], None]:
                assert server.ended(60) == -signal.SIGKILL, server.lines
                server = start("serve", "--resume", "runs", "--no-stay", dies=moment)
            assert server.ended(90) == 0
            wait_until(lambda: all(client.news.state == "over" for client in clients), 20)
            assert [client.begun for client in clients] == [[1, 2, 3, 4, 5, 6]] * 2
            assert [[mine.round for mine in client.news.mine] for client in clients] == [[1, 2, 3, 4, 5, 6]] * 2
    (log,) = tmp_path.glob("runs/logs/*.json")
    kept = json.loads(log.read_text())
    assert [record["round"] for record in kept["rounds"]] == [1, 2, 3, 4, 5, 6]
    assert kept["server acc"] == here.history.server_accuracy
    (weights,) = tmp_path.glob("runs/logs/*.safetensors")
    assert kept["final weight file"] == weights.name
    assert same_bits(weights_from_tensors(tensors_from_bytes(weights.read_bytes())[0]), here.weights)
    for record, expected in zip(kept["rounds"], without_times(here.history), strict=True):
        assert record["bytes_up"] == expected["bytes_up"]
        assert record["clients"].keys() == expected["clients"].keys()
