"""`fedteach`, killed from within at a moment that nobody could catch from outside.

    python dies.py WHEN ROUND serve ...

WHEN names the moment in the round: see `MOMENTS`.
"""

import os
import signal
import sys

from fedteach.classroom.standing import Standing
from fedteach.cli import main
from fedteach.federation import Federation
from fedteach.run_folder import RunFolder

MOMENTS = {
    "averaged": (Federation, "_complete", lambda tally, *_, **__: tally.round),
    "half saved": (RunFolder, "_append", lambda record: record.round),
    "saved": (Standing, "record", lambda record, weights: record.round),
    "over": (Standing, "over", lambda phase, say: 0),
}
"""Before which method of which class it dies, and which round its arguments are about."""


def die_before(owner: type, method: str, round_of, round: int) -> None:
    """Make a method kill this process, as a power cut would, when it is called about a round."""
    before = getattr(owner, method)

    def dying(self, *arguments, **named):
        if round_of(*arguments, **named) == round:
            os.kill(os.getpid(), signal.SIGKILL)
        return before(self, *arguments, **named)

    setattr(owner, method, dying)


if __name__ == "__main__":
    die_before(*MOMENTS[sys.argv[1]], int(sys.argv[2]))
    sys.argv = ["fedteach", *sys.argv[3:]]
    main()
