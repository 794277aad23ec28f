import pytest

from fedteach.lab import results_table
from tests.lab.records import history, long_run, record, three_rounds


def test_the_table_of_results_says_how_each_run_ended_and_what_it_cost():
    # Three rounds: 3 + 2 + 3 kB down, 3 + 2 + 2 kB up, 0.25 s each. The long run ends at 4/5, its clients at 4/5 and
    # 4/6, and 2 clients x 4 rounds x 2 ways x 1 kB travel.
    assert results_table({"gaps": three_rounds(), "long": long_run(4, 2), "none": history()}).splitlines() == [
        "run   rounds  accuracy  best (round)      clients    bytes  seconds",
        "gaps       3    60.0 %    60.0 % (3)  55.0-70.0 %  15.0 kB      0.8",
        "long       4    80.0 %    80.0 % (4)  66.7-80.0 %  16.0 kB      1.0",
        "none       0         -             -            -      0 B      0.0",
    ]


def test_the_best_round_may_be_an_earlier_one_and_an_unmeasured_one_is_none():
    up_and_down = history([record(1, 0.4, {}), record(2, 0.9, {}), record(3, 0.7, {}), record(4, None, {"0": None})])
    line = results_table({"a": up_and_down}).splitlines()[1].split()
    assert line[:8] == ["a", "4", "70.0", "%", "90.0", "%", "(2)", "-"]


@pytest.mark.parametrize(("reach", "words"), [(0.5, "3"), (0.6, "3"), (0.61, "not reached"), (0, "1")])
def test_the_table_says_when_an_accuracy_was_first_reached(reach, words):
    head, line = results_table({"a": three_rounds()}, reach=reach).splitlines()
    assert f"{100 * reach:g} % in round" in head
    assert f"(3)  {words.rjust(len(f'{100 * reach:g} % in round'))}  " in line


def test_a_table_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one run, got none"):
        results_table({})
    with pytest.raises(ValueError, match="reach"):
        results_table({"a": history()}, reach=80)
