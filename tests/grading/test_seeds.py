"""Secret seeds: the same again with the key, anything without it."""

import hashlib
import hmac

import pytest

from fedteach.grading.seeds import course_key, secret_seed, visible_seed

KEY = bytes(range(32))


def test_it_is_the_hmac_of_assignment_exercise_and_student():
    message = b"2:a1|3:4.1|4:anna"
    expected = int.from_bytes(hmac.new(KEY, message, hashlib.sha256).digest()[:6], "big")
    assert secret_seed(KEY, "a1", "4.1", "anna") == expected
    others = [
        (KEY[::-1], "a1", "4.1", "anna"),
        (KEY, "a2", "4.1", "anna"),
        (KEY, "a1", "4.2", "anna"),
        (KEY, "a1", "4.1", "ben"),
    ]
    assert len({expected, *(secret_seed(*other) for other in others)}) == 5
    assert secret_seed(KEY, "a", "b|c", "d") != secret_seed(KEY, "a|b", "c", "d")


def test_what_is_visible_needs_no_key_and_is_another_for_everybody():
    seeds = {visible_seed("a1", exercise, student) for exercise in ("4.1", "4.2") for student in ("anna", "ben")}
    assert len(seeds) == 4
    again = {visible_seed("a1", exercise, student) for exercise in ("4.1", "4.2") for student in ("anna", "ben")}
    assert again == seeds
    assert not seeds & {0, secret_seed(KEY, "a1", "4.1", "anna")}
    assert visible_seed("a1", "4.1", "") == 0


def test_a_key_is_made_once_and_only_its_owner_reads_it(tmp_path):
    first = course_key(tmp_path / "new" / "course.key")
    assert course_key(tmp_path / "new" / "course.key") == first
    assert (tmp_path / "new" / "course.key").stat().st_mode & 0o777 == 0o600
    assert course_key(tmp_path / "other.key") != first


@pytest.mark.parametrize("text", ["", "abc", "zz" * 32, "ab" * 31, "\u00e9"])
def test_what_is_no_key_is_said(tmp_path, text):
    (tmp_path / "course.key").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="holds no course key"):
        course_key(tmp_path / "course.key")


def test_an_id_is_the_same_however_it_is_typed():
    assert visible_seed("a1", "4.1", " AB123 ") == visible_seed("a1", "4.1", "ab123")
