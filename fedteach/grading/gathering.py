"""From a function's name to the statements that it needs, and those that they need."""

import builtins
from collections.abc import Callable, Iterable, Sequence

from fedteach.grading.statements import Statement


class Gathering:
    """What must run so that a name has its value.

    Args:
        statements: those of the notebook.
        last: number of the last one that may change what is no function: what a student tried out below a finished
            exercise does not change it. What gets its first value below counts all the same.
        trials: functions that are only tried out where they are called: those of the exercises.

    Attributes:
        binding: numbers of the statements that give a name its value, by name.
        chosen: numbers of the statements that must run.
        optional: those of them that perhaps change something, and what they need: they may fail.
        uses: names of the notebook that are needed for certain.
    """

    def __init__(self, statements: Sequence[Statement], last: int, trials: Iterable[str]):
        self._statements = statements
        self._last = last
        self._trials = set(trials)
        self._every = index(s.binds for s in statements)
        self._changing = index(s.changes for s in statements)
        self._perhaps_changing = index(s.may_change if not s.calls & self._trials else () for s in statements)
        self._callers = index(s.calls for s in statements)
        self._setting = index(s.sets for s in statements)
        self._set_ups = [number for number, s in enumerate(statements) if s.sets_up]
        self._filling = index(s.fills | s.sets if s.kind else () for s in statements)
        self.binding = {
            name: {n for n in numbers if statements[n].kind} | self._in_time(name, numbers)
            for name, numbers in self._every.items()
        }
        self.chosen = {number for number, statement in enumerate(statements) if statement.star}
        self.optional: set[int] = set()
        self._needed = {name for number in self.chosen for name in statements[number].needs}
        self.uses: set[str] = set()

    def take(self, name: str, missing: Callable[[str], None]) -> None:
        """Choose all that a name needs.

        Args:
            name: the name.
            missing: called with each name that is needed for certain and that nothing gives a value.
        """
        self._follow({name}, missing)
        self.uses = (self._needed & self.binding.keys()) - {name}
        certain, looked_at = set(self.chosen), set[str]()
        while more := self._perhaps_needed(looked_at) - self.chosen:
            self.chosen |= more
            self._follow({n for number in more for n in self._statements[number].needs} - self._needed)
        self.optional = self.chosen - certain

    def _follow(self, waiting: set[str], missing: Callable[[str], None] = lambda name: None) -> None:
        while waiting:
            wanted = waiting.pop()
            self._needed.add(wanted)
            if wanted not in self.binding and not hasattr(builtins, wanted):
                missing(wanted)
            for number in self._needed_for(wanted) - self.chosen:
                self.chosen.add(number)
                waiting |= self._statements[number].needs - self._needed

    def _needed_for(self, name: str) -> set[int]:
        """Return the numbers of the statements that surely have a say in a name's value."""
        if name not in self.binding:
            # Only a function that declares it `global` gives it a value: then whoever calls that function does.
            return self._calling(self._bound_by(self._setting.get(name, set())))
        # `np.add(...)` changes no numpy: what is imported stays as it is.
        imported = any(self._statements[number].kind == "import" for number in self._every[name])
        changing = set() if imported else self._in_time(name, self._changing.get(name, set()))
        return self.binding[name] | changing

    def _perhaps_needed(self, looked_at: set[str]) -> set[int]:
        """Return the numbers of the statements that perhaps have a say in what is needed, names looked at left out."""
        new = (self._needed & self.binding.keys()) - looked_at
        looked_at |= new
        last_import = max((number for number in self.chosen if self._statements[number].imports), default=0)
        setting_up = {number for number in self._set_ups if number < last_import}
        return setting_up.union(*map(self._perhaps_for, new))

    def _perhaps_for(self, name: str) -> set[int]:
        found = self._calling(self._bound_by(self._filling.get(name, set())) - self._trials)
        values = [self._statements[number] for number in self.binding[name]]
        if not all(s.constant or s.kind in ("import", "function") for s in values):
            found |= self._perhaps_changing.get(name, set())
        return self._in_time(name, found)

    def _calling(self, functions: set[str]) -> set[int]:
        return {number for function in functions for number in self._callers.get(function, ())}

    def _bound_by(self, numbers: set[int]) -> set[str]:
        return {name for number in numbers for name in self._statements[number].binds}

    def _in_time(self, name: str, numbers: set[int]) -> set[int]:
        """Leave out the statements below the last, if the name has a value before."""
        late = min(self._every[name]) > self._last
        return {number for number in numbers if late or number <= self._last}


def index(names_of_statements: Iterable[Iterable[str]]) -> dict[str, set[int]]:
    """Return by name the numbers of the statements that name it."""
    found: dict[str, set[int]] = {}
    for number, names in enumerate(names_of_statements):
        for name in names:
            found.setdefault(name, set()).add(number)
    return found
