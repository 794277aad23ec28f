"""fedteach as a wheel: an installer takes it, and what it installs works."""

import subprocess
import sys
import zipfile

import pytest

from fedteach import __version__
from fedteach.authoring.sources import ROOT
from fedteach.handout import wheel as module
from fedteach.handout.wheel import wheel
from tests.handout.students import put


def test_it_holds_the_package_and_nothing_beside_it(tmp_path):
    name, content = wheel()
    assert name == f"fedteach-{__version__}-py3-none-any.whl"
    assert wheel() == (name, content)
    (tmp_path / name).write_bytes(content)
    with zipfile.ZipFile(tmp_path / name) as opened:
        names = set(opened.namelist())
    package = {f"fedteach/{p.relative_to(ROOT / 'fedteach').as_posix()}" for p in (ROOT / "fedteach").rglob("*.py")}
    assert package <= names
    assert {"fedteach/py.typed", "fedteach/exercises/stubs.json"} <= names
    assert {name.split("/")[0] for name in names} == {"fedteach", f"fedteach-{__version__}.dist-info"}
    assert not [name for name in names if "__pycache__" in name or "mistakes/" in name]


def test_a_dependency_that_is_not_noted_yet_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PACKAGE", tmp_path / "fedteach")
    text = (ROOT / "pyproject.toml").read_text()
    (tmp_path / "pyproject.toml").write_text(text)
    assert wheel()
    (tmp_path / "pyproject.toml").write_text(text.replace('"numpy>=2.1"', '"numpy>=2.1",\n    "another>=1"'))
    with pytest.raises(ValueError, match="asks for other packages than when fedteach was installed"):
        wheel()


@pytest.mark.slow
def test_pip_installs_it_and_the_command_runs(tmp_path):
    name, content = wheel()
    (tmp_path / name).write_bytes(content)
    there = tmp_path / "there"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(there)]
    subprocess.run([*pip, str(tmp_path / name)], check=True, capture_output=True, text=True)
    program = "import fedteach, fedteach.exercises as e; print(fedteach.__file__, len(e.catalogue()))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=there, env={"PYTHONPATH": str(there)}, capture_output=True, text=True
    )
    assert done.stdout.startswith(str(there)), done.stderr
    assert (there / "bin" / "fedteach").exists() or (there / "Scripts").exists()


@pytest.mark.slow
def test_pip_reads_the_requirements_and_all_pins_are_those_installed_here(tmp_path, everything):
    put(tmp_path, everything)
    # Without an index only what is installed here can satisfy a pin; fedteach comes from the wheel.
    pip = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index", "--force-reinstall", "--no-deps"]
    wheel_alone = subprocess.run([*pip, "-r", "requirements.txt"], cwd=tmp_path, capture_output=True, text=True)
    assert f"Would install fedteach-{__version__}" in wheel_alone.stdout, wheel_alone.stderr
    pip = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index"]
    done = subprocess.run([*pip, "-r", "requirements.txt"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
