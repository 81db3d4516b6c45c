"""Virtual boards and their firmware images, each built once."""

import contextlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from otolith.device import Client, VirtualTransport
from otolith.device.boards import Board
from otolith.virtual import VirtualBoard, boot, class_for
from support import small_models
from support.images import build
from support.soak import soaking

TEST_S = 600  # for a test with its fixtures, some of which build firmware on a busy computer


def pytest_collection_modifyitems(items):
    """A board that a test waits for in vain costs minutes, not a quarter of an hour."""
    for item in items:
        here = Path(__file__).parent in item.path.parents
        if here and not soaking() and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(TEST_S))


@pytest.fixture(scope="session")
def bench_image(tmp_path_factory) -> Path:
    """The bench app with small_models.sums()."""
    return build("pico-bench", small_models.sums(), tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="session")
def inference_image(tmp_path_factory) -> Path:
    """The inference app with small_models.loudness()."""
    return build("pico", small_models.loudness(), tmp_path_factory.mktemp("inference"))


@pytest.fixture(scope="session")
def slow_image(tmp_path_factory) -> Path:
    """The inference app with small_models.slow(), which is too slow for its hop."""
    return build("pico", small_models.slow(), tmp_path_factory.mktemp("slow"))


@pytest.fixture(scope="session")
def mic_image(tmp_path_factory) -> Path:
    """The USB microphone."""
    return build("pico-mic", None, tmp_path_factory.mktemp("mic"))


@pytest.fixture(scope="session")
def pico2_image(tmp_path_factory) -> Path:
    """The inference app of the RP2350 with small_models.loudness()."""
    return build("pico2", small_models.loudness(), tmp_path_factory.mktemp("pico2"))


@pytest.fixture(scope="session")
def pico2_mic_image(tmp_path_factory) -> Path:
    """The USB microphone of the RP2350."""
    return build("pico2-mic", None, tmp_path_factory.mktemp("pico2-mic"))


@pytest.fixture(scope="session")
def efr32_mic_image(tmp_path_factory) -> Path:
    """The microphone app of a board without USB."""
    return build("xg24_dev_kit-mic", None, tmp_path_factory.mktemp("efr32"), "elf")


@pytest.fixture(scope="session")
def nrf52_image(tmp_path_factory) -> Callable[[str], Path]:
    """Builds the ELF of an nRF52840 board's environment: the inference app with loudness()."""
    folder = tmp_path_factory.mktemp("nrf52")
    model = small_models.loudness()
    return cache(lambda env: build(env, None if env.endswith("-mic") else model, folder, "elf"))


@pytest.fixture
def powered() -> Iterator[Callable[..., VirtualBoard]]:
    """powered(image, board="pico", **options): a virtual board of any chip, closed after the test.

    `options` go to the board's class. Without options, all cables are connected.
    """
    with contextlib.ExitStack() as stack:

        def power(image: Path, board: str | Board = "pico", **options: object) -> VirtualBoard:
            if options:
                return stack.enter_context(class_for(board)(image, board=board, **options))
            return stack.enter_context(boot(image, board))

        yield power


@pytest.fixture
def client(board):
    """A client that has exchanged hello with the test's board."""
    client = Client(VirtualTransport(board))
    client.hello(timeout_ms=1000)
    return client
