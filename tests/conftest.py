"""What every test shares: a quiet, headless, repeatable process, the real data, and no silent skips."""

import os
from pathlib import Path

# Before anything imports TensorFlow, matplotlib or the panel.
os.environ.setdefault("FEDTEACH_HEADLESS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("FEDTEACH_PROGRESS", os.devnull)  # a student's record, which no test may touch

import hypothesis
import pytest

hypothesis.settings.register_profile("fedteach", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("fedteach")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data that `FEDTEACH_DATA` names; a test that needs it is skipped without."""
    named = os.environ.get("FEDTEACH_DATA", "")
    if not named:
        pytest.skip("needs the real data: set FEDTEACH_DATA to their folder")
    folder = Path(named)
    if not folder.is_dir():
        pytest.skip(f"needs the real data: FEDTEACH_DATA names {named}, which is no folder")
    return folder


# With FEDTEACH_NO_SKIP=1 (continuous integration) a skipped test is a failed one: what nobody runs, nobody knows.


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    return _refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return _refuse_skip((yield))


def _refuse_skip(report):
    expected_failure = hasattr(report, "wasxfail")
    if os.environ.get("FEDTEACH_NO_SKIP") == "1" and report.skipped and not expected_failure:
        _path, _line, reason = report.longrepr
        report.outcome = "failed"
        report.longrepr = f"FEDTEACH_NO_SKIP=1 lets nothing skip, but: {reason}"
    return report
