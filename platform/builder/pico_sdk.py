"""RP2040 and RP2350: pico-sdk 2.1.1 and TinyUSB 0.18 compiled from source; image as UF2.

The SDK itself builds with CMake. For one board little of that is needed: start-up code, a linker
script and the drivers an app uses. What differs between the chips is in rp2040.py and rp2350.py.
"""

import re
import sys
from pathlib import Path

from SCons.Script import COMMAND_LINE_TARGETS, AlwaysBuild, Import

from otolith import paths

Import("env", "foreign", "add_foreign", "add_libraries", "board_folders", "fail", "app", "root")
Import("chip")

sys.path.insert(0, str(Path(env.PioPlatform().get_dir()) / "builder"))
import tinyusb as tinyusb_parts  # noqa: E402

board_folders.update(["rp2040", "usb"])  # the drivers of both chips are in rp2040
add_libraries("usb")

board = env.BoardConfig()
build_dir = Path(env.subst("$BUILD_DIR"))
tools = paths.TOOLS
sdk = paths.PICO_SDK
tinyusb = sdk / "lib" / "tinyusb"
if not (tinyusb / "src" / "tusb.c").exists():
    tinyusb = tools / "tinyusb"
for path in (sdk / "pico_sdk_version.cmake", tinyusb / "src" / "tusb.c"):
    if not path.exists():
        fail(f"{path} is missing: run `host setup`")

COMMON = "src/common/"
CHIP = "src/rp2_common/"
SDK_SOURCES = [
    COMMON + "hardware_claim/claim.c",
    COMMON + "pico_sync/critical_section.c",
    COMMON + "pico_sync/lock_core.c",
    COMMON + "pico_sync/mutex.c",
    COMMON + "pico_sync/sem.c",
    COMMON + "pico_time/time.c",
    COMMON + "pico_time/timeout_helper.c",
    COMMON + "pico_util/pheap.c",
    f"src/{chip.name}/pico_platform/platform.c",
    CHIP + "hardware_boot_lock/boot_lock.c",
    CHIP + "hardware_clocks/clocks.c",
    CHIP + "hardware_divider/divider.S",
    CHIP + "hardware_dma/dma.c",
    CHIP + "hardware_exception/exception.c",
    CHIP + "hardware_flash/flash.c",
    CHIP + "hardware_gpio/gpio.c",
    CHIP + "hardware_irq/irq.c",
    CHIP + "hardware_irq/irq_handler_chain.S",
    CHIP + "hardware_pio/pio.c",
    CHIP + "hardware_pll/pll.c",
    CHIP + "hardware_sync/sync.c",
    CHIP + "hardware_sync_spin_lock/sync_spin_lock.c",
    CHIP + "hardware_ticks/ticks.c",
    CHIP + "hardware_timer/timer.c",
    CHIP + "hardware_uart/uart.c",
    CHIP + "hardware_vreg/vreg.c",
    CHIP + "hardware_watchdog/watchdog.c",
    CHIP + "hardware_xip_cache/xip_cache.c",
    CHIP + "hardware_xosc/xosc.c",
    CHIP + "pico_atomic/atomic.c",
    CHIP + "pico_bit_ops/bit_ops_aeabi.S",
    CHIP + "pico_bootrom/bootrom.c",
    CHIP + "pico_bootrom/bootrom_lock.c",
    CHIP + "pico_clib_interface/newlib_interface.c",
    CHIP + "pico_crt0/crt0.S",
    CHIP + "pico_divider/divider_hardware.S",
    CHIP + "pico_flash/flash.c",
    CHIP + "pico_int64_ops/pico_int64_ops_aeabi.S",
    CHIP + "pico_mem_ops/mem_ops_aeabi.S",
    CHIP + "pico_platform_panic/panic.c",
    CHIP + "pico_runtime/runtime.c",
    CHIP + "pico_runtime_init/runtime_init.c",
    CHIP + "pico_runtime_init/runtime_init_clocks.c",
    CHIP + "pico_runtime_init/runtime_init_stack_guard.c",
    CHIP + "pico_unique_id/unique_id.c",
]
TINYUSB_SOURCES = [
    *tinyusb_parts.SOURCES,
    "src/portable/raspberrypi/rp2040/dcd_rp2040.c",
    "src/portable/raspberrypi/rp2040/rp2040_usb.c",
]
generated = build_dir / "sdk"
(generated / "pico").mkdir(parents=True, exist_ok=True)


def generate(path, text):
    """Write a file only if its text has changed, to avoid needless rebuilds."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


generate(
    generated / "pico" / "config_autogen.h",
    f'#include "boards/{board.get("build.sdk_board")}.h"\n#include "cmsis/rename_exceptions.h"\n',
)
generate(
    generated / "pico" / "version.h",
    "#define PICO_SDK_VERSION_MAJOR 2\n#define PICO_SDK_VERSION_MINOR 1\n"
    '#define PICO_SDK_VERSION_REVISION 1\n#define PICO_SDK_VERSION_STRING "2.1.1"\n',
)
flash = board.get("upload.maximum_size")
generate(generated / "pico_flash_region.ld", f"FLASH(rx) : ORIGIN = 0x10000000, LENGTH = {flash}\n")


def link_scripts():
    """The linker scripts by name: the SDK's; on the RP2040 also one with hot code in RAM.

    Hot code is what runs in every hop. The SDK's script puts into RAM what it excludes from flash.
    Where the model leaves no room for that, link.py takes memmap_flash.ld.
    """
    text = (sdk / "src" / "rp2_common" / "pico_crt0" / chip.name / "memmap_default.ld").read_text()
    hot = getattr(chip, "hot", [])
    if not hot or board.get("otolith.hot_code", "ram") == "flash":
        return {"memmap.ld": text}
    plain = text
    for kind, more in (("text", hot + chip.hot_code), ("rodata", hot)):
        old = re.compile(rf"(EXCLUDE_FILE\(\*libgcc\.a:[^)]*)(\) \.{kind}\*)")
        text, found = old.subn(rf"\1 {' '.join(more)}\2", text)
        if found != 1:
            fail(f"{sdk}: its linker script is not the one that this builder knows")
    return {"memmap.ld": text, "memmap_flash.ld": plain}


for name, script in link_scripts().items():
    generate(generated / name, script)

cmsis = sdk / "src" / "rp2_common" / "cmsis"
include = [
    generated,
    sdk / "src" / "boards" / "include",
    cmsis / "stub" / "CMSIS" / "Core" / "Include",
    cmsis / "stub" / "CMSIS" / "Device" / chip.name.upper() / "Include",
    cmsis / "include",
    *sorted((sdk / "src" / "common").glob("*/include")),
    *sorted((sdk / "src" / chip.name).glob("*/include")),
    # without the SDK's own USB console, which has a tusb_config.h
    *sorted(f for f in (sdk / "src" / "rp2_common").glob("*/include") if "stdio_usb" not in str(f)),
    tinyusb / "src",
]
defines = [
    (f"PICO_{chip.name.upper()}", 1),
    ("PICO_BUILD", 1),
    ("PICO_ON_DEVICE", 1),
    ("PICO_NO_HARDWARE", 0),
    ("PICO_NO_FLASH", 0),
    ("PICO_COPY_TO_RAM", 0),
    ("PICO_USE_BLOCKED_RAM", 0),
    ("PICO_32BIT", 1),
    ("PICO_BOARD", f'\\"{board.get("build.sdk_board")}\\"'),
    ("PICO_TARGET_NAME", '\\"otolith\\"'),
    *([("BOARD_LED_ACTIVE_LOW", 1)] if board.get("otolith.led_active_low", False) else []),
    # as in the SDK's release builds; hard_assert() stays active
    ("NDEBUG", 1),
    # panic() reports through lib/board instead of printf, which would link a heap and floats
    ("PICO_PANIC_FUNCTION", "board_panic"),
    # nothing here uses an alarm pool
    ("PICO_TIME_DEFAULT_ALARM_POOL_DISABLED", 1),
    # no heap; test_platform.py finds code that allocates
    ("PICO_HEAP_SIZE", 0),
    # all of the 4 kB bank for core 0's stack
    ("PICO_STACK_SIZE", 4096),
    *chip.defines,
    ("LIB_PICO_SYNC", 1),
    ("LIB_PICO_TIME", 1),
    ("LIB_PICO_UTIL", 1),
    ("LIB_PICO_UNIQUE_ID", 1),
    ("LIB_TINYUSB_DEVICE", 1),
    ("CFG_TUSB_MCU", "OPT_MCU_RP2040"),
    ("CFG_TUSB_OS", "OPT_OS_PICO"),
]
for target in (env, foreign):
    target.Append(
        CCFLAGS=[f"-isystem{folder}" for folder in include],
        ASFLAGS=[f"-I{folder}" for folder in include],
        CPPDEFINES=defines,
        CPPPATH=[root / "lib" / "usb" / "src"],  # tusb_config.h
    )
env.Append(
    LINKFLAGS=[
        f"-L{generated}",
        f"-T{generated / 'memmap.ld'}",
        "-nostartfiles",
        "--specs=nosys.specs",
        "-Wl,-z,max-page-size=4096",
        "-Wl,--no-warn-rwx-segments",
        *(f"-Wl,--wrap={name}" for name in chip.wrapped + tinyusb_parts.WRAPPED),
    ]
)


if not (env.IsCleanTarget() or "idedata" in COMMAND_LINE_TARGETS):
    add_foreign(sdk, [s for s in SDK_SOURCES if s not in chip.without], "pico-sdk")
    add_foreign(tinyusb, TINYUSB_SOURCES, "tinyusb")
    if chip.boot2:
        add_foreign(generated, [chip.boot2(sdk, generated, defines, include).name], "boot2")


def write_uf2(target, source, env):
    """Write a UF2 file for the boot ROM's drive."""
    from otolith.deploy.uf2 import write

    write(Path(str(source[0])), Path(str(target[0])), family=chip.uf2_family)


def family_image(self, elf):
    """Make .bin and .uf2 from the ELF; add the upload target."""
    binary = self.ElfToBin(str(build_dir / "firmware.bin"), elf)
    image = self.Command(
        str(build_dir / "firmware.uf2"),
        binary,
        self.VerboseAction(write_uf2, "Writing $TARGET"),
    )
    AlwaysBuild(self.Alias("upload", image, self.VerboseAction(upload, "Uploading $SOURCE")))
    return [binary, image]


def upload(target, source, env):
    """Upload to a board in BOOTSEL mode, by picotool or by copying to its drive."""
    from otolith.deploy.bootsel import upload as to_board
    from otolith.errors import UserError

    try:
        print(to_board(Path(str(source[0])), env.subst("$UPLOAD_PORT") or None, name=chip.drive))
    except UserError as error:
        sys.stderr.write(f"Error: {error.message}\n")
        return 1
    return 0


env.AddMethod(family_image, "FamilyImage")
