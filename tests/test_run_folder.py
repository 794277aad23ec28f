import json
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from fedteach.history import History
from fedteach.messages import tensors_from_bytes, weights_from_tensors
from fedteach.run_folder import ResumeError, RunFolder, SaveError
from fedteach.steps import global_update
from fedteach.steps.local_update import Plan
from tests.federations import same_bits, tiny_clients, tiny_federation

# Everything that a round can depend on: momentum on both sides, client ids that are no file names.
PLAN = Plan(epochs=2, batch_size=5, learning_rate=0.2, momentum=0.9, keep_momentum=True)


def federation(seed=1, **options):
    clients = tiny_clients()
    for client, name in zip(clients, ["ada", "../bob", "ch i", "ch_i"], strict=True):
        client.id = name
    return tiny_federation(clients, plan=PLAN, seed=seed, global_update=global_update.yogi(0.05), **options)


def run_folder(out):
    (folder,) = (out / "checkpoints").iterdir()
    return folder


@pytest.fixture
def straight():
    run = federation()
    run.run(5)
    return run


def test_a_resumed_run_continues_bit_for_bit(tmp_path, straight):
    federation(out=tmp_path).run(2)
    once = federation(resume=tmp_path)
    assert [record.round for record in once.history] == [1, 2]
    once.run(1)
    again = federation(resume=tmp_path)
    again.run(2)
    assert same_bits(again.weights, straight.weights)
    assert again.history.server_accuracy == straight.history.server_accuracy
    assert [r.selected for r in again.history] == [r.selected for r in straight.history]


def test_logs_weights_and_table_lie_beside_each_other(tmp_path):
    run = federation(out=tmp_path, settings={"split": "1", "rounds": 2})
    history = run.run(2)
    (log,) = (tmp_path / "logs").glob("*.json")
    assert re.fullmatch(r"\d{8}_\d{6}", log.stem)
    assert sorted(p.suffix for p in (tmp_path / "logs").iterdir()) == [".csv", ".json", ".safetensors"]
    saved = json.loads(log.read_text())
    assert saved["server acc"] == history.server_accuracy
    assert saved["final weight"] is None
    tensors, _ = tensors_from_bytes((tmp_path / "logs" / saved["final weight file"]).read_bytes())
    assert same_bits(weights_from_tensors(tensors), run.weights)
    assert run.folder.picture_path == log.with_suffix(".png")


def test_two_runs_of_the_same_second_do_not_share_a_name(tmp_path):
    names = {RunFolder(tmp_path).name for _ in range(5)}
    assert len(names) == 5


def test_only_the_newest_checkpoints_are_kept_and_nothing_else_lies_about(tmp_path):
    federation(out=tmp_path).run(5)
    names = sorted(p.name for p in run_folder(tmp_path).iterdir())
    assert [n for n in names if n.startswith("round-")] == ["round-00004.json", "round-00005.json"]
    assert [n for n in names if n.startswith("weights-")] == ["weights-00004.safetensors", "weights-00005.safetensors"]
    assert len([n for n in names if n.startswith("client-")]) == 2 * 4
    assert not [n for n in names if "part" in n]
    assert not list(tmp_path.glob("*bob*"))


def test_a_client_that_sat_out_a_round_keeps_its_memory(tmp_path, straight):
    def every_other(clients, rng):
        return list(clients)[rng.integers(2) :: 2]

    whole = federation(select=every_other)
    whole.run(5)
    federation(select=every_other, out=tmp_path).run(3)
    resumed = federation(select=every_other, resume=tmp_path)
    resumed.run(2)
    assert same_bits(whole.weights, resumed.weights)


# ---- crashes --------------------------------------------------------------------------------------------------

CRASHING = """
import sys
from tests.test_run_folder import federation
run = federation(**{"out": sys.argv[1]} if sys.argv[2] == "new" else {"resume": sys.argv[1]})
for record in run.rounds(10_000):
    print(record.round, flush=True)
"""


@pytest.mark.slow
def test_kill_9_at_any_moment_loses_at_most_the_running_round(tmp_path):
    rng = np.random.default_rng(0)
    reached = 0
    for attempt in range(4):
        mode = "new" if attempt == 0 else "resume"
        process = subprocess.Popen(
            [sys.executable, "-c", CRASHING, str(tmp_path), mode], stdout=subprocess.PIPE, text=True
        )
        printed = int(process.stdout.readline())
        assert printed == reached + 1, "the resumed run begins with the round after the last complete one"
        time.sleep(rng.uniform(0.05, 0.4))
        process.send_signal(signal.SIGKILL)
        printed = ([printed] + [int(line) for line in process.stdout if line.endswith("\n")])[-1]
        process.wait()
        process.stdout.close()
        history, checkpoint = RunFolder.find(tmp_path).load()
        reached = checkpoint.round
        assert printed <= reached <= printed + 1
        assert len(history) == reached
    whole = federation()
    whole.run(reached)
    assert same_bits(whole.weights, checkpoint.weights)
    assert whole.history.server_accuracy == history.server_accuracy


def test_a_line_that_a_crash_cut_short_is_not_counted(tmp_path, straight):
    federation(out=tmp_path).run(2)
    with (run_folder(tmp_path) / "rounds.jsonl").open("a") as file:
        file.write('\n{"round": 3, "selec')
    resumed = federation(resume=tmp_path)
    resumed.run(3)
    assert same_bits(resumed.weights, straight.weights)
    assert len(federation(resume=tmp_path).history) == 5


# ---- damage ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["weights-00003.safetensors", "server-00003.safetensors", "client-ada-00003.safetensors"]
)
@pytest.mark.parametrize("damage", ["cut", "flip", "gone"])
def test_damage_is_named_and_the_round_before_can_be_used(tmp_path, name, damage):
    federation(out=tmp_path).run(3)
    path = run_folder(tmp_path) / name
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(data[:-5] if damage == "cut" else data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(ResumeError, match=r"round-00003.json cannot be used: .*remove that file") as error:
        federation(resume=tmp_path)
    assert name in str(error.value)
    (run_folder(tmp_path) / "round-00003.json").unlink()
    assert len(federation(resume=tmp_path).history) == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"round": 3}', '{"round": "x", "files": [], "clients": {}}'])
def test_a_damaged_manifest_is_refused_in_words(tmp_path, text):
    federation(out=tmp_path).run(3)
    (run_folder(tmp_path) / "round-00003.json").write_text(text)
    with pytest.raises(ResumeError, match=r"round-00003.json cannot be used"):
        federation(resume=tmp_path)


def test_lost_records_are_named(tmp_path):
    federation(out=tmp_path).run(3)
    path = run_folder(tmp_path) / "rounds.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], "garbage", *lines[3:]]))
    with pytest.raises(ResumeError, match=r"rounds.jsonl lacks round 2"):
        federation(resume=tmp_path)


def test_there_must_be_a_run_to_resume(tmp_path):
    with pytest.raises(ResumeError, match="there is no run to resume"):
        federation(resume=tmp_path / "nothing")


def test_a_run_set_up_otherwise_is_refused(tmp_path):
    federation(out=tmp_path).run(1)
    with pytest.raises(ResumeError, match="had other seed: 1, not 2"):
        federation(seed=2, resume=tmp_path)
    with pytest.raises(ResumeError, match="had other plan momentum: 0.9, not 0.0"):
        tiny_federation(seed=1, resume=tmp_path)
    with pytest.raises(ResumeError, match="had other server optimizer: yogi, not add"):
        tiny_federation(seed=1, plan=PLAN, resume=tmp_path)
    with pytest.raises(ResumeError, match="had other clients' names"):
        tiny_federation(seed=1, plan=PLAN, global_update=global_update.yogi(0.05), resume=tmp_path)
    with pytest.raises(ValueError, match="a resumed run goes on in its own folder"):
        federation(resume=tmp_path, out=tmp_path / "elsewhere")


def test_a_folder_that_cannot_be_written_is_refused_at_the_door(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SaveError, match="cannot write to .*choose a folder you may write"):
        federation(out=tmp_path / "file")


def test_a_full_disk_stops_the_run_and_the_rounds_before_are_safe(tmp_path, monkeypatch, straight):
    run = federation(out=tmp_path)
    run.run(2)

    def full(self, record):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RunFolder, "_append", full)
    monkeypatch.setattr(RunFolder, "save_log", lambda *a: (_ for _ in ()).throw(SaveError("the log, too")))
    with pytest.raises(SaveError, match=r"could not save round 3 .*No space left.*rounds up to 2 are safe"):
        run.run(1)
    monkeypatch.undo()
    assert len(run.history) == 2
    run.run(3)  # room was made: the same run goes on
    assert same_bits(run.weights, straight.weights)
    assert len(federation(resume=tmp_path).history) == 5


def test_the_log_grows_with_the_run(tmp_path):
    run = federation(out=tmp_path)
    rounds = run.rounds(3)
    next(rounds)
    assert len(History.from_json(run.folder.log_path)) == 1
    rounds.close()  # the reader walks away: what was done is written
    assert len(History.from_json(run.folder.log_path)) == 1


def settings(name):
    """Ways in which a round can go that a resumed run must go on from."""
    from fedteach.steps import selection
    from fedteach.transport.base import Lossy
    from fedteach.transport.in_process import InProcess
    from tests.federations import EnginePool, tiny_model

    if name == "drop":
        pool = EnginePool(tiny_model, workers=2)
        return tiny_federation(Lossy(InProcess(tiny_clients(), pool), 0.4, seed=0), workers=2, plan=PLAN)
    options = {
        "over_select": {"select": selection.over_select(2, 2.0)},
        "power_of_choice": {"select": selection.power_of_choice(2, 3)},
        "own start": {"common_init": False},
    }[name]
    return tiny_federation(workers=2, plan=PLAN, **options)


@pytest.mark.parametrize("name", ["drop", "over_select", "power_of_choice", "own start"])
def test_a_resumed_run_continues_bit_for_bit_however_rounds_go(tmp_path, name, monkeypatch):
    straight = settings(name)
    straight.run(5)
    for rounds in (1, 2, 2):
        run = settings(name)
        if (tmp_path / "checkpoints").exists():
            run.folder = run._open_folder(None, tmp_path)
        else:
            run.folder = run._open_folder(tmp_path, None)
        run.run(rounds)
    assert same_bits(straight.weights, run.weights)
    assert straight.history.server_accuracy == run.history.server_accuracy


def test_round_100000_is_newer_than_round_99999(tmp_path):
    run = federation(out=tmp_path)
    run.run(1)
    checkpoint = run.folder.load()[1]
    for number in (99_999, 100_000, 100_001):
        run.folder.save_round(None, replace(checkpoint, round=number))
    assert RunFolder.find(tmp_path).rounds_done == 100_001


def test_another_plan_or_experiment_is_refused_and_the_run_left_as_it_was(tmp_path):
    from fedteach.experiment import Experiment

    quick = Experiment(model="logistic", epochs=1, rounds=2)
    quick.federation(out=tmp_path).run(1)
    before = (run_folder(tmp_path) / "run.json").read_text()
    for other in (quick.replace(split="4"), quick.replace(learning_rate=0.5), quick.replace(aggregate="median")):
        with pytest.raises(ResumeError, match="had other"):
            other.federation(resume=tmp_path)
    assert (run_folder(tmp_path) / "run.json").read_text() == before
    quick.replace(rounds=3, workers=1).federation(resume=tmp_path).run(2)
    assert RunFolder.find(tmp_path).settings()["rounds"] == 3


def test_weights_can_stand_in_the_log_itself(tmp_path):
    run = federation(out=tmp_path)
    run.run(1)
    path = run.history.to_json(tmp_path / "inline.json", run.weights)
    inline = json.loads(path.read_text())["final weight"]
    assert same_bits([np.array(w, np.float32) for w in inline], run.weights)
