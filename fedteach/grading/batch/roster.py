"""The list of the class: who is who on which platform."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_ID = ("student_id", "id", "username", "sis user id", "id number", "identifier", "sid")
_NAME = ("name", "student", "full name", "student_name")
_MOST_BYTES = 16 * 2**20


class RosterError(ValueError):
    """A file that is no list of a class."""


@dataclass(frozen=True)
class Person:
    """One student.

    Attributes:
        id: by what reports and marks name the student.
        name: the person's name, or "".
        known_as: everything else in the row, by column: account names and numbers on platforms, e-mail.
    """

    id: str
    name: str
    known_as: Mapping[str, str]


class Roster:
    """A class, as a CSV file tells it.

    Args:
        people: the students.
    """

    def __init__(self, people: list[Person]):
        self.people = people
        self._by_key: dict[str, set[str]] = {}
        self._people = {person.id: person for person in people}
        for person in people:
            for value in (person.id, person.name, *person.known_as.values()):
                if value:
                    self._by_key.setdefault(_key(value), set()).add(person.id)

    @classmethod
    def load(cls, path: Path) -> "Roster":
        """Read a CSV with a heading: a column `student_id` (or `id`, `username`, ...), and any others.

        Raises:
            RosterError: if it cannot be read, has no such column, or a student stands in it twice.
        """
        try:
            with path.open("rb") as file:
                text = file.read(_MOST_BYTES).decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise RosterError(f"{path} cannot be read as a text in UTF-8: {error}") from None
        rows = list(csv.DictReader(io.StringIO(text), skipinitialspace=True))
        columns = {(name or "").strip().casefold(): name for name in (rows[0] if rows else {})}
        id_column = next((columns[name] for name in _ID if name in columns), None)
        if id_column is None:
            there = ", ".join(columns) or "none"
            raise RosterError(f"{path} has no column {' or '.join(_ID[:3])}; its columns: {there}")
        name_column = next((columns[name] for name in _NAME if name in columns), None)
        people = [_person(row, id_column, name_column) for row in rows if (row[id_column] or "").strip()]
        ids = [person.id for person in people]
        twice = sorted({id for id in ids if ids.count(id) > 1})
        if twice:
            raise RosterError(f"{path} names {twice[0]} twice; each student stands in one row")
        return cls(people)

    def find(self, *keys: str) -> Person | None:
        """Return whom these belong to: an id, a name, an account; None if nobody, or more than one."""
        for key in keys:
            found = self._by_key.get(_key(key), set()) if key else set()
            if len(found) == 1:
                return self._people[next(iter(found))]
        return None


def _person(row: Mapping[str, str | None], id_column: str, name_column: str | None) -> Person:
    others = {name: (value or "").strip() for name, value in row.items() if name and isinstance(value, str | None)}
    name = others.get(name_column or "", "")
    return Person((row[id_column] or "").strip(), name, {n: v for n, v in others.items() if n != id_column})


def _key(text: str) -> str:
    """Canvas writes "Müller, Zoë" as "mullerzoe": letters and digits are what all spellings have in common."""
    return "".join(character for character in text.casefold() if character.isalnum() or character in "@.-_")
