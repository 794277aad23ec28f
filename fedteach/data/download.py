"""Fetch one file: a progress bar, time limits, a size limit and a checksum; all of it or nothing."""

import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from fedteach.data.base import DataError

_CHUNK_BYTES = 1 << 16


def download(
    url: str,
    target: Path,
    sha256: str,
    *,
    at_most_bytes: int,
    answer_s: float = 20.0,
    limit_s: float = 900.0,
    progress: bool = True,
) -> Path:
    """Download `url` to `target`; the file appears there whole and checked, or not at all.

    Args:
        url: what to fetch, http or https.
        target: where it goes; its folder is made if needed, an older file is replaced.
        sha256: the checksum it must have, in hexadecimal.
        at_most_bytes: the download stops when it grows beyond this.
        answer_s: longest silence of the server, in seconds.
        limit_s: longest time for the whole download, in seconds.
        progress: show a progress bar.

    Returns:
        `target`.

    Raises:
        DataError: if there is no connection, the server refuses, is too slow or sends too much, the
            checksum differs, or the file cannot be written.
    """
    # requests is imported where it is needed: who works offline need not wait for it.
    import requests
    import urllib3

    part: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # A name of its own for each process: two students who share a home folder do not mix their halves.
        handle, part_name = tempfile.mkstemp(prefix=target.name + ".", suffix=".part", dir=target.parent)
        part = Path(part_name)
        with os.fdopen(handle, "wb") as file, requests.get(url, stream=True, timeout=answer_s) as response:
            if response.status_code != 200:
                raise DataError(f"{url}: the server answered {response.status_code} {response.reason}")
            got = _save(response, file, url, target.name, at_most_bytes, limit_s, progress)
        if got != sha256:
            raise DataError(f"{url}: expected sha256 {sha256}, got {got}; something on the way changed the file")
        part.replace(target)
    except requests.RequestException as error:
        raise DataError(f"{url}: no download ({_short(error)})") from error
    except urllib3.exceptions.HTTPError as error:
        raise DataError(f"{url}: the download broke off ({_short(error)})") from error
    except OSError as error:
        raise DataError(f"{target}: cannot be written ({error.strerror or error})") from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)
    return target


def _save(
    response: Any, file: BinaryIO, url: str, name: str, at_most_bytes: int, limit_s: float, progress: bool
) -> str:
    """Write the body of `response` to `file` and return its sha256."""
    from tqdm.auto import tqdm

    digest, size = hashlib.sha256(), 0
    announced = int(response.headers.get("Content-Length") or 0)
    with tqdm(total=announced or None, unit="B", unit_scale=True, desc=name, disable=not progress) as bar:
        for chunk in _chunks(response, url, limit_s):
            size += len(chunk)
            if max(size, announced) > at_most_bytes:
                raise DataError(
                    f"{url}: expected at most {at_most_bytes:,} bytes, the server sends more; not the file it should be"
                )
            file.write(chunk)
            digest.update(chunk)
            bar.update(len(chunk))
    return digest.hexdigest()


def _chunks(response: Any, url: str, limit_s: float) -> Iterator[bytes]:
    ends = time.monotonic() + limit_s
    # read1 returns with what has come; read would wait for a full chunk, and a trickling server could
    # then hold us far beyond the limit.
    while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
        if time.monotonic() > ends:
            raise DataError(f"{url}: not finished after {limit_s:g} s; try a faster connection")
        yield chunk


def _short(error: Exception) -> str:
    """Name the kind of failure; the full text of these errors fills a screen."""
    text = str(error)
    if "resolution" in text or "resolve" in text:
        return "the name of the server is not known here: no internet?"
    if "timed out" in text:
        return "the server did not answer in time"
    if "refused" in text:
        return "the connection was refused"
    return type(error).__name__
