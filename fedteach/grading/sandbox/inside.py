"""What runs behind the fences: take an order, carry it out, answer; the student's code is run nowhere else."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fedteach.grading.extract import Code, code_in
from fedteach.grading.not_started import NotStarted
from fedteach.grading.notebooks import UnreadableNotebook
from fedteach.grading.program import Stopped, interrupted, load
from fedteach.grading.sandbox.line import Gone, receive, send
from fedteach.grading.sandbox.orders import ANSWERS, MOST_ORDER_BYTES, ORDERS, Call, Load, Loaded, Read, Unreadable
from fedteach.grading.sandbox.wire import pack, unpack
from fedteach.grading.surroundings import as_in
from fedteach.grading.worker import Here, Raised, Reply


class Desk:
    """Carries out orders in one folder, one after another.

    Args:
        folder: where the student's code stands while it runs, and nobody else: the code may delete it.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._function: Callable[..., Any] | None = None

    def carry_out(self, order: Read | Load | Call) -> Code | Unreadable | Loaded | Reply:
        """Do what was ordered; whatever the student's code raises becomes part of the answer."""
        if isinstance(order, Read):
            return _read(order)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        with as_in(self._folder):
            return self._load(order) if isinstance(order, Load) else self._call(order)

    def _load(self, order: Load) -> Loaded:
        for name, content in order.beside.items():
            (self._folder / name).write_bytes(content)
        try:
            self._function = load(order.program, order.limit_s)
        except Stopped as stopped:
            return Loaded(stopped.finding)
        except NotStarted as error:
            return Loaded(not_started=error.exercise)
        except KeyboardInterrupt:
            return Loaded(interrupted(order.program.name))
        return Loaded()

    def _call(self, order: Call) -> Reply:
        if self._function is None:
            raise RuntimeError("a function must be loaded before it is called")
        try:
            return Here(self._function).call(order.arguments, order.limit_s)
        except KeyboardInterrupt:
            kinds = ("KeyboardInterrupt", "BaseException")
            return Reply("raised", raised=Raised(kinds, "", "", ""), after=order.arguments)


def _read(order: Read) -> Code | Unreadable:
    try:
        return code_in(order.name, order.content)
    except UnreadableNotebook as reason:
        return Unreadable(str(reason))


def serve(line: socket.socket, folder: Path) -> None:
    """Carry out what comes over a line, until it ends."""
    desk = Desk(folder)
    send(line, b"ready")
    while True:
        try:
            order = unpack(receive(line, MOST_ORDER_BYTES), ORDERS)
            send(line, pack(desk.carry_out(order), ANSWERS))
        except Gone:
            os._exit(0)  # threads and exit functions of the student's have no say in it
