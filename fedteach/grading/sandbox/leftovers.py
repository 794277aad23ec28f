"""What judges that were killed have left behind: groups `fedteach-PID-...` and folders `fedteach-package-PID-...`."""

import os
import re
from pathlib import Path

_MADE_BY = re.compile(r"fedteach-(?:package-)?([0-9]{1,9})-.+")


def is_left_behind(path: Path) -> bool:
    """Say whether the process that made a file or folder has ended; not so if its name tells of none."""
    found = _MADE_BY.fullmatch(path.name)
    return found is not None and not _is_alive(int(found[1]))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        pass
    return True
