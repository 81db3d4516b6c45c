"""All parts of the set-up in the order of installation, with their finders and installers."""

from __future__ import annotations

import ctypes.util
import importlib.metadata
import json
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from otolith import paths
from otolith.errors import UserError
from otolith.native.compiler import c_compiler
from otolith.setup import debian, git, registries
from otolith.setup.part import Found, Part, program
from otolith.setup.studio import LIBRARIES_PART
from otolith.setup.system import (
    ARM,
    COMPILER,
    NODE,
    NPM,
    PORTAUDIO,
    QEMU,
    Packages,
    advice,
    manager,
)
from otolith.setup.voices import FLITE

PICO_SDK = "2.1.1-1"
TINYUSB = "0.18.0+dfsg-1"
PULSE_PACKAGES = ("pulseaudio", "pulseaudio-utils", "libasound2-plugins")
SETUP = "host setup"


def find_python() -> Found | None:
    """Find this Python, if its version is supported."""
    if not (3, 10) <= sys.version_info[:2] <= (3, 13):
        return None
    return Found(platform.python_version(), sys.executable)


def find_distribution(*names: str):
    """A finder for the first installed Python distribution among `names`."""

    def find() -> Found | None:
        for name in names:
            try:
                version = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                continue
            return Found(version, str(Path(sys.prefix)))
        return None

    return find


def find_pico_sdk() -> Found | None:
    """Find the pico-sdk, if it has the pinned version."""
    text = paths.PICO_SDK / "pico_sdk_version.cmake"
    if not text.exists():
        return None
    content = text.read_text()
    numbers = [
        re.search(rf"set\(PICO_SDK_VERSION_{part} (\d+)\)", content)
        for part in ("MAJOR", "MINOR", "REVISION")
    ]
    version = ".".join(number[1] for number in numbers if number)
    # the builder uses file names and the linker script of this version
    return Found(version, str(paths.PICO_SDK)) if version == PICO_SDK.split("-")[0] else None


def find_tinyusb() -> Found | None:
    """Find TinyUSB in the pico-sdk or in the tools folder."""
    for folder in (paths.PICO_SDK / "lib" / "tinyusb", paths.TOOLS / "tinyusb"):
        header = folder / "src" / "tusb_option.h"
        if header.exists():
            numbers = [
                line.split()[2]
                for line in header.read_text().splitlines()
                if line.startswith("#define TUSB_VERSION_") and line.split()[2].isdigit()
            ]
            return Found(".".join(numbers[:3]), str(folder))
    return None


def install_pico_sdk() -> None:
    """Get pico-sdk and TinyUSB: from a Debian mirror if apt here names one, else by git.

    Raises:
        UserError: PICO_SDK_PATH names another version, or nothing could be reached.
    """
    own = os.environ.get("PICO_SDK_PATH")
    if own and find_pico_sdk() is None:
        version = PICO_SDK.split("-")[0]
        raise UserError(f"PICO_SDK_PATH={own}: no pico-sdk {version} there: unset it or change it")
    wanted = ("tinyusb",) if own else ("pico-sdk", "tinyusb")
    with registries.fresh_folder(paths.TOOLS / "sources") as work:
        if debian.has_mirror():
            debian.unpack({"pico-sdk-source": PICO_SDK, "tinyusb-source": TINYUSB}, "trixie", work)
            sources = work / "usr" / "src"
        else:
            sources = work
            for name in wanted:
                git.unpack({"pico-sdk": git.PICO_SDK, "tinyusb": git.TINYUSB}[name], work / name)
        for name in wanted:
            shutil.rmtree(paths.TOOLS / name, ignore_errors=True)
            shutil.move(sources / name, paths.TOOLS / name)
    shutil.rmtree(paths.TOOLS / "sources", ignore_errors=True)


def find_cmsis_dsp() -> Found | None:
    """Find CMSIS-DSP, if it has the pinned version."""
    version = paths.CMSIS_DSP / "version"
    if not version.exists() or version.read_text() != registries.CMSISDSP:
        return None
    return Found(registries.CMSISDSP, str(paths.CMSIS_DSP))


def find_tflm_frontend() -> Found | None:
    """Find TFLM's audio front end, if it has the pinned version."""
    version = paths.TFLM_FRONTEND / "version"
    if not version.exists() or version.read_text() != registries.MICRO_FEATURES:
        return None
    return Found(registries.MICRO_FEATURES, str(paths.TFLM_FRONTEND))


def find_rp2040js() -> Found | None:
    """Find rp2040js, if it has the pinned version."""
    manifest = paths.NODE_MODULES / "rp2040js" / "package.json"
    if not manifest.exists():
        return None
    version = json.loads(manifest.read_text())["version"]
    return Found(version, str(manifest.parent)) if version == registries.RP2040JS else None


def find_bootrom() -> Found | None:
    """Find the ROM image of the RP2040."""
    return Found("B1", str(paths.BOOTROM)) if paths.BOOTROM.exists() else None


def find_tool_scons() -> Found | None:
    """Find PlatformIO's tool-scons package, if it has the pinned version."""
    manifest = registries.PIO_CORE / "packages" / "tool-scons" / "package.json"
    if not manifest.exists():
        return None
    version = json.loads(manifest.read_text())["version"]
    if version != registries.SCONS_PACKAGE:
        return None
    return Found(version, str(manifest.parent))


def find_quiet() -> Found | None:
    """Find the settings with which PlatformIO needs no network."""
    return Found("set", str(registries.PIO_STATE)) if registries.is_quiet() else None


def find_portaudio() -> Found | None:
    """Find the PortAudio library of the system."""
    library = ctypes.util.find_library("portaudio")
    return Found(library.partition(".so.")[2] or "2", library) if library else None


def find_pulseaudio() -> Found | None:
    """Look for the sound server, its command line tool and its ALSA plug-in."""
    plugins = Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so")
    if shutil.which("pactl") is None or not any(plugins):
        return None
    return program("pulseaudio")()


def find_native() -> Found | None:
    """Find lib/ compiled for this computer."""
    from otolith.features.native import built

    path = built()
    return Found(path.stem.rpartition("-")[2], str(path)) if path else None


def install_native() -> None:
    """Compile lib/ for this computer."""
    from otolith.features.native import features_library

    features_library()


def apt(*packages: str):
    """An installer for Debian packages."""
    return lambda: debian.install(*packages)


def system_part(packages: Packages) -> Callable[[], None]:
    """An installer by apt as root; for others, an error with the line to run."""

    def install() -> None:
        if manager() == "apt" and packages.apt:
            debian.install(*packages.apt)
            return
        raise UserError(f"run: {advice(packages)}" if manager() else advice(packages))

    return install


def find_compiler() -> Found | None:
    """Find a C compiler for this computer: $CC, cc, gcc, clang or PyPI's ziglang."""
    command = c_compiler()
    if command[0] == sys.executable:
        return find_distribution("ziglang")()
    return program(command[0])()


def find_arm() -> Found | None:
    """Find the Arm toolchain, on PATH or among PlatformIO's packages."""
    packaged = registries.ARM_TOOLCHAIN / "bin" / "arm-none-eabi-gcc"
    for name in ("arm-none-eabi-gcc", str(packaged)):
        if found := program(name, "-dumpversion", minimum=12)():
            return found
    return None


def install_arm() -> None:
    """Get the Arm toolchain by apt as root, else from PlatformIO's registry.

    Raises:
        UserError: Neither works; the message holds the line to run.
    """
    if manager() == "apt" and debian.is_root():
        debian.install(*ARM.apt)
        return
    try:
        registries.install_arm_toolchain()
    except UserError as error:
        raise UserError(f"run: {advice(ARM)} (PlatformIO: {error.message})") from error


PARTS = [
    Part("Python", "runs the host package", find_python, "install Python 3.10 to 3.13"),
    Part(
        "TensorFlow",
        "trains",
        find_distribution("tensorflow-cpu", "tensorflow"),
        "make setup (or: pip install 'otolith[train]')",
    ),
    Part(
        "C compiler",
        "compiles lib/ for this computer",
        find_compiler,
        advice(COMPILER),
        system_part(COMPILER),
    ),
    Part(
        "Arm toolchain",
        "compiles firmware",
        find_arm,
        advice(ARM),
        install_arm,
    ),
    Part(
        "PlatformIO",
        "builds firmware",
        find_distribution("platformio"),
        "make setup (or: pip install otolith)",
    ),
    Part(
        "tool-scons",
        "PlatformIO's build tool",
        find_tool_scons,
        SETUP,
        registries.install_tool_scons,
    ),
    Part(
        "PlatformIO settings",
        "builds without a network",
        find_quiet,
        SETUP,
        registries.make_quiet,
    ),
    Part("pico-sdk", "RP2040 drivers and start-up", find_pico_sdk, SETUP, install_pico_sdk),
    Part("TinyUSB", "USB device stack", find_tinyusb, SETUP, install_pico_sdk),
    Part(
        "CMSIS-DSP",
        "front ends' oracle in tests",
        find_cmsis_dsp,
        SETUP,
        None if paths.INSTALLED else registries.install_cmsis_dsp,
        optional=paths.INSTALLED,
    ),
    Part(
        "TFLM front end",
        "log-mel tables",
        find_tflm_frontend,
        SETUP,
        registries.install_tflm_frontend,
    ),
    Part(
        "Node.js",
        "runs the virtual Pico",
        program("node", minimum=18),
        advice(NODE),
        system_part(NODE),
    ),
    Part("npm", "fetches libraries", program("npm"), advice(NPM), system_part(NPM)),
    Part("rp2040js", "emulates the RP2040", find_rp2040js, SETUP, registries.install_rp2040js),
    LIBRARIES_PART,
    Part("boot ROM", "RP2040 ROM image", find_bootrom, SETUP, registries.install_bootrom),
    Part("native library", "lib/ on this computer", find_native, SETUP, install_native),
    Part(
        "QEMU",
        "runs lib/ on Cortex-M4F and M33 in tests",
        program("qemu-system-arm"),
        advice(QEMU),
        system_part(QEMU),
        optional=paths.INSTALLED,  # only the tests of a checkout need it
    ),
    Part(
        "PortAudio",
        "microphones and loudspeakers",
        find_portaudio,
        advice(PORTAUDIO),
        system_part(PORTAUDIO),
    ),
    Part(
        "PulseAudio",
        "records from a virtual board in tests",
        find_pulseaudio,
        debian.one_line(PULSE_PACKAGES),
        apt(*PULSE_PACKAGES),
        optional=True,
    ),
    Part(
        "espeak-ng",
        "speech as background in generated data",
        program("espeak-ng"),
        debian.one_line(("espeak-ng",)),
        apt("espeak-ng"),
        optional=True,
    ),
    FLITE,
    Part(
        "picotool",
        "uploads without the BOOTSEL drive",
        program("picotool", "version"),
        "optional: the BOOTSEL drive does as well",
        optional=True,
    ),
]
