"""`fedteach serve` and `fedteach join` as people use them: real processes, killed, stopped and started again."""

import json
import signal

import pytest
import requests

from fedteach.messages import tensors_from_bytes, weights_from_tensors
from tests.classroom.classes import SMALL, join_words, shells, wait_until
from tests.federations import same_bits

# Several processes that load TensorFlow at once, on a machine that may have other work.
pytestmark = pytest.mark.timeout(300)

SERVE = ["serve", "--port", "0", "--model", "logistic", "--learning-rate", "0.1", "--split", "4", "--no-stay"]


@pytest.fixture
def shell(tmp_path):
    with shells(tmp_path) as start:
        yield start


def status(words):
    """Ask the server that a join line leads to where it stands; None while it does not answer."""
    headers = {"Authorization": f"Bearer {words[words.index('--token') + 1]}"}
    try:
        answer = requests.get(f"{words[1]}/v1/status", headers=headers, timeout=5)
    except requests.RequestException:  # it is not there, or so busy with loading that it listens and says nothing
        return None
    return answer.json() if answer.ok else None


def final_weights(folder):
    (path,) = folder.glob("runs/logs/*.safetensors")
    return weights_from_tensors(tensors_from_bytes(path.read_bytes())[0])


def in_one_process(**changes):
    experiment = SMALL.replace(examples_per_client=None, test_examples=1000, **changes)
    federation = experiment.federation()
    federation.run(experiment.rounds)
    return federation


@pytest.mark.slow
def test_a_class_of_three_shells_finishes_while_one_is_killed(shell, tmp_path):
    # So many epochs that training takes much longer than to see that somebody trains, and to kill it.
    server = shell(*SERVE, "--clients", "3", "--rounds", "5", "--epochs", "2000", "--min-clients", "3",
                   "--start-window", "3", "--update-window", "20")  # fmt: skip
    words = join_words(server)
    names = ["Anna", "Ben", "Chiara"]
    clients = [shell(*words, "--name", name) for name in names]
    server.wait_for("round 1 of 5: server accuracy")
    wait_until(lambda: _is_at_work("Ben", status(words)))  # who was slow to load may have missed the first round
    clients[1].kill()
    assert server.ended(120) == 0
    assert [clients[i].ended(60) for i in (0, 2)] == [0, 0]
    assert "finished: 5 rounds, accuracy" in clients[0].lines[-1]
    (log,) = tmp_path.glob("runs/logs/*.json")
    rounds = json.loads(log.read_text())["rounds"]
    assert len(rounds) == 5
    assert [len(record["clients"]) for record in rounds][-1] == 2
    (why,) = {reason for record in rounds for reason in record["lost"].values()}
    assert why in ("gone: it was not heard of any more", "late: had not answered after 20 s")
    assert list(tmp_path.glob("runs/logs/*.png"))


def _is_at_work(name, board):
    """Whether a client takes part in the round that runs, and has not answered yet."""
    states = {card["name"]: card["state"] for card in board["cards"].values()} if board else {}
    return states.get(name) in ("selected", "training")


# Where the server is when the power fails. Each is a moment at which the noticeboard shows what is asked for.
STAGES = {
    "data and model are loaded": lambda board: board["say"].startswith("getting ready") or board["federation"],
    "nobody has joined": lambda board: board["say"].startswith("nobody has joined"),
    "clients wait in the lobby": lambda board: len(board["cards"]) >= 1 and board["phase"] == "waiting",
    "a round is running": lambda board: board["phase"] == "round" and board["round"] >= 2,
    "some have answered": lambda board: any(card["state"] == "done" for card in board["cards"].values()),
    "a later round": lambda board: len(board["accuracy"]) >= 3,
}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_server_that_is_killed_at_any_stage_and_resumed_loses_nothing(shell, tmp_path):
    # One client has many more examples than the other, so that there is a time when only one has answered.
    unequal = {"clients": 2, "rounds": 12, "epochs": 150, "split": "quantity:1.5"}
    options = [word for name, value in unequal.items() for word in (f"--{name}", str(value))]
    server = shell(*SERVE, *options, "--min-clients", "2", "--start-window", "120", "--update-window", "60")
    words = join_words(server)
    clients = []
    for stage, reached in STAGES.items():
        if stage == "clients wait in the lobby":
            clients = [shell(*words, "--name", name) for name in ("Anna", "Ben")]
            clients[0].wait_for("joined as client")
        _wait_for_stage(stage, lambda reached=reached: (board := status(words)) and reached(board), server, clients)
        server.kill()
        server = shell("serve", "--resume", "runs", "--no-stay")
        assert join_words(server)[1:] == words[1:], "the same address and token"
    assert server.ended(120) == 0
    assert [client.ended(60) for client in clients] == [0, 0]
    # Who was told a place just before a kill may be told another one after it; the last one counts.
    places = [[line.split()[3] for line in client.lines if "joined as client" in line] for client in clients]
    assert sorted(told[-1] for told in places) == ["0", "1"]
    whole = in_one_process(**unequal)
    assert same_bits(final_weights(tmp_path), whole.weights), "a kill costs time, and not one bit"
    trained = [line for client in clients for line in client.lines if "training" in line and "you are" not in line]
    assert len(trained) <= 2 * 12 + 6, "at most the running round is trained again"


def _wait_for_stage(stage, reached, server, clients):
    """Wait until the class is where it is to be killed; tell what everybody has said if it never gets there."""
    try:
        wait_until(lambda: server.process.poll() is not None or reached(), 120)
        assert server.process.poll() is None, "the server has ended"
    except AssertionError as error:
        said = "\n---\n".join("\n".join(one.lines[-12:]) for one in (server, *clients))
        raise AssertionError(f"{stage}: {error}\n{said}") from None


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_cannot_be_meant_is_one_sentence_and_exit_code_2(shell):
    asked = {
        ("serve", "--min-clients", "9"): "min_clients=9 can never be here: the class has 5 places",
        ("serve", "--resume", "nowhere"): "there is no run to resume in nowhere",
        ("serve", "--resume", "x", "--rounds", "3"): "a resumed class keeps its settings",
        ("serve", "--workers", "4"): "share a federation through Redis",
        ("serve", "--classic", "--fraction", "0.1"): "the classic API knows none of this: leave --fraction away",
        ("serve", "--classic", "--workers", "4"): "leave --workers away",
        ("serve", "--classic", "--no-stay"): "leave --no-stay away",
        ("join", "http://127.0.0.1:1", "--token", "t", "--fingerprint", "ab" * 32): "checked on https:// only",
        ("join", "ftp://x", "--token", "t"): "expected the server's address, such as http://192.168.1.5:8765",
        ("join", "http://127.0.0.1:1"): "joining takes the class token",
        ("join", "https://127.0.0.1:1", "--token", "t", "--fingerprint", "AB:CD"): "a fingerprint is 64 hexadecimal",
    }
    for words, expected in asked.items():
        command = shell(*words)
        assert command.ended() == 2
        assert len(command.lines) == 1
        assert expected in command.lines[0]


def test_a_server_that_is_not_there_is_given_up_in_the_end(shell):
    client = shell("join", "http://127.0.0.1:1", "--token", "t", "--patience", "1")
    assert client.ended() == 1
    assert "the server cannot be reached; trying again in" in client.lines[0]
    assert "did not answer for" in client.lines[-1]


@pytest.mark.slow
def test_ctrl_c_ends_client_and_server_and_everything_is_kept(shell, tmp_path):
    server = shell(*SERVE, "--clients", "2", "--rounds", "500", "--epochs", "1", "--min-clients", "1", "--qr")
    words = join_words(server)
    wrong = shell(*words[:-1], "not-the-token")
    client = shell(*words, "--name", "Zo\u00eb <b>")
    server.wait_for("round 2 of 500")
    assert any("\u2588" in line for line in server.lines), "a QR code"
    board = wait_until(lambda: status(words))
    assert {card["name"] for card in board["cards"].values()} == {"Zo\u00eb <b>"}
    client.process.send_signal(signal.SIGINT)
    assert client.ended(10) == 130
    assert client.lines[-1] == "you have left the class; it goes on without you"
    wait_until(lambda: (board := status(words)) and board["cards"]["0"]["state"] == "left")
    server.process.send_signal(signal.SIGINT)
    assert server.ended(15) == 130
    assert "stopped; go on with: fedteach serve --resume runs" in server.lines
    (log,) = tmp_path.glob("runs/logs/*.json")
    assert len(json.loads(log.read_text())["rounds"]) >= 2
    assert wrong.ended(60) == 1
    assert "was not given out by this class" in wrong.lines[-1]
    kept = next(tmp_path.glob("runs/checkpoints/*/class.json"))
    secrets = json.loads(kept.read_text())["keys"].values()
    for path in tmp_path.rglob("*"):
        if path.is_file() and path != kept and path.suffix != ".safetensors":
            assert not [s for s in secrets if s.encode() in path.read_bytes()], f"{path.name} holds a token"


@pytest.mark.slow
def test_over_tls_a_client_knows_its_server_or_refuses_it(shell, tmp_path):
    server = shell(*SERVE, "--clients", "2", "--rounds", "2", "--epochs", "1", "--min-clients", "2", "--tls")
    words = join_words(server)
    url, right = words[1], words[words.index("--fingerprint") + 1]
    assert url.startswith("https://")
    certificate, key = tmp_path / "runs/tls/certificate.pem", tmp_path / "runs/tls/key.pem"
    assert key.stat().st_mode & 0o777 == 0o600
    bare = words[: words.index("--fingerprint")]
    other = "00" + right[2:] if right[:2] != "00" else "11" + right[2:]
    refused = {
        "another fingerprint": shell(*bare, "--fingerprint", other),
        "nobody you trust vouches": shell(*bare),
        "cannot be reached": shell("join", url.replace("https", "http"), *bare[2:], "--patience", "1"),
    }
    for expected, command in refused.items():
        assert command.ended() == 1
        assert any(expected in line or "connection broke" in line for line in command.lines), command.lines
    clients = [shell(*words), shell(*bare, "--cert-path", str(certificate))]
    assert server.ended() == 0
    assert [client.ended(60) for client in clients] == [0, 0]


@pytest.mark.slow
def test_out_of_this_machine_without_tls_one_is_warned(shell):
    server = shell(*SERVE, "--host", "0.0.0.0")
    assert "--tls prevents it" in server.wait_for("Warning:")
