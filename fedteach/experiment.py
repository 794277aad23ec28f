"""One experiment, described by plain values: what the panel, the command line and a log all mean by "a run".

An `Experiment` is a value: it can be compared, stored, and written as the one line that reproduces it.
"""

import shlex
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fedteach import checks, data
from fedteach.steps import aggregation, broadcast, global_update, selection
from fedteach.steps.cohort import with_fraction
from fedteach.steps.local_update import Plan

if TYPE_CHECKING:
    from fedteach.client import Client
    from fedteach.engine_pool import EnginePool
    from fedteach.federation import Federation
    from fedteach.tally import Event
    from fedteach.transport.base import Transport

# The names of `models.MODELS`, repeated here (and compared by a test) so that choosing one loads no TensorFlow.
MODEL_NAMES = ("small_cnn", "cnn", "lenet", "lenet_original", "2nn", "logistic")
_MODEL_FOR = {"digits": "small_cnn"}


@dataclass(frozen=True)
class Experiment:
    """Everything that a run depends on.

    Attributes:
        dataset: name of the data set; see `data.load`.
        model: name of the model; None takes the one that suits the data set.
        clients: number of clients, 1 to 100,000.
        split: who holds which examples: "1" to "4" (the course's experiments), "iid", "dirichlet:0.5",
            "shards:2", "quantity:1.5" or "by_writer".
        rounds: number of rounds, >= 1.
        fraction: share of the clients that takes part in a round, 0 to 1.
        epochs, batch_size, learning_rate, momentum, keep_momentum, proximal_mu, clip_norm,
            noise_multiplier: what a client does; see `steps.local_update.Plan`. batch_size 0 takes all at once.
        seed: the same seed gives the same run, bit for bit.
        select: another way of selecting than by fraction, "power_of_choice:3,6" for example; None: by fraction.
        broadcast, upload: codec for the way down and up: "float32", "float16", "int8", "top_k:0.1".
        aggregate: "weighted_mean", "median", "trimmed_mean:0.1", "krum:1", "multi_krum:1,3".
        global_update: "add", "server_learning_rate:0.5", "momentum:0.9", "adagrad:0.1", "adam:0.01", "yogi:0.01".
        drop: probability that a client's update gets lost on the way, 0 to 1.
        examples_per_client: examples that each client draws in experiments 1 to 3; None: min(600, what is there).
        redraw_each_round: clients draw new examples every round, as in the original course.
        common_init: False: clients start round 1 from random weights of their own.
        client_accuracy: judge each client's model on the server's test subset.
        own_accuracy: clients also judge their model on their own examples.
        test_examples: size of the test subset that every round is judged on.
        precision: "float32" or "mixed_bfloat16".
        workers: clients that train at once; None: as many as there are cores. No result depends on it.
    """

    dataset: str = "digits"
    model: str | None = None
    clients: int = 5
    split: str = "1"
    rounds: int = 5
    fraction: float = 1.0
    epochs: int = 10
    batch_size: int = 8
    learning_rate: float = 0.01
    seed: int = 0
    select: str | None = None
    broadcast: str = "float32"
    upload: str = "float32"
    aggregate: str = "weighted_mean"
    global_update: str = "add"
    momentum: float = 0.0
    keep_momentum: bool = False
    proximal_mu: float = 0.0
    clip_norm: float | None = None
    noise_multiplier: float = 0.0
    drop: float = 0.0
    examples_per_client: int | None = None
    redraw_each_round: bool = False
    common_init: bool = True
    client_accuracy: bool = True
    own_accuracy: bool = False
    test_examples: int = 1000
    precision: str = "float32"
    workers: int | None = None

    def __post_init__(self) -> None:
        """Refuse, at the door, what cannot be run; the data themselves are looked at later."""
        tidy = {
            "split": str(self.split),
            "clients": checks.whole("clients", self.clients, least=1, most=100_000),
            "rounds": checks.whole("rounds", self.rounds, least=1, most=1_000_000),
            "fraction": checks.number("fraction", self.fraction, least=0, most=1, hint="0.5 takes half of the clients"),
            "epochs": checks.whole("epochs", self.epochs, least=1),
            "batch_size": checks.whole("batch_size", self.batch_size, hint="0 takes all examples at once"),
            "learning_rate": checks.number(
                "learning_rate", self.learning_rate, least=0, open_left=True, hint="try 0.01"
            ),
            "seed": checks.whole("seed", self.seed),
            "drop": checks.number("drop", self.drop, least=0, most=1, hint="try 0.2"),
            "test_examples": checks.whole("test_examples", self.test_examples, least=1),
        }
        for name, value in tidy.items():  # plain numbers, also where numpy's came: a log is JSON
            object.__setattr__(self, name, value)
        checks.known("data set", self.dataset, data.DATASETS)
        if self.model is not None:
            checks.known("model", self.model, MODEL_NAMES)
        checks.known("precision", self.precision, ("float32", "mixed_bfloat16"))
        if self.select is not None and self.fraction != 1:
            raise ValueError(f"select={self.select!r} decides who takes part, so leave fraction={self.fraction:g} away")
        data.check_split(self.split, self.examples_per_client)
        self.plan()
        self._steps()

    # ---- what it means --------------------------------------------------------------------------------

    def load_data(self) -> data.Dataset:
        """Return the data set; loaded once in a process."""
        return data.load(self.dataset)

    def model_name(self) -> str:
        """Return the name of the model that is trained."""
        return self.model or _MODEL_FOR.get(self.dataset, "cnn")

    def client_ids(self) -> tuple[str, ...]:
        """Return the ids of the clients: "0", "1", ..., as in the original course."""
        return tuple(str(i) for i in range(self.clients))

    def partition(self, round: int = 0) -> data.Partition:
        """Return who holds which training examples (in a round, if they are drawn anew each round)."""
        return data.split(
            self.load_data(),
            self.split,
            self.clients,
            seed=self.seed,
            per_client=self.examples_per_client,
            round=round if self.redraw_each_round else 0,
        )

    def most_examples(self) -> int:
        """Return the most training examples that one client can hold in any round."""
        if self.redraw_each_round:
            return len(self.load_data().train)
        return max(map(len, self.partition().parts))

    def label_counts(self) -> np.ndarray:
        """Return how many examples of each class each client holds, int, shape (clients, classes)."""
        dataset = self.load_data()
        return data.label_counts(self.partition(round=1), dataset.train.y, dataset.n_classes)

    def class_names(self) -> tuple[str, ...]:
        """Return the names of the classes."""
        return self.load_data().classes

    def plan(self) -> Plan:
        """Return what clients do with their examples."""
        return Plan(
            epochs=self.epochs,
            batch_size=self.batch_size or None,
            learning_rate=self.learning_rate,
            momentum=self.momentum,
            keep_momentum=self.keep_momentum,
            proximal_mu=self.proximal_mu,
            clip_norm=self.clip_norm,
            noise_multiplier=self.noise_multiplier,
        )

    def _steps(self) -> dict[str, Any]:
        """Return the steps that the server takes, by the names of `Federation`'s arguments."""
        select = selection.selection(self.select) if self.select else selection.fraction(self.fraction)
        return {
            "select": select,
            "broadcast": broadcast.codec(self.broadcast),
            "upload": broadcast.codec(self.upload),
            "aggregate": aggregation.aggregation(self.aggregate),
            "global_update": global_update.global_update_from(self.global_update),
        }

    # ---- running it -----------------------------------------------------------------------------------

    def federation(
        self,
        *,
        out: str | Path | None = None,
        resume: str | Path | None = None,
        stop: threading.Event | None = None,
        on_event: "Callable[[Event], None]" = lambda event: None,
        local_update: Any = None,
        transport: "Transport | None" = None,
        deadline_s: float | None = None,
        **steps: Any,
    ) -> "Federation":
        """Return the federation of this experiment, ready to run.

        Args:
            out: folder for log and checkpoints; None keeps nothing.
            resume: folder of an earlier run to go on with.
            stop: set it, and the run ends within a second.
            on_event: called with each event, in the running thread.
            local_update: step 3 of one's own, `(model, x, y, plan, rng)`.
            transport: the way to clients elsewhere; None: they live in this process.
            deadline_s: seconds a round waits for its clients; None waits as long as it takes.
            **steps: other steps of one's own, by the names `select`, `broadcast`, `upload`, `aggregate`,
                `global_update`; each takes the place of the one that the experiment names. A `select` of
                `(clients, fraction, rng)` gets the experiment's fraction.
        """
        from fedteach.federation import Federation
        from fedteach.transport.base import Lossy
        from fedteach.transport.in_process import InProcess

        for name in steps:
            checks.known("step", name, (*self._steps(), "local_update"))
        if "select" in steps:
            steps["select"] = with_fraction(steps["select"], self.fraction)
        pool = self.pool()
        if transport is None:
            transport = InProcess(self.all_clients(), pool, local_update)
        elif local_update is not None:
            raise ValueError("local_update is the clients' step: give it to `join`, on their side")
        if self.drop > 0:
            transport = Lossy(transport, self.drop, self.seed)
        return Federation(
            transport,
            pool,
            test=self.load_data().test,
            plan=self.plan(),
            seed=self.seed,
            common_init=self.common_init,
            deadline_s=deadline_s,
            test_examples=self.test_examples,
            client_accuracy=self.client_accuracy,
            out=out,
            resume=resume,
            stop=stop,
            on_event=on_event,
            settings=asdict(self),
            **(self._steps() | steps),
        )

    def pool(self) -> "EnginePool":
        """Return new engines for the experiment's model."""
        from fedteach.engine_pool import EnginePool
        from fedteach.models import builder

        dataset = self.load_data()
        make = builder(self.model_name(), dataset.input_shape, dataset.n_classes)
        return EnginePool(make, seed=self.seed, workers=self.workers, precision=self.precision)

    def all_clients(self) -> "list[Client]":
        """Return the clients, each with its own examples."""
        rows_of = self._rows()
        return [self._client(place, id, rows_of) for place, id in enumerate(self.client_ids())]

    def client(self, id: str) -> "Client":
        """Return one of the clients.

        Raises:
            ValueError: if there is none of that name.
        """
        place = self.client_ids().index(checks.known("client", id, self.client_ids()))
        return self._client(place, id, self._rows())

    def _client(self, place: int, id: str, rows_of: "Callable[[int], data.Partition]") -> "Client":
        from fedteach.client import Client

        def rows(round: int) -> np.ndarray:
            return rows_of(round).parts[place]

        train = self.load_data().train
        mine = rows if self.redraw_each_round else rows(0)
        return Client(id, train.x, train.y, mine, own_accuracy=self.own_accuracy)

    def _rows(self) -> "Callable[[int], data.Partition]":
        """Return who holds what in a round, worked out once for all clients that ask."""
        return lru_cache(maxsize=2)(self.partition)

    # ---- writing it down ------------------------------------------------------------------------------

    def changed(self) -> dict[str, Any]:
        """Return the settings that a line must name: the main ones, and whatever is not at its default."""
        defaults = Experiment()
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name in _MAIN or getattr(self, field.name) != getattr(defaults, field.name)
        }

    def python(self) -> str:
        """Return the experiment as one line of Python."""
        return f"Experiment({', '.join(f'{name}={value!r}' for name, value in self.changed().items())})"

    def command(self) -> str:
        """Return the experiment as one command line."""
        words = ["fedteach", "run"]
        for name, value in self.changed().items():
            option = name.replace("_", "-")
            if isinstance(value, bool):
                words.append(f"--{option}" if value else f"--no-{option}")
            else:
                words += [f"--{option}", str(value)]
        return shlex.join(words)

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "Experiment":
        """Return the experiment whose settings a log holds."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in settings.items() if name in known})

    def replace(self, **changes: Any) -> "Experiment":
        """Return a copy with some settings changed."""
        return replace(self, **changes)


_MAIN = ("dataset", "clients", "split", "rounds", "fraction", "epochs", "batch_size", "learning_rate", "seed")

PRESETS: dict[str, Experiment] = {
    "welcome": Experiment(epochs=5),
    "course": Experiment(dataset="mnist", model="cnn", examples_per_client=600),
    "fedavg-paper": Experiment(
        dataset="mnist",
        model="2nn",
        clients=100,
        split="shards:2",
        rounds=100,
        fraction=0.1,
        epochs=1,
        batch_size=10,
        learning_rate=0.05,
        client_accuracy=False,
    ),
}
"""Named set-ups: the first minute, the original course, and the 2NN of the FedAvg paper on its non-IID MNIST."""
