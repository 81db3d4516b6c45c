"""Option --cpu: a table of CPU seconds per test file, children included, after the tests.

Wall time says little on a busy machine. The user and system time of the test process and of the
child processes it waited for depends on the work alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import pytest

OUTPUT = "otolith_cpu"


def used() -> float:
    """CPU seconds so far, of this process and of its children that have ended."""
    import resource  # Unix only, like this option

    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


class CpuTable:
    """Adds up seconds by name. A pytest-xdist worker sends its sums to the main process.

    Args:
        each_test: list tests instead of test files.
    """

    def __init__(self, each_test: bool):
        self.each_test = each_test
        self.seconds: dict[str, float] = defaultdict(float)

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Iterator[None]:
        before = used()
        try:
            return (yield)
        finally:
            self.seconds["(imports and collection)"] += used() - before

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        before = used()
        try:
            return (yield)
        finally:
            name = item.nodeid if self.each_test else item.nodeid.split("::")[0]
            self.seconds[name] += used() - before

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[OUTPUT] = dict(self.seconds)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node) -> None:
        for name, seconds in getattr(node, "workeroutput", {}).get(OUTPUT, {}).items():
            self.seconds[name] += seconds

    def pytest_terminal_summary(self, terminalreporter) -> None:
        terminalreporter.section("CPU seconds")
        for name, seconds in sorted(self.seconds.items(), key=lambda pair: -pair[1]):
            if seconds >= 0.05:
                terminalreporter.write_line(f"{seconds:9.1f}  {name}")
        terminalreporter.write_line(f"{sum(self.seconds.values()):9.1f}  in all")
