"""The original course's server: FedAvg for clients that send whole weights when they are ready."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fedteach import __version__, checks
from fedteach.classic.course import COURSE, SPLITS
from fedteach.engine_pool import EnginePool
from fedteach.evaluation import Evaluator
from fedteach.experiment import Experiment
from fedteach.history import History, RoundRecord
from fedteach.messages import LARGEST_CHANGE, Update, Weights, why_unusable
from fedteach.run_folder import RunFolder, SaveError
from fedteach.steps.aggregation import weighted_mean

_LARGEST_ID = 10**10 - 1  # a student's number is long, but not longer


class FederatedServer:
    """FedAvg for clients that send whole weights when they are ready.

    Args:
        experiment: data set and model that judge the weights; clients, split and rounds are set by `initialize`.
        update_window_s: seconds from a round's first upload until it ends with those that have answered.
        out: folder for the log of each round; None keeps nothing.
        clock: unix seconds.
    """

    def __init__(
        self,
        experiment: Experiment = COURSE,
        *,
        update_window_s: float = 300.0,
        out: str | Path | None = "runs",
        clock: Callable[[], float] = time.time,
    ):
        self._weights: Weights | None
        self._sizes: dict[int, int]
        self._seen: dict[int, float]
        self._answers: dict[int, Weights]
        self._accuracies: dict[int, float]
        self._records: list[RoundRecord]
        self._folder: RunFolder | None
        self._trouble: str
        self._base = experiment
        self._window_s = checks.number("update_window_s", update_window_s, least=0, open_left=True)
        self._out, self._now = out, clock
        self._lock = threading.RLock()
        # Apart from the other: who asks where the federation stands need not wait for data and TensorFlow.
        self._loading = threading.Lock()
        self._pool: EnginePool | None = None
        self._evaluator: Evaluator | None = None
        self._timer: threading.Timer | None = None
        self._ends_at: float | None = None
        split = checks.known("split of the original course", experiment.split, SPLITS)
        self._begin(experiment.clients, int(split), experiment.rounds)

    # ---- the original's names -------------------------------------------------------------------------

    def initialize(self, client_num: int, experiment: int, max_round: int) -> str:
        """Begin a federation of so many clients and rounds; resets everything."""
        checks.whole("client_num", client_num, least=1, most=1000)
        checks.whole("max_round", max_round, least=1, most=10_000)
        self._begin(client_num, experiment, max_round)
        return "Initialized server"

    def reset(self) -> None:
        """Begin the same federation anew."""
        self._begin(self.client_number, self.experiment, self.max_round)

    def get_experiment(self) -> int:
        """Return the number of the data split, 1 to 4."""
        return self.experiment

    def set_experiment(self, experiment: int) -> str:
        """Set the number of the data split; 1 if there is no such split."""
        with self._lock:
            self.experiment = experiment if experiment in (1, 2, 3, 4) else 1
        return f"Experiment set to {self.experiment}"

    def get_server_round(self) -> int:
        """Return the round, from 0; it stays at the number of rounds when all are done."""
        return self._round

    def get_server_weight(self) -> Weights | None:
        """Return the global weights; None before the first aggregation."""
        return self._weights

    def get_done_clients(self) -> list[int]:
        """Return the ids of the clients that have answered in this round."""
        with self._lock:
            return sorted(self._answers)

    def update_num_data(self, client_id: int, num_data: int) -> str:
        """Note how many examples a client has; told again, the new number takes the old one's place."""
        checks.whole("client_id", client_id, most=_LARGEST_ID)
        checks.whole("num_data", num_data, least=1, most=10_000_000)
        with self._lock:
            self._sizes[client_id] = num_data
            self._seen[client_id] = self._now()
        return f"Number of data for {client_id} updated"

    def update(self, client_id: int, weight: Weights) -> str:
        """Take a client's weights; with the last client's the round is complete.

        Returns:
            A sentence. A second answer in the same round, or one after the last round, changes nothing.

        Raises:
            ValueError: if these are no weights of the model, or the client has not told its number of examples.
        """
        if reason := why_unusable(weight, self._initial_weights(), LARGEST_CHANGE):
            raise ValueError(f"weights refused: {reason}")
        with self._lock:
            generation, round, refused = self._generation, self._round, self._why_not(client_id)
        if refused:
            return refused
        accuracy = self.evaluateClientModel(client_id, weight)
        with self._lock:
            if refused := self._why_not(client_id):
                return refused
            if not self._is_in(generation, round):
                return f"too late: round {round} is over"
            self._answers[client_id], self._accuracies[client_id] = weight, accuracy
            self._seen[client_id] = self._now()
            if self._ends_at is None:
                self._ends_at = self._now() + self._window_s
                self._timer = threading.Timer(self._window_s, self._end, [generation, round])
                self._timer.daemon = True
                self._timer.start()
            all_have_answered = len(self._answers) >= self.client_number
        if all_have_answered:
            self._end(generation, round)
        return "Request OK"

    def FedAvg(self) -> Weights:
        """Average the answers of this round, each by its client's examples; they become the global weights.

        Source:
            McMahan et al. (2017), arXiv:1602.05629, Algorithm 1, on whole weights instead of deltas.
        """
        with self._lock:
            updates = [Update(str(id), self._round, w, self._sizes[id]) for id, w in sorted(self._answers.items())]
            self._weights = weighted_mean(updates)
            return self._weights

    def evaluateClientModel(self, client_id: int, weight: Weights) -> float:
        """Return the accuracy of a client's weights on the server's test subset, 0 to 1."""
        return self._judge().on_subset(weight)["accuracy"]

    def evaluateServerModel(self) -> float:
        """Return the accuracy of the global weights as they are now, 0 to 1."""
        if self._weights is None:
            raise ValueError("there are no global weights before the first aggregation")
        return self._judge().on_subset(self._weights)["accuracy"]

    def next_round(self) -> None:
        """Go on to the next round."""
        with self._lock:
            self._stop_the_clock()
            self._round += 1
            self._is_ending = False
            self._answers, self._accuracies = {}, {}

    def save(self) -> Path | None:
        """Write the log with the course's historical keys, and the weights beside it; return where."""
        if self._out is None:
            return None
        with self._lock:
            if self._folder is None:
                self._folder = RunFolder(self._out)
            self._folder.save_log(self.history, self._weights)
            return self._folder.log_path

    @property
    def history(self) -> History:
        """The rounds that are complete."""
        with self._lock:
            clients = sorted({*self._sizes, *(int(id) for record in self._records for id in record.clients)})
            settings = {**asdict(self._base), "clients": self.client_number, "rounds": self.max_round}
            return History([str(id) for id in clients], settings | {"split": str(self.experiment)}, self._records)

    # ---- for the routes and the dashboard -------------------------------------------------------------

    def shapes(self) -> list[tuple[int, ...]]:
        """Return the shapes of the model's weights; loads data and model if they are not there yet."""
        return [w.shape for w in self._initial_weights()]

    @property
    def trouble(self) -> str:
        """Why the log could not be written last time; "" if it was."""
        return self._trouble

    def records(self) -> list[dict[str, Any]]:
        """Return the complete rounds as plain data."""
        return [asdict(record) for record in self.history]

    def board(self) -> dict[str, Any]:
        """Return what a dashboard shows, as plain data."""
        with self._lock:
            over = self._round >= self.max_round
            n, all_of_them = len(self._answers), self.client_number
            say = f"finished: {self.max_round} rounds" if over else f"{n} of {all_of_them} clients have answered"
            if self._is_ending:
                say += "; the new global weights are measured"
            if self._trouble:
                say += f"; the log is not written: {self._trouble}"
            if self._ends_at is not None:
                say += f"; waiting {max(0, round(self._ends_at - self._now()))} s more"
            return {
                "protocol": 0,
                "version": __version__,
                "federation": "classic",
                "experiment": {
                    "dataset": self._base.dataset,
                    "model": self._base.model_name(),
                    "split": str(self.experiment),
                    "clients": all_of_them,
                },
                "phase": "finished" if over else ("round" if self._sizes else "waiting"),
                "say": say,
                "round": min(self._round + 1, self.max_round),
                "rounds": self.max_round,
                "now": self._now(),
                "ends_at": self._ends_at,
                "window_s": self._window_s,
                "accuracy": [record.server_accuracy for record in self._records],
                "bytes_up": 0,
                "bytes_down": 0,
                "cards": {str(id): self._card(id, over) for id in sorted(self._seen)},
            }

    # ---- inside ---------------------------------------------------------------------------------------

    def _begin(self, client_num: int, experiment: int, max_round: int) -> None:
        with self._lock:
            self._stop_the_clock()
            self.client_number, self.max_round = client_num, max_round
            self.experiment = experiment if experiment in (1, 2, 3, 4) else 1
            self._generation = object()  # a clock of an earlier federation means nothing to this one
            self._round = 0
            self._is_ending = False
            self._weights = None
            self._sizes = {}
            self._seen = {}
            self._answers = {}
            self._accuracies = {}
            self._records = []
            self._folder = None
            self._trouble = ""

    def _judge(self) -> Evaluator:
        with self._loading:
            if self._evaluator is None:
                self._pool = self._base.pool()
                test = self._base.load_data().test
                self._evaluator = Evaluator(self._pool, test, self._base.test_examples, self._base.seed, lambda: False)
            return self._evaluator

    def _initial_weights(self) -> Weights:
        self._judge()
        assert self._pool is not None
        return self._pool.initial_weights

    def _is_in(self, generation: object, round: int) -> bool:
        """Say whether the federation is still in this round, and was not begun anew meanwhile."""
        return generation is self._generation and round == self._round

    def _why_not(self, client_id: int) -> str:
        """Return what to tell a client whose weights change nothing; "" if they are wanted."""
        if self._round >= self.max_round:
            return f"all {self.max_round} rounds are done"
        if client_id in self._answers:
            return f"client {client_id} has answered in round {self._round} already; it counts once"
        if self._is_ending:
            return f"too late: round {self._round} is over"
        if client_id not in self._sizes:
            raise ValueError(
                f"client {client_id} has not told its number of examples; ask for update_num_data/{client_id}/N first"
            )
        return ""

    def _end(self, generation: object, round: int) -> None:
        """End a round, if it has not ended: average, measure what was averaged just now, write it down, and go on.

        Measuring takes seconds, so it holds no lock; nothing that goes wrong in it keeps the class in the round.
        """
        with self._lock:
            if not self._is_in(generation, round) or self._is_ending or not self._answers:
                return
            self._is_ending = True
            self._stop_the_clock()
            weights = self.FedAvg()
        figures: dict[str, float] = {}
        try:
            figures = self._judge().on_subset(weights)
        finally:
            with self._lock:
                if self._is_in(generation, round):
                    self._go_on(figures)

    def _go_on(self, figures: dict[str, float]) -> None:
        """Write down the round that ends, and begin the next."""
        lost = {
            str(id): f"late: had not answered after {self._window_s:g} s"
            for id in self._sizes
            if id not in self._answers
        }
        clients = {
            str(id): {"n_examples": self._sizes[id], "accuracy": accuracy}
            for id, accuracy in sorted(self._accuracies.items())
        }
        asked = tuple(str(id) for id in sorted(self._sizes))
        # A loss can overflow where every weight is finite, and JSON knows no NaN.
        finite = {name: value for name, value in figures.items() if math.isfinite(value)}
        gone = sorted(figures.keys() - finite.keys())
        note = f"{gone[0]} of the server is no finite number any more: the training diverges" if gone else ""
        self._records.append(RoundRecord(len(self._records) + 1, asked, clients, lost, finite, note=note))
        try:
            self.save()
            self._trouble = ""
        except SaveError as error:  # everybody who looks is told, and the next round tries again with all of it
            self._trouble = str(error)
        finally:
            self.next_round()

    def _stop_the_clock(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._ends_at = None

    def _card(self, id: int, over: bool) -> dict[str, Any]:
        last = self._records[-1] if self._records else None
        was_lost = last is not None and str(id) in last.lost
        state = "done" if id in self._answers or over else ("late" if was_lost else "training")
        accuracies = [record.clients[str(id)]["accuracy"] for record in self._records if str(id) in record.clients]
        return {
            "client": str(id),
            "name": f"client {id}",
            "state": state,
            "n_examples": self._sizes.get(id),
            "bytes_up": 0,
            "bytes_down": 0,
            "last_seen": round(self._seen[id]),
            "detail": last.lost.get(str(id), "") if last is not None and state == "late" else "",
            "accuracy": accuracies[-1] if accuracies else None,
            "rounds": len(accuracies),
        }
