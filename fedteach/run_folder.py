"""A run on disk: the log that people read, and the checkpoints that a resumed run continues from.

    DIR/logs/20260102_030405.json           the course's JSON log (and .csv, .png, .safetensors beside it)
    DIR/checkpoints/20260102_030405/
        rounds.jsonl                        one record a line, appended as rounds end
        round-00005.json                    what belongs to round 5, with checksums: written last
        weights-00005.safetensors           global weights
        server-00005.safetensors            state of the server optimizer
        client-3-00005.safetensors          what client 3 remembers (momentum), if it remembers anything

A round counts once its `round-*.json` is there. Whatever a crash leaves behind before that is ignored.
"""

import hashlib
import json
import os
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from fedteach.files import write_atomically
from fedteach.history import History, RoundRecord
from fedteach.messages import (
    MessageError,
    Weights,
    tensors_from_bytes,
    tensors_to_bytes,
    weights_from_tensors,
    weights_to_tensors,
)

_KEEP = 2
# While a run goes on, the JSON log is rewritten at most this often: it grows with every round.
_LOG_EVERY_S = 2.0

Memory = Mapping[str, np.ndarray]


class SaveError(OSError):
    """The run could not be written."""


class ResumeError(ValueError):
    """There is nothing to resume from, or it is damaged."""


@dataclass(frozen=True)
class Checkpoint:
    """All that the next round depends on, besides the seed.

    Attributes:
        round: the last complete round; 0 before the first.
        weights: global weights after it.
        server_state: state of the server optimizer after it, named lists of arrays.
        memories: for each client that remembers something: its named tensors.
    """

    round: int
    weights: Weights
    server_state: Mapping[str, Weights]
    memories: Mapping[str, Memory]


class RunFolder:
    """Writes one run below a folder, round by round; finds and reads it again.

    Args:
        out: the folder; made if it is not there.
        name: name of an existing run to continue, or None for a new one, named by the time in UTC.

    Raises:
        SaveError: if the folder cannot be written.
    """

    def __init__(self, out: str | Path, name: str | None = None):
        self.out = Path(out)
        try:
            self.name = name or _claim_name(self.out / "checkpoints")
        except OSError as error:
            reason = error.strerror or error
            raise SaveError(f"cannot write to {self.out}: {reason}; choose a folder you may write") from error
        self._folder = self.out / "checkpoints" / self.name
        self._client_files: dict[str, dict[str, str]] = {}
        self._log_due_at = float("-inf")

    @property
    def checkpoints(self) -> Path:
        """The folder of this run's checkpoints."""
        return self._folder

    @property
    def log_path(self) -> Path:
        """The JSON log."""
        return self.out / "logs" / f"{self.name}.json"

    @property
    def picture_path(self) -> Path:
        """Where the accuracy picture belongs."""
        return self.log_path.with_suffix(".png")

    def save_round(self, record: RoundRecord | None, checkpoint: Checkpoint) -> None:
        """Write a complete round; after this returns, a crash loses nothing of it.

        Args:
            record: the round's record; None for the state before the first round.
            checkpoint: the state after the round; `memories` of the clients that took part in it suffice,
                those of the others are on disk already.

        Raises:
            SaveError: if a file cannot be written; earlier rounds stay whole.
        """
        number = checkpoint.round
        try:
            files = [
                self._write(f"weights-{number:05d}.safetensors", weights_to_tensors(checkpoint.weights)),
                self._write(f"server-{number:05d}.safetensors", _flat(checkpoint.server_state)),
            ]
            client_files = dict(self._client_files)
            for client, memory in checkpoint.memories.items():
                name = f"client-{_safe(client)}-{number:05d}.safetensors"
                client_files[client] = self._write(name, memory)
            if record is not None:
                self._append(record)
            manifest = {"round": number, "files": files, "clients": client_files}
            write_atomically(self._folder / f"round-{number:05d}.json", json.dumps(manifest, indent=1))
            self._client_files = client_files
            self._tidy()
        except OSError as error:
            safe = max(number - 1, 0)
            raise SaveError(
                f"could not save round {number} below {self.out}: {error.strerror or error}; "
                f"rounds up to {safe} are safe: make room, then resume"
            ) from error

    def save_log(self, history: History, final_weights: Weights | None = None) -> None:
        """Write the JSON log and its CSV twin; at the end of a run the final weights too.

        Raises:
            SaveError: if a file cannot be written.
        """
        began = time.monotonic()
        try:
            if final_weights is not None:
                path = self.log_path.with_suffix(".safetensors")
                write_atomically(path, tensors_to_bytes(weights_to_tensors(final_weights), {}))
                history.final_weight_file = path.name
            history.to_csv(self.log_path.with_suffix(".csv"))
            history.to_json(self.log_path)
        except OSError as error:
            raise SaveError(f"could not write {self.log_path}: {error.strerror or error}") from error
        ended = time.monotonic()
        # A log of thousands of clients takes its time: never more than a twentieth of the run's.
        self._log_due_at = ended + max(_LOG_EVERY_S, 20 * (ended - began))

    def save_log_now_and_then(self, history: History) -> None:
        """Write the log if it was not written lately; `save_log` ends a run."""
        if time.monotonic() >= self._log_due_at:
            self.save_log(history)

    # ---- reading back ---------------------------------------------------------------------------------

    @classmethod
    def find(cls, path: str | Path) -> "RunFolder":
        """Open the newest run below a folder.

        Raises:
            ResumeError: if there is none.
        """
        out = Path(path)
        runs = sorted({path.parent.name for path in out.glob("checkpoints/*/round-*.json")})
        if not runs:
            raise ResumeError(f"there is no run to resume in {out}; expected a folder that `--out` wrote before")
        return cls(out, runs[-1])

    @property
    def rounds_done(self) -> int:
        """Number of complete rounds."""
        return _number(self._manifests()[-1])

    def _manifests(self) -> list[Path]:
        return sorted(self._folder.glob("round-*.json"), key=_number)

    def load(self) -> tuple[History, Checkpoint]:
        """Read the newest complete round and the history up to it.

        Raises:
            ResumeError: if a file is missing or damaged; says which, and what can be done.
        """
        manifest_path = self._manifests()[-1]
        try:
            manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
            weights, server = (self._read(entry) for entry in manifest["files"])
            memories = {client: self._read(entry) for client, entry in manifest["clients"].items()}
            history = self._read_history(int(manifest["round"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ResumeError(
                f"the checkpoint {manifest_path} cannot be used: {error}; "
                "remove that file to resume from the round before"
            ) from error
        self._client_files = dict(manifest["clients"])
        checkpoint = Checkpoint(int(manifest["round"]), weights_from_tensors(weights), _nested(server), memories)
        return history, checkpoint

    def start(self, history: History, checkpoint: Checkpoint) -> None:
        """Write the state before the first round and what the run is."""
        self.save_settings(history)
        self.save_round(None, checkpoint)

    def save_settings(self, history: History) -> None:
        """Write what the run is: its clients and settings."""
        run = {"client ids": list(history.client_ids), "settings": history.settings}
        try:
            write_atomically(self._folder / "run.json", json.dumps(run, indent=1))
        except OSError as error:
            raise SaveError(f"cannot write to {self._folder}: {error.strerror or error}") from error

    def settings(self) -> dict[str, Any]:
        """Read how the run was set up.

        Raises:
            ResumeError: if that cannot be read.
        """
        return dict(self._run()["settings"])

    def _run(self) -> dict[str, Any]:
        path = self._folder / "run.json"
        try:
            run = json.loads(path.read_text(encoding="utf-8"))
            return {"client ids": list(run["client ids"]), "settings": dict(run["settings"])}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ResumeError(f"{path} cannot be used: {error}; without it the run cannot be resumed") from error

    def _read_history(self, rounds: int) -> History:
        run = self._run()
        path = self._folder / "rounds.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if rounds else []
        records: dict[int, RoundRecord] = {}
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # a line cut short by a crash; if its round counts, it is missed below
            records[entry["round"]] = RoundRecord(**{**entry, "selected": tuple(entry["selected"])})
        missing = [number for number in range(1, rounds + 1) if number not in records]
        if missing:
            raise ValueError(f"{path} lacks round {missing[0]}")
        return History(run["client ids"], run["settings"], [records[number] for number in range(1, rounds + 1)])

    def _read(self, entry: Mapping[str, str]) -> dict[str, np.ndarray]:
        path = self._folder / entry["file"]
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise ValueError(f"{path.name} is damaged: its checksum is not the one that was saved")
        try:
            return tensors_from_bytes(data)[0]
        except MessageError as error:
            raise ValueError(f"{path.name}: {error}") from error

    # ---- writing --------------------------------------------------------------------------------------

    def _write(self, name: str, tensors: Memory) -> dict[str, str]:
        data = tensors_to_bytes(tensors, {})
        write_atomically(self._folder / name, data)
        return {"file": name, "sha256": hashlib.sha256(data).hexdigest()}

    def _append(self, record: RoundRecord) -> None:
        line = json.dumps(asdict(record), allow_nan=False)
        with (self._folder / "rounds.jsonl").open("a", encoding="utf-8") as file:
            # The newline comes first: a line that a crash cut short then spoils only itself.
            file.write("\n" + line)
            file.flush()
            os.fsync(file.fileno())

    def _tidy(self) -> None:
        """Keep the newest checkpoints; remove files that none of them names."""
        manifests = self._manifests()
        for old in manifests[:-_KEEP]:
            old.unlink(missing_ok=True)
        named: set[str] = set()
        for path in manifests[-_KEEP:]:
            manifest = json.loads(path.read_text(encoding="utf-8"))
            named |= {entry["file"] for entry in [*manifest["files"], *manifest["clients"].values()]}
        for path in self._folder.glob("*.safetensors"):
            if path.name not in named:
                path.unlink(missing_ok=True)


def _claim_name(folder: Path) -> str:
    """Make a run's own folder, named by the time in UTC; a second later if another run took the name."""
    folder.mkdir(parents=True, exist_ok=True)
    moment = datetime.now(UTC)
    while True:
        name = moment.strftime("%Y%m%d_%H%M%S")
        try:
            (folder / name).mkdir()
            return name
        except FileExistsError:
            moment += timedelta(seconds=1)


def _number(manifest: Path) -> int:
    return int(manifest.stem.partition("-")[2])


def _safe(client: str) -> str:
    """Turn a client's id into part of a file name; different ids stay different."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", client)[:40]
    return plain if plain == client else f"{plain}.{hashlib.sha256(client.encode()).hexdigest()[:12]}"


def _flat(state: Mapping[str, Weights]) -> dict[str, np.ndarray]:
    return {
        f"{name}/{place}": array
        for name, arrays in state.items()
        for place, array in weights_to_tensors(arrays).items()
    }


def _nested(tensors: Mapping[str, np.ndarray]) -> dict[str, Weights]:
    state: dict[str, dict[str, np.ndarray]] = {}
    for key, array in tensors.items():
        name, place = key.rsplit("/", 1)
        state.setdefault(name, {})[place] = array
    return {name: weights_from_tensors(arrays) for name, arrays in state.items()}
