"""What a class needs to go on after its server was killed: tokens, places and the port, beside the checkpoints.

DIR/class.json                      while data and model are loaded, and there is no run yet
DIR/checkpoints/NAME/class.json     from then on
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fedteach.experiment import Experiment
from fedteach.files import write_atomically
from fedteach.run_folder import ResumeError, RunFolder, SaveError
from fedteach.transport.http.keys import Keys

NAME = "class.json"


@dataclass(frozen=True)
class ClassFile:
    """The state of a class that is not in the federation's checkpoints.

    Attributes:
        keys: its tokens.
        experiment: what it runs.
        host: address that the server listened on.
        port: its port: clients look for the server where it was.
        tls: whether it served https.
        windows: `min_clients`, `start_window_s`, `update_window_s`, `update_ratio`.
        members: who holds which place, as `Members.as_data` returns it.
        redis: address of the Redis that kept the mailbox, or None.
        workers: number of server processes.
        has_run: whether there is a run to go on with.
    """

    keys: Keys
    experiment: Experiment
    host: str
    port: int
    tls: bool
    windows: Mapping[str, Any]
    members: Sequence[Mapping[str, Any]] = field(default=())
    redis: str | None = None
    workers: int = 1
    has_run: bool = False

    def save(self, out: str | Path, folder: RunFolder | None) -> None:
        """Write the file, readable by its owner only; it appears whole or not at all.

        Args:
            out: folder of the class.
            folder: its run, once there is one.

        Raises:
            SaveError: if it cannot be written.
        """
        data = {
            "keys": self.keys.as_data(),
            "experiment": asdict(self.experiment),
            "host": self.host,
            "port": self.port,
            "tls": self.tls,
            "windows": dict(self.windows),
            "members": list(self.members),
            "redis": self.redis,
            "workers": self.workers,
        }
        path = Path(out) / NAME if folder is None else folder.checkpoints / NAME
        try:
            write_atomically(path, json.dumps(data, indent=1), mode=0o600)
            if folder is not None:
                (Path(out) / NAME).unlink(missing_ok=True)
        except OSError as error:
            raise SaveError(f"cannot write {path}: {error.strerror or error}; choose another --out") from error

    @classmethod
    def load(cls, out: str | Path) -> "ClassFile":
        """Read the file of the newest class below a folder.

        Raises:
            ResumeError: if there is none, or it cannot be read.
        """
        path = Path(out) / NAME
        has_run = not path.exists()
        if has_run:
            path = RunFolder.find(out).checkpoints / NAME
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                Keys.from_data(data["keys"]),
                Experiment.from_settings(data["experiment"]),
                str(data["host"]),
                int(data["port"]),
                bool(data["tls"]),
                dict(data["windows"]),
                list(data["members"]),
                None if data["redis"] is None else str(data["redis"]),
                int(data["workers"]),
                has_run,
            )
        except FileNotFoundError:
            raise ResumeError(
                f"the newest run in {out} is not one of `fedteach serve`; go on with: fedteach run --resume {out}"
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ResumeError(f"{path} cannot be used: {error}; start the class anew") from error
