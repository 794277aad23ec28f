"""Judging when it counts: the student's function runs in a sandbox, and the judge sees nothing but its answers."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fedteach.grading.exercise import Exercise
from fedteach.grading.extract import Notebook, Program
from fedteach.grading.judging import judge
from fedteach.grading.notebooks import UnreadableNotebook, content_of
from fedteach.grading.plain import Strange, shorten
from fedteach.grading.recipes import Network, Passage, Probe, Rng, Stream
from fedteach.grading.sandbox.launcher import GRACE_S, MEMORY_BYTES, Job, JobFailed, Layers, Sandbox, SandboxError
from fedteach.grading.sandbox.orders import Call, Load, Loaded, Read, Unreadable
from fedteach.grading.submission import cannot_be_had, check_broke
from fedteach.grading.verdict import Finding, Verdict, not_there_yet
from fedteach.grading.worker import Raised, Reply, WorkerLost

LOAD_LIMIT_S = 20.0
"""Seconds for everything that a function needs; the first import of a big library takes some of them."""

READ_LIMIT_S = 20.0

_MOST_MODULES, _MOST_MODULE_BYTES = 64, 2**20
_OUTCOMES = ("value", "raised", "not started", "time limit")


class IsolatedJudge:
    """Judges functions that run in sandboxes; a `submission.Judge`, and a context manager.

    Args:
        memory_bytes: what a job may use.
        load_limit_s: seconds that everything may take that a function needs.
        namespaces: False: do without them, for machines that have none.
    """

    def __init__(
        self,
        *,
        memory_bytes: int = MEMORY_BYTES,
        load_limit_s: float = LOAD_LIMIT_S,
        namespaces: bool | None = None,
    ):
        self._load_limit_s = load_limit_s
        self._make = partial(Sandbox, memory_bytes=memory_bytes, namespaces=namespaces)
        self._sandboxes: dict[bool, Sandbox] = {}

    @property
    def layers(self) -> Layers:
        """Which fences stand."""
        return self._sandbox().layers

    def _sandbox(self, with_tensorflow: bool = False) -> Sandbox:
        """Return one of two: most exercises need no TensorFlow, and a job that does without is a fifth of the work."""
        if with_tensorflow not in self._sandboxes:
            self._sandboxes[with_tensorflow] = self._make(with_tensorflow=with_tensorflow)
        return self._sandboxes[with_tensorflow]

    def __call__(self, exercise: Exercise, program: Program, folder: Path, seed: int) -> Verdict:
        """Load a program in a new job and judge its function."""
        return self.judge_with(exercise, program, folder, (seed,))[0]

    def judge_with(self, exercise: Exercise, program: Program, folder: Path, seeds: Sequence[int]) -> list[Verdict]:
        """Judge a function with several seeds, each in a job of its own: it must not know what it was asked before.

        Returns:
            A verdict for each seed; fewer, if there was nothing to ask.
        """
        load = Load(program, modules_in(folder), self._load_limit_s)
        verdicts: list[Verdict] = []
        for seed in seeds:
            verdicts.append(self._judge_once(exercise, load, seed))
            if len(verdicts[-1].cases) != len(exercise.cases) or verdicts[-1].ended == "sandbox error":
                break
        return verdicts

    def _judge_once(self, exercise: Exercise, load: Load, seed: int) -> Verdict:
        for last in (False, True):
            try:
                with self._sandbox(exercise.uses_tensorflow).job() as job:
                    verdict = self._judge(exercise, load, job, seed)
                # Of a call that took too long somebody else may be guilty, who kept the processors busy just then.
                in_a_call = verdict.ended == "time out" and len(verdict.cases) == len(exercise.cases)
                if last or not in_a_call:
                    return verdict
            except SandboxError as error:
                says = f"The sandbox failed, so {exercise.function} was not judged: {error}."
                verdict = cannot_be_had(exercise, Finding(says), "sandbox error")
            except Exception as error:  # a mistake of ours, in a question: it must not take the other exercises along
                verdict = check_broke(exercise, error)
        return verdict

    def read(self, path: Path) -> Notebook:
        """Read a notebook; what parses it is a job too, for a parser can be overpowered.

        Raises:
            UnreadableNotebook: if it is none, or cannot be read within the limits.
            SandboxError: if no job can be had.
        """
        order = Read(path.name, content_of(path))
        with self._sandbox().job() as job:
            try:
                code = job.ask(order, READ_LIMIT_S)
            except JobFailed as failed:
                raise UnreadableNotebook(f"{path.name} cannot be read: {failed.trouble}. {failed.says}") from None
        if isinstance(code, Unreadable):
            raise UnreadableNotebook(code.says)
        return Notebook(path, code)

    def _judge(self, exercise: Exercise, load: Load, job: Job, seed: int) -> Verdict:
        try:
            loaded = job.ask(load, self._load_limit_s + GRACE_S)
        except JobFailed as failed:
            return cannot_be_had(exercise, Finding(failed.says), failed.trouble)
        if not _is_loaded(loaded):
            return cannot_be_had(exercise, Finding("What came back is no data."), "not plain data")
        if loaded.not_started:
            return not_there_yet(exercise, shorten(loaded.not_started, 20))
        if loaded.stopped is not None:
            return cannot_be_had(exercise, loaded.stopped, "import error")
        return judge(exercise, RemoteWorker(job), seed=seed, all_cases=True)

    def close(self) -> None:
        """End the sandboxes."""
        for sandbox in self._sandboxes.values():
            sandbox.close()

    def __enter__(self) -> "IsolatedJudge":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class RemoteWorker:
    """A `worker.Worker` whose function is in a job.

    Args:
        job: where it is.
    """

    def __init__(self, job: Job):
        self._job = job

    def call(self, arguments: tuple[Any, ...], limit_s: float) -> Reply:
        """Call the function there; believe nothing of the answer but that it is an answer.

        Raises:
            WorkerLost: if there is none; the job is over then.
        """
        try:
            reply = self._job.ask(Call(arguments, limit_s), limit_s + GRACE_S)
        except JobFailed as failed:
            raise WorkerLost(failed.trouble, failed.says) from None
        if not _is_reply_to(reply, arguments):
            self._job.close()
            raise WorkerLost("not plain data", "What came back is not the answer to a call.")
        return reply


def modules_in(folder: Path) -> dict[str, bytes]:
    """Return the student's own modules beside the notebook, by file name: small .py files that are no notebooks."""
    files = sorted(path for path in folder.glob("*.py") if path.stem.isidentifier() and _is_small_file(path))
    return {path.name: path.read_bytes() for path in files[:_MOST_MODULES]}


def _is_small_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.stat().st_size <= _MOST_MODULE_BYTES


# ---- answers of a process that may be lying about their form ----------------------------------------------------


def _is_loaded(answer: Any) -> bool:
    if not isinstance(answer, Loaded) or type(answer.not_started) is not str:
        return False
    return answer.stopped is None or (isinstance(answer.stopped, Finding) and _are_texts(vars(answer.stopped).values()))


def _is_reply_to(answer: Any, arguments: tuple[Any, ...]) -> bool:
    return (
        isinstance(answer, Reply)
        and answer.outcome in _OUTCOMES
        and (answer.raised is not None if answer.outcome == "raised" else True)
        and (answer.raised is None or _is_raised(answer.raised))
        and type(answer.exercise) is str
        and type(answer.after) is tuple
        and len(answer.after) == len(arguments)
        and all(map(_is_after, arguments, answer.after))
        and type(answer.jsonable) is bool
        and type(answer.shared) is tuple
        and all(type(place) is int for place in answer.shared)
        and type(answer.printed) is str
        and type(answer.warned) is tuple
        and _are_texts(answer.warned)
        and _strange_are_texts(answer.value)
    )


def _is_raised(raised: Any) -> bool:
    texts = (raised.text, raised.line, raised.traceback) if isinstance(raised, Raised) else ()
    return bool(texts) and type(raised.kinds) is tuple and bool(raised.kinds) and _are_texts((*raised.kinds, *texts))


def _are_texts(values: Any) -> bool:
    return all(type(value) is str for value in values)


def _is_after(argument: Any, after: Any) -> bool:
    """What became of a recipe has the form that the judge reads."""
    form = next((form for kind, form in _AFTER.items() if isinstance(argument, kind)), None)
    return form is None or form(after)


def _is_passage(after: Any) -> bool:
    return isinstance(after, Passage) and all(type(n) in (int, bool) for n in vars(after).values())


_AFTER: Mapping[type, Callable[[Any], bool]] = {
    Rng: lambda after: type(after) is int,
    Stream: _is_passage,
    Probe: lambda after: type(after) is list and all(type(call) is tuple for call in after),
    Network: lambda after: type(after) is list and all(type(array) is np.ndarray for array in after),
}


def _strange_are_texts(value: Any) -> bool:
    return not isinstance(value, Strange) or _are_texts((value.kind, value.text))
