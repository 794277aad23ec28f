"""Weights as JSON text, read and written by a process of its own.

The original course sent its weights as nested lists: 27 MB for its CNN, over which Python's reader sits for a second
and lets no other thread work meanwhile. So a child process does that; files carry the text there and the arrays back.

    python -m fedteach.transport.http.classic_numbers     reads one order a line from standard input
"""

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fedteach.messages import (
    Weights,
    tensors_from_bytes,
    tensors_to_bytes,
    weights_from_tensors,
    weights_to_tensors,
)
from fedteach.transport.base import TransportError

_LIMIT_S = 60.0


class NotWeights(ValueError):
    """A text that is not the weights it should be; the message says why."""


class JsonWeights:
    """Turns JSON text into weights and back, in a child process that is started when it is first needed."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="fedteach-classic-", ignore_cleanup_errors=True)
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None
        self._n = 0

    def new_path(self) -> Path:
        """Return a path for a text that is to be read."""
        with self._lock:
            self._n += 1
            return Path(self._folder.name) / f"{self._n}.json"

    def read(self, path: Path, shapes: Sequence[tuple[int, ...]]) -> Weights:
        """Read weights from a file of JSON text, which is removed.

        Args:
            path: the file; a list of nested lists of numbers.
            shapes: the shape of each array.

        Raises:
            NotWeights: if it holds something else.
            TransportError: if the child process fails.
        """
        arrays = path.with_suffix(".safetensors")
        try:
            self._order({"do": "read", "in": str(path), "out": str(arrays), "shapes": [list(s) for s in shapes]})
            return weights_from_tensors(tensors_from_bytes(arrays.read_bytes())[0])
        finally:
            path.unlink(missing_ok=True)
            arrays.unlink(missing_ok=True)

    def write(self, weights: Weights) -> bytes:
        """Return weights as JSON text."""
        text = self.new_path()
        arrays = text.with_suffix(".safetensors")
        try:
            arrays.write_bytes(tensors_to_bytes(weights_to_tensors(weights), {}))
            self._order({"do": "write", "in": str(arrays), "out": str(text)})
            return text.read_bytes()
        finally:
            text.unlink(missing_ok=True)
            arrays.unlink(missing_ok=True)

    def close(self) -> None:
        """End the child and remove what it left."""
        with self._lock:
            self._end()
        self._folder.cleanup()

    def _order(self, order: dict[str, Any]) -> None:
        with self._lock:
            if self._child is None or self._child.poll() is not None:
                command = [sys.executable, "-m", __name__]
                self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            said = self._ask(self._child, json.dumps(order) + "\n")
            if said is None:
                self._end()
                raise TransportError(f"reading the weights took longer than {_LIMIT_S:g} s, or failed; send them again")
        if said.get("error"):
            raise NotWeights(said["error"])

    @staticmethod
    def _ask(child: "subprocess.Popen[str]", order: str) -> dict[str, Any] | None:
        answers: list[str] = []
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.write(order)
            child.stdin.flush()
        except OSError:
            return None
        out = child.stdout
        reader = threading.Thread(target=lambda: answers.append(out.readline()), daemon=True)
        reader.start()
        reader.join(_LIMIT_S)
        return json.loads(answers[0]) if answers and answers[0] else None

    def _end(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None


def parsed(text: bytes, shapes: Sequence[Sequence[int]]) -> Weights:
    """Return the arrays that a JSON text holds.

    Raises:
        NotWeights: if it is not a list of arrays of these shapes with finite numbers.
    """
    try:
        lists = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotWeights(f"expected JSON, got something else: {str(error)[:200]}") from None
    if not isinstance(lists, list) or len(lists) != len(shapes):
        came = f"a list of {len(lists)}" if isinstance(lists, list) else type(lists).__name__
        raise NotWeights(f"expected a list of {len(shapes)} arrays as nested lists, got {came}")
    return [_array(i, nested, tuple(shape)) for i, (nested, shape) in enumerate(zip(lists, shapes, strict=True))]


def _array(i: int, nested: Any, shape: tuple[int, ...]) -> np.ndarray:
    try:
        array = np.array(nested)
        if array.dtype.kind not in "iuf":
            raise ValueError("not all of it are numbers")
        with np.errstate(over="ignore"):
            array = array.astype(np.float32)
    except (ValueError, TypeError, OverflowError) as error:
        raise NotWeights(f"array {i} is no array of numbers: {str(error)[:200]}") from None
    if array.shape != shape:
        raise NotWeights(f"array {i}: expected shape {shape}, got {array.shape}")
    if not np.isfinite(array).all():
        raise NotWeights(f"array {i} holds NaN or infinite numbers")
    return array


def _obey(order: dict[str, Any]) -> None:
    source, target = Path(order["in"]), Path(order["out"])
    if order["do"] == "read":
        arrays = parsed(source.read_bytes(), order["shapes"])
        target.write_bytes(tensors_to_bytes(weights_to_tensors(arrays), {}))
    else:
        arrays = weights_from_tensors(tensors_from_bytes(source.read_bytes())[0])
        target.write_text(json.dumps([array.tolist() for array in arrays]), encoding="utf-8")


def main() -> None:
    """Obey orders until there are no more."""
    for line in sys.stdin:
        answer = {}
        try:
            _obey(json.loads(line))
        except (ValueError, OSError, MemoryError) as error:
            answer = {"error": str(error) or type(error).__name__}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
