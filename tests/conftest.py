"""What every test of this repository relies on."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from support import shared, soak
from support.cpu_table import CpuTable
from support.skips import SkipList
from support.soak import figure  # noqa: F401  a fixture of all tests

# A busy machine makes any example late, so no example has a deadline.
slow = [HealthCheck.too_slow]
settings.register_profile("lean", max_examples=25, deadline=None, suppress_health_check=slow)
settings.register_profile("soak", max_examples=1000, deadline=None, suppress_health_check=slow)


def pytest_addoption(parser):
    group = parser.getgroup("otolith", "Otolith")
    group.addoption(
        "--cpu",
        nargs="?",
        const="files",
        choices=("files", "tests"),
        help="print the CPU seconds of each test file (or of each test)",
    )
    group.addoption("--soak", action="store_true", help="the long tests, at full depth, alone")
    group.addoption("--soak-log", type=Path, metavar="FILE", help="where --soak writes what it did")
    group.addoption(
        "--strict-skips",
        action="store_true",
        help="fail if a test skips for another reason than those in tests/support/skips.py",
    )


def pytest_configure(config):
    """A build folder for each of the processes that run tests side by side; what the user built
    last stays as it is."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    os.environ["PLATFORMIO_BUILD_DIR"] = str(shared.TEST_BUILD / (worker or "alone"))
    if config.getoption("--soak"):
        os.environ[soak.VARIABLE] = "1"
    settings.load_profile("soak" if soak.soaking() else "lean")
    if config.getoption("--cpu"):
        config.pluginmanager.register(CpuTable(config.getoption("--cpu") == "tests"))
    config.pluginmanager.register(SkipList(config.getoption("--strict-skips")))
    if worker is None:
        shared.remove_old()
        if config.getoption("--soak-log"):
            config.pluginmanager.register(soak.SoakLog(config.getoption("--soak-log")))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    soak.choose(config, items)
