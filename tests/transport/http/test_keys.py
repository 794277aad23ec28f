import string

import pytest

from fedteach.transport.http import keys
from fedteach.transport.http.keys import Keys, UnknownToken


def test_a_clients_token_speaks_for_its_place():
    mine = Keys.fresh()
    assert mine.client_of(mine.client_token("7", "ab")) == ("7", "ab")
    assert Keys.from_data(mine.as_data()) == mine


def test_no_character_of_a_token_can_be_changed():
    mine = Keys.fresh()
    token = mine.client_token("7", "ab")
    for place, character in enumerate(token):
        other = "0" if character != "0" else "1"
        with pytest.raises(UnknownToken):
            mine.client_of(token[:place] + other + token[place + 1 :])
    for forged in ("", ".", "7.3.99999999999.", "7", token + "0", Keys.fresh().client_token("7", "ab"), "7.3.x.\u00e9"):
        with pytest.raises(UnknownToken):
            mine.client_of(forged)


def test_a_token_expires_after_a_week():
    mine = Keys.fresh()
    token = mine.client_token("7", "ab", now=1000.0)
    week = 7 * 24 * 3600
    assert mine.client_of(token, now=1000.0 + week) == ("7", "ab")
    with pytest.raises(UnknownToken, match="expired"):
        mine.client_of(token, now=1001.0 + week)


def test_tokens_are_compared_in_constant_time(monkeypatch):
    mine, compared = Keys.fresh(), []
    monkeypatch.setattr(keys.hmac, "compare_digest", lambda one, other: compared.append((one, other)) or False)
    assert not mine.is_class(mine.class_token), "something else than compare_digest has compared"
    assert not mine.is_instructor(mine.instructor_token)
    with pytest.raises(UnknownToken):
        mine.client_of(mine.client_token("0", "ab"))
    assert len(compared) == 3


def test_a_class_token_can_be_typed_and_no_secret_is_in_a_repr():
    mine = Keys.fresh()
    assert len(mine.class_token) == 17
    assert set(mine.class_token) <= set(string.ascii_lowercase + string.digits + "-") - set("ilo01")
    for secret in mine.as_data().values():
        assert secret not in repr(mine)
    assert mine.name != Keys.fresh().name
