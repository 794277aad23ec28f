"""Many clients: workload L from process start, 100 against 3,500 clients, the cost of a client that does nothing."""

import statistics
import tracemalloc
from collections.abc import Iterator

import numpy as np

from benchmarks.measure import in_fresh_process, say, take_turns
from benchmarks.workloads import clients, lenet5
from fedteach.engine_pool import EnginePool
from fedteach.federation import Federation
from fedteach.messages import Update, Weights
from fedteach.steps import aggregation, selection
from fedteach.steps.local_update import Plan
from fedteach.transport.in_process import InProcess

WORKLOAD_L = """
import os, time
from benchmarks.workloads import clients, lenet5
from fedteach.engine_pool import EnginePool
from fedteach.federation import Federation
from fedteach.steps import selection
from fedteach.steps.local_update import Plan
federation = Federation(clients(100, 50), EnginePool(lenet5), select=selection.count(10), client_accuracy=False,
                        plan=Plan(epochs=1, batch_size=10, learning_rate=0.05))
seconds = []
for record in federation.rounds(21):
    result.setdefault("first_s", time.time() - float(os.environ["FEDTEACH_BEGAN"]))
    seconds.append(record.seconds["total"])
result["round_s"] = sorted(seconds[1:])[10]
"""


def workload_l() -> None:
    """Run workload L in three fresh processes."""
    runs = [in_fresh_process(WORKLOAD_L) for _ in range(3)]

    def middle(key: str) -> float:
        return statistics.median(run[key] for run in runs)

    say("workload L, seconds a round (100 clients of 50, 10 a round)", f"{middle('round_s'):.3f}", "at most 0.20")
    say("workload L, first round done after process start", f"{middle('first_s'):.1f} s", "at most 6 s")
    say("workload L, peak memory", f"{middle('peak_mb'):.0f} MB", "under 800 MB")


def federation_of(n: int) -> Federation:
    """Return workload L with n clients."""
    plan = Plan(epochs=1, batch_size=10, learning_rate=0.05)
    return Federation(clients(n, 50), EnginePool(lenet5), select=selection.count(10), client_accuracy=False, plan=plan)


def many_clients() -> None:
    """Compare rounds of 10 out of 3,500 clients with rounds of 10 out of 100."""
    few, many = federation_of(100), federation_of(3500)
    seconds = take_turns({"100": lambda: few.run(1), "3500": lambda: many.run(1)}, 21)
    ratios = [m / f for m, f in zip(seconds["3500"], seconds["100"], strict=True)]
    say("round of 10 from 3,500 clients / from 100", f"{statistics.median(ratios):.2f}", "about 1")


def idle_client() -> None:
    """Measure what a client costs that answers at once: task, codec both ways, checks, averaging."""

    class Idle(InProcess):
        def _answer(self, task, engine, given_up):  # type: ignore[no-untyped-def]
            sent = task.codec.decode(task.message)
            message = task.reply_codec.encode([np.zeros_like(w) for w in sent])
            return Update(task.client, task.round, task.reply_codec.decode(message), 1, size_bytes=len(message))

    pool, n_clients = EnginePool(lenet5), 1000
    federation = Federation(Idle(clients(n_clients, 1), pool), pool, client_accuracy=False)
    federation.run(1)
    round_s = statistics.median(record.seconds["total"] for record in federation.rounds(7))
    say("a client that does nothing (66,126 weights)", f"{1000 * round_s / n_clients:.2f} ms", "under 1 ms")


def aggregation_memory() -> None:
    """Measure the peak memory of the mean over 10 and over 1,000 updates, in models."""
    shape = (1000, 1000)
    model_bytes = 4 * shape[0] * shape[1]

    def updates(n: int) -> Iterator[Update]:
        for i in range(n):
            delta: Weights = [np.full(shape, i, dtype=np.float32)]
            yield Update(str(i), 1, delta, 1)

    peaks = {}
    for n in (10, 1000):
        tracemalloc.start()
        aggregation.weighted_mean(updates(n))
        peaks[n] = tracemalloc.get_traced_memory()[1] / model_bytes
        tracemalloc.stop()
    say("memory of the mean, 10 and 1,000 updates", f"{peaks[10]:.1f} and {peaks[1000]:.1f} models", "the same")


def main() -> None:
    """Measure all of it."""
    workload_l()
    many_clients()
    idle_client()
    aggregation_memory()


if __name__ == "__main__":
    main()
