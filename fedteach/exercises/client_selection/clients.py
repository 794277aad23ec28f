"""Lists of clients: that an answer is one, and that it holds the right ones."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from fedteach.grading import expect
from fedteach.grading.plain import kind_of
from fedteach.messages import ClientInfo

Clients = list[ClientInfo]


def members(answer: Any, clients: Sequence[ClientInfo]) -> Clients:
    """Insist on a list of different clients out of those that were given; a tuple will do."""
    expect.true(
        isinstance(answer, list | tuple),
        f"Expected a list of clients; your function returned {kind_of(answer)}.",
        got=answer,
        likely=_instead_of_a_list(answer),
    )
    for place, item in enumerate(answer):
        expect.true(
            isinstance(item, ClientInfo),
            f"Expected a list of clients; its item {place} is {kind_of(item)}.",
            got=answer,
            likely=_instead_of_a_client(item),
        )
        expect.true(item in clients, "Your list holds a client that was not among those given.", got=item)
    twice = [id for id, times in Counter(client.id for client in answer).items() if times > 1]
    expect.true(
        not twice,
        f"Client {twice[0] if twice else ''!r} is in your list more than once.",
        got=answer,
        likely="`rng.choice` draws with replacement unless it is told `replace=False`; `rng.integers` always does",
    )
    return list(answer)


def _instead_of_a_list(answer: Any) -> str:
    if answer is None:
        return "is a `return` missing?"
    return "put the client into a list: [client]" if isinstance(answer, ClientInfo) else ""


def _instead_of_a_client(item: Any) -> str:
    if isinstance(item, bool):
        return "these say yes or no for each client; return the clients for which it is yes"
    if isinstance(item, int):
        return "these are places in the list; return the clients that stand there: clients[place]"
    if isinstance(item, str):
        return "these are the clients' ids; return the clients themselves"
    return "`append` puts a list into the list; `extend` adds its items" if isinstance(item, list | tuple) else ""


def expect_clients(got: Clients, right: Clients, says: str, likely: expect.Likely = ()) -> None:
    """Insist on these clients in this order; a list that is too long or too short can have a known cause too."""
    cause = next((text for wrong, text in likely if got == wrong), "")
    expect.true(got == right, says, got=got, expected=right, likely=cause)
