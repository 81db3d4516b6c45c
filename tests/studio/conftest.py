"""A running Studio, for all tests of this folder."""

from pathlib import Path

import pytest

from support.browser import chromium
from support.studio import Running, running

TEST_S = 300  # for a test with its fixtures, some of which build firmware on a busy computer


def pytest_collection_modifyitems(items):
    """A page that never shows what a test waits for costs CI minutes, not a quarter of an hour."""
    for item in items:
        if Path(__file__).parent in item.path.parents and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(TEST_S))


@pytest.fixture(scope="module")
def studio(tmp_path_factory) -> Running:
    """A server in a thread of this process, with an empty folder for projects."""
    with running(tmp_path_factory.mktemp("home")) as found:
        yield found


@pytest.fixture(scope="session")
def browser():
    """A browser without a microphone, one for all tests."""
    with chromium() as found:
        yield found
