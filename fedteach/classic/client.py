"""The original course's client, by its original names."""

import os
import time
from typing import Any

import numpy as np
import requests

from fedteach.classic.course import COURSE
from fedteach.experiment import Experiment
from fedteach.messages import Weights
from fedteach.randomness import int_seed_for, rng_for
from fedteach.steps.local_update import Plan


class Client:
    """A client of the old course, by its original names; a class of one's own may override any step.

    Args:
        base_url: the server's address, "http://127.0.0.1:9103".
        client_id: a number that no other client has.
        max_round: rounds after which it is done.
        time_delay: seconds between two looks at the server's round.
        experiment: data split, 1 to 4.
        num_samples: examples that it draws in splits 1 to 3; None: 600, or what there is.
        settings: data set, model and training; None takes the course's.
    """

    def __init__(
        self,
        base_url: str,
        client_id: int = 0,
        max_round: int = 5,
        time_delay: float = 5.0,
        experiment: int = 1,
        num_samples: int | None = None,
        settings: Experiment = COURSE,
    ):
        self.base_url = base_url.rstrip("/")
        self.client_id, self.max_round, self.time_delay, self.experiment = client_id, max_round, time_delay, experiment
        self.current_round = 0
        self.settings = settings.replace(
            clients=client_id + 1, split=str(experiment), examples_per_client=num_samples, workers=1
        )
        self._session = requests.Session()
        self._session.trust_env = False
        self._pool = self.settings.pool()
        self._rng = rng_for(int.from_bytes(os.urandom(6)), "pause")
        self.split_train_images, self.split_train_labels = self.data_split()

    def data_split(self) -> tuple[np.ndarray, np.ndarray]:
        """Return this client's (images, labels)."""
        return self.settings.client(str(self.client_id)).examples(self.current_round + 1)

    def request_global_round(self) -> int:
        """Return the server's round."""
        return int(self._ask("GET", "get_server_round").json())

    def request_global_weight(self) -> Weights | None:
        """Return the global weights; None before the first aggregation."""
        lists = self._ask("GET", "get_server_weight").json()
        return None if lists is None else [np.array(nested, dtype=np.float32) for nested in lists]

    def update_total_num_data(self, num_data: int) -> None:
        """Tell the server how many examples this client has."""
        self._ask("GET", f"update_num_data/{self.client_id}/{num_data}")

    def upload_local_weight(self, local_weight: Weights) -> None:
        """Send the trained weights."""
        self._ask("PUT", f"put_weight/{self.client_id}", json=[array.tolist() for array in local_weight])

    def train_local_model(self) -> Weights:
        """Train from the global weights, in the first round from random ones of this client's own."""
        start = self.request_global_weight()
        if start is None:
            start = self._pool.initial_weights_for(int_seed_for(self.settings.seed, "own start", str(self.client_id)))
        rng = rng_for(self.settings.seed, "fit", self.current_round + 1, str(self.client_id))
        x, y, plan = self.split_train_images, self.split_train_labels, self.settings.plan()
        (delta,) = self._pool.map(lambda engine, plan: _delta(engine, start, x, y, plan, rng), [plan])
        return [w + d for w, d in zip(start, delta, strict=True)]

    def task(self) -> None:
        """Take part until all rounds are done: train when the server's round is one's own, else wait."""
        while self.current_round < self.max_round:
            # Further on than this client: a round was missed, and it goes on with the class.
            self.current_round = max(self.current_round, global_round := self.request_global_round())
            if global_round == self.current_round < self.max_round:
                self.split_train_images, self.split_train_labels = self.data_split()
                self.update_total_num_data(len(self.split_train_labels))
                self.upload_local_weight(self.train_local_model())
                self.current_round += 1
            time.sleep(self.time_delay)

    def _ask(self, method: str, path: str, json: Any = None, tries: int = 8) -> requests.Response:
        for left in range(tries - 1, -1, -1):
            try:
                answer = self._session.request(method, f"{self.base_url}/{path}", json=json, timeout=(5, 300))
                answer.raise_for_status()
                return answer
            except requests.ConnectionError:
                if not left:
                    raise
                time.sleep((tries - left) * self._rng.uniform(0.2, 0.5))
        raise AssertionError("not reached")


def _delta(engine: Any, start: Weights, x: np.ndarray, y: np.ndarray, plan: Plan, rng: np.random.Generator) -> Weights:
    delta, _loss, _velocity = engine.fit(start, x, y, plan, rng)
    return delta
