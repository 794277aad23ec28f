import pytest

from fedteach.transport.http.members import PLACE_KEPT_S, Members, NoPlace


class Clock:
    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def members(store, clock):
    return Members(store, ["0", "1", "2"], clock)


def test_places_are_given_from_the_first_on_and_the_same_key_gets_the_same_place(members):
    assert [members.join(name, name * 4).client for name in ("anna", "ben", "anna")] == ["0", "1", "0"]
    assert members.get("0").generation == 1
    assert [member.name for member in members.all()] == ["anna", "ben"]


def test_a_place_that_was_left_is_free_again_and_its_old_token_is_worth_nothing(members):
    members.join("anna", "a")
    members.join("ben", "b")
    members.leave(members.get("0"))
    again = members.join("chiara", "c")
    assert (again.client, again.generation) == ("0", 2)
    assert members.join("anna", "a").client == "2", "who has left and comes back takes a place like everybody"


def test_who_says_good_bye_twice_does_not_put_out_who_came_in_between(members):
    anna = members.join("anna", "a")
    members.leave(anna)
    members.join("ben", "b")
    members.leave(anna)
    members.ready(anna, 10, {})
    ben = members.get("0")
    assert (ben.name, ben.left, ben.n_examples) == ("ben", False, None)


def test_a_full_class_says_so_until_a_client_is_not_heard_of(members, clock):
    for name in "abc":
        members.join(name, name)
    with pytest.raises(NoPlace, match="all 3 places are taken.* --clients 4") as full:
        members.join("d", "d")
    assert 0 < full.value.retry_after_s <= PLACE_KEPT_S
    clock.now += 2 * PLACE_KEPT_S
    members.seen("0", "waiting", 10)
    clock.now += PLACE_KEPT_S - 20
    members.seen("1", "waiting", 10)
    assert members.join("d", "d").client == "2", "the one that was gone for longest"
    assert members.get("2").generation == 2


def test_only_who_is_ready_and_heard_of_can_be_asked(members, clock):
    for name in "abc":
        members.join(name, name)
    assert members.here() == []
    members.ready(members.get("1"), 10, {"idle": True, "charging": False, "unmetered": True})
    members.ready(members.get("0"), 20, {})
    assert [(m.client, m.info.n_examples, m.info.charging) for m in members.here()] == [
        ("0", 20, True),
        ("1", 10, False),
    ]
    members.seen("0", "training", 15)
    clock.now += 16
    assert [m.client for m in members.here()] == ["1"]
    assert not members.is_here("0")
    members.seen("0", None, 15)
    assert members.is_here("0")
    assert members.sighting("0").state == "training", "no state: the same as before"
    members.leave(members.get("0"))
    assert not members.is_here("0")


def test_who_hangs_up_while_it_waits_is_given_ten_seconds(members, clock):
    members.join("a", "a")
    members.seen("0", "waiting", 35)
    members.hung_up("0")
    clock.now += 11
    assert not members.is_here("0")
    members.seen("0", "waiting", 35)
    assert members.is_here("0")


def test_a_class_is_kept_over_a_restart(members, clock, store):
    members.join("anna", "a")
    members.ready(members.get("0"), 7, {"idle": False})
    kept = members.as_data()
    other = Members(store, ["0", "1"], clock)
    store.drop("members", "seen")
    assert other.all() == []
    other.restore([*kept, {**kept[0], "client": "99"}])
    assert [(m.client, m.key, m.n_examples) for m in other.all()] == [("0", "a", 7)]
    assert other.is_here("0"), "everybody gets a while to be heard of again"
    assert other.join("anna", "a").client == "0"


def test_a_place_that_was_given_away_twice_for_the_first_time_knows_whom_it_belongs_to(store, clock):
    before = Members(store, ["0"], clock).join("anna", "a")
    store.drop_fields("members", "0")  # the server was killed before it wrote that down
    members = Members(store, ["0"], clock)
    now = members.join("ben", "b")
    assert (now.client, now.generation) == (before.client, before.generation)
    assert now.holder != before.holder
    assert members.holds(now)
    assert not members.holds(before)
