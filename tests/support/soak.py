"""How much work `make test` and `make soak` do.

`make test` checks each property with little work. `make soak` repeats the same tests with more:
longer streams, more random networks, more examples. A test calls depth() to know how much to do:

    SECONDS = depth(60, soak=600)

Mark such a test `deep`. `make soak` runs tests marked `deep` or `soak`; `make test` runs all except
those marked `soak`. Property tests (Hypothesis) are always `deep`.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import pytest

from otolith import files

T = TypeVar("T")
VARIABLE = "OTOLITH_SOAK"  # set for test processes and their children
FIGURE = "figure"


def soaking() -> bool:
    return os.environ.get(VARIABLE) == "1"


def depth(lean: T, soak: T) -> T:
    """`lean` in `make test`, `soak` in `make soak`."""
    return soak if soaking() else lean


def choose(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark property tests `deep`, and deselect tests that are not for this run."""
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("deep")
    wanted, other = [], []
    for item in items:
        only_soak = item.get_closest_marker("soak") is not None
        if soaking():
            here = only_soak or item.get_closest_marker("deep") is not None
        else:
            here = not only_soak
        (wanted if here else other).append(item)
    if other:
        config.hook.pytest_deselected(items=other)
        items[:] = wanted


@pytest.fixture
def figure(record_property) -> Callable[[str], None]:
    """figure("3,000 models: 2,412 refused") adds a line for this test to bench/results/soak.txt."""
    return lambda text: record_property(FIGURE, text)


class SoakLog:
    """Writes the log of a soak run: a line per test with its result, seconds and figures."""

    def __init__(self, path: Path):
        self.path = path
        self.start = time.monotonic()
        self.lines: dict[str, str] = {}
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()
        self.figures: dict[str, list[str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid
        self.seconds[name] = self.seconds.get(name, 0) + report.duration
        if report.failed:
            self.failed.add(name)
        if report.when == "call" or report.outcome != "passed":
            self.lines[name] = "FAILED" if name in self.failed else report.outcome
        if report.when == "teardown":
            found = [text for key, text in report.user_properties if key == FIGURE]
            self.figures[name] = list(map(str, found))

    def text(self) -> Iterable[str]:
        yield "# make soak: the long versions of the tests, and those that only run there"
        yield f"# {datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC"
        system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
        yield f"# {system}, numpy {version('numpy')}"
        counts = {
            how: list(self.lines.values()).count(how) for how in ("passed", "FAILED", "skipped")
        }
        told = ", ".join(f"{count} {how}" for how, count in counts.items())
        yield f"# {told} in {time.monotonic() - self.start:.0f} s"
        yield ""
        for name, how in sorted(self.lines.items()):
            yield f"{how:8}{self.seconds[name]:8.1f} s  {name}"
            yield from (f"{'':20}{line}" for line in self.figures.get(name, []))

    def pytest_sessionfinish(self) -> None:
        if self.lines:
            files.write_text(self.path, "\n".join(self.text()) + "\n")
