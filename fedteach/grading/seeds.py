"""Which random cases are asked: for each student those of the notebook, and others that nobody can work out.

The visible seed follows from the student's id, so that two students are not asked the same and each may know what. The
secret seed needs the course key too: a repeated grading asks the same again, and without the key nobody knows what.
"""

import hashlib
import hmac
import secrets
from pathlib import Path

from fedteach.files import write_atomically

ASSIGNMENT = "fedteach"
"""The name of the course in its seeds."""

_KEY_BYTES = 32
_SEED_BYTES = 6


def visible_seed(assignment: str, exercise: str, student: str) -> int:
    """Return the seed with which a notebook checks a student's function; 0 for whoever has not said who it is."""
    student = student.strip().casefold()  # as people type it
    return _seed(b"visible", assignment, exercise, student) if student else 0


def secret_seed(key: bytes, assignment: str, exercise: str, student: str) -> int:
    """Return the seed of the hidden questions for a student.

    Source:
        HMAC-SHA256 (RFC 2104) with the course key over "assignment | exercise | student"; the first 48 bits.
    """
    return _seed(key, assignment, exercise, student)


def _seed(key: bytes, *parts: str) -> int:
    # Lengths first: "a" and "b|c" must not be "a|b" and "c".
    message = "|".join(f"{len(part)}:{part}" for part in parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hmac.new(key, message, hashlib.sha256).digest()[:_SEED_BYTES])


def course_key(path: Path) -> bytes:
    """Read the course key, or make one, readable by its owner only.

    Raises:
        ValueError: if the file holds something else.
    """
    if not path.exists():
        write_atomically(path, secrets.token_hex(_KEY_BYTES) + "\n", mode=0o600)
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} holds no course key: {error}; expected {2 * _KEY_BYTES} hexadecimal digits") from None
    if len(key) != _KEY_BYTES:
        raise ValueError(
            f"{path} holds no course key: expected {2 * _KEY_BYTES} hexadecimal digits, got {2 * len(key)}"
        )
    return key
