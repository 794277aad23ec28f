"""Which functions of the notebook does a function use? Read from its code, without running it."""

import functools
import json

import numpy as np

from fedteach.lab.calls import functions_used
from fedteach.steps.aggregation import weighted_mean


def first(x):
    return x


def second(x):
    return first(x)


def circle(x):
    return circle(x) if x else other_half(x)


def other_half(x):
    return circle(x)


number = 3


def test_what_is_called_directly_or_by_way_of_others():
    assert functions_used(first) == {}
    assert functions_used(second) == {"first": first}
    assert functions_used(lambda x: second(x)) == {"first": first, "second": second}


def test_a_circle_comes_to_an_end():
    assert set(functions_used(circle)) == {"circle", "other_half"}


def test_inner_functions_and_comprehensions_are_looked_into():
    def outer(xs):
        def inner(x):
            return second(x)

        return [inner(x) for x in xs] + [first(x) for x in xs]

    assert set(functions_used(outer)) == {"first", "second"}


def test_an_attribute_of_the_same_name_is_something_else():
    assert functions_used(lambda x: x.first(x.second)) == {}


def test_numbers_libraries_and_fedteachs_own_do_not_count():
    def uses(updates):
        return weighted_mean(updates), number, len(updates), functools.reduce, no_such_name  # noqa: F821

    assert functions_used(uses) == {}


def test_partials_methods_and_things_without_code():
    class Thing:
        def method(self):
            return first(1)

    assert functions_used(functools.partial(second, 1)) == {"first": first}
    assert functions_used(Thing().method) == {"first": first}
    assert functions_used(len) == functions_used(3) == functions_used(None) == {}


def traced(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        return second(function(*arguments))

    return wrapper


def shy(function):
    def wrapper(*arguments):
        return function(*arguments)

    return wrapper


@traced
def third(x):
    return other_half(x)


@shy
def fourth(x):
    return first(x)


@functools.lru_cache
def fifth(x):
    return first(x)


class Callable:
    def __call__(self, x):
        return first(x)


sixth = Callable()


def test_decorators_are_looked_into_with_what_they_wrap():
    assert set(functions_used(third)) == {"circle", "other_half", "first", "second"}
    for function in (fourth, fifth):
        assert functions_used(function) == {"first": first}
    assert functions_used(lambda x: fourth(x)) == {"fourth": fourth, "first": first}


def test_objects_that_can_be_called_are_looked_into():
    assert functions_used(sixth) == functions_used(functools.partial(functools.partial(sixth))) == {"first": first}
    assert functions_used(lambda x: sixth(x)) == {"sixth": sixth, "first": first}
    assert functions_used(lambda x: Callable()(x)) == {"Callable": Callable, "first": first}


def test_libraries_are_not_looked_into():
    assert functions_used(json.dumps) == functions_used(np.mean) == functions_used(np.vectorize(len)) == {}


def test_what_claims_to_be_wrapped_without_end_comes_to_an_end():
    class Endless:
        def __getattr__(self, name):
            return Endless()

        def __call__(self, x):
            return first(x)

    class Liar:
        def __getattr__(self, name):
            raise KeyError(name)

        def __call__(self, x):
            return first(x)

    assert functions_used(Endless()) == functions_used(Liar()) == {"first": first}
