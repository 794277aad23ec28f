"""One set of pins: pyproject.toml says what is needed, constraints.txt which release, environment.yml uses both."""

import re
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
PLATFORMS = ("linux", "darwin", "win32")
# 3.11.2 is Debian 12's; a package or two have dropped it and are pinned to an older release there.
PYTHONS = ("3.11.2", "3.11.9", "3.12.8", "3.13.1")

INSTALL_FILES = ("pyproject.toml", "constraints.txt", "environment.yml", "Makefile", ".ci/run")


def read_constraints() -> list[Requirement]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def surroundings_of(python: str, platform: str) -> dict[str, str]:
    return {
        "python_full_version": python,
        "python_version": python.rpartition(".")[0],
        "sys_platform": platform,
        "os_name": "nt" if platform == "win32" else "posix",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
    }


def pins_for(python: str, platform: str) -> dict[str, str]:
    """Name -> release of the pins that count on one platform; refuses two pins of one package."""
    surroundings = surroundings_of(python, platform)
    pins: dict[str, str] = {}
    for pin in read_constraints():
        if pin.marker is None or pin.marker.evaluate(surroundings):
            name = canonicalize_name(pin.name)
            assert name not in pins, f"{name} is pinned twice for Python {python} on {platform}"
            pins[name] = str(pin.specifier).removeprefix("==")
    return pins


def direct_requirements() -> list[Requirement]:
    texts = [*PROJECT["dependencies"], *(text for extra in EXTRAS.values() for text in extra)]
    return [r for r in map(Requirement, texts) if canonicalize_name(r.name) != "fedteach"]


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_every_dependency_is_pinned_to_a_release_that_pyproject_allows(python, platform):
    pins, surroundings = pins_for(python, platform), surroundings_of(python, platform)
    for requirement in direct_requirements():
        if requirement.marker is not None and not requirement.marker.evaluate(surroundings):
            continue
        name = canonicalize_name(requirement.name)
        assert name in pins, f"{name} has no line in constraints.txt for Python {python} on {platform}"
        assert requirement.specifier.contains(pins[name]), f"{requirement} does not allow the pinned {pins[name]}"


def test_a_constraint_is_one_exact_release_without_address_or_path():
    for pin in read_constraints():
        assert re.fullmatch(r"==[0-9][0-9a-z.]*", str(pin.specifier)), f"{pin} does not name one exact release"
        assert pin.url is None, f"{pin} names an address"
        assert not pin.extras, f"{pin}: pip refuses extras in a constraints file"


def test_everything_installed_beside_fedteach_is_pinned():
    # The whole closure: walk from fedteach's requirements through what is installed here.
    installed = {canonicalize_name(d.name): d for d in distributions()}
    pinned = {canonicalize_name(pin.name) for pin in read_constraints()}
    waiting, seen = [(r.name, r.extras) for r in direct_requirements()], set()
    while waiting:
        name, extras = waiting.pop()
        name = canonicalize_name(name)
        if (name, frozenset(extras)) in seen or name not in installed:
            continue
        seen.add((name, frozenset(extras)))
        assert name in pinned, f"{name} is needed but has no line in constraints.txt"
        for text in installed[name].requires or ():
            needs = Requirement(text)
            if needs.marker is None or any(needs.marker.evaluate({"extra": e}) for e in (*extras, "")):
                waiting.append((needs.name, needs.extras))


def test_conda_and_binder_install_the_same_pins():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment["name"] == "fedteach"
    by_conda = [d for d in environment["dependencies"] if isinstance(d, str)]
    (by_pip,) = [d["pip"] for d in environment["dependencies"] if isinstance(d, dict)]
    # Conda brings Python and pip alone: a package that both install would have two sources of truth.
    assert [d.partition("=")[0] for d in by_conda] == ["python", "pip"]
    assert by_pip == ["-c constraints.txt", "-e .[dev]"]
    lowest = PROJECT["requires-python"].removeprefix(">=")
    assert by_conda[0] == f"python={lowest}"


def test_the_tested_pythons_are_the_declared_ones():
    declared = {c.rpartition(" ")[2] for c in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", c)}
    assert declared == {python.rpartition(".")[0] for python in PYTHONS}


def test_no_dependency_is_asked_for_twice():
    names = [canonicalize_name(r.name) for r in direct_requirements()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", INSTALL_FILES)
def test_installing_names_no_registry_and_no_path_of_one_machine(name):
    # Where packages come from is the reader's choice (a mirror, a folder of wheels), not ours.
    registry = r"\w+://\S+|index.url|py[p]i\b"
    machine_path = r"(?<![\w.$}>)])/(?:home|opt|root|srv|work)\b\S*"
    found = re.search(f"{registry}|{machine_path}", (ROOT / name).read_text(encoding="utf-8"))
    assert found is None, f"{name} names {found.group()}"


def test_the_changelog_tells_of_the_present_version():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[?{re.escape(PROJECT['version'])}\b", changelog, flags=re.MULTILINE)
