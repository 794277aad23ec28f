import shlex
from dataclasses import asdict

import numpy as np
import pytest
from typer.testing import CliRunner

from fedteach import cli
from fedteach.experiment import PRESETS, Experiment
from fedteach.transport.base import Lossy
from tests.federations import same_bits

QUICK = Experiment(model="logistic", epochs=1, rounds=2)


def test_the_line_of_python_makes_the_same_experiment_again():
    for experiment in (QUICK, *PRESETS.values(), Experiment(split="dirichlet:0.5", clip_norm=1.5, common_init=False)):
        assert eval(experiment.python(), {"Experiment": Experiment}) == experiment


def test_the_command_line_makes_the_same_experiment_again(monkeypatch):
    made = []
    monkeypatch.setattr(Experiment, "federation", lambda self, **options: made.append(self) or 1 / 0)
    everything = Experiment(
        dataset="glyphs", model="2nn", clients=7, split="shards:3", rounds=3, fraction=0.5, epochs=2, batch_size=0,
        learning_rate=0.3, seed=9, broadcast="float16", upload="int8", aggregate="median",
        global_update="adam:0.1", momentum=0.5, keep_momentum=True, proximal_mu=0.1, clip_norm=1.0,
        noise_multiplier=0.1, drop=0.1, redraw_each_round=True, common_init=False, client_accuracy=False,
        own_accuracy=True, test_examples=50, precision="mixed_bfloat16", workers=1,
    )  # fmt: skip
    changed = {name for name, value in asdict(everything).items() if value != asdict(Experiment())[name]}
    others = {"examples_per_client", "select"}
    assert changed | others == set(asdict(everything)), "a new setting belongs in this test"
    for experiment in (everything, QUICK.replace(examples_per_client=10, select="count:2")):
        words = shlex.split(experiment.command())
        assert words[0] == "fedteach"
        CliRunner().invoke(cli.app, words[1:])
        assert made[-1] == experiment


def test_an_experiment_comes_back_from_the_settings_of_a_log(tmp_path):
    federation = QUICK.federation(out=tmp_path)
    assert Experiment.from_settings(federation.folder.settings()) == QUICK


def test_the_same_experiment_gives_the_same_bits_whoever_does_the_work():
    one, other = QUICK.replace(workers=1).federation(), QUICK.replace(workers=2).federation()
    one.run(2)
    other.run(2)
    assert same_bits(one.weights, other.weights)


def test_label_counts_are_those_of_the_clients_examples():
    experiment = QUICK.replace(split="4", clients=3)
    counts = experiment.label_counts()
    assert counts.shape == (3, 10)
    for client, row in zip(experiment.all_clients(), counts, strict=True):
        _, y = client.examples()
        np.testing.assert_array_equal(np.bincount(y, minlength=10), row)


def test_redrawn_data_differ_from_round_to_round_and_are_the_same_again():
    experiment = QUICK.replace(split="2", redraw_each_round=True)
    client, same = experiment.all_clients()[1], experiment.all_clients()[1]
    assert not np.array_equal(client.examples(1)[0], client.examples(2)[0])
    np.testing.assert_array_equal(client.examples(2)[0], same.examples(2)[0])
    fixed = experiment.replace(redraw_each_round=False).all_clients()[1]
    np.testing.assert_array_equal(fixed.examples(1)[0], fixed.examples(2)[0])


def test_a_drop_puts_a_lossy_transport_in_between():
    assert isinstance(QUICK.replace(drop=0.5).federation()._transport, Lossy)


def test_a_step_of_ones_own_takes_the_place_of_the_named_one():
    seen = []

    def my_mean(updates):
        updates = list(updates)
        seen.append(len(updates))
        return updates[0].delta

    QUICK.federation(aggregate=my_mean).run(1)
    assert seen == [5]
    with pytest.raises(ValueError, match="unknown step 'agregate', did you mean 'aggregate'"):
        QUICK.federation(agregate=my_mean)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"dataset": "mist"}, "unknown data set 'mist', did you mean 'mnist'"),
        ({"model": "lenett"}, "unknown model 'lenett', did you mean 'lenet'"),
        ({"split": "dirichle:0.1"}, "unknown split 'dirichle', did you mean 'dirichlet'"),
        ({"split": "dirichlet:0"}, "alpha"),
        ({"split": "shards:x"}, "whole number"),
        ({"clients": 0}, "clients must be a whole number from 1"),
        ({"rounds": 1.5}, "rounds must be a whole number"),
        ({"fraction": 1.1}, "fraction must be a number .* at most 1"),
        ({"epochs": 0}, "epochs must be"),
        ({"batch_size": -1}, "batch_size must be"),
        ({"learning_rate": 0}, "learning_rate must be"),
        ({"seed": -1}, "seed must be"),
        ({"select": "powerofchoice"}, "unknown selection 'powerofchoice', did you mean 'power_of_choice'"),
        ({"broadcast": "float8"}, "unknown codec 'float8', did you mean 'float"),
        ({"upload": "top_k:0"}, "share"),
        ({"aggregate": "meen"}, "unknown aggregation 'meen'"),
        ({"global_update": "adm"}, "unknown .* 'adm', did you mean 'adam'"),
        ({"drop": 2}, "drop must be"),
        ({"noise_multiplier": 1.0}, "needs clip_norm"),
        ({"precision": "float8"}, "unknown precision"),
        ({"select": "count:2", "fraction": 0.5}, "decides who takes part, so leave fraction=0.5 away"),
        ({"split": "iid", "examples_per_client": 5}, "sets the number of examples itself"),
    ],
)
def test_whatever_cannot_be_run_is_refused_at_the_door(wrong, words):
    with pytest.raises(ValueError, match=words):
        Experiment(**wrong)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"model": "lenet"}, "needs images of at least 16x16"),
        ({"split": "by_writer"}, "writer"),
        ({"split": "iid", "clients": 5000}, "5,000 clients"),
        ({"split": "shards:900", "clients": 5}, "shards"),
    ],
)
def test_what_the_data_do_not_allow_is_refused_before_the_first_round(wrong, words):
    with pytest.raises(ValueError, match=words):
        QUICK.replace(**wrong).federation()


@pytest.mark.parametrize("split", ["1", "2", "3", "4", "iid", "dirichlet:0.1", "shards:2", "quantity:1.5"])
def test_digits_are_learnt_under_every_split(split):
    history = Experiment(split=split, model="logistic", epochs=5, rounds=5, learning_rate=0.05).federation().run(5)
    # one guess in ten is right by chance; dirichlet:0.1 is the hardest
    assert history.server_accuracy[-1] > 0.5


def test_the_course_preset_is_the_original_course():
    course = PRESETS["course"]
    assert (course.dataset, course.model, course.clients, course.examples_per_client) == ("mnist", "cnn", 5, 600)
    assert (course.epochs, course.batch_size, course.learning_rate, course.rounds) == (10, 8, 0.01, 5)


def test_mnist_by_its_writers_trains(shared_data):
    experiment = Experiment(dataset="mnist_writers", split="by_writer", model="logistic", clients=40, fraction=0.25)
    history = experiment.replace(epochs=1, learning_rate=0.05, test_examples=500).federation().run(3)
    assert history.server_accuracy[-1] > 0.6
    assert len(history[0].clients) == 10


def test_bfloat16_learns_and_keeps_float32_weights():
    federation = Experiment(precision="mixed_bfloat16", epochs=3, rounds=3).federation()
    history = federation.run(3)
    assert history.server_accuracy[-1] > 0.6
    assert {w.dtype for w in federation.weights} == {np.dtype(np.float32)}


def test_numbers_of_numpy_become_plain_ones(tmp_path):
    experiment = QUICK.replace(clients=np.int64(3), seed=np.int64(4), learning_rate=np.float32(0.5))
    assert "np." not in experiment.python()
    experiment.federation(out=tmp_path).run(1)


def test_the_histogram_shows_what_clients_really_draw_in_round_one():
    experiment = QUICK.replace(split="3", redraw_each_round=True)
    sizes = [len(client.examples(1)[1]) for client in experiment.all_clients()]
    np.testing.assert_array_equal(experiment.label_counts().sum(axis=1), sizes)


def test_a_selection_of_ones_own_that_takes_a_fraction_gets_the_experiments():
    def choose(clients, fraction, rng):
        return clients[: round(fraction * len(clients))]

    record = QUICK.replace(clients=4, fraction=0.5).federation(select=choose).run(1)[0]
    assert record.selected == ("0", "1")
    federation = QUICK.replace(clients=4).federation(select=lambda clients, rng: clients[2:])
    assert federation.run(1)[0].selected == ("2", "3")
