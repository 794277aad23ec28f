"""Step 2's exercises: what the verdicts say about wrong answers, and that they let every right one pass."""

import json
import sys

import numpy as np
import pytest
from safetensors import SafetensorError
from safetensors.numpy import load, save

from fedteach.exercises.broadcast import COUNT, DEQUANTISE, EXERCISES, PACK, QUANTISE, UNPACK
from fedteach.grading.recipes import Views
from fedteach.messages import Codec
from fedteach.steps.broadcast import from_functions, int8
from tests.exercises.answers import fails, judging_needs_numpy_only, junk_gets_a_verdict, passes

# ---- right answers, written in other ways ---------------------------------------------------------------------------


def packs_one_by_one(weights):
    tensors = {}
    for array in weights:
        tensors[f"{len(tensors)}"] = array.copy()
    return save(tensors, metadata={"from": "me"})


def unpacks_by_number(message):
    try:
        tensors = load(message)
    except Exception:
        raise ValueError("no message") from None
    if sorted(tensors) != sorted(map(str, range(len(tensors)))):
        raise ValueError("tensors are missing")
    return tuple(tensors[name] for name in sorted(tensors, key=int))


def counts_with_nbytes(weights, n_clients):
    four = sum(array.nbytes for array in weights) * n_clients * 2
    text = json.dumps(list(map(np.ndarray.tolist, weights)))
    return {
        "int8": four / 4,
        "float16": np.int64(four // 2),
        "float32": four,
        "JSON": len(text.encode()) * 2 * n_clients,
    }


def quantises_in_float64(tensor):
    if np.isnan(tensor).any() or np.isinf(tensor).any():
        raise ValueError("not finite")
    x = np.array(tensor, np.float64)
    low, high = np.min(x), np.max(x)
    if low == high:
        return np.zeros(x.shape, np.uint8), float(low), 0.0
    return [np.floor((x - low) * 255 / (high - low) + 0.5).astype("uint8"), np.array(low), (high - low) / 255]


def quantises_in_float32(tensor):
    if not np.isfinite(tensor.sum(dtype=np.float64)):
        raise ValueError("not finite")
    low = np.float32(tensor.min())
    scale = np.float32((tensor.max() - low) / np.float32(255))
    with np.errstate(all="ignore"):
        return np.where(scale > 0, np.rint((tensor - low) / scale), 0).astype(np.uint8), low, scale


def dequantises_in_float32(levels, low, scale):
    return np.float32(low) + np.float32(scale) * levels.astype(np.float32)


RIGHT = [
    (PACK, packs_one_by_one),
    (UNPACK, unpacks_by_number),
    (COUNT, counts_with_nbytes),
    (QUANTISE, quantises_in_float64),
    (QUANTISE, quantises_in_float32),
    (DEQUANTISE, dequantises_in_float32),
    *((exercise, exercise.reference) for exercise in EXERCISES),
]


@pytest.mark.parametrize(("exercise", "function"), RIGHT, ids=[f"{e.id}-{f.__name__}" for e, f in RIGHT])
def test_right_answers_pass_whatever_the_seed(exercise, function):
    passes(exercise, function)


# ---- wrong answers and what is said about them ----------------------------------------------------------------------


def packed(change=lambda array: np.array(array, order="C"), names=str):
    return lambda weights: save({names(place): change(array) for place, array in enumerate(weights)})


def backwards(weights):
    return packed()(weights[::-1])


@pytest.mark.parametrize(
    ("function", "word"),
    [
        (lambda weights: None, "is a `return` missing?"),
        (lambda weights: {str(i): w for i, w in enumerate(map(np.array, weights))}, "the dict is the right idea"),
        (lambda weights: [save({"0": np.array(w)}) for w in weights], "one message for the whole model"),
        (lambda weights: json.dumps([w.tolist() for w in weights]), "this is text"),
        (lambda weights: json.dumps([w.tolist() for w in weights]).encode(), "this is JSON text"),
        (lambda weights: b"".join(w.tobytes() for w in weights), "keeps neither shapes nor names"),
        (lambda weights: bytearray(packed()(weights)), "returned a bytearray"),
        (packed(names="layer {}".format), "str(0), str(1)"),
        (packed(lambda w: w.astype(np.float64)), 'Tensor "0" holds float64'),
        (packed(np.ravel), "shapes belong to the message"),
        (packed(lambda w: w.astype(np.float16).astype(np.float32)), "these are the numbers in float16"),
        (packed(lambda w: np.zeros(w.shape, np.float32)), "holds other numbers"),
        (packed(lambda w: np.array(w, order="K")), "copies the memory as it lies"),
        (backwards, "shape (2,)"),
    ],
)
def test_what_is_said_about_a_wrong_message(function, word):
    fails(PACK, function, word)


def test_two_tensors_of_the_same_shape_that_change_places_are_named():
    def turned_round(weights):
        return packed()([*weights[:-2][::-1], *weights[-2:]] if len(weights) == 13 else weights)

    # Of 13 tensors the first eleven are turned round: place 0 then holds what was at place 10, of the same shape.
    fails(PACK, turned_round, "this is the tensor of place 10")


def opened(message):
    try:
        return load(message)
    except SafetensorError:
        raise ValueError("no message") from None


def in_order(message):
    tensors = opened(message)
    if set(tensors) != {str(place) for place in range(len(tensors))}:
        raise ValueError("names")
    return [tensors[str(place)] for place in range(len(tensors))]


def names_as_numbers(message):
    tensors = {int(name) if name.isidentifier() is False else -1: array for name, array in opened(message).items()}
    if sorted(tensors) != list(range(len(tensors))):
        raise ValueError("names")
    return [tensors[place] for place in sorted(tensors)]


def without_a_word(message):
    try:
        return in_order(message)
    except ValueError:
        raise ValueError from None


def nothing_on_errors(message):
    try:
        return in_order(message)
    except ValueError:
        return None


@pytest.mark.parametrize(
    ("function", "word"),
    [
        (lambda message: None, "is a `return` missing?"),
        (opened, "the list has the tensor"),
        (lambda message: in_order(message)[::-1] if len(in_order(message)) > 3 else in_order(message), "backwards"),
        (lambda message: [array.astype(np.float64) for array in in_order(message)], "`.astype(np.float32)`"),
        (lambda message: [array.ravel() for array in in_order(message)], "Expected an array of shape (2, 2)"),
        (lambda message: [array.tolist() for array in in_order(message)], "np.array(...) makes an array of a list"),
        (lambda message: [np.array(array + 1) for array in in_order(message)], "not the ones of the message"),
        (lambda message: in_order(message)[:-1], "your function returned a list of 2"),
        (names_as_numbers, 'int("00") is 0 too'),
        (without_a_word, "it says nothing"),
        (nothing_on_errors, "an error that is caught and not passed on"),
    ],
)
def test_what_is_said_about_wrong_weights(function, word):
    fails(UNPACK, function, word)


def counted(messages=None, text=None, numbers=None, factor=1):
    """Count as one should, but for one thing."""

    def count(weights, n_clients):
        n_messages = 2 * n_clients if messages is None else messages(n_clients)
        n_text = len(json.dumps([w.tolist() for w in weights])) if text is None else text(weights)
        n_numbers = sum(w.size for w in weights) if numbers is None else numbers(weights)
        widths = {"float32": 4 * n_numbers, "float16": 2 * n_numbers, "int8": n_numbers}
        return {key: factor * n_messages * n for key, n in {"JSON": n_text, **widths}.items()}

    return count


@pytest.mark.parametrize(
    ("function", "word"),
    [
        (counted(messages=lambda n: n), "one way only"),
        (counted(messages=lambda n: 2), "a single client"),
        (counted(messages=lambda n: 2 if n == 1 else 1), "a single message"),
        (counted(factor=8), "these are bits"),
        (counted(text=lambda w: sys.getsizeof(json.dumps([x.tolist() for x in w]))), "`sys.getsizeof` adds"),
        (counted(text=lambda w: len(json.dumps([x.tolist() for x in w], separators=(",", ":")))), "a space follows"),
        (counted(text=lambda w: sum(len(json.dumps(x.tolist())) for x in w)), "one text for the whole list"),
        (counted(text=lambda w: len(json.dumps([x.ravel().tolist() for x in w]))), "`tolist` alone keeps the shape"),
        (counted(numbers=len), "this counts the tensors"),
        (counted(numbers=lambda w: sum(len(x) for x in w)), "`len` counts the rows"),
        (counted(numbers=lambda w: w[0].size), "the first tensor alone"),
        (counted(numbers=lambda w: sum(x.size for x in w) / 4), "how many bytes does each of them take"),
        (lambda weights, n_clients: {"json": 1}, "missing: 'JSON'"),
        (lambda weights, n_clients: [24, 16, 8, 4], "Expected a dict"),
    ],
)
def test_what_is_said_about_wrong_bytes(function, word):
    fails(COUNT, function, word)


def levels_of(tensor, low=np.min, scale=lambda x: np.ptp(x) / 255, finish=np.round):
    """Quantise as one should, but for one thing."""
    if not np.isfinite(tensor).all():
        raise ValueError("not finite")
    lowest, step = low(tensor), scale(tensor)
    return finish((tensor - lowest) / (step or 1)).astype(np.uint8), lowest, step


def wrongly(**how):
    return lambda tensor: levels_of(tensor, **how)


def from_zero(fit):
    """Count the steps from 0, with what some computer makes of those that are no levels."""

    def quantise(tensor):
        levels, low, scale = levels_of(tensor)
        return fit(np.round(tensor / (scale or 1))).astype(np.uint8), low, scale

    return quantise


def turned(tensor):
    levels, low, scale = levels_of(tensor)
    return 255 - levels, low, scale


def refuses_nothing(tensor):
    return levels_of(np.nan_to_num(tensor, posinf=9, neginf=-9))


@pytest.mark.parametrize(
    ("function", "word"),
    [
        (lambda tensor: None, "is a `return` missing?"),
        (lambda tensor: levels_of(tensor)[0], "`return levels, low, scale` returns all three"),
        (lambda tensor: (levels_of(tensor)[0].astype(float), *levels_of(tensor)[1:]), "`.astype(np.uint8)`"),
        (lambda tensor: (levels_of(tensor)[0].astype(float), *levels_of(tensor)[1:]), "array([0, 100, 113, 255])"),
        (lambda tensor: (levels_of(tensor)[0].tolist(), *levels_of(tensor)[1:]), "np.array(...) makes an array"),
        (wrongly(low=np.max), "this is the largest one"),
        (wrongly(low=np.mean), "this is the mean"),
        (wrongly(low=lambda x: np.abs(x).min()), "the smallest without its sign"),
        (wrongly(scale=lambda x: np.ptp(x) / 256), "256 levels have 255 steps"),
        (wrongly(scale=np.ptp), "divide the span by the 255 steps"),
        (wrongly(scale=lambda x: 255 / (np.ptp(x) or 1)), "the other way round"),
        (wrongly(scale=lambda x: np.ptp(x) / 127), "that is 127 steps"),
        (wrongly(scale=lambda x: np.abs(x).max() / 127), "another scheme"),
        (wrongly(scale=lambda x: x.max() / 255), "not at 0: max - min"),
        (wrongly(finish=np.floor), "Round first"),
        (from_zero(lambda steps: steps.astype(np.int64) % 256), "take `low` off first"),
        (from_zero(lambda steps: steps.clip(0, 255)), "take `low` off first"),
        (wrongly(finish=np.ceil), "this rounds up"),
        (turned, "the levels run backwards"),
        (wrongly(finish=lambda steps: np.round(steps) / 2), "give it the level next to that"),
        (refuses_nothing, "NaN equals nothing"),
    ],
)
def test_what_is_said_about_wrong_levels(function, word):
    fails(QUANTISE, function, word)


@pytest.mark.parametrize(
    ("function", "word"),
    [
        (lambda levels, low, scale: scale * levels, "an array of float64"),
        (lambda levels, low, scale: scale * levels - low, "`low` is to be added"),
        (lambda levels, low, scale: low + levels, "a step is `scale` long"),
        (lambda levels, low, scale: low * levels + scale, "have changed places"),
        (lambda levels, low, scale: low + scale * (levels.astype(float) - 128), "nothing is to be taken off"),
        (lambda levels, low, scale: low + scale * levels / 255, "no further 255"),
        (lambda levels, low, scale: np.ones(levels.shape), "not the numbers that the levels stand for"),
        (lambda levels, low, scale: (low + scale * levels).tolist(), "np.array(...) makes an array"),
    ],
)
def test_what_is_said_about_wrong_numbers(function, word):
    def as_float32(*arguments):
        answer = function(*arguments)
        return answer.astype(np.float32) if isinstance(answer, np.ndarray) and "float64" not in word else answer

    fails(DEQUANTISE, as_float32, word)


JUNK = [(np.zeros(4, np.uint8), 10**400, 1.0), (np.zeros(4, np.uint8), np.inf, -np.inf)]
JUNK += [(np.full(4, 7, np.uint8), np.nan, np.nan), {"JSON": None}, save({})]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_any_junk_gets_an_answer(exercise):
    junk_gets_a_verdict(exercise, JUNK)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_a_function_of_other_arguments_gets_an_answer(exercise):
    fails(exercise, lambda: None, "TypeError")


# ---- our own answers ------------------------------------------------------------------------------------------------


def test_an_answer_to_2_1_and_one_to_2_2_make_a_codec():
    weights = [np.ones((2, 3), np.float32).T, np.array(2, np.float32), *(np.full(1, i, np.float32) for i in range(12))]
    mine = Codec("mine", PACK.reference, UNPACK.reference)
    got = mine.decode(mine.encode(weights))
    assert [array.tolist() for array in got] == [array.tolist() for array in weights]


def test_the_levels_of_the_reference_are_the_ones_of_fedteach_s_own_codec():
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(4, 5)).astype(np.float32), np.zeros(3, np.float32), np.array(-1, np.float32)]
    ours = from_functions("int8", QUANTISE.reference, DEQUANTISE.reference)
    assert ours.encode(weights) == int8().encode(weights)


def test_the_bytes_of_the_reference_are_the_ones_that_the_codecs_need():
    weights = [np.random.default_rng(0).normal(size=(50, 40)).astype(np.float32)]
    counted = COUNT.reference(weights, 3)
    # 2 ways x 3 clients x 2,000 numbers x 4 bytes
    assert counted["float32"] == 48_000
    assert counted["int8"] < 6 * len(int8().encode(weights)) < counted["int8"] + 6 * 400


def test_a_transposed_array_comes_to_the_function_as_a_view():
    kernel, bias, single = Views((np.ones((2, 3)), np.arange(4), np.array(1.0))).make()
    assert not kernel.flags.c_contiguous
    assert not bias.flags.c_contiguous
    assert (kernel.shape, bias.tolist(), single.shape) == ((2, 3), [0, 1, 2, 3], ())


def test_judging_needs_no_tensorflow():
    judging_needs_numpy_only("broadcast")
