import numpy as np
import pytest

from fedteach.experiment import Experiment
from fedteach.lab import driving
from fedteach.lab.driving import DRIVING, arguments
from fedteach.steps import aggregation, local_update

QUICK = Experiment(clients=4, model="logistic", epochs=1, rounds=2, fraction=0.5)


def choose_fraction(clients, fraction, rng):
    n = max(1, round(fraction * len(clients)))
    return [clients[i] for i in rng.choice(len(clients), size=n, replace=False)]


def quantise(tensor):
    low, high = float(tensor.min()), float(tensor.max())
    scale = (high - low) / 255
    return np.rint((tensor - low) / (scale or 1)).astype(np.uint8), low, scale


def dequantise(levels, low, scale):
    return low + scale * levels


def apply_delta(weights, delta):
    return [w + np.float64(1) * d for w, d in zip(weights, delta, strict=True)]


FUNCTIONS = {
    "1.2": choose_fraction,
    "2.4": quantise,
    "2.5": dequantise,
    "3.5": local_update.sgd,
    "4.1": aggregation.weighted_mean,
    "5.1": apply_delta,
}


def test_every_step_of_the_loop_can_be_driven():
    assert [drive.step[0] for drive in DRIVING] == ["1", "2", "3", "4", "5"]
    assert [drive.exercises[0][0] for drive in DRIVING] == ["1", "2", "3", "4", "5"]
    takes = ["select", "broadcast", "upload", "local_update", "aggregate", "global_update"]
    assert list(arguments(FUNCTIONS)) == takes


def test_nothing_done_leaves_everything_to_the_experiment():
    assert arguments({}) == {}
    assert arguments({"1.1": choose_fraction, "4.2": apply_delta}) == {}, "these drive no step"


def test_five_functions_of_a_student_give_the_run_that_fedteachs_own_give():
    mine, ours = QUICK.federation(**arguments(FUNCTIONS)), QUICK.replace(broadcast="int8", upload="int8").federation()
    mine.run(2)
    ours.run(2)
    assert [r.selected for r in mine.history] == [r.selected for r in ours.history]
    assert [len(record.selected) for record in mine.history] == [2, 2]
    # Eager and compiled training, and float32 shares, differ in the last bits, which quantising may turn into a level.
    for one, other in zip(mine.weights, ours.weights, strict=True):
        np.testing.assert_allclose(one, other, atol=0.01)


def test_a_students_selection_follows_the_experiments_fraction():
    for fraction, n in ((0.25, 1), (1, 4)):
        record = QUICK.replace(fraction=fraction).federation(**arguments({"1.2": choose_fraction})).run(1)[0]
        assert len(record.selected) == n


def test_the_steps_keep_the_students_names_for_messages():
    made = arguments(FUNCTIONS)
    assert made["select"].__name__ == "choose_fraction"
    assert made["global_update"].__name__ == "apply_delta"
    assert "own" in made["upload"].name


def test_a_students_codec_carries_tensors_of_every_shape_within_half_a_level():
    codec = arguments(FUNCTIONS)["upload"]
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=shape).astype(np.float32) for shape in [(3, 2), (5,), (), (1, 2, 3, 1)]]
    weights.append(np.full((4,), 7, np.float32))
    message = codec.encode(weights)
    assert message == codec.encode(weights)
    for came, sent in zip(codec.decode(message), weights, strict=True):
        assert came.dtype == np.float32
        assert came.shape == sent.shape
        np.testing.assert_allclose(came, sent, atol=np.ptp(sent) / 255 / 2 + 1e-6)
    assert len(message) < sum(w.nbytes for w in weights) / 4 + 1000


def test_a_quantise_that_changes_its_tensor_does_not_change_the_weights():
    def greedy(tensor):
        tensor -= tensor.min()
        return quantise(tensor)

    weights = [np.arange(4, dtype=np.float32) - 2]
    arguments({"2.4": greedy, "2.5": dequantise})["broadcast"].encode(weights)
    np.testing.assert_array_equal(weights[0], [-2, -1, 0, 1])


def test_half_a_codec_is_completed_by_fedteachs_own(monkeypatch):
    class Reference:
        reference = staticmethod(lambda levels, low, scale: np.full(levels.shape, 9.0))

    monkeypatch.setattr(driving.exercises, "find", lambda number: Reference if number == "2.5" else None)
    codec = arguments({"2.4": quantise})["upload"]
    np.testing.assert_array_equal(codec.decode(codec.encode([np.arange(3, dtype=np.float32)]))[0], [9, 9, 9])


@pytest.mark.parametrize("wrong", [lambda weights, delta: None, lambda weights, delta: 3])
def test_a_wrong_global_update_is_still_blamed_in_words(wrong):
    with pytest.raises(RuntimeError, match="<lambda> failed in round 1"):
        QUICK.federation(**arguments({"5.1": wrong})).run(1)


def test_a_float64_result_of_apply_delta_is_no_mistake():
    plain, wide = QUICK.federation(), QUICK.federation(**arguments({"5.1": apply_delta}))
    plain.run(1)
    wide.run(1)
    for one, other in zip(plain.weights, wide.weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
