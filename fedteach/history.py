"""What happened, round by round: records, a table, a CSV file and the course's JSON log.

A `History` is plain data that only grows. The federation appends to it; panels, plots and files read it.
"""

import csv
import io
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from fedteach.files import write_atomically

SERVER = "server"
"""The name under which the server's own figures stand in `History.rows()`."""


class LogError(ValueError):
    """A log file that cannot be read as one."""


class Row(NamedTuple):
    """One measured value: the tidy form of a history."""

    round: int
    client: str
    metric: str
    value: float


@dataclass(frozen=True)
class RoundRecord:
    """Everything that one round left behind.

    Attributes:
        round: round number, from 1.
        selected: ids of the clients that were asked to train, in the order of the federation's clients.
        clients: for each client that answered: its figures by name. `n_examples`, `seconds` (of local
            training), `bytes_up`, and as measured: `accuracy` and `loss` of its model on the server's test
            subset, `train_loss`, `own_accuracy` on its own examples.
        lost: for each client whose answer was not used: the reason in words.
        server: figures of the global model at the END of this round: `accuracy`, `loss` on the test subset;
            in the last round also `full_accuracy`, `full_loss` on the whole test set.
        seconds: wall time by phase: `broadcast` (encoding the weights), `select`, `clients` (training, waiting,
            averaging as updates arrive), `global_update`, `evaluate`, `total`.
        bytes_down: bytes of encoded weights sent to all selected clients together.
        bytes_up: bytes of encoded deltas received.
        note: a sentence for people, "" in an ordinary round.
    """

    round: int
    selected: tuple[str, ...] = ()
    clients: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    lost: Mapping[str, str] = field(default_factory=dict)
    server: Mapping[str, float] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    bytes_down: int = 0
    bytes_up: int = 0
    note: str = ""

    @property
    def server_accuracy(self) -> float | None:
        """Accuracy of the global model after this round, 0 to 1, or None if it was not measured."""
        return self.server.get("accuracy")

    @property
    def answered(self) -> tuple[str, ...]:
        """Ids of the clients whose updates were used, in the order of selection."""
        return tuple(self.clients)


class History(Sequence[RoundRecord]):
    """The records of a run, in order, with what the run was.

    Safe to read in one thread while another appends: readers see whole records only.

    Args:
        client_ids: every client of the federation, chosen or not, in order.
        settings: how the run was set up, as plain JSON-able values (experiment, rounds, seed, ...).
        records: rounds already done, when a run is resumed.
    """

    def __init__(
        self,
        client_ids: Sequence[str] = (),
        settings: Mapping[str, Any] | None = None,
        records: Sequence[RoundRecord] = (),
    ):
        self.client_ids = tuple(client_ids)
        self.settings = dict(settings or {})
        self.final_weight_file: str | None = None
        self._records = list(records)
        self._lock = threading.Lock()

    def append(self, record: RoundRecord) -> None:
        """Add the next round."""
        with self._lock:
            self._records.append(record)

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: Any) -> Any:
        with self._lock:
            return self._records[index]

    def __iter__(self) -> Iterator[RoundRecord]:
        with self._lock:
            return iter(list(self._records))

    @property
    def server_accuracy(self) -> list[float | None]:
        """Accuracy of the global model after each round; None where it was not measured."""
        return [record.server_accuracy for record in self]

    def client_metric(self, client: str, metric: str = "accuracy") -> list[float | None]:
        """One client's figure for each round; None where the client took no part."""
        return [record.clients.get(client, {}).get(metric) for record in self]

    def rows(self) -> Iterator[Row]:
        """Yield one row per (round, client, metric); the client of the server's own figures is "server"."""
        for record in self:
            for metric, value in record.server.items():
                yield Row(record.round, SERVER, metric, value)
            for phase, value in record.seconds.items():
                yield Row(record.round, SERVER, f"seconds_{phase}", value)
            yield Row(record.round, SERVER, "bytes_down", record.bytes_down)
            yield Row(record.round, SERVER, "bytes_up", record.bytes_up)
            for client, metrics in record.clients.items():
                for metric, value in metrics.items():
                    yield Row(record.round, client, metric, value)
            for client in record.lost:
                yield Row(record.round, client, "lost", 1.0)

    def table(self) -> str:
        """Return the run as a text table, one line a round, for terminals, screen readers and saved notebooks."""
        head = ("round", "server accuracy", "clients (min-max)", "took part", "lost", "seconds", "sent", "received")
        lines = [head, *(self._line(record) for record in self)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        text = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
        notes = [f"round {record.round}: {record.note}" for record in self if record.note]
        return "\n".join(text + notes)

    @staticmethod
    def _line(record: RoundRecord) -> tuple[str, ...]:
        accuracies = [m["accuracy"] for m in record.clients.values() if "accuracy" in m]
        spread = f"{min(accuracies):.3f}-{max(accuracies):.3f}" if accuracies else "-"
        server = "-" if record.server_accuracy is None else f"{record.server_accuracy:.3f}"
        return (
            str(record.round),
            server,
            spread,
            f"{len(record.clients)} of {len(record.selected)}",
            str(len(record.lost)),
            f"{record.seconds.get('total', 0.0):.2f}",
            size_text(record.bytes_down),
            size_text(record.bytes_up),
        )

    def to_csv(self, path: str | Path) -> Path:
        """Write `rows()` as CSV with a header line; the file appears whole or not at all."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(Row._fields)
        writer.writerows(self.rows())
        return write_atomically(path, text.getvalue())

    def to_log(self, final_weights: Sequence[Any] | None = None) -> dict[str, Any]:
        """Return the JSON log: the course's historical keys first, then everything else.

        `clients acc` and `server acc` hold one entry per round, `null` where a client took no part.

        Args:
            final_weights: arrays to put into the log itself as nested lists, as the original course did (tens of
                megabytes for its CNN); None leaves `final weight` null, and `final weight file` names the file.
        """
        return {
            "client number": len(self.client_ids),
            "experiment": self.settings.get("split"),
            "max round": self.settings.get("rounds", len(self)),
            "clients acc": {client: self.client_metric(client) for client in self.client_ids},
            "server acc": self.server_accuracy,
            "final weight": None if final_weights is None else [array.tolist() for array in final_weights],
            "final weight file": self.final_weight_file,
            "client ids": list(self.client_ids),
            "settings": self.settings,
            "rounds": [asdict(record) for record in self],
        }

    def to_json(self, path: str | Path, final_weights: Sequence[Any] | None = None) -> Path:
        """Write `to_log()`; the file appears whole or not at all."""
        return write_atomically(path, json.dumps(self.to_log(final_weights), allow_nan=False))

    @classmethod
    def from_json(cls, path: str | Path) -> "History":
        """Read a log that `to_json` or the original course's server wrote.

        Raises:
            LogError: if the file is missing, cut short, or not such a log.
        """
        path = Path(path)
        try:
            log = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise LogError(f"there is no log {path}; expected a .json file below logs/") from None
        except (OSError, ValueError) as error:
            raise LogError(f"{path} cannot be read as a JSON log: {error}") from None
        try:
            return cls._from_log(log)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise LogError(
                f"{path} is not a federation log: expected the keys 'client number', 'clients acc' and 'server acc', "
                f"found a problem with {error}"
            ) from None

    @classmethod
    def _from_log(cls, log: Mapping[str, Any]) -> "History":
        if "rounds" not in log:
            return cls._from_course_log(log)
        records = [RoundRecord(**{**entry, "selected": tuple(entry["selected"])}) for entry in log["rounds"]]
        history = cls(log["client ids"], log["settings"], records)
        history.final_weight_file = log["final weight file"]
        return history

    @classmethod
    def _from_course_log(cls, log: Mapping[str, Any]) -> "History":
        clients = {str(client): list(values) for client, values in log["clients acc"].items()}
        n_clients, n_rounds = int(log["client number"]), int(log["max round"])
        settings = {"split": str(log["experiment"]), "rounds": n_rounds, "clients": n_clients}
        records = []
        for i, server in enumerate(log["server acc"]):
            took_part = {c: {"accuracy": float(v[i])} for c, v in clients.items() if i < len(v) and v[i] is not None}
            figures = {} if server is None else {"accuracy": float(server)}
            records.append(RoundRecord(round=i + 1, selected=tuple(took_part), clients=took_part, server=figures))
        return cls(tuple(clients), settings, records)

    def __repr__(self) -> str:
        last = self.server_accuracy[-1] if len(self) else None
        tail = "" if last is None else f", server accuracy {last:.3f}"
        return f"<History: {len(self)} rounds of {len(self.client_ids)} clients{tail}>"


def size_text(n_bytes: float) -> str:
    """Say a number of bytes in the unit a person would use: 950 B, 4.8 MB (powers of 1000)."""
    for unit in ("B", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if unit == "B" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} GB"
