"""Which random cases are asked: those that everybody knows, and for each student others that nobody can work out.

The secret seed comes from the course key, the assignment, the exercise and the student: a repeated grading asks the
same again, and without the key nobody knows what.
"""

import hashlib
import hmac
import secrets
from pathlib import Path

from fedteach.files import write_atomically

PUBLIC_SEED = 0
"""With this seed a notebook checks, so these questions are known to everybody."""

_KEY_BYTES = 32


def secret_seed(key: bytes, assignment: str, exercise: str, student: str) -> int:
    """Return the seed of the hidden questions for a student.

    Source:
        HMAC-SHA256 (RFC 2104) with the course key over "assignment | exercise | student"; the first 48 bits.
    """
    # Lengths first: "a" and "b|c" must not be "a|b" and "c".
    message = "|".join(f"{len(part)}:{part}" for part in (assignment, exercise, student)).encode()
    return int.from_bytes(hmac.new(key, message, hashlib.sha256).digest()[:6])


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
