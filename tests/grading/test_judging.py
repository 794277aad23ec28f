"""From a function to a verdict: every way in which a student's function can go wrong is answered in words."""

import os
import signal
import sys
import threading
import time
import tracemalloc
import warnings

import numpy as np
import pytest

from fedteach import Update
from fedteach.exercises import catalogue
from fedteach.grading import expect
from fedteach.grading.ask import Wrong
from fedteach.grading.exercise import Exercise
from fedteach.grading.judging import NotPassed, judge, judge_function, must_pass
from fedteach.grading.not_started import NotStarted, not_started
from fedteach.grading.recipes import Network, Probe, Rng, Stream
from fedteach.grading.worker import Here


def doubles(ask, rng):
    """Every number is doubled."""
    expect.equal(
        ask(np.array([1.0, 2.0])),
        np.array([2.0, 4.0]),
        "Each number should be twice as large.",
        likely=[(np.array([1.0, 4.0]), "this is the square"), (None, "never")],
    )


def random_ones(ask, rng):
    """Any numbers do."""
    for _ in range(3):
        x = rng.normal(size=4)
        expect.equal(ask(x), 2 * x, "Other numbers are not doubled.")


def refuses_nothing(ask, rng):
    """An empty array is refused."""
    ask.refusal(np.array([]), because="there is nothing to double")


DOUBLE = Exercise(
    "9.1",
    "double",
    "doubling",
    hints=("What is x + x?",),
    cases=(doubles, random_ones, refuses_nothing),
    reference=lambda x: 2 * x,
    time_limit_s=0.3,
)


def nbgraders_stub(x):
    # YOUR CODE HERE
    raise NotImplementedError()


def right(x):
    if not len(x):
        raise ValueError("nothing there")
    return 2 * x


def in_place(x):
    x *= 2
    return x.copy()


def same_array(x):
    return x if len(x) == 4 else right(x)


def stops(x):
    return {}["a key"]


def looks_up(x):
    return np.array([1.0, 2.0])[5]


def generator(x):
    yield 2 * x


def endless(x):
    while True:
        pass


def leaves(x):
    sys.exit(0)


class Custom(BaseException):
    pass


def raises_its_own(x):
    raise Custom("mine")


def as_list(x):
    return [float(2 * number) for number in x]


def one_answer_too_many(x):
    return np.append(right(x), 0.0)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (
            lambda x: x**2,
            ["Each number should be twice", "got: array([1., 4.])", "expected: array([2., 4.])", "this is the square"],
        ),
        (lambda x: 3 * x, ["Each number should be twice", "called: double(array([1., 2.]))"]),
        (in_place, ["changes what it was given", "argument 1", "array([2., 4.]) after the call"]),
        (lambda x: x, ["shares its memory"]),
        (lambda x: None, ["returned None", "is a `return` missing?"]),
        (stops, ["stopped with a KeyError", "print its keys", "return {}["]),
        (looks_up, ["stopped with an IndexError", "return np.array([1.0, 2.0])[5]", "counting starts at 0"]),
        (generator, ["returned a generator", "yield"]),
        (endless, ["did not come to an end within 0.3 seconds", "a loop that never ends"]),
        (leaves, ["calls exit()"]),
        (raises_its_own, ["stopped with a Custom: mine"]),
        (as_list, ["Expected an array", "a list of 2", "np.array(...)"]),
        (one_answer_too_many, ["Expected an array of shape (2,)", "one of shape (3,)"]),
        (lambda x: (2 * x).astype(np.float32), ["type float64", "float32", "astype"]),
        (lambda x: 2 * x, ["must refuse this: there is nothing to double", "a ValueError that says what is wrong"]),
        (lambda: 1, ["TypeError", "takes 0 positional arguments"]),
        (lambda x: x.nonsense, ["AttributeError"]),
        (lambda x: undefined_name, ["NameError", "misspelt"]),  # noqa: F821
    ],
)
def test_each_mistake_is_named(function, words):
    verdict = judge_function(DOUBLE, function)
    assert verdict.state == "failed"
    for word in words:
        assert word in verdict.message
    assert "double(" in verdict.finding.called


def test_the_right_function_passes():
    verdict = judge_function(DOUBLE, right)
    assert verdict.passed
    assert verdict.cases_passed == 3
    assert verdict.finding is None


def test_only_the_first_failure_is_told_and_the_rest_waits():
    verdict = judge_function(DOUBLE, same_array)
    assert [case.state for case in verdict.cases] == ["passed", "failed", "waiting"]
    assert "1 more question waits" in verdict.message


def test_all_cases_can_be_asked_for():
    verdict = judge_function(DOUBLE, same_array, all_cases=True)
    assert [case.state for case in verdict.cases] == ["passed", "failed", "passed"]


def test_after_the_time_is_up_nothing_more_is_asked():
    began = time.monotonic()
    verdict = judge_function(DOUBLE, endless, all_cases=True)
    assert [case.state for case in verdict.cases] == ["failed", "waiting", "waiting"]
    assert time.monotonic() - began < 5


def test_not_started_is_no_failure():
    def stub(x):
        raise NotStarted("9.1")

    verdict = judge_function(DOUBLE, stub)
    assert verdict.state == "not started"
    assert "double is not started" in verdict.summary
    assert judge_function(DOUBLE, lambda x: not_started("9.1")).state == "not started"


def test_nbgraders_stub_is_not_started_either():
    assert judge_function(DOUBLE, nbgraders_stub).state == "not started"


def test_what_a_library_has_not_implemented_is_a_failure():
    def calls_another(x):
        return nbgraders_stub(x)

    def gives_a_reason(x):
        raise NotImplementedError("no complex numbers")

    assert judge_function(DOUBLE, calls_another).state == "failed"
    assert judge_function(DOUBLE, gives_a_reason).state == "failed"


def test_must_pass_is_silent_or_says_why():
    must_pass(DOUBLE, right)
    with pytest.raises(NotPassed, match=r"^9\.1 doubling: failed\nEach number should be twice as large\."):
        must_pass(DOUBLE, lambda x: x * x)
    with pytest.raises(NotPassed, match="double is not started yet") as raised:
        must_pass(DOUBLE, nbgraders_stub)
    assert raised.value._render_traceback_() == ["9.1 doubling: not started", "double is not started yet."]


def test_who_calls_an_exercise_that_is_not_started_waits_for_it():
    verdict = judge_function(DOUBLE, lambda x: not_started("9.0"))
    assert verdict.state == "waiting"
    assert "9.0" in verdict.summary


def test_not_started_is_shown_as_one_sentence():
    assert NotStarted("4.1")._render_traceback_() == [
        "Not started: exercise 4.1 is not started: put your code where its TODO is."
    ]


def test_prints_warnings_and_stderr_cost_nothing(capfd):
    def noisy(x):
        print("looking at", len(x))  # noqa: T201
        print("trouble", file=sys.stderr)  # noqa: T201
        warnings.warn("careful", UserWarning, stacklevel=1)
        return right(x)

    verdict = judge_function(DOUBLE, noisy)
    assert verdict.passed
    assert verdict.printed == "looking at 2"
    assert verdict.warned == ("UserWarning: careful",)
    assert capfd.readouterr() == ("", "")


def test_a_flood_of_prints_is_cut():
    def flood(x):
        while True:
            print("x" * 1000)  # noqa: T201

    verdict = judge_function(DOUBLE, flood)
    assert "did not come to an end" in verdict.message
    assert len(verdict.printed) <= 2000


def test_the_students_interrupt_passes_through():
    def interrupted(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge_function(DOUBLE, interrupted)


def test_the_traceback_shows_the_students_code_alone():
    def inner(x):
        return np.linalg.inv(x)

    def outer(x):
        return inner(x)

    traceback = judge_function(DOUBLE, outer).finding.traceback
    assert "return np.linalg.inv(x)" in traceback
    assert "return inner(x)" in traceback
    assert "fedteach/grading" not in traceback
    assert "site-packages" not in traceback


def test_an_exception_that_cannot_be_shown_is_shown_all_the_same():
    class Unspeakable(Exception):
        def __str__(self):
            raise RuntimeError("no")

    def stops(x):
        raise Unspeakable

    assert "cannot be shown" in judge_function(DOUBLE, stops).message


def test_the_same_seed_asks_the_same_questions():
    asked = []

    def spy(x):
        asked.append(x.tolist())
        return right(x)

    for seed in (1, 1, 2):
        judge_function(DOUBLE, spy, seed=seed)
    first, second, third = asked[:5], asked[5:10], asked[10:]
    assert first == second != third


def one_question(question, **settings):
    def case(ask, rng):
        """One question."""
        question(ask)

    return Exercise("9.2", "f", "a question", ("Why?",), (case,), reference=lambda: None, **settings)


def test_a_stream_tells_how_many_arrays_were_held():
    updates = tuple(Update(str(i), 1, [np.ones(2), np.ones(1)], 1) for i in range(6))

    def held(function):
        return Here(function).call((Stream(updates),), 5).after[0].most_held

    def runs_through(arriving):
        for update in arriving:
            assert update.n_examples == 1

    def looks_back(arriving):
        before = None
        for update in arriving:
            before, _ = update, before

    assert held(runs_through) == 2  # the loop variable holds one update of two arrays while the next one comes
    assert held(looks_back) == 4
    assert held(list) == 12
    assert held(lambda arriving: [update.delta[0][:1] for update in arriving]) >= 5  # a view holds its array
    assert held(lambda arriving: None) == 0


def test_a_stream_weighs_copies_too():
    updates = tuple(Update(str(i), 1, [np.ones(50_000, np.float32)], 1) for i in range(10))

    def most(function):
        return Here(function).call((Stream(updates, weigh=True),), 5).after[0].most_bytes / 200_000

    assert most(lambda arriving: [update.delta[0].copy() for update in arriving]) > 8
    assert most(lambda arriving: [update.delta[0].tolist() for update in arriving]) > 8
    assert most(lambda arriving: sum(float(update.delta[0].sum()) for update in arriving)) < 3
    assert not tracemalloc.is_tracing()


@pytest.mark.parametrize(
    "function",
    [
        lambda updates: [sum(u.delta[0] for u in updates) / sum(u.n_examples for u in updates)],
        lambda updates: [u.delta[0] for u in updates][: len(updates)],
        lambda updates: [updates[0].delta[0]],
    ],
)
def test_who_goes_through_a_stream_twice_is_told_so(function):
    def question(ask):
        stream = Stream(tuple(Update(str(i), 1, [np.ones(2, np.float32)], 1) for i in range(3)))
        expect.weights(ask(stream), [np.ones(2)], "Other.")

    assert "there is no second time" in judge_function(one_question(question), function).message


def test_nothing_is_left_behind_by_a_call(tmp_path):
    before = os.getcwd(), list(sys.path), np.geterr(), signal.getsignal(signal.SIGALRM), sys.gettrace(), sys.stdout

    def vandal(x):
        os.chdir(tmp_path)
        sys.path.insert(0, "nowhere")
        np.seterr(all="raise")
        warnings.simplefilter("ignore")
        return right(x)

    filters = list(warnings.filters)
    assert judge_function(DOUBLE, vandal).passed
    judge_function(DOUBLE, endless)
    after = os.getcwd(), list(sys.path), np.geterr(), signal.getsignal(signal.SIGALRM), sys.gettrace(), sys.stdout
    assert after == before
    assert list(warnings.filters) == filters


def test_other_threads_print_and_warn_as_ever(capsys):
    def works_while_another_thread_prints(x):
        thread = threading.Thread(target=lambda: print("from elsewhere"))  # noqa: T201
        thread.start()
        thread.join()
        print("from here")  # noqa: T201
        return right(x)

    verdict = judge_function(DOUBLE, works_while_another_thread_prints)
    assert set(verdict.printed.split("\n")) == {"from here"}
    assert "from elsewhere" in capsys.readouterr().out


class SlowToSay:
    def __repr__(self):
        time.sleep(30)


class SlowError(Exception):
    def __str__(self):
        time.sleep(30)


class Leaves:
    def __repr__(self):
        sys.exit(0)


def raises_slowly(x):
    raise SlowError


@pytest.mark.parametrize("function", [lambda x: SlowToSay(), lambda x: Leaves(), raises_slowly])
def test_what_cannot_be_shown_in_time_is_answered_in_time(function):
    began = time.monotonic()
    assert judge_function(DOUBLE, function).state == "failed"
    assert time.monotonic() - began < 10


def test_calls_that_are_slow_together_are_not_called_endless():
    def slow(x):
        time.sleep(0.1)
        return right(x)

    message = judge_function(DOUBLE, slow).message
    assert "too slow" in message
    assert "never ends" not in message


@pytest.mark.parametrize(
    ("function", "word"),
    [
        (lambda x: right(x) if len(x) else ValueError("none"), "`raise` raises it"),
        (lambda x: right(x) if len(x) else print("none"), "`print` only shows"),  # noqa: T201
    ],
)
def test_a_refusal_that_is_none_is_explained(function, word):
    assert word in judge_function(DOUBLE, function).message


def test_a_probe_remembers_what_it_was_asked():
    def asks(probe):
        return probe(1) + probe(2) + probe(3)

    reply = Here(asks).call((Probe("evaluate", (10, 20)),), 5)
    assert reply.value == 50  # 10 + 20 + 20
    assert reply.after == ([(1,), (2,), (3,)],)


def test_a_generator_of_random_numbers_tells_whether_it_was_used():
    untouched = Here(lambda rng: None).call((Rng(3),), 5).after[0]
    drawn = Here(lambda rng: rng.random()).call((Rng(3),), 5).after[0]
    assert untouched == int(np.random.default_rng(3).integers(2**62)) != drawn


@pytest.mark.parametrize(
    ("value", "can_be"),
    [
        ({"acc": [0.5]}, True),
        ({"acc": [np.float32(0.5)]}, False),
        ({0: "a"}, True),
        ({"acc": np.zeros(2)}, False),
        (object(), False),
    ],
)
def test_a_reply_tells_whether_the_value_itself_can_be_json(value, can_be):
    assert Here(lambda: value).call((), 5).jsonable is can_be


def test_a_network_comes_with_the_given_weights_and_tells_what_became_of_them():
    kernel, bias = np.ones((2, 3), np.float32), np.zeros(3, np.float32)
    recipe = Network("logistic", (2,), 3, [kernel, bias])

    def trains(model):
        model.set_weights([2 * w for w in model.get_weights()])

    (after,) = Here(trains).call((recipe,), 60).after
    np.testing.assert_array_equal(after[0], 2 * kernel)
    (again,) = Here(lambda model: None).call((recipe,), 60).after
    np.testing.assert_array_equal(again[0], kernel)


def test_a_result_may_hold_what_was_given_where_the_exercise_says_so():
    def question(ask):
        ask([np.ones(2)])

    chooses = lambda arrays: arrays[:1]  # noqa: E731
    assert judge_function(one_question(question), chooses).state == "failed"
    assert judge_function(one_question(question, passes_on=True), chooses).passed


@pytest.mark.parametrize(
    ("got", "want", "word"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, "missing: 'b'"),
        ({"a": 1, "b": 2}, {"a": 1}, "not asked for: 'b'"),
        ([1], {"a": 1}, "Expected a dict"),
        (True, 1, "Expected an int"),
        (1, True, "Expected a bool"),
        ("1", 1.0, "Expected a number"),
        ([1, 2], [1, 2, 3], "Expected a list of 3"),
        ([1, None], [1, 2], "item 1 of what your function returned is None"),
        ([[1, "x"]], [[1, 2]], "item 1 of item 0"),
        ((1, 2), [1, 2], "Expected a list of 2"),
    ],
)
def test_another_kind_of_answer_is_named(got, want, word):
    verdict = judge_function(one_question(lambda ask: expect.equal(ask(), want, "Other.")), lambda: got)
    assert word in verdict.message


@pytest.mark.parametrize("got", [2, 2.0, np.float32(2), np.int64(2)])
def test_whole_numbers_do_for_floats(got):
    assert judge_function(one_question(lambda ask: expect.equal(ask(), 2.0, "Other.")), lambda: got).passed


def test_a_known_wrong_answer_of_another_length_is_known_all_the_same():
    def question(ask):
        expect.equal(ask(), [1, 2], "Both are asked for.", likely=[([1], "the last one is left out")])

    message = judge_function(one_question(question), lambda: [1]).message
    assert "Both are asked for." in message
    assert "the last one is left out" in message


def test_a_right_answer_is_right_whatever_the_known_causes_say():
    def question(ask):
        expect.equal(ask(), 2.0, "Two.", likely=[(2.0, "a known cause that is none")])

    assert judge_function(one_question(question), lambda: 2.0).passed


def test_weights_are_taken_in_any_float_type_but_as_a_list():
    want = [np.array([1.0], np.float32), np.array(2.0, np.float32)]

    def question(ask):
        expect.weights(ask(), want, "Other.", likely=[([np.array([3.0]), 4.0], "the known one")])

    assert judge_function(one_question(question), lambda: [np.array([1.0]), np.float64(2)]).passed
    assert judge_function(one_question(question), lambda: (np.array([1.0]), np.array(2.0))).passed
    assert "the known one" in judge_function(one_question(question), lambda: [np.array([3.0]), np.array(4.0)]).message
    assert "Expected an array" in judge_function(one_question(question), lambda: [1, np.array(2.0)]).message


@pytest.mark.parametrize("got", [10**400, -(10**400), float("inf"), 1e308])
def test_a_huge_number_is_simply_not_near(got):
    assert "Other." in judge_function(one_question(lambda ask: expect.equal(ask(), 1.0, "Other.")), lambda: got).message
    arrays = one_question(lambda ask: expect.weights(ask(), [np.array([-3e38])], "Other."))
    assert "Other." in judge_function(arrays, lambda: [np.array([3e38])]).message
    assert "Other." in judge_function(arrays, lambda: [np.array([1e300])]).message


def test_a_missing_refusal_can_have_a_known_cause():
    def question(ask):
        ask.refusal(np.nan, because="it is no number", likely="NaN equals nothing")

    assert "likely cause: NaN equals nothing" in judge_function(one_question(question), lambda x: x).message


def test_a_refusal_by_another_exception_is_not_the_one():
    def question(ask):
        ask.refusal(because="it is bad")

    def fails():
        return 1 / 0

    message = judge_function(one_question(question), fails).message
    assert "ZeroDivisionError" in message
    assert "a ValueError that says what is wrong: it is bad" in message


def test_a_mistake_of_ours_is_not_blamed_on_the_student():
    def question(ask):
        raise RuntimeError("our own mistake")

    with pytest.raises(RuntimeError):
        judge_function(one_question(question), lambda: 1)


def test_a_worker_may_be_anywhere():
    class Elsewhere:
        """Answers as another process would: with a reply, and without ever showing the function."""

        def call(self, arguments, limit_s):
            return Here(right).call(arguments, limit_s)

    assert judge(DOUBLE, Elsewhere()).passed


def test_wrong_writes_out_plain_values():
    assert Wrong("no", got=[1.0], expected="two").finding.got == "[1]"


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"hints": ()}, "1 to 3 hints"),
        ({"hints": ("a?", "b?", "c?", "d?")}, "1 to 3 hints"),
        ({"cases": ()}, "has no case"),
        ({"cases": (lambda ask, rng: None,)}, "needs a docstring"),
    ],
)
def test_an_exercise_that_cannot_keep_its_promises_is_refused(settings, word):
    good = {"hints": ("Why?",), "cases": (doubles,)}
    with pytest.raises(ValueError, match=word):
        Exercise("9.3", "f", "nothing", **{**good, **settings}, reference=right)


def test_a_branch_that_is_not_written_leaves_what_is_right(tmp_path):
    mean = catalogue()["4.1"]

    def weighted_mean(updates):
        updates = list(updates)
        if not updates:
            raise NotImplementedError
        return mean.reference(updates)

    verdict = judge_function(mean, weighted_mean, all_cases=True)
    assert verdict.state == "failed"
    assert [case.state for case in verdict.cases].count("failed") == 1
