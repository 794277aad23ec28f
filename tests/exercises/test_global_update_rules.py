"""What exercises 5.1 to 5.3, the rules of the server, recognise beyond the mistakes in solutions/mistakes."""

import numpy as np
import pytest

from fedteach.exercises.global_update import ADAM, APPLY, EXERCISES, MOMENTUM
from tests.exercises.answers import fails, judging_needs_numpy_only, junk_gets_a_verdict, passes

# ---- right answers, written in other ways ---------------------------------------------------------------------------


def add_by_index(weights, delta):
    new = []
    for i in range(len(weights)):
        new.append(np.add(weights[i], delta[i]))
    return tuple(new)


def add_to_copies(weights, delta):
    new = [w.copy() for w in weights]
    for w, d in zip(new, delta, strict=True):
        w += d
    return new


def momentum_in_one_loop(weights, delta, velocity, beta, rate):
    new_weights, new_velocity = [], []
    for w, d, v in zip(weights, delta, velocity, strict=True):
        v = np.float64(beta) * v + d
        new_velocity.append(v)
        new_weights.append(w + rate * v)
    return [new_weights, new_velocity]


def adam_in_one_loop(weights, delta, m, v, rate, beta1, beta2, tau):
    new = [], [], []
    for w, d, a, b in zip(weights, delta, m, v, strict=True):
        a = a + (1 - beta1) * (d - a)
        b = b + (1 - beta2) * (d * d - b)
        new[0].append(w + rate * np.divide(a, np.power(b, 0.5) + tau))
        new[1].append(a)
        new[2].append(b)
    return new


RIGHT = [
    (APPLY, add_by_index),
    (APPLY, add_to_copies),
    (MOMENTUM, momentum_in_one_loop),
    (ADAM, adam_in_one_loop),
    *((exercise, exercise.reference) for exercise in EXERCISES),
]


@pytest.mark.parametrize(("exercise", "function"), RIGHT, ids=[f"{e.id}-{f.__name__}" for e, f in RIGHT])
def test_a_right_answer_passes_whatever_the_seed(exercise, function):
    passes(exercise, function)


# ---- wrong answers, and the word that names them --------------------------------------------------------------------


def elementwise(rule):
    """Make an answer to 5.1 of a rule for one pair of arrays."""
    return lambda weights, delta: [rule(w, d) for w, d in zip(weights, delta, strict=True)]


WRONG_SUMS = [
    (elementwise(lambda w, d: w.copy()), "the model did not move"),
    (elementwise(lambda w, d: d.copy()), "the delta alone"),
    (elementwise(lambda w, d: d - w), "delta minus the weights"),
    (elementwise(lambda w, d: (w + d) / 2), "mean of weights and delta"),
    (lambda weights, delta: weights[0] + delta[0], "Expected a list of arrays"),
    (lambda weights, delta: np.array(weights) + np.array(delta), "Expected a list"),
    (lambda weights, delta: [weights[0] + delta[0]], "Expected a list of 2"),
    (lambda weights, delta: (w + d for w, d in zip(weights, delta, strict=True)), "`yield`"),
    (lambda weights, delta: weights - delta, "compute array by array"),
    (lambda weights, delta: [w + d if d.any() else w for w, d in zip(weights, delta, strict=True)], "is not a copy"),
]


def momentum_of(new_v, new_w=lambda w, d, v, old, beta, rate: w + rate * v):
    """Make an answer to 5.2 of a rule for the velocity and one for the weights."""

    def step(weights, delta, velocity, beta, rate):
        vs = [new_v(v, d, beta, rate) for v, d in zip(velocity, delta, strict=True)]
        triples = zip(weights, delta, vs, velocity, strict=True)
        return [new_w(w, d, v, old, beta, rate) for w, d, v, old in triples], vs

    return step


def right_v(v, d, beta, rate):
    return beta * v + d


def swapped(step):
    return lambda *arguments: tuple(reversed(step(*arguments)))


WRONG_MOMENTA = [
    (swapped(momentum_of(right_v)), "the two results are swapped"),
    (lambda w, d, v, beta, rate: ([w[0] + rate * d[0]], v[0] + d[0]), "a model is a list of arrays"),
    (momentum_of(lambda v, d, beta, rate: v.copy()), "the old velocity is returned"),
    (momentum_of(lambda v, d, beta, rate: d.copy()), "nothing of the old velocity is kept"),
    (momentum_of(lambda v, d, beta, rate: v + d), "all of the old velocity is kept"),
    (momentum_of(lambda v, d, beta, rate: beta * v + (1 - beta) * d), "counts only 1 - beta"),
    (momentum_of(lambda v, d, beta, rate: v + beta * d), "beta belongs to the old velocity"),
    (momentum_of(lambda v, d, beta, rate: beta * v + rate * d), "the rate belongs to the step"),
    (momentum_of(right_v, lambda w, d, v, old, beta, rate: w.copy()), "the model did not move"),
    (momentum_of(right_v, lambda w, d, v, old, beta, rate: w + rate * old), "from before the round"),
    (momentum_of(right_v, lambda w, d, v, old, beta, rate: w + rate * d), "not along the velocity"),
    (momentum_of(right_v, lambda w, d, v, old, beta, rate: w + v), "the rate is left out"),
    (momentum_of(right_v, lambda w, d, v, old, beta, rate: w - rate * v), "goes backwards"),
    (momentum_of(right_v, lambda w, d, v, old, beta, rate: w + rate * (beta * v + d)), "updated twice"),
]


def adam_of(new_m=None, new_v=None, new_w=None):
    """Make an answer to 5.3 of rules for one tensor; None: the right one."""
    new_m = new_m or (lambda m, d, b1, b2: b1 * m + (1 - b1) * d)
    new_v = new_v or (lambda v, d, b1, b2, m: b2 * v + (1 - b2) * d**2)
    new_w = new_w or (lambda w, d, m, v, old_m, old_v, rate, b1, b2, tau: w + rate * m / (np.sqrt(v) + tau))

    def step(weights, delta, m, v, rate, beta1, beta2, tau):
        rows = []
        for w, d, a, b in zip(weights, delta, m, v, strict=True):
            a1 = new_m(a, d, beta1, beta2)
            b1 = new_v(b, d, beta1, beta2, a1)
            rows.append((new_w(w, d, a1, b1, a, b, rate, beta1, beta2, tau), a1, b1))
        return tuple(map(list, zip(*rows, strict=True)))

    return step


WRONG_ADAMS = [
    (lambda *a: (lambda w, m, v: (m, w, v))(*adam_of()(*a)), "in another order"),
    (lambda *a: (lambda w, m, v: (w, v, m))(*adam_of()(*a)), "m and v are swapped"),
    (lambda w, d, *_: (w[0] + d[0], d[0] + 0, d[0] ** 2), "a model is a list of arrays"),
    (adam_of(new_m=lambda m, d, b1, b2: m.copy()), "the old m is returned"),
    (adam_of(new_m=lambda m, d, b1, b2: b1 * m + d), "momentum's rule"),
    (adam_of(new_m=lambda m, d, b1, b2: (1 - b1) * m + b1 * d), "beta1 and 1 - beta1"),
    (adam_of(new_m=lambda m, d, b1, b2: b2 * m + (1 - b2) * d), "m goes with beta1"),
    (adam_of(new_m=lambda m, d, b1, b2: b1 * m - (1 - b1) * d), "is subtracted here"),
    (adam_of(new_m=lambda m, d, b1, b2: (b1 * m + (1 - b1) * d) / (1 - b1)), "bias correction"),
    (adam_of(new_v=lambda v, d, b1, b2, m: v.copy()), "the old v is returned"),
    (adam_of(new_v=lambda v, d, b1, b2, m: b2 * v + (1 - b2) * d), "not squared here"),
    (adam_of(new_v=lambda v, d, b1, b2, m: b2 * v + (1 - b2) * m**2), "not at that of m"),
    (adam_of(new_v=lambda v, d, b1, b2, m: b2 * v + ((1 - b2) * d) ** 2), "squared along with"),
    (adam_of(new_v=lambda v, d, b1, b2, m: b2 * v + d**2), "counts 1 - beta2, not in full"),
    (adam_of(new_v=lambda v, d, b1, b2, m: v + d**2), "Adagrad"),
    (adam_of(new_v=lambda v, d, b1, b2, m: (1 - b2) * v + b2 * d**2), "beta2 and 1 - beta2"),
    (adam_of(new_v=lambda v, d, b1, b2, m: b1 * v + (1 - b1) * d**2), "v goes with beta2"),
    (adam_of(new_v=lambda v, d, b1, b2, m: (b2 * v + (1 - b2) * d**2) / (1 - b2)), "bias correction"),
    (adam_of(new_v=lambda v, d, b1, b2, m: np.sqrt(b2 * v + (1 - b2) * d**2)), "the root of v; the next round"),
    *(
        (adam_of(new_w=rule), word)
        for rule, word in (
            (lambda w, d, m, v, om, ov, r, b1, b2, t: w.copy(), "did not move"),
            (lambda w, d, m, v, om, ov, r, b1, b2, t: w - r * m / (np.sqrt(v) + t), "downhill already"),
            (lambda w, d, m, v, om, ov, r, b1, b2, t: w + r * m / (v + t), "square root of v is missing"),
            (lambda w, d, m, v, om, ov, r, b1, b2, t: w + r * m / np.sqrt(v + t), "inside the root"),
            (lambda w, d, m, v, om, ov, r, b1, b2, t: w + r * m / np.sqrt(v + t**2), "inside the root"),
            (lambda w, d, m, v, om, ov, r, b1, b2, t: w + r * m / np.sqrt(v), "tau is missing"),
            (lambda w, d, m, v, om, ov, r, b1, b2, t: w + r * m / np.sqrt(v) + t, "brackets are missing"),
            (lambda w, d, m, v, om, ov, r, b1, b2, t: w + r * m, "not divided by the root"),
            (lambda w, d, m, v, om, ov, r, b1, b2, t: w + m / (np.sqrt(v) + t), "the rate is left out"),
            (lambda w, d, m, v, om, ov, r, b1, b2, t: w + r * om / (np.sqrt(ov) + t), "m and v from before"),
            (lambda w, d, m, v, om, ov, r, b1, b2, t: w + r * om / (np.sqrt(v) + t), "the m from before"),
            (lambda w, d, m, v, om, ov, r, b1, b2, t: w + r * m / (np.sqrt(ov) + t), "the v from before"),
            (lambda w, d, m, v, om, ov, r, b1, b2, t: w + r * d / (np.sqrt(v) + t), "along the delta and not along m"),
            (
                lambda w, d, m, v, om, ov, r, b1, b2, t: w + r * (m / (1 - b1)) / (np.sqrt(v / (1 - b2)) + t),
                "bias correction",
            ),
        )
    ),
]


WRONG = [
    (exercise, function, word)
    for exercise, wrong in (
        (APPLY, WRONG_SUMS),
        (MOMENTUM, WRONG_MOMENTA),
        (ADAM, WRONG_ADAMS),
    )
    for function, word in wrong
]


@pytest.mark.parametrize(("exercise", "function", "word"), WRONG, ids=[f"{e.id}-{word}" for e, _, word in WRONG])
def test_a_wrong_answer_is_told_what_is_wrong_with_it(exercise, function, word):
    fails(exercise, function, word)


def test_a_wrong_answer_fails_whatever_the_seed():
    for exercise, function, _ in WRONG:
        for seed in (1, 2, 3):
            fails(exercise, function, exercise.id, seed)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_junk_is_answered_with_a_verdict(exercise):
    junk_gets_a_verdict(exercise)


def test_judging_needs_no_tensorflow():
    judging_needs_numpy_only("global_update")
