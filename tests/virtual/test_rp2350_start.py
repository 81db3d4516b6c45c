"""RP2350 images on register models: boot ROM, start-up, and what ends a run."""

from __future__ import annotations

import re
import struct

import pytest

from otolith.device import Client, VirtualTransport
from otolith.errors import UserError
from otolith.virtual.rp2350.boot_rom import check_image
from otolith.virtual.rp2350.chip import VirtualPico2
from otolith.virtual.rp2350.uf2 import decode
from support.heard import events, messages

FLASH = range(0x10000000, 0x10400000)
STUCK = "watchdog: the main loop got stuck"
VTOR, CPACR = 0xD08, 0xD88


@pytest.fixture
def board(pico2_image):
    return VirtualPico2(pico2_image)


def plugged(board):
    board.plug_usb()
    client = Client(VirtualTransport(board))
    client.hello()
    return client


def test_start_up_brings_clocks_and_vectors(board):
    board.run_ms(60)
    assert board.faults == []
    assert board.core.clock_hz == 150_000_000
    assert board.clocks.usb_hz == 48_000_000 and board.clocks.peri_hz == 150_000_000
    assert board.ticks.hz(2) == 1_000_000
    assert board.core.system.read32(VTOR) >> 24 == 0x20  # the vectors are in RAM
    assert board.core.system.read32(CPACR) >> 20 & 3 == 3  # the FPU is on
    assert board.watchdog.fed > 0
    assert board.led_brightness == 0
    enabled = {n - 16 for n in board.core.system.enabled if n >= 16}
    assert enabled == {10, 14}  # DMA and USB
    # 16 kHz from 150 MHz, exactly
    assert board.pio.machines[0].cycle_ns * 64 * 2 * 16_000 == pytest.approx(1e9, rel=1e-12)
    asleep = board.core.idle_cycles
    board.run_ms(20)
    assert board.core.idle_cycles - asleep > 0.8 * 20e-3 * 150e6


def test_serial_number_is_the_chips(pico2_image):
    board = VirtualPico2(pico2_image, chip_id=0x0123456789ABCDEF)
    board.plug_usb()
    assert board.usb.strings[2] == "0123456789ABCDEF"
    assert Client(VirtualTransport(board)).hello()["serial"] == "0123456789ABCDEF"


def test_time_passes_as_it_does(board):
    client = plugged(board)
    first = client.command("stats")["t_ms"]
    board.run_ms(2000)
    second = events(messages(client, 5), "stats")[-1]["t_ms"]
    assert (second - first) % 1000 <= 33 and 1000 <= second - first <= 2100


def reason_after(board):
    """The reason the board gives for its last reset."""
    board.unplug_usb()
    board.run_ms(40)
    client = plugged(board)
    _, before = client.ask("stats")
    return [m["reason"] for m in events(before + messages(client, 1200), "fault")]


def test_a_hard_fault_is_told_on_the_uart_and_after_the_reset(board):
    plugged(board)
    board.core.go_astray(0xB0000000)
    board.run_ms(40)
    told = bytes(board.uart.sent).decode()
    assert re.fullmatch(r"hard fault at 0xb0000000, called from 0x[0-9a-f]{8}\r\n", told)
    assert board.uart.sent_at == pytest.approx(115_200, rel=0.01)
    assert [cause for _, cause in board.core.resets] == ["power-on", "software"]
    assert reason_after(board) == [told.strip()]


def test_a_stuck_main_loop_is_reset_by_the_watchdog(board):
    plugged(board)
    start = board.core.now_ms
    board.core.hold_ms(2300)
    assert [cause for _, cause in board.core.resets] == ["power-on", "watchdog"]
    assert board.core.resets[-1][0] / 1e6 - start == pytest.approx(2000, abs=50)
    assert reason_after(board) == [STUCK]


def test_bootsel_leaves_the_image_for_the_boot_rom(pico2_image, powered):
    board = powered(pico2_image, "pico2")
    client = Client(VirtualTransport(board))
    client.hello()
    client.send_line("bootsel")
    board.run_ms(100)
    assert board.in_bootloader and not board.ready
    assert [e.kind for e in board.events][-2:] == ["reset", "bootsel"]


# ---- what the boot ROM takes ----


def words(*values):
    return struct.pack(f"<{len(values)}I", *values)


def block(item, following):
    return words(0xFFFFDED3, item, 0x000001FF, following & 0xFFFFFFFF, 0xAB123579)


ARM = 0x10210142  # IMAGE_TYPE, one word: executable, secure, Arm, RP2350


def test_the_image_begins_as_the_boot_rom_wants_it(pico2_image):
    parts = decode(pico2_image.read_bytes(), FLASH)
    flash = b"".join(data for _, data in parts)
    check_image(flash)
    stack, entry = struct.unpack("<2I", flash[:8])
    assert stack == 0x20082000
    assert 0x10000000 < entry < 0x10000000 + len(flash) and entry & 1
    assert flash.index(words(0xFFFFDED3, ARM)) < 4096


@pytest.mark.parametrize(
    ("flash", "told"),
    [
        (bytes(5000), "no block in its first 4 kB"),
        (bytes(4096) + block(ARM, 0), "no block in its first 4 kB"),
        (block(0x11210142, 0) + bytes(16), "not one for an RP2350's Arm cores"),  # RISC-V
        (block(0x10010142, 0) + bytes(16), "not one for an RP2350's Arm cores"),  # no security
        (block(ARM, 20) + bytes(16), "damaged"),
        (block(ARM, 20) + block(0x000001FE, 20) + block(0x000001FE, 0), "do not form a loop"),
        (block(ARM, 0)[:-4] + words(0) + bytes(16), "damaged"),
    ],
)
def test_the_boot_rom_refuses_other_images(flash, told):
    with pytest.raises(UserError, match=told):
        check_image(flash)


def test_the_boot_rom_follows_a_loop_of_blocks():
    check_image(bytes(64) + block(ARM, 20) + block(0x000001FE, -20) + bytes(16))
