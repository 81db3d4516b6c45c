"""The EFR32MG24 microphone app's linked image on register models.

Covers start-up, console, LED, watchdog, faults, resets, and the image itself.
"""

import os
import re
import struct
import subprocess

import pytest

from otolith.device import Client, Line, VirtualTransport
from otolith.errors import UserError
from otolith.virtual.efr32mg24 import MisuseError, VirtualEfr32mg24
from support.heard import events, messages
from support.images import build
from support.led_astray import hang, jump, stuck

BOARD = "xg24_dev_kit"
FREE = 0x2003F000  # RAM the image does not use
REQUEST = 0x20000000  # where the bootloader looks for a request
ENTER_BOOTLOADER = 0xF00F0202


@pytest.fixture
def image(efr32_mic_image):
    return efr32_mic_image


@pytest.fixture
def chip(image, powered):
    return powered(image, BOARD)


@pytest.fixture
def client(chip):
    client = Client(VirtualTransport(chip))
    client.hello()
    return client


def fault_after(client):
    """The fault line that follows the next hello."""
    client.hello()
    (line,) = events(messages(client, 60), "fault")
    return line["reason"]


# ---- start-up ----


def test_the_clocks_are_what_microphone_and_console_need(chip):
    chip.core.run_ms(5)
    assert chip.core.clock_hz == chip.cmu.hclk == 73_728_000
    assert chip.cmu.pclk == 36_864_000
    assert chip.cmu.eusart0 / 16 / 921_600 == 5 == 1 + chip.uart.values["CLKDIV"] / 256
    assert chip.hfrco.values["CAL"] == 0xCCF09F00 | 0x55  # the chip's factory calibration
    assert chip.hfxo.values["XTALCTRL"] == 0x03B48C3C  # 140 steps at XI, 40 more at XO
    assert chip.msc.wait_states == 1


def test_productions_crystal_tuning_goes_before_the_boards(chip):
    chip.core.write(0x0FE00100, (0xF0).to_bytes(2, "little"))
    chip.core.run_ms(5)
    assert chip.hfxo.values["XTALCTRL"] == 0x03FFF03C


def test_a_pll_that_fails_is_tried_again(chip):
    chip.dpll.fail_locks = 3
    chip.core.run_ms(10)
    assert chip.core.clock_hz == 73_728_000 and chip.dpll.fail_locks == 0


def test_what_a_bootloader_left_does_not_matter(chip):
    chip.smu.values |= {"PPUSATD0": 0, "PPUSATD1": 1 << 5, "BMPUSATD0": 0}
    chip.cmu.values["CLKEN0"] = 0x00100000
    chip.hfxo.write32(0x28, 1 << 16)
    chip.core.run_ms(10)
    secure = {"PPUSATD0": 0xFFFFFFFF, "PPUSATD1": 0x3FFFFF, "BMPUSATD0": 0x1FF}
    assert chip.smu.values == {"LOCK": 0xACCE55, **secure}
    assert chip.core.clock_hz == 73_728_000


def test_the_models_object_to_what_the_manual_forbids(chip):
    """Without these checks the other tests would prove nothing."""
    for at, value, reason in (
        (chip.cmu, (0x70, 2), "before it has locked"),
        (chip.gpio, (0x34, 1), "without a clock"),
        (chip.cmu, (0x74, 1), "no register"),
        (chip.cmu, (0x200, 1), "locked"),
    ):
        with pytest.raises(MisuseError, match=reason):
            at.write32(*value)
    chip.core.run_ms(10)
    for at, value, reason in (
        (chip.cmu, (0x70, 0x10002), "50.0 MHz"),
        (chip.cmu, (0x70, 0x00402), "40.0 MHz"),
        (chip.uart, (0x8, 0), "while enabled"),
        (chip.wdog, (0x8, 0), "while enabled"),
        (chip.hfxo, (0x18, 0), "while it runs"),
    ):
        with pytest.raises(MisuseError, match=reason):
            at.write32(*value)


# ---- console ----


def test_hello_says_who_and_how_fast(client):
    hello = client.command("version")
    assert (hello["board"], hello["app"], hello["baud"]) == (BOARD, "serial_mic", 921_600)
    assert hello["serial"] == "842E14FFFE123456"
    assert client.garbage == 0


def test_each_second_brings_statistics(client, chip):
    chip.core.run_ms(2300)
    stats = [m for m in client.lines(20) if isinstance(m, Line)]
    assert [m["event"] for m in stats] == ["stats"] * 2
    assert stats[1]["t_ms"] - stats[0]["t_ms"] == pytest.approx(1050, abs=60)
    assert stats[1]["overruns"] == stats[1]["dropped"] == stats[1]["peak"] == 0
    assert 100 < stats[1]["stack"] < 4096 and stats[1]["cpu"] < 0.05
    assert chip.core.idle_cycles > 0.9 * chip.core.cycles


def test_its_time_is_the_crystals(client, chip):
    chip.uart.out.clear()
    assert chip.core.run_until(lambda: b"stats" in chip.uart.out, 1200)
    chip.core.run_ms(3)
    (stats,) = client.lines(0.1)
    # its clock starts 2 ms after the chip
    assert stats["t_ms"] == pytest.approx(chip.core.now_ms - 3, abs=6)


def test_at_another_baud_rate_nobody_understands_it(image):
    chip = VirtualEfr32mg24(image, BOARD)
    chip.uart.baud = 115_200
    with pytest.raises(UserError, match="no answer"):
        Client(VirtualTransport(chip)).hello(timeout_ms=100)


@pytest.mark.parametrize("burst", [1, 8])
def test_what_nobody_takes_is_lost_and_counted(client, chip, burst):
    chip.uart.burst = burst
    with stuck(chip.core, FREE):
        chip.write(b"x" * 4096 + b"y" * 16 + b"z" * 100)
        chip.core.run_ms(50)
        assert chip.uart.idle and chip.uart.lost == 100
        # not yet seen, because its interrupt is disabled
        assert chip.variable("receive_overruns") == 0
    chip.core.run_ms(120)
    assert chip.variable("receive_overruns") == 1
    assert client.hello()["board"] == BOARD


def test_garbage_on_the_port_stops_nobody(client, chip):
    chip.write(bytes(range(256)) * 8 + b"\xff\0\0{{{")
    assert client.hello()["app"] == "serial_mic"


# ---- LED ----


def test_the_led_shines_while_sound_is_streamed(client, chip):
    assert chip.timer.light() == 0
    client.command("pcm on")
    chip.core.run_ms(10)
    assert chip.timer.light() == 1
    client.command("pcm off")
    chip.core.run_ms(10)
    assert chip.timer.light() == 0
    assert 0.85e6 < chip.timer.period_ns() < 0.95e6  # too fast to flicker visibly


# ---- watchdog, faults, resets ----


def test_the_watchdog_is_fed_and_does_not_bite(chip):
    chip.core.run_ms(2500)
    assert len(chip.core.resets) == 1 and chip.wdog.feeds > 20
    assert 2.0e9 <= chip.wdog.timeout_ns < 4.1e9


def test_a_stuck_main_loop_is_reset_by_the_watchdog(client, chip):
    hang(chip.core, FREE)
    chip.core.run_ms(chip.wdog.timeout_ns / 1e6 + 20)
    assert [cause for _, cause in chip.core.resets] == ["power-on", "watchdog"]
    assert fault_after(client) == "watchdog: the main loop got stuck"
    client.command("reset")
    chip.core.run_ms(100)
    client.hello()
    assert not events(messages(client, 60), "fault")


def test_a_hard_fault_is_told_at_once_and_after_the_reset(client, chip):
    jump(chip.core, 0xB0000000)
    chip.core.run_ms(10)
    told = bytes(chip.uart.out)
    reason = rb"hard fault at 0xb0000000, called from 0x[0-9a-f]{8}\r\n"
    assert re.search(reason, told)
    assert [cause for _, cause in chip.core.resets] == ["power-on", "software"]
    assert fault_after(client).startswith("hard fault at 0xb0000000, called from 0x0800")


def test_a_full_stack_is_a_fault_not_damage(client, chip):
    regs = chip.core.registers
    bottom = chip.image.symbol("__StackBottom")
    jump(chip.core, chip.image.symbol("board_time_us"))  # a function that begins with a push
    chip.core.uc.reg_write(regs.UC_ARM_REG_MSP, bottom)
    chip.core.run_ms(10)
    assert len(chip.core.resets) == 2
    assert fault_after(client).startswith("hard fault")


def test_reset_starts_anew(client, chip):
    client.command("pcm on")
    client.command("reset")
    chip.core.run_ms(100)
    assert [cause for _, cause in chip.core.resets] == ["power-on", "software"]
    assert client.hello() and client.command("stats")["blocks"] < 40
    chip.core.run_ms(50)
    assert chip.timer.light() == 0  # it does not stream, so the LED is off


def test_bootsel_asks_the_bootloader_in(chip):
    found = []
    start = chip.image.symbol("start")
    chip.core.stop_at(start, lambda: found.append(chip.core.read_word(REQUEST)))
    client = Client(VirtualTransport(chip))
    for command in ("bootsel", "reset"):
        client.hello()
        client.command(command)
        chip.core.run_ms(100)
    # the application cleared the request when it started
    assert found == [0, ENTER_BOOTLOADER, 0]


# ---- the image ----


def test_vectors_lie_where_the_core_looks(chip):
    symbol = chip.image.symbol
    vectors = struct.unpack("<38I", chip.core.read(0x08000000, 4 * 38))
    expected = {0: symbol("__StackTop"), 1: symbol("start"), 2: symbol("isr_nmi")}
    expected |= dict.fromkeys((3, 11, 12, 14), symbol("isr_fault"))
    expected |= {15: symbol("isr_systick"), 16 + 21: symbol("isr_microphone")}
    expected |= dict.fromkeys((16 + 11, 16 + 12), symbol("isr_uart"))
    for number, entry in enumerate(vectors):
        wanted = expected.get(number, 0)
        assert entry == wanted if number == 0 else entry & ~1 == wanted & ~1, number
        assert number == 0 or entry & 1 or not entry, number


def test_sections_stack_and_what_the_bootloader_needs(chip, image):
    listing = subprocess.check_output(["arm-none-eabi-objdump", "-h", image], text=True)
    sections = {
        name: (int(size, 16), int(at, 16))
        for name, size, at in re.findall(r"^ +\d+ (\.\w+) +(\w+)  (\w+)", listing, re.M)
    }
    assert sections[".text"][1] == 0x08000000
    ram = {name: place for name, place in sections.items() if place[1] >> 28 == 2 and place[0]}
    assert set(ram) <= {".stack_dummy", ".data", ".bss", ".uninitialized_data"}
    assert min(at for _, at in ram.values()) == REQUEST + 8
    assert max(at + size for size, at in ram.values()) < FREE
    assert chip.image.symbol("__StackTop") - chip.image.symbol("__StackBottom") == 0x2000 - 8


def test_the_image_has_neither_heap_nor_printf(image):
    names = subprocess.check_output(["arm-none-eabi-nm", image], text=True)
    symbols = {line.split()[-1] for line in names.splitlines()}
    unwanted = r"_?(malloc|calloc|realloc|sbrk|v?f?s?n?i?printf)(_r)?|__aeabi_d(add|sub|mul|div)"
    assert not {symbol for symbol in symbols if re.fullmatch(unwanted, symbol)}


@pytest.mark.skipif(
    "GECKO_SDK_PATH" not in os.environ,
    reason="needs a vendor's SDK: GECKO_SDK_PATH names no folder with Silicon Labs' headers",
)
def test_with_silicon_labs_headers_it_is_the_same_image(tmp_path, monkeypatch):
    theirs = build("xg24_dev_kit-mic", None, tmp_path, "bin").read_bytes()
    monkeypatch.delenv("GECKO_SDK_PATH")
    assert build("xg24_dev_kit-mic", None, tmp_path, "bin").read_bytes() == theirs
