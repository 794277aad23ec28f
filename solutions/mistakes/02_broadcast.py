"""Known mistakes of 02_broadcast: each must fail, with a message that names it."""

import json
import pickle

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from fedteach.authoring import mistake

# ---- 2.1 ------------------------------------------------------------------------------------------------------------


@mistake("2.1", says="comes again in every layer")
def names_them_as_keras_does(weights):
    return save({"kernel" if array.ndim == 2 else "bias": np.array(array, order="C") for array in weights})


@mistake("2.1", says="the later one replaces the earlier")
def gives_all_the_same_name(weights):
    tensors = {}
    for array in weights:
        tensors["weights"] = np.array(array, order="C")
    return save(tensors)


@mistake("2.1", says="counted from 0")
def counts_from_one(weights):
    return save({str(place): np.array(array, order="C") for place, array in enumerate(weights, start=1)})


@mistake("2.1", says="no zeros in front")
def fills_up_with_zeros(weights):
    return save({f"{place:03d}": np.array(array, order="C") for place, array in enumerate(weights)})


@mistake("2.1", says="copies the memory as it lies")
def saves_views_as_they_are(weights):
    return save({str(place): array for place, array in enumerate(weights)})


@mistake("2.1", says="makes (1,) of a single number")
def makes_a_vector_of_a_single_number(weights):
    return save({str(place): np.ascontiguousarray(array) for place, array in enumerate(weights)})


@mistake("2.1", says="`save` takes a dict, with a name for each array")
def saves_the_list(weights):
    return save(weights)


@mistake("2.1", says="the names are text, not numbers")
def names_them_by_numbers(weights):
    return save({place: np.array(array, order="C") for place, array in enumerate(weights)})


@mistake("2.1", says="JSON knows no arrays")
def writes_json(weights):
    return json.dumps(weights)


@mistake("2.1", says="this is a pickle")
def pickles(weights):
    return pickle.dumps(weights)


@mistake("2.1", says="only 2 are in the message")
def looks_the_place_up_by_the_shape(weights):
    shapes = [array.shape for array in weights]
    return save({str(shapes.index(array.shape)): np.array(array, order="C") for array in weights})


# ---- 2.2 ------------------------------------------------------------------------------------------------------------


def opened(message):
    try:
        return load(message)
    except SafetensorError as error:
        raise ValueError("no message") from error


def load_or_nothing(message):
    try:
        return load(message)
    except SafetensorError:
        return {"nothing": message}


@mistake("2.2", says='"10" comes before "2"')
def sorts_as_text(message):
    tensors = opened(message)
    return [tensors[name] for name in sorted(tensors)]


@mistake("2.2", says="Expected a list")
def returns_the_dictionary(message):
    return opened(message)


@mistake("2.2", says="no order to rely on")
def takes_them_as_they_come(message):
    return list(opened(message).values())


@mistake("2.2", says="without a hole")
def closes_gaps(message):
    tensors = opened(message)
    return [tensors[name] for name in sorted(tensors, key=int)]


@mistake("2.2", says="SafetensorError is no ValueError")
def lets_the_error_pass(message):
    tensors = load(message)
    if set(tensors) != {str(place) for place in range(len(tensors))}:
        raise ValueError("names")
    return [tensors[str(place)] for place in range(len(tensors))]


@mistake("2.2", says="`except A or B` catches A alone")
def catches_one_or_the_other(message):
    try:
        tensors = load(message)
        return [tensors[str(place)] for place in range(len(tensors))]
    except SafetensorError or KeyError as error:  # noqa: B030
        raise ValueError("no message") from error


@mistake("2.2", says='int("00") is 0 too')
def compares_numbers_for_names(message):
    try:
        tensors = {int(name): tensor for name, tensor in opened(message).items()}
    except ValueError as error:
        raise ValueError("names") from error
    if sorted(tensors) != list(range(len(tensors))):
        raise ValueError("names")
    return [tensors[place] for place in sorted(tensors)]


@mistake("2.2", says="it says nothing")
def refuses_without_a_word(message):
    tensors = load_or_nothing(message)
    if set(tensors) != {str(place) for place in range(len(tensors))}:
        raise ValueError
    return [tensors[str(place)] for place in range(len(tensors))]


@mistake("2.2", says="KeyError is no ValueError")
def looks_up_what_is_not_there(message):
    tensors = opened(message)
    return [tensors[str(place)] for place in range(len(tensors))]


# ---- 2.3 ------------------------------------------------------------------------------------------------------------


def bytes_of(weights, messages, text=None, numbers=None):
    text = json.dumps([tensor.tolist() for tensor in weights]) if text is None else text
    numbers = sum(tensor.size for tensor in weights) if numbers is None else numbers
    return {
        "JSON": messages * len(text),
        "float32": messages * 4 * numbers,
        "float16": messages * 2 * numbers,
        "int8": messages * numbers,
    }


@mistake("2.3", says="one way only")
def forgets_the_way_back(weights, n_clients):
    return bytes_of(weights, n_clients)


@mistake("2.3", says="a single client")
def forgets_the_other_clients(weights, n_clients):
    return bytes_of(weights, 2)


@mistake("2.3", says="`len` counts the rows")
def counts_the_rows(weights, n_clients):
    return bytes_of(weights, 2 * n_clients, numbers=sum(len(tensor) for tensor in weights))


@mistake("2.3", says="one text for the whole list")
def writes_a_text_for_each_tensor(weights, n_clients):
    text = "".join(json.dumps(tensor.tolist()) for tensor in weights)
    return bytes_of(weights, 2 * n_clients, text=text)


@mistake("2.3", says="leave its header out")
def counts_whole_messages(weights, n_clients):
    length = len(save({str(place): np.array(tensor, order="C") for place, tensor in enumerate(weights)}))
    return bytes_of(weights, 2 * n_clients) | {"float32": 2 * n_clients * length}


@mistake("2.3", says="`tolist` makes nested lists")
def writes_arrays_as_json(weights, n_clients):
    return bytes_of(weights, 2 * n_clients, text=json.dumps(weights))


# ---- 2.4 ------------------------------------------------------------------------------------------------------------


def levels_of(tensor, steps=255, finish=np.round, finite=np.isfinite):
    if not finite(tensor).all():
        raise ValueError("not finite")
    low = tensor.min()
    scale = (tensor.max() - low) / steps
    return finish((tensor - low) / (scale or 1)).astype(np.uint8), low, scale


@mistake("2.4", says="take `low` off first")
def counts_the_steps_from_zero(tensor):
    levels, low, scale = levels_of(tensor)
    return np.round(tensor / (scale or 1)).astype(np.int64).astype(np.uint8), low, scale


@mistake("2.4", says="array([0, 100, 113, 255])")
def leaves_the_levels_as_floats(tensor):
    levels, low, scale = levels_of(tensor)
    return levels.astype(np.float64), low, scale


@mistake("2.4", says="`.any()` or `.all()`")
def asks_a_whole_array_for_yes_or_no(tensor):
    if np.isnan(tensor) or np.isinf(tensor):
        raise ValueError("not finite")
    return levels_of(tensor)


@mistake("2.4", says="Round first")
def cuts_off(tensor):
    return levels_of(tensor, finish=lambda steps: steps)


@mistake("2.4", says="255 steps between them")
def divides_by_256(tensor):
    return levels_of(tensor, steps=256)


@mistake("2.4", says="0 / 0 is NaN")
def divides_by_zero(tensor):
    if not np.isfinite(tensor).all():
        raise ValueError("not finite")
    low = tensor.min()
    scale = (tensor.max() - low) / 255
    return np.round((tensor - low) / scale).astype(np.uint8), low, scale


@mistake("2.4", says="does not see infinity")
def looks_for_nan_alone(tensor):
    with np.errstate(all="ignore"):
        return levels_of(tensor, finite=lambda tensor: ~np.isnan(tensor))


@mistake("2.4", says="half of the levels")
def takes_int8_by_its_name(tensor):
    levels, low, scale = levels_of(tensor)
    return levels.astype(np.int8), low, scale


@mistake("2.4", says="changes what it was given")
def subtracts_in_place(tensor):
    low = tensor.min()
    tensor -= low
    return levels_of(tensor)[0], low, tensor.max() / 255


@mistake("2.4", says="Expected an array of shape")
def lays_the_levels_in_a_row(tensor):
    levels, low, scale = levels_of(tensor)
    return levels.ravel(), low, scale


# ---- 2.5 ------------------------------------------------------------------------------------------------------------


@mistake("2.5", says="not at 0: add it")
def forgets_the_lowest(levels, low, scale):
    return (scale * levels).astype(np.float32)


@mistake("2.5", says="add `low` afterwards")
def scales_the_lowest_too(levels, low, scale):
    return ((low + levels) * scale).astype(np.float32)


@mistake("2.5", says="Expected numbers of type float32")
def leaves_float64(levels, low, scale):
    return low + scale * levels


@mistake("2.5", says="an integer type cannot hold it")
def stays_with_whole_numbers(levels, low, scale):
    return (low + scale * levels).astype(np.int64).astype(np.float32)


@mistake("2.5", says="Expected an array of shape")
def lays_the_numbers_in_a_row(levels, low, scale):
    return (low + scale * levels).astype(np.float32).ravel()


@mistake("2.5", says="begin at `low`, not at 0")
def takes_scale_zero_for_nothing(levels, low, scale):
    if not scale:
        return np.zeros(levels.shape, np.float32)
    return (low + scale * levels).astype(np.float32)
