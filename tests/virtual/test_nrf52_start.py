"""nRF52840 images on register models: from reset to the main loop, and what ends a run."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from otolith.device import Client, VirtualTransport
from otolith.virtual.nrf52840 import VirtualNrf52840
from support.heard import events, messages
from support.nrf52_board import BOARDS, plugged

VTOR, CPACR, AIRCR = 0xE000ED08, 0xE000ED88, 0xE000ED0C
STUCK = "watchdog: the main loop got stuck"


@pytest.fixture
def image(nrf52_image):
    return nrf52_image("nrf52840_dk")


def system(board, address):
    return board.core.system.read32(address & 0xFFF)


@pytest.mark.parametrize("name", BOARDS)
def test_start_up_brings_clocks_fpu_and_vectors(name, nrf52_image):
    board = VirtualNrf52840(nrf52_image(name), name)
    flash = board.board.flash_start
    board.run_ms(30)
    assert board.faults == []
    assert system(board, VTOR) == flash == board.image.symbol("vectors")
    assert system(board, CPACR) >> 20 & 15 == 15
    assert board.power.crystal and board.power.slow
    assert board.power.registers[0x518] == 1  # LFCLKSRC: the crystal
    assert board.watchdog.running and board.watchdog.timeout_ms == 2000
    assert board.watchdog.fed > 0
    assert board.led_brightness == 0
    assert board.pdm.running and board.pdm.rate == 16000
    assert board.core.idle_cycles > 0.8 * board.core.cycles  # mostly asleep
    enabled = {n - 16 for n in board.core.system.enabled if n >= 16}
    assert enabled == {0, 8, 29, 39}  # power, timer, microphone, USB


def test_what_a_boot_loader_left_on_disturbs_nobody(image):
    board = VirtualNrf52840(image)
    nvic = board.core.system
    nvic.enabled |= set(range(16, 64))
    nvic.pending |= {16 + 3, 16 + 20, 15}
    nvic.write32(0x14, 1000)
    nvic.write32(0x10, 7)  # SysTick with its interrupt enabled
    board.power.enabled = 3  # interrupts when the two clocks have started
    board.timers[0].enabled = 0x3F0000
    board.power.vbus = board.power.supplied = board.usbd.enabled_port = True
    board.usbd.enabled = 0x1FFFFFF
    board.core.uc.reg_write(board.core.registers.UC_ARM_REG_PRIMASK, 1)
    assert board.core.run_until(lambda: board.usbd.attached, 20)
    board.usb.start()
    board.usb.enumerate()
    board.usb.open_console()
    assert Client(VirtualTransport(board)).hello()["board"] == "nrf52840_dk"
    assert board.faults == []


def test_time_passes_as_it_does(image):
    board, client = plugged(image)
    first = client.command("stats")["t_ms"]
    board.run_ms(3000)
    second = events(messages(client, 5), "stats")[-1]["t_ms"]
    assert (second - first) % 1000 <= 32 and 2000 <= second - first <= 3100


def test_time_goes_on_over_the_timers_wrap(image):
    """TIMER0 wraps after 71 minutes, so start it near the end."""
    board = VirtualNrf52840(image)
    board.run_ms(30)
    board.timers[0]._held = 2**32 - 500_000  # us
    before = board.timers[0].value
    for channel in range(6):
        board.timers[0]._set_alarm(channel)
    board.plug_usb()
    client = Client(VirtualTransport(board))
    client.hello()
    times = [m["t_ms"] for m in events(messages(client, 5500), "stats")]
    assert board.timers[0].value < before  # it has wrapped
    assert len(times) == 5
    assert [b - a for a, b in pairwise(times)] == [pytest.approx(1000, abs=33)] * 4
    assert board.core.resets == [(0.0, "power-on")]


@pytest.mark.parametrize("name", BOARDS)
def test_bootsel_asks_the_boards_boot_loader(name, nrf52_image):
    board, client = plugged(nrf52_image(name), name)
    assert board.power.retained == 0
    client.send_line("bootsel")
    assert board.core.run_until(lambda: len(board.core.resets) > 1, 500)
    assert board.core.resets[-1][1] == "software"
    wanted = {"arduino_nano33ble_sense": 0xB0, "seeed_xiao_nrf52840_sense": 0x57}
    assert board.power.retained == wanted.get(name, 0)


def test_reset_is_no_fault(image):
    board, client = plugged(image)
    client.send_line("reset")
    assert board.core.run_until(lambda: len(board.core.resets) > 1, 500)
    board.unplug_usb()
    board.run_ms(20)
    board.plug_usb()
    _, before = Client(VirtualTransport(board)).ask("stats")
    assert events(before, "fault") == []


def reason_after(board):
    """The reason the board gives for its last reset."""
    board.unplug_usb()
    board.run_ms(20)
    board.plug_usb()
    client = Client(VirtualTransport(board))
    client.hello()
    _, before = client.ask("stats")
    return [m["reason"] for m in events(before + messages(client, 1200), "fault")]


def test_a_hard_fault_is_told_on_the_uart_and_after_the_reset(image):
    board, client = plugged(image)
    board.core.go_astray(0xB0000000)
    board.run_ms(30)
    told = bytes(board.uart.sent).decode()
    assert re.fullmatch(r"hard fault at 0xb0000000, called from 0x[0-9a-f]{8}\r\n", told)
    assert [cause for _, cause in board.core.resets] == ["power-on", "software"]
    found = reason_after(board)
    assert found == [told.strip()]
    client = Client(VirtualTransport(board))
    client.send_line("reset")
    board.run_ms(50)
    assert reason_after(board) == []  # reported only once


def test_a_full_stack_is_a_fault_and_not_someone_elses_data(image):
    board, _ = plugged(image)
    core = board.core
    core._to_thread_mode()
    core.uc.reg_write(core.registers.UC_ARM_REG_SP, board.image.symbol("__StackBottom"))
    board.run_ms(50)
    assert b"hard fault" in bytes(board.uart.sent)
    assert len(core.resets) == 2


def test_a_stuck_main_loop_is_reset_by_the_watchdog(image):
    board, _ = plugged(image)
    board.core.hold_ms(1900)
    assert len(board.core.resets) == 1
    board.run_ms(100)  # fed again
    start = board.core.now_ms
    board.core.hold_ms(2300)
    assert [cause for _, cause in board.core.resets] == ["power-on", "watchdog"]
    assert board.core.resets[-1][0] / 1e6 - start == pytest.approx(2000, abs=50)
    assert bytes(board.uart.sent).decode() == STUCK + "\r\n"
    assert board.power.reasons == 0  # cleared for the next reset
    assert reason_after(board) == [STUCK]
    assert Client(VirtualTransport(board)).hello()["app"] == "inference"
