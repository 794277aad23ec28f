"""What a judge may ask of a job, and what it may answer; all of it plain data."""

from dataclasses import dataclass
from typing import Any

from fedteach.grading.extract import Code, Program
from fedteach.grading.notebooks import Cell
from fedteach.grading.plain import Strange
from fedteach.grading.recipes import RECIPES, Passage
from fedteach.grading.sandbox.wire import records
from fedteach.grading.statements import BrokenCell, Piece, Statement
from fedteach.grading.verdict import Finding
from fedteach.grading.worker import Raised, Reply
from fedteach.messages import ClientInfo, Update
from fedteach.steps.local_update import Plan


@dataclass(frozen=True)
class Read:
    """Take a notebook's code apart.

    Attributes:
        name: its file name.
        content: what is in the file.
    """

    name: str
    content: bytes


@dataclass(frozen=True)
class Unreadable:
    """It is no notebook.

    Attributes:
        says: what it is instead.
    """

    says: str


@dataclass(frozen=True)
class Load:
    """Run a program, so that its function is there.

    Attributes:
        program: the pieces to run.
        beside: the student's own modules beside the notebook, by file name.
        limit_s: seconds that it may take.
    """

    program: Program
    beside: dict[str, bytes]
    limit_s: float


@dataclass(frozen=True)
class Loaded:
    """How it went.

    Attributes:
        stopped: what is wrong, if it did not run to its end.
        not_started: the exercise whose stub is still there, or "".
    """

    stopped: Finding | None = None
    not_started: str = ""


@dataclass(frozen=True)
class Call:
    """Call the function.

    Attributes:
        arguments: plain values and recipes.
        limit_s: seconds that it may take.
    """

    arguments: tuple[Any, ...]
    limit_s: float


ORDERS = records(Read, Load, Call, Program, Piece, *RECIPES, Update, ClientInfo, Plan)
ANSWERS = records(
    Code,
    Statement,
    Piece,
    BrokenCell,
    Cell,
    Unreadable,
    Loaded,
    Finding,
    Reply,
    Raised,
    Passage,
    Strange,
    Update,
    ClientInfo,
    Plan,
)
MOST_ORDER_BYTES = 2**28
MOST_ANSWER_BYTES = 2**26
