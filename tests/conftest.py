"""What every test of this repository relies on."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from otolith import paths
from support import shared, soak
from support.cpu_table import CpuTable
from support.skips import SkipList
from support.soak import figure  # noqa: F401  a fixture of all tests

# A busy machine makes any example late, so no example has a deadline.
slow = [HealthCheck.too_slow]
settings.register_profile("lean", max_examples=25, deadline=None, suppress_health_check=slow)
settings.register_profile("soak", max_examples=1000, deadline=None, suppress_health_check=slow)


# Files of tests that run where there is neither a C compiler nor a Unix: pytest -m portable.
PORTABLE = {
    f"test_{name}.py"
    for name in (
        *("augment_settings", "compile_plan", "deploy", "evaluate_metrics", "labels"),
        *("realtime", "requantize_line", "spec", "workflow"),
    )
}
# Files that take longest, longest first: with the rest behind them no process is left to run
# alone for long.
LONG = (
    *("unit/test_architectures.py", "virtual/test_inference.py", "virtual/test_main_job.py"),
    *("unit/test_training_flow.py", "studio/test_pages.py", "virtual/test_wake_words_on_chips.py"),
    *("virtual/test_models.py", "virtual/test_board.py", "unit/test_takes.py"),
    *("virtual/test_usb_host.py", "virtual/test_live.py", "unit/test_platform.py"),
    *("virtual/test_every_board.py", "studio/test_label.py", "virtual/test_usb_mic.py"),
    *("unit/test_sweep.py", "virtual/test_front_ends.py", "virtual/test_qemu_inference.py"),
    *("virtual/test_microphone_kinds.py", "unit/test_stages.py", "unit/test_getting_started.py"),
    *("virtual/test_efr32_inference.py", "unit/test_qat.py", "virtual/test_third_party.py"),
    *("unit/test_train.py", "unit/test_train_promise.py", "studio/test_tidy.py"),
    *("unit/test_compile_ops.py", "unit/test_cores_dsp.py", "unit/test_cores_m0plus.py"),
)


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


def pytest_ignore_collect(collection_path, config):
    """With -m portable, other files are not even imported."""
    if config.getoption("markexpr") == "portable" and collection_path.name.startswith("test_"):
        return collection_path.name not in PORTABLE or None
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    for item in items:
        if item.path.name in PORTABLE:
            item.add_marker("portable")
    soak.choose(config, items)
    places = {paths.ROOT / "tests" / name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path, len(LONG)))
