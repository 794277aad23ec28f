"""fedteach itself as a wheel, so that students can install it wherever it comes from.

A wheel is a zip of the package with a few files of notes. It is written here, from the package that is running: no
network and no build tools are needed, nothing of an earlier build can slip in, and the same files give the same bytes.

Source:
    The binary distribution format, https://packaging.python.org/en/latest/specifications/binary-distribution-format/
"""

import base64
import hashlib
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from fedteach.zips import zipped

PACKAGE = Path(__file__).resolve().parent.parent
_LEFT_BEHIND = ("__pycache__", ".ipynb_checkpoints", ".DS_Store")
_WHEEL = "Wheel-Version: 1.0\nGenerator: fedteach release\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def wheel() -> tuple[str, bytes]:
    """Return the name and the content of a wheel of the fedteach that is running.

    It holds the package and no more: `solutions/`, with its planted mistakes, lies outside of it.

    Raises:
        ValueError: if fedteach runs from a folder without ever having been installed, or needs more since it was.
    """
    try:
        installed = distribution("fedteach")
    except PackageNotFoundError:
        raise ValueError("fedteach is not installed here: python -m pip install -e . in the course's folder") from None
    if _has_changed(installed.requires or [], PACKAGE.parent / "pyproject.toml"):
        raise ValueError(
            "pyproject.toml asks for other packages than when fedteach was installed, and students need them too:"
            " python -m pip install -c constraints.txt -e . once more"
        )
    notes = f"fedteach-{installed.version}.dist-info"
    files = {f"fedteach/{path.relative_to(PACKAGE).as_posix()}": path.read_bytes() for path in _package_files()}
    # An editable installation leaves an .egg-info in the checkout, in which the same is called PKG-INFO.
    files[f"{notes}/METADATA"] = (installed.read_text("METADATA") or installed.read_text("PKG-INFO") or "").encode()
    files[f"{notes}/WHEEL"] = _WHEEL.encode()
    files[f"{notes}/entry_points.txt"] = (installed.read_text("entry_points.txt") or "").encode()
    if licence := installed.read_text("licenses/LICENSE"):
        files[f"{notes}/licenses/LICENSE"] = licence.encode()
    files[f"{notes}/RECORD"] = _record(files, f"{notes}/RECORD").encode()
    return f"fedteach-{installed.version}-py3-none-any.whl", zipped(files.items())


def _has_changed(known: list[str], project: Path) -> bool:
    """Say whether a checkout's dependencies differ from those that were noted at the installation."""
    if not project.is_file():
        return False
    needed = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
    alike = str.maketrans("'", '"', " ")
    return {text.translate(alike) for text in needed} != {
        text.translate(alike) for text in known if "extra ==" not in text
    }


def _package_files() -> list[Path]:
    found = (path for path in PACKAGE.rglob("*") if path.is_file())
    return sorted(path for path in found if not any(part in _LEFT_BEHIND for part in path.parts))


def _record(files: dict[str, bytes], itself: str) -> str:
    """Return the list of all files with their hashes, by which an installer checks that nothing was damaged."""
    lines = []
    for name, content in sorted(files.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(content)}\n")
    return "".join([*lines, f"{itself},,\n"])
