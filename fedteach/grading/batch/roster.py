"""The list of the class: who is who on which platform."""

import contextlib
import csv
import io
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# The headings that platforms and people give to their columns, in small letters.
_ID = (
    *("student_id", "id", "username", "sis user id", "id number", "identifier", "sid"),
    *("student number", "matriculation number", "id-nummer", "matrikelnummer"),
)
_NAME = ("name", "student", "full name", "student_name", "student name", "vollständiger name", "nom complet")
_FIRST_NAME = ("first name", "first_name", "firstname", "given name", "vorname", "prénom", "nombre")
_LAST_NAME = (
    *("last name", "last_name", "lastname", "surname", "family name"),
    *("nachname", "nom", "nom de famille", "apellido", "apellido(s)", "apellidos"),
)
_WHO = {
    *("id", "user", "username", "login", "email", "mail", "account", "github", "moodle", "canvas", "gradescope", "sid"),
    *("identifier", "participant", "nbgrader", "matriculation", "matrikel", "matrikelnummer"),
}
_OTHERS = {"group", "team", "partner", "seat", "section", "room", "tutor", "advisor", "course"}
_MOST_BYTES = 16 * 2**20


class RosterError(ValueError):
    """A file that is no list of a class."""


class Unknown(LookupError):
    """It cannot be told whose work something is; says why."""


@dataclass(frozen=True)
class Person:
    """One student.

    Attributes:
        id: by what reports and marks name the student.
        name: the person's name, or "".
        known_as: everything else in the row, by column: account names and numbers on platforms, e-mail, an own
            deadline.
    """

    id: str
    name: str
    known_as: Mapping[str, str]

    def column(self, name: str) -> str:
        """Return what stands in a column, whatever its capitals; "" if it is empty or there is none."""
        return next((value for column, value in self.known_as.items() if column.strip().casefold() == name), "")


class Roster:
    """A class, as a CSV file tells it.

    Args:
        people: the students.
    """

    def __init__(self, people: list[Person]):
        self.people = people
        self._people = {person.id: person for person in people}
        self._by_id: dict[str, set[str]] = {}
        self._by_name: dict[str, set[str]] = {}
        self._by_turned_name: dict[str, set[str]] = {}
        for person in people:
            _enter(self._by_name, _name_key(person.name), person)
            for turned in _turned(person.name):
                _enter(self._by_turned_name, _name_key(turned), person)
            for value in (person.id, *(v for column, v in person.known_as.items() if _tells_who(column))):
                _enter(self._by_id, _key(value), person)

    @classmethod
    def load(cls, path: Path) -> "Roster":
        """Read a CSV with a heading: a column `student_id` (or `id`, `username`, ...), and any others.

        Raises:
            RosterError: if it cannot be read, has no such column, or a student stands in it twice.
        """
        rows, columns = _table(path)
        id_column = next((columns[name] for name in _ID if name in columns), None)
        if id_column is None:
            there = ", ".join(columns) or "none"
            raise RosterError(f"{path} has no column {' or '.join(_ID[:3])}; its columns: {there}")
        name_columns = _name_columns(columns)
        people = [_person(row, id_column, name_columns) for row in rows if (row[id_column] or "").strip()]
        ids = [person.id for person in people]
        twice = sorted({id for id in ids if ids.count(id) > 1})
        if twice:
            raise RosterError(f"{path} names {twice[0]} twice; each student stands in one row")
        return cls(people)

    def find(self, id: str, name: str = "") -> Person:
        """Return whom work belongs to.

        Args:
            id: an id, an account, an e-mail address; or a name, as that of a folder.
            name: the person's name, where the platform tells it.

        Raises:
            Unknown: if it belongs to nobody, to more than one, or id and name belong to two people; says which.
        """
        by_id, by_name = self._by_id.get(_key(id), set()), self._named(name)
        found = by_id or self._named(id)
        if found and by_name and not found & by_name:
            raise Unknown(f"by the id {id} it is {_one_of(found)}'s, and by the name {name} {_one_of(by_name)}'s")
        found = found & by_name or found or by_name
        if len(found) > 1:
            raise Unknown(f"{id} may be {' or '.join(sorted(found))}")
        if not found:
            raise Unknown(f"{f'{id} ({name})' if name else id} is not in the roster")
        return self._people[next(iter(found))]

    def knows(self, id: str) -> bool:
        """Say whether an id, an account or a name is one person's."""
        try:
            return bool(self.find(id))
        except Unknown:
            return False

    def _named(self, name: str) -> set[str]:
        """Return who has this name: as it stands, or else with the family name on its other end."""
        return self._by_name.get(_name_key(name)) or self._by_turned_name.get(_name_key(name)) or set()


def _enter(table: dict[str, set[str]], key: str, person: Person) -> None:
    if key:
        table.setdefault(key, set()).add(person.id)


def _one_of(ids: set[str]) -> str:
    return min(ids)


def _tells_who(column: str) -> bool:
    """Say whether a column tells who somebody is: an account, an address; not a seat, a group or a partner."""
    words = set(re.split(r"[^a-z]+", column.casefold()))
    return bool(words & _WHO) and not words & _OTHERS


def _table(path: Path) -> tuple[list[dict[str, str | None]], dict[str, str]]:
    """Return the rows of a CSV as any spreadsheet saves it, and its columns by their names in small letters."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES)
    except OSError as error:
        raise RosterError(f"{path} cannot be read: {error.strerror or error}") from None
    text = _text(path, raw)
    reader = csv.DictReader(io.StringIO(text), delimiter=_delimiter(text), skipinitialspace=True)
    try:
        rows = list(reader)
    except csv.Error as error:
        raise RosterError(f"{path} is no CSV: {error}") from None
    return rows, {(name or "").strip().casefold(): name for name in reader.fieldnames or ()}


def _text(path: Path, raw: bytes) -> str:
    encodings = ("utf-16",) if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252")
    for encoding in encodings:
        with contextlib.suppress(UnicodeDecodeError):
            return raw.decode(encoding)
    raise RosterError(f"{path} cannot be read as a text in UTF-8; save it from the spreadsheet as CSV, UTF-8")


def _delimiter(text: str) -> str:
    """Return what parts the columns: where a comma is for decimals, spreadsheets write semicolons."""
    heading = text.split("\n", 1)[0]
    return max(",;\t", key=heading.count)


def _name_columns(columns: Mapping[str, str]) -> list[str]:
    """Return the columns that a name is put together from: one, or those of the first and the last name."""
    for kinds in ((_NAME,), (_FIRST_NAME, _LAST_NAME)):
        found = [next((columns[name] for name in kind if name in columns), None) for kind in kinds]
        if None not in found:
            return [column for column in found if column is not None]
    return []


def _person(row: Mapping[str, str | None], id_column: str, name_columns: Sequence[str]) -> Person:
    others = {name: (value or "").strip() for name, value in row.items() if name and isinstance(value, str | None)}
    name = " ".join(others[column] for column in name_columns if others[column])
    return Person((row[id_column] or "").strip(), name, {n: v for n, v in others.items() if n != id_column})


def _turned(name: str) -> list[str]:
    """Return "Müller Zoë" for "Zoë Müller", and "Zoë Müller" for "Müller, Zoë": platforms differ.

    Where the family name begins is not known: of "Ana García López" it may be one word or two.
    """
    before, comma, after = name.partition(",")
    if comma:
        return [f"{after} {before}"]
    words = name.split()
    return [" ".join(words[place:] + words[:place]) for place in range(1, len(words))]


def _name_key(name: str) -> str:
    """Canvas writes "Müller-Lüdenscheid, Zoë" as "mullerludenscheidzoe": letters are what all spellings share."""
    return "".join(character for character in _key(name) if character.isalnum())


def _key(text: str) -> str:
    """Return an id without what platforms and file systems write differently: capitals, accents, blanks."""
    text = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in text if character.isalnum() or character in "@.-_")
