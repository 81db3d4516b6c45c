"""Build script of the nRF52840, without an SDK.

Register definitions come from lib/board/src/nrf52/nrf, or from nrfx's MDK if NRFX_PATH names its
folder. Both use Nordic's names. Boards with a USB console get TinyUSB's nrf5x driver.
"""

import os
import sys
from pathlib import Path

from SCons.Script import COMMAND_LINE_TARGETS, Import

from otolith import paths

Import("env", "foreign", "add_core", "add_foreign", "add_images", "add_libraries")
Import("fail", "app", "root")

sys.path.insert(0, str(Path(env.PioPlatform().get_dir()) / "builder"))
import tinyusb  # noqa: E402

board = env.BoardConfig()
tools = paths.TOOLS
registers = root / "lib" / "board" / "src" / "nrf52" / "nrf"

console = board.get("otolith.console", "usb")
if console not in ("usb", "uart"):
    fail(f'{board.id}: otolith.console is "{console}": write "usb" or "uart"')
usb = "usb" in (console, app.console)
add_core("nrf52.ld", "usb" if usb else "uart")

include = []
if os.environ.get("NRFX_PATH"):
    nrfx = Path(os.environ["NRFX_PATH"])
    found = [f for f in (nrfx / "mdk", nrfx / "bsp" / "stable" / "mdk") if (f / "nrf.h").exists()]
    if not found:
        fail(f"NRFX_PATH={nrfx}: there is no mdk/nrf.h in it")
    include.append(found[0])
include.append(registers)

bootloader = board.get("otolith.bootloader_request", None)
defines = [
    "NRF52840_XXAA",
    "BOARD_OWN_TIME",
    ("BOARD_LED_ACTIVE_LOW", int(board.get("otolith.led_active_low", False))),
    *([("BOARD_BOOTLOADER_REQUEST", bootloader)] if bootloader else []),
]
if usb:
    add_libraries("usb")
    include.append(tools / "tinyusb" / "src")
    defines += [
        "BOARD_USB",
        ("CFG_TUSB_MCU", "OPT_MCU_NRF5X"),
        ("CFG_TUSB_OS", "OPT_OS_NONE"),
        # isochronous transfers have a dedicated endpoint (Product Specification 6.35.8)
        ("USB_MICROPHONE_ENDPOINT_NUMBER", 8),
    ]
    wrapped = [*tinyusb.WRAPPED, "dcd_edpt_close", "dcd_edpt_close_all"]  # usb_port.c
    env.Append(LINKFLAGS=[f"-Wl,--wrap={name}" for name in wrapped])
for target in (env, foreign):
    target.Append(
        CCFLAGS=[f"-isystem{folder}" for folder in include],
        CPPDEFINES=defines,
        CPPPATH=[root / "lib" / "usb" / "src"],  # tusb_config.h
    )
if usb and not (env.IsCleanTarget() or "idedata" in COMMAND_LINE_TARGETS):
    sources = [*tinyusb.SOURCES, "src/portable/nordic/nrf5x/dcd_nrf5x.c"]
    add_foreign(tools / "tinyusb", sources, "tinyusb")


def family_image(self, elf):
    """Make the flash image and the files for boot loaders and debug probes."""
    return add_images(elf)


env.AddMethod(family_image, "FamilyImage")
