"""What a class needs to go on after its server was killed: tokens, places and the port, beside the checkpoints."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fedteach.files import write_atomically
from fedteach.run_folder import ResumeError, RunFolder, SaveError
from fedteach.transport.http.keys import Keys

NAME = "class.json"


@dataclass(frozen=True)
class ClassFile:
    """The state of a class that is not in the federation's checkpoints.

    Attributes:
        keys: its tokens.
        host: address that the server listened on.
        port: its port: clients look for the server where it was.
        windows: `min_clients`, `start_window_s`, `update_window_s`, `update_ratio`.
        members: who holds which place, as `Members.as_data` returns it.
    """

    keys: Keys
    host: str
    port: int
    windows: Mapping[str, Any]
    members: Sequence[Mapping[str, Any]] = field(default=())

    def save(self, folder: RunFolder) -> None:
        """Write the file, readable by its owner only; it appears whole or not at all.

        Raises:
            SaveError: if it cannot be written.
        """
        data = {
            "keys": self.keys.as_data(),
            "host": self.host,
            "port": self.port,
            "windows": dict(self.windows),
            "members": list(self.members),
        }
        path = folder.checkpoints / NAME
        try:
            write_atomically(path, json.dumps(data, indent=1), mode=0o600)
        except OSError as error:
            raise SaveError(f"cannot write {path}: {error.strerror or error}") from error

    @classmethod
    def load(cls, out: str | Path) -> "ClassFile":
        """Read the file of the newest run below a folder.

        Raises:
            ResumeError: if there is none, or it cannot be read.
        """
        path = RunFolder.find(out).checkpoints / NAME
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            keys, members = Keys.from_data(data["keys"]), list(data["members"])
            return cls(keys, str(data["host"]), int(data["port"]), dict(data["windows"]), members)
        except FileNotFoundError:
            raise ResumeError(
                f"the run in {out} was not one of `fedteach serve`; go on with: fedteach run --resume {out}"
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ResumeError(f"{path} cannot be used: {error}; start the class anew") from error
