"""A running Studio, for all tests of this folder."""

import pytest

from support.browser import chromium
from support.studio import Running, running


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
