"""RP2040: what its part of pico-sdk needs; pico_sdk.py builds it.

The chip's boot ROM copies a boot stage 2 of 256 bytes from flash, so one is assembled here.
"""

import subprocess
import sys
from types import SimpleNamespace

from SCons.Script import Import

Import("env", "foreign", "add_foreign", "add_libraries", "board_folders", "fail", "app", "root")

# Arithmetic functions that the compiler calls. Divider and boot ROM are faster than libgcc.
WRAPPED = [
    "__aeabi_idiv",
    "__aeabi_idivmod",
    "__aeabi_ldivmod",
    "__aeabi_uidiv",
    "__aeabi_uidivmod",
    "__aeabi_uldivmod",
    "__aeabi_lmul",
    "__clzsi2",
    "__clzdi2",
    "__ctzsi2",
    "__ctzdi2",
    "__popcountsi2",
    "__popcountdi2",
    "__clz",
    "__clzl",
    "__clzll",
    "memcpy",
    "memset",
    "__aeabi_memcpy",
    "__aeabi_memcpy4",
    "__aeabi_memcpy8",
    "__aeabi_memset",
    "__aeabi_memset4",
    "__aeabi_memset8",
]


def boot2(sdk, generated, defines, include):
    """Assemble boot stage 2 for the board's flash chip, padded to 256 bytes with its CRC-32."""
    stage = sdk / "src" / "rp2040" / "boot_stage2"
    elf, binary, padded = (generated / f"boot2{suffix}" for suffix in (".elf", ".bin", ".S"))
    if padded.exists():
        return padded
    commands = [
        [
            "arm-none-eabi-gcc",
            "-mcpu=cortex-m0plus",
            "-mthumb",
            "-nostartfiles",
            "--specs=nosys.specs",
            *(f"-D{name}={str(value).replace(chr(92), '')}" for name, value in defines[:9]),
            *(f"-I{folder}" for folder in [stage / "asminclude", *include]),
            f"-Wl,--script={stage / 'boot_stage2.ld'}",
            "-Wl,--no-warn-rwx-segments",
            str(stage / "compile_time_choice.S"),
            "-o",
            str(elf),
        ],
        ["arm-none-eabi-objcopy", "-Obinary", str(elf), str(binary)],
        [sys.executable, str(stage / "pad_checksum"), "-s", "0xffffffff", str(binary), str(padded)],
    ]
    for command in commands:
        done = subprocess.run(command, text=True, capture_output=True)
        if done.returncode:
            padded.unlink(missing_ok=True)
            fail(f"boot stage 2: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
    return padded


chip = SimpleNamespace(
    name="rp2040",
    without=[],
    wrapped=WRAPPED,
    defines=[
        ("PICO_RP2040_USB_DEVICE_UFRAME_FIX", 1),
        ("LIB_PICO_BIT_OPS_PICO", 1),
        ("LIB_PICO_DIVIDER_HARDWARE", 1),
        ("LIB_PICO_INT64_OPS_PICO", 1),
        ("LIB_PICO_MEM_OPS_PICO", 1),
        ("LIB_PICO_DIVIDER", 1),
        # what kernels call while flash can't be read (lib/board/src/rp2040/fetch.c)
        ("PICO_MEM_IN_RAM", 1),
        ("PICO_DIVIDER_IN_RAM", 1),
        ("PICO_INT64_OPS_IN_RAM", 1),
        ("NN_FETCH_BOARD", 1),
    ],
    boot2=boot2,
    # Microphone, front end and network together are larger than the cache of flash (16 kB).
    hot=["*libpdm.a:", "*libfeatures.a:", "*libnn.a:", "*libdetect.a:", "*model/pipeline*.o"],
    hot_code=["*model/model*.o"],  # their constants are weights
    drive="RPI-RP2",  # in the INFO_UF2.TXT of its boot ROM
    uf2_family=0xE48BFF56,
)
EXPORTS = "env foreign add_foreign add_libraries board_folders fail app root chip"
env.SConscript("pico_sdk.py", exports=EXPORTS.split())
