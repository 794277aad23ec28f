"""TensorFlow and Keras, imported without the page of start-up messages.

TensorFlow's first import writes C++ log lines straight to file descriptor 2, past Python and past its own
log level. Nothing in them helps a student, and graders count stderr against them. Set
`FEDTEACH_TF_LOGS=1` to see everything.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _stderr_held_back() -> Iterator[None]:
    """Hold back what is written to file descriptor 2; show it after all if the block fails."""
    try:
        sys.stderr.flush()
        kept = os.dup(2)
    except (AttributeError, OSError, ValueError):  # no real stderr (pythonw, some notebooks): nothing to hide
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


os.environ.setdefault("KERAS_BACKEND", "tensorflow")
if os.environ.get("FEDTEACH_TF_LOGS") == "1":
    import keras
    import tensorflow
else:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _stderr_held_back():
        import keras
        import tensorflow

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        f"fedteach needs Keras on TensorFlow, but Keras was started with the {keras.backend.backend()!r} backend; "
        "set KERAS_BACKEND=tensorflow before the first import of keras"
    )

__all__ = ["keras", "tensorflow"]
