"""Where data files are looked for: FEDTEACH_DATA, then datasets/, then the Keras cache."""

import os
from collections.abc import Sequence
from pathlib import Path

from fedteach.data.base import DataError

_REPOSITORY = Path(__file__).resolve().parents[2]


def folders() -> list[Path]:
    """Return the folders that may hold `mnist/` and the like, in the order of look-up.

    Raises:
        DataError: if FEDTEACH_DATA is set to something that is no folder.
    """
    named = os.environ.get("FEDTEACH_DATA")
    found = []
    if named:
        if not Path(named).is_dir():
            raise DataError(
                f"FEDTEACH_DATA: expected a folder that holds mnist/, got {named!r}, which is no folder; "
                "set it anew or unset it"
            )
        found.append(Path(named))
    # A notebook runs in notebooks/, so the folder beside it counts too; the last one serves a checkout
    # that was installed in place.
    for place in (Path.cwd() / "datasets", Path.cwd().parent / "datasets", _REPOSITORY / "datasets"):
        if place.is_dir() and place not in found:
            found.append(place)
    return found


def find(folder: str, *sets: Sequence[str]) -> Path | None:
    """Return the first place's `folder` that holds a whole set of files, or None if no place has any.

    Args:
        folder: name of the folder inside each place ("mnist").
        sets: names of the files that belong together; any one of the sets will do.

    Raises:
        DataError: if a place holds some files of a set and lacks others, or FEDTEACH_DATA is no folder.
    """
    for place in folders():
        for files in sets:
            missing = [name for name in files if not (place / folder / name).is_file()]
            if not missing:
                return place / folder
            if len(missing) < len(files):
                raise DataError(
                    f"{place / folder}: expected {len(files)} files, but {', '.join(missing)} "
                    f"{'is' if len(missing) == 1 else 'are'} missing; put the whole set there, or take the rest away"
                )
    return None


def keras_cache() -> Path:
    """Return the folder in which Keras keeps the data sets it downloads (KERAS_HOME is respected)."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home).expanduser() if home else Path.home() / ".keras") / "datasets"
