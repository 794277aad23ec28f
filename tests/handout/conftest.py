"""The hand-out of the course itself, made once, and the answers to its exercises."""

import pytest

from fedteach.authoring.regions import regions_of
from fedteach.authoring.sources import COURSE, Source, read_sources
from fedteach.handout.making import Order, files


@pytest.fixture(scope="session")
def sources() -> dict[str, Source]:
    return {source.name: source for source in read_sources(COURSE.solutions)}


@pytest.fixture(scope="session")
def everything() -> dict[str, bytes]:
    return files(Order())


@pytest.fixture(scope="session")
def solutions(sources) -> dict[str, str]:
    """Exercise -> the lines of its solution, with their indentation."""
    found = {}
    for source in sources.values():
        for cell in source.cells:
            for region in regions_of(cell.text) if cell.kind == "code" else ():
                found[region.exercise] = "\n".join(cell.text.split("\n")[region.first : region.last - 1])
    return found
