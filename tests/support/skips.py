"""Which tests may skip, and why.

A skip hides what it skips. A test may skip for what no test machine can be asked to have, and its
reason starts with what that is. `--strict-skips` (.ci/run) fails a run that skips for any other
reason.
"""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

ALLOWED = (
    "needs hardware",  # a board on a desk
    "needs GitHub",  # sources that no package registry has
    "needs a vendor's SDK",
    "needs the recordings",  # $OTOLITH_DATA: no package registry has them; only if all are absent
    "needs the third-party models",  # $OTOLITH_MODELS: the same
)


def recordings(*parts: str) -> Path:
    """A folder or file of $OTOLITH_DATA. Skips where there are no recordings at all.

    A file missing from a folder that is there is a failure: the caller's first read of it fails.
    """
    from otolith import paths

    return _part_of(paths.test_data(), "needs the recordings ($OTOLITH_DATA)", parts)


def third_party_model(*parts: str) -> Path:
    """A file of $OTOLITH_MODELS. Skips where there are no third-party models at all."""
    from otolith import paths

    return _part_of(paths.test_models(), "needs the third-party models ($OTOLITH_MODELS)", parts)


def program(name: str) -> str:
    """A program that `host setup` installs. Skips without it, which CI takes for a failure."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: run `host setup`")
    return found


def _part_of(folder: Path, reason: str, parts: tuple[str, ...]) -> Path:
    if not folder.is_dir():
        pytest.skip(f"{reason}: {folder} is not there")
    path = folder.joinpath(*parts)
    assert path.exists(), f"{path} is missing"
    return path


def reason_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why a test or module was skipped, without pytest's prefix."""
    assert isinstance(report.longrepr, tuple)
    return report.longrepr[2].removeprefix("Skipped: ")


class SkipList:
    """Lists all skips after the tests.

    Args:
        strict: a skip for a reason that is not allowed fails the run.
    """

    def __init__(self, strict: bool):
        self.strict = strict
        self.skips: Counter[tuple[str, str]] = Counter()

    def _add(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self.skips[report.nodeid.split("::")[0], reason_of(report)] += 1

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._add(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._add(report)

    def unexpected(self) -> list[tuple[str, str]]:
        return [skip for skip in self.skips if not skip[1].startswith(ALLOWED)]

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if self.strict and exitstatus == pytest.ExitCode.OK and self.unexpected():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter) -> None:
        if not self.skips:
            return
        terminalreporter.section("Skipped")
        for (file, reason), count in sorted(self.skips.items()):
            allowed = reason.startswith(ALLOWED)
            mark = "" if allowed else "NOT ALLOWED: " if self.strict else "not allowed in CI: "
            terminalreporter.write_line(f"{count:5d}  {file}: {mark}{reason}")
