"""The idx format of the MNIST files: a short header, then the numbers.

Header, big-endian: two zero bytes, one byte for the type (8: unsigned byte, 12: 32-bit integer), one
for the number of dimensions, then 4 bytes for each dimension. The four bytes in front, read as one
number, are the "magic number": 2051 for the images, 2049 for the labels.
"""

import gzip
import io
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from fedteach.data.base import DataError

_TYPES: dict[int, np.dtype[Any]] = {8: np.dtype(">u1"), 12: np.dtype(">i4")}


def read_bytes(path: Path) -> bytes:
    """Read a whole file.

    Raises:
        DataError: if it is missing or may not be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); look whether it is there and yours") from error


def unpack_gzip(packed: bytes, name: str, at_most_bytes: int) -> bytes:
    """Unpack a gzip file that is already in memory.

    Args:
        packed: the bytes of the .gz file.
        name: what to call the file in an error.
        at_most_bytes: no more than this is unpacked, so that a tiny file cannot fill the memory.

    Raises:
        DataError: if it is no gzip file, ends early, is damaged, or holds more than allowed.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
            content = stream.read(at_most_bytes + 1)
    except EOFError as error:
        raise DataError(
            f"{name}: expected a whole gzip file, got one that ends early; copy or download it again"
        ) from error
    except (OSError, zlib.error) as error:
        raise DataError(
            f"{name}: expected a gzip file, got something else or a damaged one ({error}); copy or download it again"
        ) from error
    if len(content) > at_most_bytes:
        raise DataError(
            f"{name}: expected at most {at_most_bytes:,} bytes when unpacked, got more; this is another file"
        )
    return content


def parse(content: bytes, name: str) -> np.ndarray:
    """Read an unpacked idx file.

    Args:
        content: the bytes of the file, header and all.
        name: what to call the file in an error.

    Returns:
        A read-only array of the header's shape, uint8 or big-endian int32.

    Raises:
        DataError: if the header is no idx header, or the file is shorter or longer than it says.

    Source:
        The format is described on Yann LeCun's MNIST page (yann.lecun.com/exdb/mnist).
    """
    magic = content[:4]
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES or not 1 <= magic[3] <= 4:
        got = f"magic number {int.from_bytes(magic, 'big')}" if len(magic) == 4 else f"{len(magic)} bytes"
        raise DataError(
            f"{name}: expected an idx file (magic number 2051 for images, 2049 for labels), got {got}; copy it again"
        )
    kind, n_axes = _TYPES[magic[2]], magic[3]
    start = 4 + 4 * n_axes
    if len(content) < start:
        raise DataError(
            f"{name}: expected an idx header of {start} bytes, got {len(content)} in all; copy or download it again"
        )
    shape = struct.unpack(f">{n_axes}I", content[4:start])
    expected, got_bytes = math.prod(shape) * kind.itemsize, len(content) - start
    if got_bytes != expected:
        raise DataError(
            f"{name}: expected {expected:,} bytes after the header for shape {shape}, got {got_bytes:,}; "
            "copy or download it again"
        )
    return np.frombuffer(content, kind, offset=start).reshape(shape)


def read(path: Path, at_most_bytes: int = 1 << 28) -> np.ndarray:
    """Read an idx file, packed with gzip (name ends in .gz) or not.

    Args:
        path: where it is.
        at_most_bytes: limit for the unpacked size.

    Returns:
        A read-only array of the header's shape, uint8 or big-endian int32.

    Raises:
        DataError: if the file is missing, damaged or no idx file.
    """
    content = read_bytes(path)
    if path.suffix == ".gz":
        content = unpack_gzip(content, str(path), at_most_bytes)
    return parse(content, str(path))
