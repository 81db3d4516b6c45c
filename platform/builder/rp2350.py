"""RP2350 with its Arm cores: what its part of pico-sdk needs; pico_sdk.py builds it.

Its boot ROM needs no boot stage 2. It looks for a block in the image's first 4 kB that says what
the image is (RP2350 datasheet, 5.9.5 "Minimum Arm IMAGE_DEF"); the SDK's start-up code holds one.
The core has division and the compiler's functions, so that nothing of the ROM replaces libgcc's.
"""

from types import SimpleNamespace

from SCons.Script import Import

Import("env", "foreign", "add_foreign", "add_libraries", "board_folders", "fail", "app", "root")

CHIP = "src/rp2_common/"

chip = SimpleNamespace(
    name="rp2350",
    without=[
        CHIP + "hardware_divider/divider.S",
        CHIP + "pico_bit_ops/bit_ops_aeabi.S",
        CHIP + "pico_divider/divider_hardware.S",
        CHIP + "pico_int64_ops/pico_int64_ops_aeabi.S",
        CHIP + "pico_mem_ops/mem_ops_aeabi.S",
    ],
    wrapped=[],
    defines=[
        ("PICO_ARM", 1),
        ("PICO_PIO_VERSION", 1),
        ("PICO_CMSIS_DEVICE", "RP2350"),
    ],
    boot2=None,
    drive="RP2350",  # in the INFO_UF2.TXT of its boot ROM
    uf2_family=0xE48BFF59,
)
EXPORTS = "env foreign add_foreign add_libraries board_folders fail app root chip"
env.SConscript("pico_sdk.py", exports=EXPORTS.split())
