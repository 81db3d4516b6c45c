"""Linked images of every nRF52840 board: vectors, sections, stack, and forbidden symbols."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from otolith import paths
from otolith.virtual.cortex import Image

RAM, RAM_BYTES, STACK_BYTES = 0x20000000, 256 << 10, 0x2000
BOOT_LOADERS_RAM = 0x20008000  # where the RAM of Adafruit's boot loader begins
USED = {0: "isr_power", 8: "isr_timer", 29: "isr_microphone", 39: "isr_usb"}
UNWANTED = r"_?(malloc|calloc|realloc|sbrk|v?f?s?n?i?printf)(_r)?|__aeabi_d(add|sub|mul|div)"
ENVS = [
    *("nrf52840_dk", "nrf52840_dk-mic", "seeed_xiao_nrf52840_sense"),
    *(
        pytest.param(env, marks=pytest.mark.soak)
        for env in (
            *("seeed_xiao_nrf52840_sense-mic", "arduino_nano33ble_sense"),
            "arduino_nano33ble_sense-mic",
        )
    ),
]


@pytest.fixture(params=ENVS, scope="module")
def linked(request, nrf52_image):
    """The board's JSON, the ELF, and the Image."""
    about = json.loads((paths.BOARDS / f"{request.param.removesuffix('-mic')}.json").read_text())
    elf = nrf52_image(request.param)
    return about, elf, Image.read(elf)


def sections(elf):
    text = subprocess.check_output(["arm-none-eabi-objdump", "-h", elf], text=True)
    rows = re.findall(r"^ +\d+ (\.\S+) +(\w+) +(\w+) +(\w+)", text, re.M)
    return {name: tuple(int(x, 16) for x in numbers) for name, *numbers in rows}


@pytest.mark.slow
def test_vectors_stand_where_the_core_looks_for_them(linked):
    about, _, image = linked
    flash = int(about["otolith"]["memory"]["flash"], 16)
    assert image.symbol("vectors") == flash == min(at for at, _ in image.parts)
    (code,) = (data for at, data in image.parts if at == flash)
    table = [int.from_bytes(code[4 * i : 4 * i + 4], "little") for i in range(16 + 48)]
    assert table[0] == image.symbol("__StackTop")
    assert table[1] & ~1 == image.symbol("start") & ~1
    for number, name in USED.items():
        assert table[16 + number] & ~1 == image.symbol(name) & ~1
    assert {i - 16 for i, entry in enumerate(table) if i >= 16 and entry} == set(USED)
    assert all(entry & 1 and flash < entry < flash + len(code) for entry in table[1:] if entry)


@pytest.mark.slow
def test_sections_lie_in_the_boards_memory(linked):
    about, elf, image = linked
    flash, size = int(about["otolith"]["memory"]["flash"], 16), about["upload"]["maximum_size"]
    for at, data in image.parts:
        assert flash <= at and at + len(data) <= flash + size
    found = sections(elf)
    for name in (".data", ".bss", ".stack_dummy", ".uninitialized_data"):
        length, place, _ = found[name]
        assert place >= RAM and place + length <= RAM + RAM_BYTES
    length, place, _ = found[".uninitialized_data"]
    # below the boot loader's RAM, so it survives a reset
    assert length > 64 and place + length <= BOOT_LOADERS_RAM


@pytest.mark.slow
def test_the_stack_is_at_the_bottom_of_ram(linked):
    _, _, image = linked
    assert image.symbol("__StackBottom") == RAM
    assert image.symbol("__StackTop") - RAM == STACK_BYTES


@pytest.mark.slow
def test_there_is_no_heap_no_printf_and_no_double(linked):
    assert not {name for name in linked[2].symbols if re.fullmatch(UNWANTED, name)}
    assert "isr_fault" in linked[2].symbols
