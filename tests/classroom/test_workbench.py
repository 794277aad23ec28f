"""A client's work, without a network: what it makes, keeps, and forgets."""

import numpy as np
import pytest

from fedteach.classroom.workbench import Workbench
from fedteach.client import StepError
from fedteach.engine import Stopped
from fedteach.messages import Lost, Task, Update
from fedteach.steps import broadcast
from fedteach.steps.local_update import Plan
from fedteach.transport.envelope import Limits, reply_from_bytes
from tests.classroom.classes import SMALL
from tests.federations import same_bits

REMEMBERS = SMALL.replace(momentum=0.9, keep_momentum=True)
FLOAT32, INT8 = broadcast.float32(), broadcast.int8()
LIMITS = Limits(1797, ("float32", "int8"))


def never():
    return False


@pytest.fixture(scope="module")
def start():
    """The global weights of round 1, as they travel."""
    return FLOAT32.encode(SMALL.federation().weights)


def a_task(message, round=1, kind="fit", reply_codec=FLOAT32, experiment=SMALL):
    plan = experiment.plan() if kind == "fit" else None
    return Task("1", round, kind, message, FLOAT32, reply_codec, plan, experiment.seed)


def opened(made):
    return reply_from_bytes(made.reply, "1", LIMITS)[0]


def test_what_it_makes_is_what_a_client_of_one_process_makes(start):
    here = SMALL.all_clients()[1]
    bench = Workbench(SMALL, "1")
    made = bench.do("a", a_task(start), 0, never)
    (expected,) = SMALL.pool().map(lambda engine, task: here.work(task, FLOAT32.decode(start), engine), [a_task(start)])
    update = opened(made)
    assert same_bits(update.delta, expected.delta)
    assert (update.n_examples, bench.n_examples) == (40, 40)
    assert made.train_loss == expected.metrics["train_loss"]
    assert (made.failure, made.error) == ("", None)


def test_the_last_thing_that_was_made_is_kept_and_known_by_its_task(start):
    bench = Workbench(SMALL, "1")
    first = bench.do("a", a_task(start), 0, never)
    assert bench.made("a") is first
    assert bench.made("b") is None
    second = bench.do("b", a_task(start, round=2), 1, never)
    assert (bench.made("a"), bench.made("b")) == (None, second)


def test_a_measurement_brings_figures_and_no_delta(start):
    update = opened(Workbench(SMALL, "1").do("a", a_task(start, kind="evaluate"), 0, never))
    assert update.delta == []
    assert set(update.metrics) == {"accuracy", "loss"}


@pytest.mark.parametrize("used", [1, 0])
def test_what_it_remembers_of_a_round_counts_only_if_its_update_was_used(start, used):
    bench, fresh = Workbench(REMEMBERS, "1"), Workbench(REMEMBERS, "1")
    bench.do("a", a_task(start, experiment=REMEMBERS), 0, never)
    second = opened(bench.do("b", a_task(start, round=2, experiment=REMEMBERS), used, never))
    without = opened(fresh.do("b", a_task(start, round=2, experiment=REMEMBERS), 0, never))
    assert same_bits(second.delta, without.delta) is (used == 0)


def test_a_question_about_the_model_between_two_rounds_changes_nothing_that_it_remembers(start):
    asked, plain = Workbench(REMEMBERS, "1"), Workbench(REMEMBERS, "1")
    for bench in (asked, plain):
        bench.do("a", a_task(start, experiment=REMEMBERS), 0, never)
    asked.do("q", a_task(start, round=2, kind="evaluate"), 1, never)
    one, other = (
        opened(bench.do("b", a_task(start, round=2, experiment=REMEMBERS), 1, never)) for bench in (asked, plain)
    )
    assert same_bits(one.delta, other.delta)


def test_work_that_is_given_up_leaves_nothing_behind(start):
    bench, fresh = Workbench(REMEMBERS, "1"), Workbench(REMEMBERS, "1")
    with pytest.raises(Stopped):
        bench.do("a", a_task(start, experiment=REMEMBERS), 0, lambda: True)
    assert bench.made("a") is None
    again = opened(bench.do("a", a_task(start, experiment=REMEMBERS), 0, never))
    assert same_bits(again.delta, opened(fresh.do("a", a_task(start, experiment=REMEMBERS), 0, never)).delta)


def test_a_step_of_ones_own_that_fails_is_told_to_the_server_and_to_its_author(start):
    def broken(model, x, y, plan, rng):
        raise IndexError("off by one")

    made = Workbench(SMALL, "1", broken).do("a", a_task(start), 0, never)
    assert isinstance(made.error, StepError)
    assert isinstance(opened(made), Lost)
    assert "off by one" in opened(made).reason
    assert made.failure == opened(made).reason


def test_weights_that_cannot_be_read_lose_the_round_and_nothing_else(start):
    bench = Workbench(SMALL, "1")
    made = bench.do("a", a_task(b"no safetensors"), 0, never)
    assert isinstance(opened(made), Lost)
    assert made.error is None
    assert isinstance(opened(bench.do("b", a_task(start), 0, never)), Update)


def test_what_the_codec_cannot_carry_is_lost_in_words(start):
    def poison(model, x, y, plan, rng):
        model.set_weights([np.full_like(w, np.nan) for w in model.get_weights()])

    made = Workbench(SMALL, "1", poison).do("a", a_task(start, reply_codec=INT8), 0, never)
    assert isinstance(opened(made), Lost)
    assert "finite" in made.failure or "NaN" in made.failure


def test_what_the_server_refused_is_forgotten_and_word_of_it_kept(start):
    bench, fresh = Workbench(REMEMBERS, "1"), Workbench(REMEMBERS, "1")
    task = a_task(start, experiment=REMEMBERS)
    made = bench.do("a", task, 0, never)
    word = bench.refused(made, task, "update refused: too many examples")
    assert bench.made("a") is word
    assert opened(word).reason == "update refused: too many examples"
    second = a_task(start, round=2, experiment=REMEMBERS)
    assert same_bits(opened(bench.do("b", second, 1, never)).delta, opened(fresh.do("b", second, 0, never)).delta)


def test_a_place_that_is_not_there_is_said_at_once():
    with pytest.raises(ValueError, match="7"):
        Workbench(SMALL, "7")


def test_the_plan_is_the_tasks_and_not_the_experiments(start):
    longer = Task("1", 1, "fit", start, FLOAT32, FLOAT32, Plan(epochs=2, learning_rate=0.1), SMALL.seed)
    bench = Workbench(SMALL, "1")
    one, two = opened(bench.do("a", a_task(start), 0, never)), opened(bench.do("b", longer, 0, never))
    assert not same_bits(one.delta, two.delta)


def test_a_question_that_is_asked_again_does_not_make_it_forget_its_training(start):
    bench = Workbench(SMALL, "1")
    asked = bench.do("q", a_task(start, kind="evaluate"), 0, never)
    trained = bench.do("t", a_task(start), 0, never)
    assert (bench.made("q"), bench.made("t")) == (asked, trained), "power-of-choice asks before it lets train"
