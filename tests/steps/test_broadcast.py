"""Step 2: weights to bytes and back, and what each codec promises about size and error."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fedteach.messages import MessageError, tensors_from_bytes, tensors_to_bytes
from fedteach.randomness import rng_for
from fedteach.steps import broadcast
from fedteach.steps.broadcast import codec, float16, float32, from_functions, int8, json_size_bytes, top_k

QUICK = settings(max_examples=50, deadline=None)

LOSSY = ["float16", "int8", "top_k:0.3"]
ALL = ["float32", *LOSSY]

ANY_SHAPE = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)


def models(numbers=FINITE):
    """Lists of up to four tensors: scalars, empty ones and many dimensions among them."""
    return st.lists(hnp.arrays(np.float32, ANY_SHAPE, elements=numbers), max_size=4)


def there_and_back(c, weights):
    return c.decode(c.encode(weights))


def assert_same(got, want):
    assert len(got) == len(want)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(a, b, strict=True)


@pytest.mark.parametrize("spec", ALL)
@QUICK
@given(weights=models())
def test_every_codec_keeps_number_shapes_and_dtype_and_changes_nothing_it_was_given(spec, weights):
    before = [array.copy() for array in weights]
    got = there_and_back(codec(spec), weights)
    assert [(array.shape, array.dtype) for array in got] == [(array.shape, np.float32) for array in weights]
    assert_same(weights, before)


@pytest.mark.parametrize("spec", ALL)
def test_decoded_arrays_may_be_written_to_and_share_no_memory(spec):
    message = codec(spec).encode([np.ones(3, np.float32), np.ones((), np.float32)])
    first, second = codec(spec).decode(message)
    before = second.copy()
    first += 1
    assert first[0] == 2
    assert second == before
    assert codec(spec).decode(message)[0][0] == 1


@pytest.mark.parametrize("spec", ALL)
def test_the_order_of_the_tensors_is_kept(spec):
    weights = [np.full(1, i, np.float32) for i in range(12)]
    # top_k:0.3 keeps round(0.3 * 12) = 4 of the 12 numbers.
    arrived = [float(array[0]) for array in there_and_back(codec(spec), weights)]
    assert arrived == ([0] * 8 + [8, 9, 10, 11] if spec == "top_k:0.3" else list(range(12)))


@pytest.mark.parametrize("spec", ALL)
def test_weights_in_double_precision_or_in_views_are_fine(spec):
    grid = np.arange(12.0).reshape(3, 4)
    got = there_and_back(codec(spec), [grid.T[::2], np.float64(3.0)])
    assert [array.shape for array in got] == [(2, 3), ()]


@QUICK
@given(weights=models(st.floats(width=32)))
def test_float32_loses_nothing_not_even_nan(weights):
    assert_same(there_and_back(float32(), weights), weights)


@QUICK
@given(weights=models())
def test_float16_stays_within_its_promise(weights):
    for x, got in zip(weights, there_and_back(float16(), weights), strict=True):
        clipped = np.clip(x.astype(np.float64), -65504, 65504)
        assert (np.abs(got - clipped) <= np.maximum(2.0**-11 * np.abs(clipped), 2.0**-25)).all()


def test_float16_by_hand():
    # 1/3 is 0.333251953125 with 11 bits; 1e5 is beyond the largest; 1e-8 below half the smallest, 2^-25 = 3e-8
    (got,) = there_and_back(float16(), [np.array([1 / 3, 1e5, -1e5, 1e-8], np.float32)])
    assert got.tolist() == [0.333251953125, 65504.0, -65504.0, 0.0]


@QUICK
@given(weights=models())
def test_int8_errs_by_half_a_level_at_most(weights):
    for x, got in zip(weights, there_and_back(int8(), weights), strict=True):
        exact = x.astype(np.float64)
        level = np.ptp(exact) / 255 if x.size else 0.0
        # One rounding to float32: 2^-24 of the number, or half the smallest number there is, 2^-150.
        rounding = np.maximum(2.0**-24 * np.abs(exact), 2.0**-150)
        assert (np.abs(got - exact) <= (level / 2 + rounding) * (1 + 1e-6)).all()


def test_int8_by_hand():
    # minimum -1, maximum 1.55: scale = 2.55 / 255 = 0.01; 0.123 is 112.3 levels up, so it becomes -1 + 1.12
    (got,) = there_and_back(int8(), [np.array([-1, 0.123, 1.55], np.float32)])
    assert got == pytest.approx([-1, 0.12, 1.55], abs=1e-6)


@QUICK
@given(hnp.arrays(np.float32, 3, elements=FINITE))
def test_int8_keeps_the_minimum_and_constant_tensors_exactly(x):
    (got, flat) = there_and_back(int8(), [x, np.full(4, x[0])])
    assert got.min() == x.min()
    assert flat.tolist() == [x[0]] * 4


def halves(tensor):
    """A learner's own pair: levels half a unit apart, beginning at the smallest number."""
    low = tensor.min()
    return np.round((tensor - low) / 0.5).astype(np.uint8), low, 0.5


def from_levels(levels, low, scale):
    return levels * scale + low


def test_two_functions_make_a_codec():
    weights = [np.array([[1, 2.2], [3.6, 1]], np.float32), np.array(7, np.float32), np.zeros((0, 2), np.float32)]
    mine = from_functions("mine", halves, from_levels)
    got = there_and_back(mine, weights)
    assert mine.name == "mine"
    # 1.2 above the smallest is 2.4 levels, so 2; 2.6 is 5.2 levels, so 5: they arrive as 1 + 2/2 and 1 + 5/2
    assert got[0].tolist() == [[1, 2], [3.5, 1]]
    assert [(array.shape, array.dtype) for array in got] == [(array.shape, np.float32) for array in weights]
    assert got[1] == 7


def test_two_functions_cost_one_byte_a_number():
    weights = [np.linspace(0, 1, 10_000, dtype=np.float32).reshape(100, 100)]
    assert 10_000 < len(from_functions("mine", halves, from_levels).encode(weights)) < 10_400


def test_a_function_that_changes_its_tensor_does_not_change_the_model():
    def careless(tensor):
        tensor -= 1
        return halves(tensor)

    weights = [np.arange(3, dtype=np.float32)]
    from_functions("mine", careless, from_levels).encode(weights)
    assert weights[0].tolist() == [0, 1, 2]


def test_only_a_codec_of_the_same_name_reads_its_messages():
    message = from_functions("mine", halves, from_levels).encode([np.ones(2, np.float32)])
    with pytest.raises(MessageError, match="expected weights encoded as 'yours', got 'mine'"):
        from_functions("yours", halves, from_levels).decode(message)


@pytest.mark.parametrize(
    ("quantise", "sentence"),
    [
        (lambda x: None, r"mine: quantise must return \(levels, low, scale\), got None"),
        (lambda x: (x, 0.0), r"quantise must return \(levels, low, scale\), got \(array"),
        (lambda x: (x, 0.0, 1.0), r"quantise must return uint8 levels of shape \(2, 2\), got float32 of \(2, 2\)"),
        (lambda x: (x.astype(np.uint8).ravel(), 0.0, 1.0), r"of shape \(2, 2\), got uint8 of \(4,\)"),
        (lambda x: (x.astype(np.uint8), np.nan, 1.0), "mine: low must be a number, got nan"),
        (lambda x: (x.astype(np.uint8), 0.0, -1.0), "mine: scale must be a number of at least 0, got -1"),
    ],
)
def test_what_quantise_returns_is_checked(quantise, sentence):
    with pytest.raises(ValueError, match=sentence):
        from_functions("mine", quantise, from_levels).encode([np.ones((2, 2), np.float32)])


def test_what_dequantise_returns_is_checked():
    message = from_functions("mine", halves, from_levels).encode([np.ones((2, 2), np.float32)])
    flat = from_functions("mine", halves, lambda levels, low, scale: levels.ravel() * scale)
    with pytest.raises(ValueError, match=r"mine: dequantise must keep the shape \(2, 2\), got \(4,\)"):
        flat.decode(message)
    with pytest.raises(MessageError, match="mine message with NaN or infinite numbers"):
        from_functions("mine", halves, lambda levels, low, scale: levels / np.float32("nan")).decode(message)


def test_two_functions_never_see_numbers_that_are_not_finite():
    with pytest.raises(ValueError, match="mine cannot carry NaN or infinite numbers, got some in tensor 0"):
        from_functions("mine", halves, from_levels).encode([np.array([np.nan], np.float32)])


@QUICK
@given(weights=models(), share=st.floats(0.001, 1))
def test_top_k_keeps_the_largest_as_they_are_and_zeroes_the_rest(weights, share):
    got = np.concatenate([[0], *(array.ravel() for array in there_and_back(top_k(share), weights))])
    flat = np.concatenate([[0], *(array.ravel() for array in weights)])
    kept = np.flatnonzero(got)
    assert (got[kept] == flat[kept]).all()
    k = min(flat.size - 1, max(1, round(share * (flat.size - 1))))
    # What a slow and simple sort would keep, the earlier of equal magnitudes first:
    best = sorted(range(1, flat.size), key=lambda i: (-abs(flat[i]), i))[:k]
    assert set(kept) == {i for i in best if flat[i] != 0}


def test_top_k_by_hand():
    weights = [np.array([[1, -5], [2, 0]], np.float32), np.array([-2, 2, 3], np.float32)]
    # round(0.5 * 7) = round(3.5) = 4 of 7 numbers over both tensors: -5, 3 and the first two of 2, -2, 2
    got = there_and_back(top_k(0.5), weights)
    assert [array.tolist() for array in got] == [[[0, -5], [2, 0]], [-2, 0, 3]]


def test_sizes_are_four_two_one_and_eight_bytes_a_number():
    rng = rng_for(0, "weights")
    weights = [rng.normal(size=(784, 100)).astype(np.float32), rng.normal(size=100).astype(np.float32)]
    n = 78_500
    sizes = {spec: len(codec(spec).encode(weights)) for spec in ["float32", "float16", "int8", "top_k:0.1"]}
    # A header of a few hundred bytes comes on top.
    for spec, expected in {"float32": 4 * n, "float16": 2 * n, "int8": n, "top_k:0.1": 8 * n // 10}.items():
        assert expected < sizes[spec] < expected + 600, spec


def test_json_takes_about_five_times_the_bytes_of_float32():
    weights = [rng_for(0, "weights").normal(size=(100, 100)).astype(np.float32)]
    assert json_size_bytes(weights) == len(json.dumps([weights[0].tolist()]))
    assert 4.5 < json_size_bytes(weights) / len(float32().encode(weights)) < 5.5
    # [[1.0, 2.0], 0.5] is 17 characters
    assert json_size_bytes([np.array([1, 2], np.float32), np.array(0.5, np.float32)]) == 17


@pytest.mark.parametrize("spec", ALL)
def test_the_same_weights_give_the_same_bytes(spec):
    weights = [np.linspace(-1, 1, 50, dtype=np.float32)]
    assert codec(spec).encode(weights) == codec(spec).encode([weights[0].copy()])


@pytest.mark.parametrize("spec", LOSSY)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_lossy_codecs_refuse_numbers_that_are_not_finite(spec, bad):
    with pytest.raises(ValueError, match=rf"{spec} cannot carry NaN or infinite numbers, got some in tensor 1"):
        codec(spec).encode([np.zeros(2, np.float32), np.array([0, bad], np.float32)])


def test_weights_must_be_a_list():
    with pytest.raises(ValueError, match="weights must be a list of arrays, got ndarray"):
        float32().encode(np.zeros(3, np.float32))


@pytest.mark.parametrize("there", [*ALL, "top_k:0.5"])
@pytest.mark.parametrize("back", [*ALL, "top_k:0.5"])
def test_bytes_of_another_codec_are_refused(there, back):
    message = codec(there).encode([np.ones(5, np.float32)])
    if there == back:
        codec(back).decode(message)
    else:
        with pytest.raises(MessageError, match=f"expected weights encoded as {back!r}, got {there!r}; both sides"):
            codec(back).decode(message)


def test_bytes_that_name_no_codec_are_refused():
    with pytest.raises(MessageError, match="expected weights encoded as 'float32', got None"):
        float32().decode(tensors_to_bytes({"0": np.zeros(2, np.float32)}, {}))


@pytest.mark.parametrize("spec", ALL)
@QUICK
@given(place=st.integers(0, 10_000), value=st.integers(0, 255), cut=st.integers(0, 60))
def test_damaged_bytes_give_weights_or_a_message_error_and_nothing_else(spec, place, value, cut):
    message = bytearray(codec(spec).encode([np.linspace(-1, 1, 20, dtype=np.float32), np.ones((2, 2), np.float32)]))
    message[place % len(message)] = value
    try:
        got = codec(spec).decode(bytes(message[: len(message) - max(0, cut - 30)]))
    except MessageError:
        return
    assert all(array.dtype == np.float32 for array in got)


def rewritten(c, change):
    """An encoded message after `change(tensors, details)`."""
    tensors, metadata = tensors_from_bytes(c.encode([np.array([3, 1, 2], np.float32), np.ones((2, 2), np.float32)]))
    change(tensors, metadata["weights"])
    return tensors_to_bytes(tensors, metadata)


def put(name, values, dtype):
    return lambda tensors, details: tensors.update({name: np.array(values, dtype)})


def drop(name):
    return lambda tensors, details: tensors.pop(name)


def shapes(*given):
    return lambda tensors, details: details.update(shapes=list(given))


@pytest.mark.parametrize(
    ("spec", "change", "sentence"),
    [
        ("float32", drop("0"), "but .* is missing"),
        ("float32", put("extra", [1], np.float32), "but '2' is missing"),
        ("float32", put("1", [1], np.float64), "tensor 1: expected float32, got float64"),
        ("float16", put("1", [1], np.float32), "tensor 1: expected float16, got float32"),
        ("float16", put("1", [np.nan], np.float16), "float16 message with NaN or infinite numbers"),
        ("int8", put("1", [1], np.int8), "tensor 1: expected uint8, got int8"),
        ("int8", drop("scale"), "expected a float64 vector named 'scale', got nothing"),
        ("int8", put("scale", [1, 1], np.float32), "expected a float64 vector named 'scale', got float32 of shape"),
        ("int8", put("scale", [[1, 1]], np.float64), r"got float64 of shape \(1, 2\)"),
        ("int8", put("scale", [1], np.float64), "int8 message of 2 tensors with 2 minima and 1 scales"),
        ("int8", put("scale", [1, np.nan], np.float64), "minimum or scale that is NaN, infinite or negative"),
        ("int8", put("scale", [1, -1], np.float64), "minimum or scale that is NaN, infinite or negative"),
        ("int8", put("low", [np.inf, 0], np.float64), "minimum or scale that is NaN, infinite or negative"),
        ("int8", put("low", [1e300, 0], np.float64), "int8 message with NaN or infinite numbers"),
        # Of 3 + 4 numbers, round(0.3 * 7) = 2 are kept.
        ("top_k:0.3", put("places", [0, 7], np.uint32), "places out of order or beyond its 7 numbers"),
        ("top_k:0.3", put("places", [2, 2], np.uint32), "places out of order"),
        ("top_k:0.3", put("places", [2, 0], np.uint32), "places out of order"),
        ("top_k:0.3", put("places", [0], np.uint32), "with 2 values and 1 places of 7 numbers"),
        ("top_k:0.3", put("places", [0, 1], np.int64), "expected a uint32 vector named 'places', got int64"),
        ("top_k:0.3", put("values", [0, np.inf], np.float32), "message with NaN or infinite numbers"),
        ("top_k:0.3", shapes([3], [2, 3]), "with 2 values and 2 places of 9 numbers"),
        ("top_k:0.3", shapes([10**6, 10**6]), "with 2 values and 2 places of 1000000000000 numbers"),
        ("top_k:0.3", shapes([7], [0, 2**32, 2**32, 2**32]), "tensor of impossible shape"),
        ("top_k:0.3", shapes([1] * 1000), "without usable shapes"),
        ("top_k:0.3", shapes([-3], [-4]), "without usable shapes"),
        ("top_k:0.3", shapes(["3"], 4), "without usable shapes"),
        ("top_k:0.3", shapes([10**400]), "without usable shapes"),
        ("top_k:0.3", lambda tensors, details: details.pop("shapes"), "without usable shapes"),
    ],
)
def test_wrong_content_is_refused_in_one_line(spec, change, sentence):
    with pytest.raises(MessageError, match=sentence):
        codec(spec).decode(rewritten(codec(spec), change))


def test_bytes_that_are_no_message_are_refused():
    with pytest.raises(MessageError, match="expected a safetensors message, got 5"):
        int8().decode(b"hello")


@pytest.mark.parametrize("spec", [*broadcast.CODECS, "top_k:0.123456789", "top_k:1"])
def test_a_codec_s_name_makes_the_same_codec_again(spec):
    first = codec(spec if spec != "top_k" else "top_k:0.25")
    weights = [np.arange(9, dtype=np.float32)]
    assert_same(codec(first.name).decode(first.encode(weights)), there_and_back(first, weights))


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("flaot16", "unknown codec 'flaot16'.*did you mean 'float16'"),
        ("top_k", "codec 'top_k' takes share; 'top_k' gives 0 numbers"),
        ("top_k:0", "share must be a number above 0 and at most 1, got 0"),
        ("top_k:1.5", "share must be a number"),
    ],
)
def test_unknown_codecs_are_refused_with_advice(spec, sentence):
    with pytest.raises(ValueError, match=sentence):
        codec(spec)
