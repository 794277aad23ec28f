"""What a student installs: fedteach from a wheel in the hand-out, the rest in the releases that it was tested with."""

from pathlib import Path

from fedteach.handout.wheel import wheel

_CONSTRAINTS = "# The releases that the course was tested with; requirements.txt uses them.\n"

_REQUIREMENTS = """\
# Everything that the course needs. In this folder, with Python 3.11, 3.12 or 3.13:
#     python -m pip install -r requirements.txt
-c constraints.txt
./{wheel}
"""

_ENVIRONMENT = """\
# The same for conda, and for Binder: conda env create -f environment.yml
name: fedteach
channels:
  - conda-forge
dependencies:
  - python=3.11
  - pip
  - pip:
      - -r requirements.txt
"""


def installation(root: Path) -> dict[str, bytes]:
    """Return the files by which fedteach is installed, wheel included.

    Args:
        root: the folder of the course, with constraints.txt in it.

    Raises:
        ValueError: if there are no pins, or nothing that a wheel could be made of.
    """
    try:
        pins = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    except OSError:
        raise ValueError(
            f"expected the course's pins in {root / 'constraints.txt'}: call fedteach release in a checkout"
        ) from None
    name, content = wheel()
    texts = {
        "constraints.txt": _CONSTRAINTS + "".join(f"{pin}\n" for pin in pins if not pin.startswith("#")),
        "requirements.txt": _REQUIREMENTS.format(wheel=f"wheels/{name}"),
        "environment.yml": _ENVIRONMENT,
    }
    return {f"wheels/{name}": content} | {file: text.encode() for file, text in texts.items()}
