"""A client as students of the old course wrote them: plain requests, nested lists, polling, recursion. No fedteach.

    python tests/old_course_client.py URL CLIENT_ID ROUNDS N_EXAMPLES SHAPES

It "trains" by adding its id to every weight, so that a test knows what the average must be.
"""

import json
import sys
import time

import numpy as np
import requests


class Encoder(json.JSONEncoder):
    def default(self, o):
        return o.tolist() if isinstance(o, np.ndarray) else json.JSONEncoder.default(self, o)


class Client:
    def __init__(self, url, client_id, max_round, n_examples, shapes):
        self.base_url, self.client_id, self.max_round = url + "/", client_id, max_round
        self.n_examples, self.shapes, self.current_round = n_examples, shapes, 0

    def request_global_round(self):
        return requests.get(self.base_url + "get_server_round").json()

    def request_global_weight(self):
        result = requests.get(self.base_url + "get_server_weight").json()
        return None if result is None else [np.array(w, dtype=np.float32) for w in result]

    def upload_local_weight(self, weight):
        requests.put(self.base_url + "put_weight/" + str(self.client_id), data=json.dumps(weight, cls=Encoder))

    def task(self):
        global_round = self.request_global_round()
        if self.current_round >= self.max_round:
            return None
        if global_round == self.current_round:
            requests.get(self.base_url + f"update_num_data/{self.client_id}/{self.n_examples}")
            weight = self.request_global_weight() or [np.zeros(shape, np.float32) for shape in self.shapes]
            self.upload_local_weight([w + 0.01 * self.client_id for w in weight])
            self.current_round += 1
        time.sleep(0.05)
        return self.task()


if __name__ == "__main__":
    url, client_id, rounds, n_examples, shapes = sys.argv[1:]
    Client(url, int(client_id), int(rounds), int(n_examples), json.loads(shapes)).task()
    sys.stdout.write("finished\n")
