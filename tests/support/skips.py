"""The reasons for which tests may skip.

A skipped test checks nothing. A test may skip only for something that a test machine can't be
expected to have, and its reason must start with one of the phrases below. `--strict-skips`
(.ci/run) fails a run that skips for any other reason.
"""

from __future__ import annotations

import shutil
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

ALLOWED = (
    "needs hardware",  # an attached board
    "needs GitHub",  # sources that are in no package registry
    "needs a vendor's SDK",
    "needs the recordings",  # $OTOLITH_DATA: in no package registry; only if all are missing
    "needs the third-party models",  # $OTOLITH_MODELS: likewise
)


def recordings(*parts: str) -> Path:
    """A folder or file of $OTOLITH_DATA. Skips if there are no recordings at all.

    If only some files are missing, the test fails when it reads them.
    """
    from otolith import paths

    return _part_of(paths.test_data(), "needs the recordings ($OTOLITH_DATA)", parts)


def third_party_model(*parts: str) -> Path:
    """A file of $OTOLITH_MODELS. Skips if there are no third-party models at all."""
    from otolith import paths

    return _part_of(paths.test_models(), "needs the third-party models ($OTOLITH_MODELS)", parts)


def stateful_model(name: str) -> Path:
    """A network with a memory: one of pymicro-wakeword's, or a file beside $OTOLITH_MODELS."""
    wheel = Path(str(find_spec("pymicro_wakeword").submodule_search_locations[0]))
    packed = wheel / "models" / f"{name}.tflite"
    if packed.exists():
        return packed
    folder = third_party_model().parent / "stateful_models"
    assert folder.is_dir(), f"{folder} is missing"
    return folder / f"{name}.tflite"


def program(name: str) -> str:
    """A program that `host setup` installs. Skips if it is missing, which fails in CI."""
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
        strict: fail the run if a reason is not allowed.
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
