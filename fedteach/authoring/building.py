"""Write what is built from the sources, and say where the files differ from them."""

import json
from collections.abc import Sequence
from pathlib import Path

from fedteach.authoring.cells import AuthoringError
from fedteach.authoring.notebook import notebook_text
from fedteach.authoring.sources import Course, Source, read_sources
from fedteach.files import write_atomically


def built(sources: Sequence[Source]) -> dict[str, str]:
    """Build every notebook in memory.

    Returns:
        File name ("00_welcome.ipynb") -> text of the student's notebook, in the order of the course.
    """
    return {f"{source.name}.ipynb": notebook_text(source.release.cells) for source in sources}


def stubs_text(sources: Sequence[Source]) -> str:
    """Return the file of stubs: JSON, exercise -> its notebook, its function, and the cell that students begin with.

    Raises:
        AuthoringError: if two notebooks hold the same exercise.
    """
    found: dict[str, dict[str, str]] = {}
    for source in sources:
        for stub in source.release.stubs:
            if stub.exercise in found:
                other = found[stub.exercise]["notebook"]
                raise AuthoringError(
                    f"{source.file}: exercise {stub.exercise} is in solutions/{other}.py too: give one another id"
                )
            found[stub.exercise] = {"notebook": source.name, "function": stub.function, "stub": stub.text}
    ordered = dict(sorted(found.items(), key=lambda item: [int(part) for part in item[0].split(".")]))
    return json.dumps(ordered, indent=1, ensure_ascii=False) + "\n"


def build(course: Course) -> list[Path]:
    """Write the files that differ from what is there, and return them; the others keep their date."""
    sources = read_sources(course.solutions)
    wanted = {course.notebooks / name: text for name, text in built(sources).items()}
    if course.stubs is not None:
        wanted[course.stubs] = stubs_text(sources)
    return [write_atomically(path, text) for path, text in wanted.items() if _text_of(path) != text]


def differences(course: Course, sources: Sequence[Source]) -> list[str]:
    """Compare the files on disk with their sources.

    Returns:
        A sentence for each file that is missing, differs or has no source; empty if all is well.
    """
    wanted = built(sources)
    found = [_difference(course.notebooks / f"{source.name}.ipynb", wanted, source) for source in sources]
    strays = sorted(path.name for path in course.notebooks.glob("*.ipynb") if path.name not in wanted)
    found += [f"{name} has no source in solutions/: delete it, or move it to another folder" for name in strays]
    if course.stubs is not None and _text_of(course.stubs) != stubs_text(sources):
        found.append(f"{course.stubs.name} differs from the stubs in solutions/: run make notebooks")
    return [sentence for sentence in found if sentence]


def _difference(path: Path, wanted: dict[str, str], source: Source) -> str:
    text = _text_of(path)
    if text is None:
        return f"{path.name} is missing: run make notebooks"
    if text != wanted[path.name]:
        return f"{path.name} differs from {source.file}: change the source, then run make notebooks"
    return ""


def _text_of(path: Path) -> str | None:
    """Return a file's text with its own line ends, or None if there is no such file."""
    return path.read_bytes().decode("utf-8", errors="replace") if path.is_file() else None
