"""The rule of tests/conftest.py: with FEDTEACH_NO_SKIP=1 a skipped test fails and says why."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SKIPPING = """
import pytest

def test_that_runs():
    pass

def test_that_skips():
    pytest.skip("no tea")

@pytest.mark.skip(reason="no milk")
def test_that_is_marked():
    pass

@pytest.mark.xfail(reason="known")
def test_that_is_expected_to_fail():
    assert 1 == 2

def test_that_needs_data(shared_data):
    pass
"""
SKIPPING_MODULE = 'import pytest\npytest.skip("no cups", allow_module_level=True)\n'


@pytest.fixture
def run_pytest(tmp_path):
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "test_some.py").write_text(SKIPPING)
    (tmp_path / "test_module.py").write_text(SKIPPING_MODULE)

    def run(**variables: str) -> subprocess.CompletedProcess:
        environment = {k: v for k, v in os.environ.items() if k not in ("FEDTEACH_DATA", "FEDTEACH_NO_SKIP")}
        options = ["-q", "-rs", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir=."]
        command = [sys.executable, "-m", "pytest", *options, "--continue-on-collection-errors"]
        return subprocess.run(
            command, cwd=tmp_path, env=environment | variables, capture_output=True, text=True, timeout=100
        )

    return run


def test_a_skip_stays_a_skip_without_the_variable(run_pytest):
    result = run_pytest()
    assert result.returncode == 0, result.stdout
    assert "1 passed, 4 skipped, 1 xfailed" in result.stdout
    assert "set FEDTEACH_DATA" in result.stdout


def test_no_skip_turns_every_skip_into_a_failure_with_its_reason(run_pytest):
    result = run_pytest(FEDTEACH_NO_SKIP="1")
    assert result.returncode != 0
    for reason in ("no tea", "no milk", "no cups", "needs the real data: set FEDTEACH_DATA"):
        assert f"lets nothing skip, but: Skipped: {reason}" in result.stdout
    last = result.stdout.splitlines()[-1]
    # "no tea" fails in the test; the mark, the fixture and the module fail before it, which pytest calls an error.
    assert "1 failed, 1 passed, 1 xfailed, 3 errors" in last
