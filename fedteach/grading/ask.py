"""The judge's side of the seam: put a question to the student's function, and insist on a usable answer."""

import time
from typing import Any

from fedteach.grading.plain import Strange, difference, kind_of, shorten, show
from fedteach.grading.recipes import Passage, Recipe
from fedteach.grading.records import unsound
from fedteach.grading.verdict import Ending, Finding
from fedteach.grading.words import article
from fedteach.grading.worker import Raised, Reply, Worker, WorkerLost


class Wrong(Exception):
    """The answer is wrong, and this is what to say about it.

    Args:
        says: the teacher's sentence.
        got, expected: as text or as plain values, which are then written out.
        likely: the likely cause, a sentence.
        traceback: where the student's own code stopped.
    """

    def __init__(self, says: str, *, got: Any = "", expected: Any = "", likely: str = "", traceback: str = ""):
        super().__init__(says)
        self.finding = Finding(says, got=_text(got), expected=_text(expected), likely=likely, traceback=traceback)


class NotThereYet(Exception):
    """The function, or another exercise that it calls, is not started."""

    def __init__(self, exercise: str):
        super().__init__(exercise)
        self.exercise = exercise


class NoMoreAnswers(Wrong):
    """The function does not come to an end, or takes its worker along; there is no point in asking on."""


_ONCE = (
    "updates come one after another, and there is no second time: do all in one loop, or begin with "
    "`updates = list(updates)`"
)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else show(value)


OVERTIME_S = 1.0
"""Seconds above the limit at which no answer counts any more. The worker itself keeps the time, so an honest function
never comes here; one that has switched the worker's clock off does."""


class Ask:
    """What a case asks with. `ask(*arguments)` calls the function and returns its value, as plain data.

    Args:
        function: the name by which the student knows the function.
        worker: who calls it.
        limit_s: seconds for all calls together.
        may_share: whether the answer may share memory with what was asked.
    """

    def __init__(self, function: str, worker: Worker, limit_s: float, may_share: bool = False):
        self._function = function
        self._worker = worker
        self._limit_s = limit_s
        self._may_share = may_share
        self._taken_s = 0.0
        self.printed = ""
        self.warned: dict[str, None] = {}
        self.called = ""
        self.clue = ""
        self.ended: Ending = ""
        self._n_calls = 0

    def __call__(self, *arguments: Any) -> Any:
        """Call the function with plain arguments or recipes; it must return, and leave alone what it was given.

        Raises:
            Wrong: if it raised an exception, changed an argument, or returned memory of an argument.
        """
        return self.reply(*arguments).value

    def reply(self, *arguments: Any) -> Reply:
        """Call the function like `ask(...)`, and return the whole reply: for what became of a recipe."""
        reply = self._call(arguments)
        if reply.outcome == "raised" and reply.raised is not None:
            raise _stopped(reply.raised)
        for place, (before, after) in enumerate(zip(arguments, reply.after, strict=True)):
            changed = None if isinstance(before, Recipe) else difference(before, after, f"argument {place + 1}")
            if changed:
                raise Wrong(
                    f"Your function changes what it was given ({changed.where}); its caller still needs that.",
                    got=f"{show(changed.other)} after the call",
                    expected=f"{show(changed.one)} as before",
                    likely="`+=`, `append`, `remove`, `sort`, `shuffle` or `x[...] =` on an argument: work on a copy",
                )
        if reply.shared and not self._may_share:
            raise Wrong(
                "Your result is not a copy: it shares its memory with what the function was given, so changing the one"
                " later changes the other.",
                likely="an array was returned as it came in; `np.array(x)` or `x.copy()` makes a copy",
            )
        if isinstance(reply.value, Strange):
            self.ended = self.ended or "not plain data"
            raise Wrong(f"Your function returned {kind_of(reply.value)}.", got=reply.value, likely=reply.value.likely)
        if found := unsound(reply.value):
            raise Wrong(found.says, got=found.got, likely=found.likely)
        return reply

    def refusal(self, *arguments: Any, because: str, kind: str = "ValueError", likely: str = "") -> str:
        """Call the function with what it must refuse, and return what its exception says.

        Args:
            *arguments: plain arguments or recipes.
            because: why they must be refused, as the end of the sentence "It must refuse this: ...".
            kind: name of the exception, or of one of its base classes.
            likely: the likely cause if the function returns instead.

        Raises:
            Wrong: if the function returned, or raised another exception.
        """
        reply = self._call(arguments)
        if reply.raised is None:
            says, expected = f"Your function must refuse this: {because}.", f"a {kind} that says what is wrong"
            raise Wrong(says, got=show(reply.value), expected=expected, likely=likely or _not_raised(reply))
        if kind not in reply.raised.kinds:
            raise _stopped(reply.raised, expected=f"a {kind} that says what is wrong: {because}")
        return reply.raised.text

    def _call(self, arguments: tuple[Any, ...]) -> Reply:
        shown = ", ".join(a.show() if isinstance(a, Recipe) else show(a) for a in arguments)
        self.called = shorten(f"{self._function}({shown})")
        self._n_calls += 1
        began, given_s = time.monotonic(), max(self._limit_s - self._taken_s, 0.01)
        try:
            reply = self._worker.call(arguments, given_s)
        except WorkerLost as lost:
            self.ended = lost.ended
            raise NoMoreAnswers(str(lost)) from None
        self._taken_s += time.monotonic() - began
        self.printed = self.printed or reply.printed
        self.warned |= dict.fromkeys(reply.warned)
        self.clue = next((_ONCE for after in reply.after if isinstance(after, Passage) and after.asked_again), "")
        if reply.outcome == "not started":
            raise NotThereYet(reply.exercise)
        if reply.raised is not None and "MemoryError" in reply.raised.kinds:
            self.ended = self.ended or "out of memory"
        if reply.outcome == "time limit" or self._taken_s > self._limit_s + OVERTIME_S:
            self.ended = "time out"
            raise self._time_up(given_s, reply.raised.traceback if reply.raised else "")
        return reply

    def _time_up(self, given_s: float, traceback: str) -> NoMoreAnswers:
        if given_s > self._limit_s / 2:
            says = f"Your function did not come to an end within {self._limit_s:g} seconds."
            likely = "a loop that never ends: does what its condition looks at change inside the loop?"
            return NoMoreAnswers(says, likely=self.clue or likely, traceback=traceback)
        says = f"Your function is too slow: {self._n_calls} calls took {self._limit_s:g} seconds together."
        likely = "a loop over single numbers, or a wait: numpy computes whole arrays at once"
        return NoMoreAnswers(says, likely=likely, traceback=traceback)


def _not_raised(reply: Reply) -> str:
    if isinstance(reply.value, Strange) and reply.value.kind.endswith(("Error", "Exception")):
        return "`return` only hands the exception over; `raise` raises it"
    if reply.value is None and reply.printed:
        return "`print` only shows a text; `raise ValueError(...)` refuses"
    return ""


def _stopped(raised: Raised, expected: str = "") -> Wrong:
    kind = raised.kinds[0]
    says = (
        f"Your function stopped with {article(kind)} {kind}: {raised.text}"
        if raised.text
        else f"Your function stopped with {article(kind)} {kind}."
    )
    if kind == "SystemExit":
        says = "Your function ends the whole program: it calls exit() or quit()."
    return Wrong(
        says,
        got=f"it stopped at {raised.line}" if raised.line else "",
        expected=expected,
        likely=_likely(kind, raised.text),
        traceback=raised.traceback,
    )


def _likely(kind: str, text: str) -> str:
    by_text = next((cause for part, cause in _LIKELY_BY_TEXT.items() if part in text), "")
    return by_text or _LIKELY.get(kind, "")


_LIKELY_BY_TEXT = {
    "'Updates'": _ONCE,
    "'list' and 'list'": "lists of arrays cannot be added or subtracted; `zip` goes through them together",
    "inhomogeneous": "the tensors of a model differ in shape, so they make no single array; take tensor by tensor",
}
_LIKELY = {
    "EOFError": "`input()` waits for somebody to type; give the value in the code",
    "StdinNotImplementedError": "`input()` waits for somebody to type; give the value in the code",
    "NameError": "a name is misspelt, or defined only in a cell that was not run",
    "UnboundLocalError": "a name is read before it gets its first value; give it one before the loop",
    "IndexError": "counting starts at 0, and ends one before the length",
    "KeyError": "the dictionary has no such key; print its keys to see which there are",
    "ZeroDivisionError": "the total is still 0 when it is divided by",
    "RecursionError": "the function calls itself without end",
}
