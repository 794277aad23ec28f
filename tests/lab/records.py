"""Runs that never ran: records with round numbers, for pictures whose every figure one can work out."""

from collections.abc import Mapping, Sequence

from fedteach.history import History, RoundRecord


def record(
    number: int,
    server: float | None,
    clients: Mapping[str, float | None],
    lost: Mapping[str, str] | None = None,
    bytes_each: int = 1000,
) -> RoundRecord:
    """One round; a client with accuracy None answered, but was not measured."""
    figures = {c: {"n_examples": 10.0} if a is None else {"accuracy": a} for c, a in clients.items()}
    lost = dict(lost or {})
    return RoundRecord(
        number,
        selected=(*clients, *lost),
        clients=figures,
        lost=lost,
        server={} if server is None else {"accuracy": server},
        seconds={"total": 0.25},
        bytes_down=bytes_each * len({*clients, *lost}),
        bytes_up=bytes_each * len(clients),
    )


def history(records: Sequence[RoundRecord] = (), clients: int = 3, rounds: int = 5, split: str = "1") -> History:
    """A history of clients "0", "1", ... with `rounds` planned."""
    return History([str(i) for i in range(clients)], {"rounds": rounds, "split": split}, records)


def three_rounds() -> History:
    """Server 20 %, none, 60 %; client 1 sits out round 2, client 2 is lost in round 3."""
    return history(
        [
            record(1, 0.2, {"0": 0.1, "1": 0.3, "2": 0.2}),
            record(2, None, {"0": 0.5, "2": 0.4}),
            record(3, 0.6, {"0": 0.7, "1": 0.55}, lost={"2": "dropped"}),
        ]
    )


def long_run(rounds: int, clients: int) -> History:
    """Every client takes part in every round; accuracies rise evenly."""
    ids = [str(i) for i in range(clients)]
    records = [
        record(r, r / (rounds + 1), {c: r / (rounds + 1 + i) for i, c in enumerate(ids)}) for r in range(1, rounds + 1)
    ]
    return history(records, clients, rounds)
