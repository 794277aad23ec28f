"""What everybody may see: where the federation stands, what happened, the latest model, and a card for each client."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fedteach import checks
from fedteach.transport.http.calls import Call, Calls
from fedteach.transport.http.members import Member, Members, Sighting
from fedteach.transport.http.store import Store

WISHES = ("pause", "resume", "end")
"""What the instructor may ask for while a federation runs."""

Card = dict[str, Any]


class Noticeboard:
    """What the server has put up for all to see, and the instructor's wishes.

    Args:
        store: where everything is kept.
    """

    def __init__(self, store: Store):
        self._store = store

    def put_up(self, board: Mapping[str, Any]) -> None:
        """Show where the federation stands, as plain data."""
        self._store.put("board", json.dumps(board).encode())
        self._store.ring("board")

    def board(self) -> dict[str, Any]:
        """Return where the federation stands; empty before the server has said anything."""
        text = self._store.get("board")
        return {} if text is None else json.loads(text)

    def put_record(self, round: int, record: Mapping[str, Any], figures: Mapping[str, Mapping[str, Any]]) -> None:
        """Add a round that is complete, and each client's figures after it."""
        self._store.put_fields("records", {str(round): json.dumps(record).encode()})
        self._store.put_fields("figures", {client: json.dumps(of).encode() for client, of in figures.items()})
        self._store.ring("record")

    def records(self, after: int = 0) -> list[dict[str, Any]]:
        """Return the records of the rounds after one, in order."""
        found = {int(round): text for round, text in self._store.fields("records").items()}
        return [json.loads(found[round]) for round in sorted(found) if round > after]

    def figures(self) -> dict[str, dict[str, Any]]:
        """Return each client's figures after the last complete round."""
        return {client: json.loads(text) for client, text in self._store.fields("figures").items()}

    def figures_of(self, client: str) -> dict[str, Any]:
        """Return one client's figures."""
        text = self._store.field("figures", client)
        return {} if text is None else json.loads(text)

    def put_model(self, message: bytes) -> None:
        """Show the latest global model, as a safetensors message."""
        self._store.put("model", message)

    def model(self) -> bytes | None:
        """Return the latest global model."""
        return self._store.get("model")

    def wish(self, action: str) -> None:
        """Leave a wish of the instructor's.

        Raises:
            ValueError: if it is not one of `WISHES`.
        """
        self._store.put("wish", checks.known("action", action, WISHES).encode())
        self._store.ring("wish")

    def wished(self) -> str:
        """Return the instructor's last wish; "" if there was none."""
        return (self._store.get("wish") or b"").decode()


def cards(members: Members, calls: Calls, noticeboard: Noticeboard, now: float) -> dict[str, Card]:
    """Return a card for each client: who it is, what it does just now, and its figures so far."""
    call = calls.current()
    arrived = calls.arrived(call) if call else {}
    missed = calls.missed(call) if call else {}
    seen, figures = members.sightings(), noticeboard.figures()

    def card(member: Member) -> Card:
        sighting = seen.get(member.client, Sighting())
        state, detail = state_of(member, sighting, call, arrived, missed, now)
        figure = figures.get(member.client, {})
        return {
            "client": member.client,
            "name": member.name,
            "state": state,
            "n_examples": member.n_examples,
            "bytes_up": figure.get("bytes_up", 0),
            "bytes_down": figure.get("bytes_down", 0),
            "last_seen": round(sighting.last),
            "detail": detail or figure.get("detail", ""),
            "accuracy": figure.get("accuracy"),
            "rounds": figure.get("rounds", 0),
        }

    return {member.client: card(member) for member in members.all()}


def state_of(
    member: Member,
    sighting: Sighting,
    call: Call | None,
    arrived: Mapping[str, bool],
    missed: Mapping[str, str],
    now: float,
) -> tuple[str, str]:
    """Say in one word what a client is doing, and why if it is lost."""
    client, gone = member.client, sighting.due < now
    if member.left:
        return "left", ""
    if call is not None and client in arrived:
        return ("done", "") if arrived[client] else ("lost", "sent word that it has no update")
    if call is not None and client in missed:
        return ("late" if missed[client].startswith("late") and not gone else "lost"), missed[client]
    if gone:
        return "lost", "not heard of any more"
    if call is not None and client in call.clients:
        return ("training" if sighting.state == "training" else "selected"), ""
    if member.n_examples is None:
        return "waiting", "loads its examples"
    return ("late" if sighting.state == "late" else "waiting"), ""


def changed(before: Mapping[str, Card], now: Mapping[str, Card]) -> dict[str, Card | None]:
    """Return the cards that are new or different, and None for those that are gone."""
    gone: Sequence[str] = [client for client in before if client not in now]
    return {client: card for client, card in now.items() if before.get(client) != card} | dict.fromkeys(gone)
