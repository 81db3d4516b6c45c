"""What every test of this repository relies on."""

import os

from otolith import paths


def pytest_configure(config):
    """A build folder for each of the processes that run tests side by side; what the user built
    last stays as it is."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    os.environ["PLATFORMIO_BUILD_DIR"] = str(paths.TOOLS / "test-build" / worker)
