"""A new board of a supported family needs only one JSON file.

The board here does not exist. It has a boot loader with the older SoftDevice and its console on a
UART. It is built completely and run.
"""

from __future__ import annotations

import subprocess

import numpy as np
import pytest

from otolith.device import Client, VirtualTransport
from otolith.device.boards import board_from
from otolith.errors import UserError
from otolith.listen.chain import Chain
from otolith.virtual.nrf52840 import VirtualNrf52840
from support import new_board, small_models
from support.heard import events, messages
from support.nrf52_board import tone

BOARD = {
    "name": "Listening Feather",
    "vendor": "nobody",
    "url": "https://example.org/",
    "build": {
        "mcu": "nrf52840",
        "cpu": "cortex-m4",
        "core_flags": ["-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"],
        "f_cpu": "64000000L",
    },
    "otolith": {
        "family": "nrf52",
        "console": "uart",
        "baud": 921600,
        "pins": {
            "PDM_DATA": "P0_00",
            "PDM_CLOCK": "P0_01",
            "LED": "P1_09",
            "UART_TX": "P0_25",
            "UART_RX": "P0_24",
        },
        "bootloader_request": "0x57",
        "memory": {"flash": "0x00026000", "ram": "0x20000000"},
    },
    "upload": {
        "maximum_ram_size": 262144,
        "maximum_size": 815104,
        "uf2_family": "0xada52840",
        "uf2_board": "nobody's",
        "protocol": "uf2",
        "protocols": ["uf2"],
    },
}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The build folder."""
    folder = tmp_path_factory.mktemp("new_board")
    return new_board.build("listening_feather", BOARD, folder, small_models.loudness())


@pytest.fixture
def board(built):
    board = VirtualNrf52840(built / "firmware.elf", board_from("listening_feather", BOARD))
    board.run_ms(20)  # until it listens
    yield board
    assert board.faults == [] and board.uart.lost == 0


@pytest.fixture
def client(board):
    client = Client(VirtualTransport(board))
    assert client.hello()["board"] == "listening_feather"
    return client


@pytest.mark.slow
def test_it_builds_with_a_uf2_for_its_boot_loader(built):
    block = (built / "firmware.uf2").read_bytes()[:512]
    assert int.from_bytes(block[12:16], "little") == 0x26000
    assert int.from_bytes(block[28:32], "little") == 0xADA52840
    names = subprocess.check_output(["arm-none-eabi-nm", built / "firmware.elf"], text=True)
    assert "tud_task" not in names  # no USB in it


@pytest.mark.slow
def test_injected_sound_over_uart_gives_the_features_it_gives_here(client):
    pcm = tone(0.3, 9000)
    result = client.inject(pcm)
    hops = list(Chain(small_models.loudness()).run(pcm))
    np.testing.assert_array_equal(
        result.features, np.concatenate([h.features for h in hops if len(h.features)])
    )
    assert len(result.features) > 30 and client.garbage == 0


@pytest.mark.slow
def test_the_uart_takes_a_flood_and_bad_input(board, client):
    rng = np.random.default_rng(2)
    board.uart.send(rng.integers(0, 256, 3000, np.uint8).tobytes())
    assert client.hello()["board"] == "listening_feather"
    count = 80
    board.uart.send(b"version\n" * count)
    answered = events(messages(client, 1500), "hello")
    assert len(answered) + client.command("stats")["dropped"] >= count
    with pytest.raises(UserError, match="unknown command"):
        client.command("nonsense")


@pytest.mark.slow
def test_bytes_that_come_while_the_main_loop_is_stuck_wait(board, client):
    board.uart.send(b"pcm off\n" * 250)  # 2,000 bytes; the rings hold at least 4,096
    board.core.hold_ms(100)
    answers = events(messages(client, 1500), "ok")
    assert len(answers) + client.command("stats")["dropped"] >= 250 and len(answers) > 50
    board.uart.send(b"#" * 9000 + b"\n")  # more than the ring holds
    board.core.hold_ms(200)
    messages(client, 300)
    assert client.hello()["app"] == "inference"
