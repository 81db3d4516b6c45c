"""Hardware-in-the-loop tests, the same for an attached board and a virtual one.

    pytest tests/hil                                        # virtual Pico, both apps
    pytest tests/hil --board pico --port /dev/ttyACM0       # what that board runs
    pytest tests/hil --board pico --port ... --flash        # build and upload first
    pytest tests/hil/test_cycles.py --board pico --port ... --flash --app bench --cycles c.json

pytest-embedded's serial service opens the port (fixture dut). `client` speaks the wire protocol
over the same open port.
"""

import contextlib
import os
from pathlib import Path

import pytest

from otolith import paths
from otolith.compile import model_hash
from otolith.device import Client, SerialTransport
from otolith.device.claim import claim
from otolith.device.transports import choose_port, usb_serial
from otolith.errors import UserError
from otolith.firmware import build as firmware
from support import small_models
from support.boards import Board, virtual_board
from support.images import build

APPS = {
    "inference": "pico",
    "usb_mic": "pico-mic",
    "bench": "pico-bench",
}  # app -> environment that builds it
LISTENING = ["inference", "usb_mic"]  # bench has nothing to listen to
VIRTUAL = "virtual-pico"


def pytest_addoption(parser):
    group = parser.getgroup("otolith", "Otolith boards")
    group.addoption("--board", help=f"a name from boards/, or {VIRTUAL} (default without --port)")
    group.addoption("--model", help=".tflite on the attached board (default: fire_alarm)")
    group.addoption("--flash", action="store_true", help="build and upload before the tests")
    group.addoption("--app", choices=list(APPS), default="inference", help="what --flash uploads")
    group.addoption("--claim-timeout", type=float, default=0.0, help="seconds to wait for a board")
    group.addoption("--cycles", type=Path, help="write test_cycles.py's figures to this JSON file")
    group.addoption("--bootsel", action="store_true", help="also test bootsel: ends the session")


def pytest_configure(config):
    config.addinivalue_line("markers", "app(*names): apps a test is about; default: all")
    config.addinivalue_line("markers", "ends_session: an attached board is gone after it")
    if is_virtual(config) and config.getoption("port"):
        raise pytest.UsageError(f"--board {VIRTUAL} has no --port: it is started by the tests")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """On an attached board, the test that leaves the app runs last."""
    if not is_virtual(config):
        items.sort(key=lambda item: item.get_closest_marker("ends_session") is not None)


def is_virtual(config) -> bool:
    board = config.getoption("--board") or ("" if config.getoption("port") else VIRTUAL)
    return board == VIRTUAL


def pytest_generate_tests(metafunc):
    if "board" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("app")
    wanted = list(marker.args) if marker else LISTENING
    apps = wanted if is_virtual(metafunc.config) else ["attached"]
    metafunc.parametrize("board", apps, indirect=True, scope="session")


@pytest.fixture(scope="session")
def board(request, tmp_path_factory):
    """The board under test."""
    if is_virtual(request.config):
        folder = tmp_path_factory.mktemp(request.param)
        network = small_models.loudness() if request.param == "inference" else None
        image = build(APPS[request.param], network, folder)
        model = folder / "network.tflite" if network else None
        with virtual_board(image, request.param, model) as board:
            yield board
        return
    yield from attached_board(request.config)


def attached_board(config):
    """Claim the board and yield it. If anything is wrong with it, end the session with one line."""
    with contextlib.ExitStack() as stack:
        try:
            board = stack.enter_context(claimed_board(config))
        except UserError as error:
            pytest.exit(error.message, returncode=4)
        yield board


@contextlib.contextmanager
def claimed_board(config):
    port = choose_port(config.getoption("port"))
    name = config.getoption("--board")
    model = Path(config.getoption("--model") or paths.MODELS / "fire_alarm" / "fire_alarm.tflite")
    serial = usb_serial(port)
    with claim(serial, "hardware-in-the-loop tests", config.getoption("--claim-timeout")):
        if config.getoption("--flash"):
            app = config.getoption("--app")
            env = APPS[app].replace("pico", name or "pico")
            firmware.upload(env, None if app == "usb_mic" else model, port)
        board = Board(port, "", serial, True, model)
        with board.connect() as client:
            hello = client.hello()
        if name and hello["board"] != name:
            raise UserError(f"the board at {port} is a {hello['board']}, not a {name}")
        board.app = hello["app"]
        if board.app == "inference":
            check_network(port, hello, model)
        yield board


def check_network(port, hello, model):
    """Check that the board runs `model`, because its results are compared with that network's."""
    try:
        wanted = model_hash(model.read_bytes())
    except OSError as error:
        raise UserError(
            f"can't read {model}: {error.strerror}; name the network on the board with --model"
        ) from error
    if hello["hash"] != wanted:
        raise UserError(
            f"{port} runs another network ({hello['model']} {hello['hash']}) than {model}: "
            "upload it (--flash), or name the right one (--model)"
        )


@pytest.fixture(autouse=True)
def right_app(request):
    """An attached board runs one app; skip the tests of other apps."""
    if "board" not in request.fixturenames:
        return
    marker = request.node.get_closest_marker("app")
    app = request.getfixturevalue("board").app
    if marker and app not in marker.args:
        pytest.skip(f"the attached board runs {app}; flash {' or '.join(marker.args)} for this")


# ---- pytest-embedded's fixtures ----


@pytest.fixture
def embedded_services():
    return "serial"


@pytest.fixture
def port(board):
    assert os.path.exists(board.port)
    return board.port


@pytest.fixture
def client(dut):
    """The wire protocol over the port that pytest-embedded has opened."""
    with dut.serial.disable_redirect_thread():
        client = Client(SerialTransport.around(dut.serial.proc))
        client.hello()
        yield client
