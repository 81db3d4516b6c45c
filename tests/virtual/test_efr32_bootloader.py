"""An EFR32MG24 board with the Gecko bootloader, defined by one additional JSON file.

The image is linked behind the bootloader and started by it, and `bootsel` returns to it. A few
instructions stand in for the bootloader: they look for its request as UG489 describes, and start
the application if there is none.
"""

import json
import subprocess

import pytest

from otolith import paths
from otolith.device import Client, VirtualTransport
from otolith.device.boards import board_from
from otolith.virtual.efr32mg24 import VirtualEfr32mg24
from support import new_board

FLASH, BEHIND = 0x08000000, 0x08006000
BOOTLOADER = """
    .syntax unified
    .thumb
    .section .text
    .word 0x20002000, start + 1
    .thumb_func
start:
    ldr r0, =0x20000000         @ the request, and its reason
    ldr r1, [r0]
    ldr r2, =0xf00f0202
    cmp r1, r2
    beq stay
    ldr r0, =0x40008070         @ leaves another clock than a reset does: HCLK by 2
    ldr r1, =0x00001001
    str r1, [r0]
    ldr r0, =0x08006000
    ldr r1, [r0]
    msr msp, r1
    ldr r0, [r0, #4]
    bx r0
    .thumb_func
stay:
    wfi
    b stay
    .ltorg
"""


@pytest.fixture(scope="module")
def about():
    about = json.loads((paths.ROOT / "boards" / "xg24_dev_kit.json").read_text())
    about["otolith"]["memory"]["flash"] = f"{BEHIND:#010x}"
    about["upload"]["maximum_size"] -= BEHIND - FLASH
    return about


@pytest.fixture(scope="module")
def image(about, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bootloader")
    built = new_board.build("xg24_with_bootloader", about, folder, app="serial_mic")
    return built / "firmware.elf"


@pytest.fixture(scope="module")
def bootloader(tmp_path_factory):
    """Its code at the start of flash, and the address where it stays in its own loop."""
    folder = tmp_path_factory.mktemp("asm")
    (folder / "b.s").write_text(BOOTLOADER)
    tool = "arm-none-eabi-"
    elf, flat = str(folder / "b.elf"), folder / "b.bin"
    link = ["-nostdlib", f"-Wl,-Ttext={FLASH:#x}", "-Wl,-e,0"]
    subprocess.run(
        [f"{tool}gcc", "-mcpu=cortex-m33", *link, str(folder / "b.s"), "-o", elf], check=True
    )
    subprocess.run([f"{tool}objcopy", "-O", "binary", elf, str(flat)], check=True)
    names = subprocess.check_output([f"{tool}nm", elf], text=True)
    (stay,) = [int(line.split()[0], 16) for line in names.splitlines() if line.endswith(" stay")]
    return flat.read_bytes(), stay


@pytest.mark.slow
def test_behind_a_bootloader_it_runs_and_gets_back_to_it(about, image, bootloader):
    code, stay = bootloader
    chip = VirtualEfr32mg24(image, board_from("xg24_with_bootloader", about), bootloader=code)
    client = Client(VirtualTransport(chip))
    assert client.hello()["board"] == "xg24_with_bootloader"
    assert chip.core.clock_hz == 73_728_000
    client.command("reset")
    assert client.hello()["app"] == "serial_mic"
    client.command("bootsel")
    chip.core.run_ms(100)
    assert stay <= chip.core.pc < stay + 6
