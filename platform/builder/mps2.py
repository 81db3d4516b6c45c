"""Arm MPS2 FPGA images (AN386, AN505, ...): no SDK; memory and registers from the board's JSON."""

import sys
from pathlib import Path

from SCons.Script import AlwaysBuild, Import

Import("env", "foreign", "add_foreign", "fail", "app")

board = env.BoardConfig()
build_dir = Path(env.subst("$BUILD_DIR"))
script = Path(env.subst("$PROJECT_DIR")) / "lib" / "board" / "src" / "mps2" / "mps2.ld"

memory = build_dir / "memory" / "memory.ld"
memory.parent.mkdir(parents=True, exist_ok=True)
regions = (("FLASH", "rx", "flash", "maximum_size"), ("RAM", "rw", "ram", "maximum_ram_size"))
memory.write_text(
    "".join(
        f"{name}({access}) : ORIGIN = {board.get(f'otolith.memory.{start}')}, "
        f"LENGTH = {board.get(f'upload.{size}')}\n"
        for name, access, start, size in regions
    )
)
env.Append(
    CPPDEFINES=[
        ("BOARD_CLOCK_HZ", int(board.get("build.f_cpu").rstrip("L"))),
        *((f"BOARD_{name}", at) for name, at in board.get("otolith.registers").items()),
    ],
    LINKFLAGS=[f"-L{memory.parent}", f"-T{script}", "-nostartfiles", "--specs=nosys.specs"],
)
# No USB here. Other families' folders in lib/board name it, so the dependency finder would add it.
env.GetProjectConfig().set(f"env:{env['PIOENV']}", "lib_ignore", "otolith-usb")
env.Depends("$BUILD_DIR/${PROGNAME}.elf", str(script))


def upload(target, source, env):
    """Nothing here takes an image over a wire."""
    sys.stderr.write(
        f"Error: {board.id} exists for tests: run its image with "
        f"qemu-system-arm -M {board.get('otolith.qemu')} -nographic -kernel {source[0]}\n"
    )
    return 1


def family_image(self, elf):
    """The image as it lies in memory; QEMU takes the ELF."""
    AlwaysBuild(self.Alias("upload", elf, upload))
    return [self.ElfToBin(str(build_dir / "firmware.bin"), elf)]


env.AddMethod(family_image, "FamilyImage")
