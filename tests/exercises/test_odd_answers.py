"""Whatever plain data an answer is made of, a question says that it is wrong; it never breaks itself."""

from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from fedteach.exercises import catalogue
from fedteach.grading.judging import judge
from fedteach.grading.sandbox.orders import ANSWERS
from fedteach.grading.sandbox.wire import pack, unpack
from fedteach.grading.worker import Here
from fedteach.messages import ClientInfo, Update

ODD = [
    *(None, True, -1, 10**400, float("nan"), "", "x", b"x", [], (), {}, [None], [[1, 2], [3]], {1: 2}, {"a": 1}),
    *(np.array(5), np.array([]), np.array(["a"]), np.array([1 + 2j]), np.zeros((2, 3)), [np.array(3.0)], [10**400]),
    *(Update(5, "x", "d", None), Update("client 0", 1, [], 5), ClientInfo(np.array([]), None)),
]
MOST_PLACES = 10
MANY = ("1.3", "3.5", "3.6", "3.7", "5.4", "7.3")
"""Exercises whose questions compute for long: fewer odd answers are tried there."""


def places_in(value, place=()):
    """Yield paths to the parts of a value, the whole first."""
    yield place
    if isinstance(value, list | tuple):
        for number, item in enumerate(value[:3]):
            yield from places_in(item, (*place, number))
    elif isinstance(value, dict):
        for key in list(value)[:4]:
            yield from places_in(value[key], (*place, key))
    elif is_dataclass(value):
        for field in fields(value):
            yield from places_in(getattr(value, field.name), (*place, field.name))


def put(value, place, odd):
    """Return a value with something odd in one place."""
    if not place:
        return odd
    first, rest = place[0], place[1:]
    if isinstance(value, list | tuple):
        return type(value)([put(item, rest, odd) if n == first else item for n, item in enumerate(value)])
    if isinstance(value, dict):
        return {**value, first: put(value[first], rest, odd)}
    return replace(value, **{first: put(getattr(value, first), rest, odd)})


class Odd:
    """A worker that answers rightly, but for one place, and as what comes through the pipe."""

    def __init__(self, function, place=(), odd=None, *, right=False):
        self._here, self._place, self._odd, self._right = Here(function), place, odd, right
        self.values = []

    def call(self, arguments, limit_s):
        reply = self._here.call(arguments, limit_s)
        if reply.outcome != "value":
            return reply
        self.values.append(reply.value)
        if self._right:
            return reply
        try:
            value = put(reply.value, self._place, self._odd)
        except (KeyError, IndexError, TypeError):  # this answer has no such place
            value = self._odd
        return replace(reply, value=unpack(pack(value, ANSWERS), ANSWERS))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("exercise", [pytest.param(one, id=id) for id, one in catalogue().items()])
def test_no_odd_answer_breaks_a_question(exercise):
    right = Odd(exercise.reference, right=True)
    judge(exercise, right, all_cases=True)
    places = list(dict.fromkeys(place for value in right.values[:3] for place in places_in(value)))[:MOST_PLACES]
    if exercise.id in MANY:
        places, odd_ones = places[:2], ODD[::3]
    else:
        odd_ones = ODD
    for place in places:
        for odd in odd_ones:
            verdict = judge(exercise, Odd(exercise.reference, place, odd), all_cases=True)
            assert verdict.state in ("passed", "failed"), (place, odd)
