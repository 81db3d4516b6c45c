"""Build script of the EFR32MG24.

Register definitions come from lib/board/src/efr32/efr32mg24.h, or from Silicon Labs' SDK if
GECKO_SDK_PATH names its folder. Both use Silicon Labs' names.
"""

import os
from pathlib import Path

from SCons.Script import Import

Import("env", "foreign", "add_core", "add_foreign", "add_images", "fail", "app")

board = env.BoardConfig()

add_core("efr32.ld", "uart")
env.Append(
    CPPDEFINES=[
        ("BOARD_LED_ACTIVE_LOW", int(board.get("otolith.led_active_low", False))),
        ("BOARD_CRYSTAL_CTUNE", board.get("otolith.crystal_ctune")),
        ("BOARD_BOOTLOADER_REQUEST", board.get("otolith.memory.ram")),
    ],
)
if os.environ.get("GECKO_SDK_PATH"):
    sdk = Path(os.environ["GECKO_SDK_PATH"])
    part = board.get("build.mcu")
    headers = sdk / "platform" / "Device" / "SiliconLabs" / part[:9].upper() / "Include"
    if not (headers / f"{part}.h").exists():
        fail(f"GECKO_SDK_PATH={sdk}: there is no {headers / part}.h")
    core = sdk / "platform" / "CMSIS" / "Core" / "Include"
    env.Append(
        CCFLAGS=[f"-isystem{headers}", f"-isystem{core}"],
        CPPDEFINES=[("BOARD_VENDOR_HEADER", f'\\"{part}.h\\"'), "SL_TRUSTZONE_SECURE"],
    )
if app.console == "usb":
    fail(f"{app.name} needs USB, which {board.id} does not have: build it for another board")


def family_image(self, elf):
    """Make the flash image and the files for debug probes."""
    return add_images(elf)


env.AddMethod(family_image, "FamilyImage")
