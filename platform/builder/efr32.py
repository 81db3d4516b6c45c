"""EFR32MG24: registers under Silicon Labs' names from lib/board/src/efr32/efr32mg24.h, or from
their SDK if GECKO_SDK_PATH names a folder of it."""

import os
import sys
from pathlib import Path

from SCons.Script import AlwaysBuild, Import

Import("env", "foreign", "add_core", "add_foreign", "fail", "app")

board = env.BoardConfig()
build_dir = Path(env.subst("$BUILD_DIR"))

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
# No USB here. Other families' folders in lib/board name it, so the dependency finder would add it.
env.GetProjectConfig().set(f"env:{env['PIOENV']}", "lib_ignore", "otolith-usb")


def upload(target, source, env):
    """Through the probe on the board."""
    from host.deploy.probe import Board
    from host.deploy.probe import upload as by_probe
    from host.errors import UserError

    about = Board(
        name=board.get("name"),
        mcu=board.get("build.mcu"),
        upload=board.get("upload"),
        flash=board.get("otolith.memory.flash"),
        baud=board.get("otolith.baud"),
    )
    try:
        print(by_probe(Path(str(source[0])), about))
    except UserError as error:
        sys.stderr.write(f"Error: {error.message}\n")
        return 1
    return 0


def family_image(self, elf):
    """The image as it lies in flash; also the upload target."""
    image = self.ElfToBin(str(build_dir / "firmware.bin"), elf)
    AlwaysBuild(self.Alias("upload", image, self.VerboseAction(upload, "Uploading $SOURCE")))
    return [image]


env.AddMethod(family_image, "FamilyImage")
