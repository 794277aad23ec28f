import pytest

from fedteach.transport.http.calls import Calls, WrongRound
from tests.transport.http.serving import a_call, a_file


@pytest.fixture
def calls(store):
    return Calls(store)


def test_a_question_is_there_until_it_is_closed_and_leaves_nothing_behind(calls, tmp_path, store):
    call = a_call(3, ["0", "1"], extras=("1",))
    assert calls.current() is None
    calls.open(call, b"weights", {"1": b"extra"})
    assert calls.current() == call
    assert (calls.weights(3), calls.weights(2), calls.extra(call, "1"), calls.extra(call, "0")) == (
        b"weights", None, b"extra", None,
    )  # fmt: skip
    calls.put_reply(call, "0", a_file(tmp_path, b"reply"), usable=True)
    calls.miss(call, "1", "late")
    assert calls.missed(call) == {"1": "late"}
    calls.close(call)
    assert calls.current() is None
    for left in (calls.weights(3), calls.take(call, "0"), calls.extra(call, "1")):
        assert left is None
    assert calls.arrived(call) == calls.missed(call) == {}


def test_the_first_reply_counts_and_no_copy_comes_back_once_it_was_read(calls, tmp_path):
    call = a_call(1, ["0"])
    calls.open(call, b"", {})
    assert calls.put_reply(call, "0", a_file(tmp_path, b"first"), usable=True)
    assert not calls.put_reply(call, "0", a_file(tmp_path, b"second"), usable=True)
    assert calls.take(call, "0") == b"first"
    calls.taken(call, "0")
    assert not calls.put_reply(call, "0", a_file(tmp_path, b"third"), usable=True)
    assert calls.take(call, "0") is None
    assert calls.arrived(call) == {"0": True}


def test_a_reply_that_crosses_with_the_end_of_the_round_counts_for_nothing(calls, tmp_path):
    call, later = a_call(1, ["0"], id="1-fit-a"), a_call(1, ["0"], id="1-fit-b")
    calls.open(call, b"", {})
    calls.close(call)
    with pytest.raises(WrongRound):
        calls.put_reply(call, "0", a_file(tmp_path, b"late"), usable=True)
    calls.open(later, b"", {})  # the same round is repeated
    with pytest.raises(WrongRound):
        calls.put_reply(call, "0", a_file(tmp_path, b"late"), usable=True)
    assert calls.take(call, "0") is None
    assert calls.arrived(later) == {}
    calls.miss(later, "0", "late: had not answered after 1 s")
    with pytest.raises(WrongRound):
        calls.put_reply(later, "0", a_file(tmp_path, b"late"), usable=True)


def test_who_has_replied_is_not_waited_for_also_while_the_question_is_being_closed(calls, tmp_path, store):
    call = a_call(1, ["0", "1"])
    calls.open(call, b"", {})
    calls.put_reply(call, "0", a_file(tmp_path, b"reply"), usable=True)
    assert [calls.is_waited_for(call, client) for client in ("0", "1", "2")] == [False, True, False]
    calls.miss(call, "1", "gone")
    assert not calls.is_waited_for(call, "1")
    # Half closed: the marks of who has replied are gone, and somebody still holds the question in its hand.
    calls.close(call)
    assert [calls.is_waited_for(call, client) for client in ("0", "1")] == [False, False]
