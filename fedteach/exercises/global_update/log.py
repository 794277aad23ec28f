"""5.5: the log of a run."""

from typing import Any

import numpy as np

from fedteach.grading import expect
from fedteach.grading.ask import Ask, Wrong
from fedteach.grading.exercise import EXAMPLE, SPECIAL, Exercise

KEYS = ("client number", "experiment", "max round", "clients acc", "server acc", "final weight")


def logged(ask: Ask, experiment: int, max_round: int, clients: dict[Any, Any], server: Any) -> None:
    """Ask for the log of a run."""
    reply = ask.reply(len(clients), experiment, max_round, clients, server)
    answer = reply.value
    keys_are_right(answer)
    plain = {"client number": len(clients), "experiment": experiment, "max round": max_round, "final weight": None}
    for key, value in plain.items():
        expect.equal(answer[key], value, f"{key!r} of the log is not the right one.")
    lists = {str(client): [float(value) for value in values] for client, values in clients.items()}
    ids_are_text(answer["clients acc"], lists)
    for client, values in lists.items():
        numbers_are_plain(answer["clients acc"][client], values, f"the accuracies of client {client}")
    numbers_are_plain(answer["server acc"], [float(value) for value in server], "the accuracies of the server")
    expect.true(
        reply.jsonable,
        "Every number looks right, and yet `json.dumps` cannot write this log: some are numpy's own, such as float32.",
        likely="`list(array)` and `array[0]` leave them as they are; `float(value)` makes a plain number",
    )


def keys_are_right(answer: Any) -> None:
    """Insist on a dict with the keys of the log; what stands under them is not looked at."""
    if isinstance(answer, str):
        likely = "`json.dumps` comes later: what is asked for is the dictionary that it will write"
        raise Wrong("Expected a dictionary; your function returned a text.", got=answer, likely=likely)
    if not isinstance(answer, dict):
        expect.equal(answer, dict.fromkeys(KEYS), "")
    expect.true(
        not any(str(key).replace("_", " ") in KEYS for key in set(answer) - set(KEYS)),
        "The keys of the log are those of the first edition, letter by letter, and they have blanks in them.",
        got=list(answer),
        expected=list(KEYS),
        likely='the names of arguments have underscores, the keys have not: "client number", not "client_number"',
    )
    expect.true(
        set(answer) == set(KEYS),
        f"The log has six keys; missing: {listed(set(KEYS) - set(answer))}; not asked for:"
        f" {listed(set(answer) - set(KEYS))}.",
        got=list(answer),
        expected=list(KEYS),
    )


def listed(keys: set[Any]) -> str:
    """Return the keys for reading, or "none"."""
    return ", ".join(sorted(map(repr, keys))) or "none"


def ids_are_text(got: Any, want: dict[str, list[float]]) -> None:
    """Insist on a dict whose keys are the clients' ids as text."""
    expect.true(
        not (isinstance(got, dict) and any(not isinstance(client, str) for client in got)),
        'JSON has no numbers as keys: it writes 0 as "0", and what is read back is not what was written.',
        got=list(got) if isinstance(got, dict) else got,
        expected=list(want),
        likely="`str(client)` makes a text of a number",
    )
    expect.true(
        isinstance(got, dict) and set(got) == set(want),
        "'clients acc' is a dictionary: each client's id, as text -> the list of its accuracies.",
        got=got,
        expected=want,
    )


def numbers_are_plain(got: Any, want: list[float], whose: str) -> None:
    """Insist on a list of Python's own numbers."""
    values = list(got) if isinstance(got, tuple) else got
    expect.true(
        not isinstance(values, np.ndarray),
        f"Expected a list for {whose}; it is an array, and JSON cannot write one.",
        got=values,
        expected=want,
        likely="make a new list, with `float(...)` of each number in it",
    )
    expect.true(
        not (isinstance(values, list) and any(isinstance(value, np.ndarray) for value in values)),
        f"The numbers in {whose} are still arrays (without any axis), and JSON cannot write one.",
        got=values,
        expected=want,
        likely="`list(values)` leaves what is in it as it is; `float(value)` makes a plain number",
    )
    likely = [
        (want[-1:], "only the last round is there"),
        ([round(value, 2) for value in want], "the accuracies are rounded; a log keeps all digits"),
        ([100 * value for value in want], "a log holds shares from 0 to 1, not percents"),
    ]
    expect.equal(values, want, f"These are not {whose}.", likely)


@EXAMPLE
def two_clients(ask: Ask, rng: np.random.Generator) -> None:
    """Two clients, two rounds: six keys, and the clients' ids as text."""
    logged(ask, 1, 2, {0: [0.5, 0.75], 1: [0.25, 0.625]}, [0.5, 0.875])


@SPECIAL
def numbers_from_numpy(ask: Ask, rng: np.random.Generator) -> None:
    """Accuracies that come from numpy, in arrays and as arrays without an axis, become plain numbers in lists."""
    clients = {i: rng.random(4).astype(np.float32) for i in range(3)}
    # What `keras.ops.convert_to_numpy` makes of one number: an array of shape ().
    server = [np.array(value) for value in rng.random(4).astype(np.float32)]
    logged(ask, 4, 4, clients, server)
    logged(ask, 4, 4, {i: [np.array(value) for value in values] for i, values in clients.items()}, np.array(server))


def a_run_that_was_stopped(ask: Ask, rng: np.random.Generator) -> None:
    """A run of 5 rounds that was stopped after 2: the lists are as long as what was measured."""
    logged(ask, 2, 5, {name: rng.random(2).tolist() for name in ("7", "11", "library")}, rng.random(2).tolist())


def reference_log(
    client_number: int, experiment: int, max_round: int, clients_acc: dict[Any, Any], server_acc: Any
) -> dict[str, Any]:
    """Return the log of a run, ready for json.dumps."""
    return {
        "client number": client_number,
        "experiment": experiment,
        "max round": max_round,
        "clients acc": {str(client): [float(value) for value in values] for client, values in clients_acc.items()},
        "server acc": [float(value) for value in server_acc],
        "final weight": None,
    }


LOG = Exercise(
    "5.5",
    "make_log",
    "the log of a run",
    hints=(
        "Which of the six values can go into the dictionary as they are, and which have to be made plain first?",
        "What do `str(0)` and `float(np.float32(0.5))` give you?",
        "How would you write a dictionary whose keys are `str(client)`, one for each pair of `clients_acc.items()`?",
    ),
    cases=(two_clients, numbers_from_numpy, a_run_that_was_stopped),
    reference=reference_log,
    passes_on=True,  # an array in the log is refused anyway, and with its reason
    points=2,
)
