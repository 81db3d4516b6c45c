"""Build script of Arm MPS2 FPGA images (AN386, AN505, ...), without an SDK.

Memory and registers come from the board's JSON.
"""

import sys
from pathlib import Path

from SCons.Script import AlwaysBuild, Import

Import("env", "foreign", "add_core", "add_foreign", "fail", "app")

board = env.BoardConfig()
build_dir = Path(env.subst("$BUILD_DIR"))
add_core("mps2.ld", "uart", "no_microphone")
env.Append(
    CPPDEFINES=[(f"BOARD_{name}", at) for name, at in board.get("otolith.registers").items()]
)
if app.console == "usb":
    fail(f"{app.name} needs USB, which {board.id} does not have: build it for another board")


def upload(target, source, env):
    """Refuse, because these boards have no upload method."""
    sys.stderr.write(
        f"Error: {board.id} exists for tests: run its image with "
        f"qemu-system-arm -M {board.get('otolith.qemu')} -nographic -kernel {source[0]}\n"
    )
    return 1


def family_image(self, elf):
    """Make the memory image. QEMU loads the ELF."""
    AlwaysBuild(self.Alias("upload", elf, upload))
    return [self.ElfToBin(str(build_dir / "firmware.bin"), elf)]


env.AddMethod(family_image, "FamilyImage")
