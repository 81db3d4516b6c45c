"""The PlatformIO platform: real builds, and what they leave behind when something is wrong."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from otolith import paths
from otolith.deploy import uf2
from otolith.firmware.size import by_part, total
from support.tflite_builder import ModelBuilder

CONFIG = configparser.ConfigParser()
CONFIG.read(paths.ROOT / "platformio.ini")
ENVS = [name.removeprefix("env:") for name in CONFIG.sections() if name.startswith("env:")]
BOARDS = sorted((paths.ROOT / "boards").glob("*.json"))
OUTPUTS = ("firmware.elf", "firmware.bin", "firmware.uf2", "firmware.map")
WEIGHTS = 2 * 124 * 129
METADATA = {
    "format": 1,
    "name": "quick",
    "description": "for tests of the build",
    "classes": ["background", "sound"],
    "features": {
        "kind": "spectrogram",
        "sample_rate": 16000,
        "window": 256,
        "hop": 128,
        "frames": 124,
        "bands": 129,
        "compress": "linear",
    },
    "detect": {
        "gate": 0,
        "smoothing": 4,
        "minimum_count": 2,
        "suppression_hops": 31,
        "thresholds": {"sound": 0.8},
    },
    "deploy": {"hop_frames": 4},
    "training": {},
}


def network(metadata: dict | None) -> bytes:
    """One fully connected layer over a spectrogram."""
    b = ModelBuilder()
    image = b.tensor([1, 124, 129, 1], 1 / 64, -128)
    flat = b.tensor([1, 124 * 129], 1 / 64, -128)
    shape = b.tensor([2], dtype="int32", data=np.array([1, 124 * 129]))
    rng = np.random.default_rng(0)
    values = rng.integers(-127, 128, (2, 124 * 129))
    weights = b.tensor([2, 124 * 129], 0.01, data=values)
    bias = b.tensor([2], 0.01 / 64, dtype="int32", data=np.zeros(2))
    sums = b.tensor([1, 2], 0.5, 0)
    out = b.tensor([1, 2], 1 / 256, -128)
    b.op("RESHAPE", [image, shape], [flat], newShape=[1, 124 * 129])
    b.op("FULLY_CONNECTED", [flat, weights, bias], [sums])
    b.op("SOFTMAX", [sums], [out], beta=1.0)
    extra = {"otolith": json.dumps(metadata).encode()} if metadata else None
    return b.build([image], [out], extra)


def wide_network() -> bytes:
    """A network whose input alone, 300,000 bytes, exceeds the RP2040's RAM."""
    b = ModelBuilder()
    image, out = b.tensor([1, 500, 600, 1], 0.1, 0), b.tensor([1, 250, 300, 1], 0.1, 0)
    b.op("MAX_POOL_2D", [image], [out], filterWidth=2, filterHeight=2, strideW=2, strideH=2)
    return b.build([image], [out])


@dataclass
class Bench:
    """A private build folder, with a model for each purpose."""

    folder: Path

    def run(self, env: str, model: str, *arguments: str, **variables: str):
        """Run `pio run`. Returns (exit status, output)."""
        environment = {
            **os.environ,
            "PLATFORMIO_BUILD_DIR": str(self.folder / "build"),
            "OTOLITH_MODEL": str(self.folder / f"{model}.tflite"),
            **variables,
        }
        environment.pop("PLATFORMIO_CORE_DIR", None)
        command = [sys.executable, "-m", "platformio", "run", "-e", env, *arguments]
        done = subprocess.run(
            command,
            cwd=paths.ROOT,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return done.returncode, done.stdout

    def outputs(self, env: str) -> dict[str, bytes]:
        return {name: (self.folder / "build" / env / name).read_bytes() for name in OUTPUTS}


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    folder = tmp_path_factory.mktemp("platform")
    (folder / "quick.tflite").write_bytes(network(METADATA))
    (folder / "plain.tflite").write_bytes(network(None))
    (folder / "wide.tflite").write_bytes(wide_network())
    return Bench(folder)


@pytest.fixture(scope="module")
def pico(bench):
    """The built inference app."""
    status, output = bench.run("pico", "quick")
    assert status == 0, output
    return bench.folder / "build" / "pico"


DRIVERS = {"rp2350": "rp2040"}  # chips with another's drivers


# Boards from before files had to say where their pins come from; their notes or docs do.
BEFORE_SOURCES = {
    "arduino_nano33ble_sense",
    "mps2_an386",
    "mps2_an505",
    "nrf52840_dk",
    "seeed_xiao_nrf52840_sense",
    "sparkfun_micromod_rp2040",
    "xg24_dev_kit",
    "xg24_dev_kit_brd2601a",
}


@pytest.mark.parametrize("board", BOARDS, ids=lambda path: path.stem)
def test_boards_are_complete(board):
    about = json.loads(board.read_text())
    assert {"name", "vendor", "url", "build", "otolith", "upload"} <= set(about)
    pins = about["otolith"]["pins"]
    assert about["otolith"].get("sources") or board.stem in BEFORE_SOURCES
    family = about["otolith"]["family"]
    assert (paths.ROOT / "platform" / "builder" / f"{family}.py").exists()
    assert (paths.LIB / "board" / "src" / DRIVERS.get(family, family)).is_dir()
    CHECKS[family](about, pins)


def check_pico_sdk(about, pins):
    """The SDK defines the same board, and no pin is the radio's."""
    assert {"PDM_DATA", "PDM_CLOCK", "LED"} <= set(pins)
    assert all(0 <= pin < 30 for pin in pins.values())
    header = paths.PICO_SDK / "src/boards/include/boards" / f"{about['build']['sdk_board']}.h"
    flash = re.search(r"FLASH_SIZE_BYTES \((\d+) \* 1024 \* 1024\)", header.read_text())
    size = about["upload"]["maximum_size"]
    assert (
        size == int(flash[1]) * 1024 * 1024 or "the SDK's header says" in about["otolith"]["notes"]
    )
    ram = {"rp2040": 264, "rp2350": 520}[about["otolith"]["family"]]
    assert about["upload"]["maximum_ram_size"] == ram * 1024
    led = re.search(r"#define PICO_DEFAULT_LED_PIN (\d+)", header.read_text())
    assert led is None or pins["LED"] == int(led[1])
    radio = re.findall(r"CYW43_DEFAULT_PIN_WL_\w+ (\d+)u", header.read_text())
    assert not set(map(int, radio)) & set(pins.values())
    assert (led is None) == bool(radio)


def check_mps2(about, pins):
    """QEMU has the machine and the core."""
    machines = subprocess.check_output(["qemu-system-arm", "-M", "help"], text=True)
    (line,) = re.findall(rf"^{about['otolith']['qemu']} .*", machines, re.M)
    assert about["build"]["cpu"].replace("-", "").lower() in line.replace("-", "").lower()
    assert {"UART0", "UART0_IRQ", "WATCHDOG", "FPGAIO"} == set(about["otolith"]["registers"])
    assert pins == {}


def check_efr32(about, pins):
    """Memory sizes match the part number, and the pins exist."""
    part = re.fullmatch(r"efr32mg24[ab]\d\d\df(\d+)[ig]m48", about["build"]["mcu"])
    assert about["upload"]["maximum_size"] == int(part[1]) * 1024
    assert about["upload"]["maximum_ram_size"] == (256 if part[1] == "1536" else 128) * 1024
    microphone = {
        "i2s": {"I2S_CLOCK", "I2S_DATA", "I2S_WORD", "MICROPHONE_ENABLE"},
        "adc": {"ADC", "MICROPHONE_POWER"},
    }[about["otolith"]["microphone"]["kind"]]
    assert {"CONSOLE_TX", "CONSOLE_RX", "LED"} | microphone == set(pins)
    assert all(re.fullmatch(r"P([AC]\d|[BD][0-5])", pin) for pin in pins.values())


def check_nrf52(about, pins):
    """Pins exist, memory excludes the boot loader's part, upload methods have their settings."""
    assert {"PDM_DATA", "PDM_CLOCK", "LED", "UART_TX"} <= set(pins)
    assert all(re.fullmatch(r"P0_([0-2]\d|3[01])|P1_(0\d|1[0-5])", pin) for pin in pins.values())
    flash, upload = int(about["otolith"]["memory"]["flash"], 16), about["upload"]
    assert flash % 0x1000 == 0 and flash + upload["maximum_size"] <= 1 << 20
    assert upload["maximum_ram_size"] == 256 << 10
    # Adafruit's boot loader: SoftDevice S140 6 or 7 below, settings above
    if "uf2" in upload["protocols"]:
        assert flash in (0x26000, 0x27000) and flash + upload["maximum_size"] == 0xED000
        assert int(upload["uf2_family"], 16) == 0xADA52840
        assert int(about["otolith"]["bootloader_request"], 16) == 0x57
    assert ("jlink" not in upload["protocols"]) or upload["jlink_device"] == "nRF52840_xxAA"


CHECKS = {
    "rp2040": check_pico_sdk,
    "rp2350": check_pico_sdk,
    "nrf52": check_nrf52,
    "mps2": check_mps2,
    "efr32": check_efr32,
}


@pytest.mark.parametrize("env", ENVS)
def test_environments_name_what_exists(env):
    section = CONFIG[f"env:{env}"]
    app = section.get("custom_app", CONFIG["env"]["custom_app"])
    assert (paths.ROOT / "firmware" / app / "main.c").exists()
    assert (paths.ROOT / "boards" / f"{section['board']}.json").exists()


@pytest.mark.slow
def test_boot_stage_2_has_the_checksum_the_boot_rom_wants(pico):
    image = (pico / "firmware.bin").read_bytes()
    crc = 0xFFFFFFFF
    for byte in image[:252]:  # CRC-32/MPEG-2, bit by bit as in the datasheet
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    assert struct.unpack("<I", image[252:256])[0] == crc
    stack, entry = struct.unpack("<2I", image[256:264])  # the vector table follows
    assert stack == 0x20042000
    assert 0x10000000 < entry < 0x10000000 + len(image) and entry & 1


@pytest.mark.slow
def test_uf2_holds_the_image(pico):
    assert (pico / "firmware.uf2").read_bytes() == uf2.encode((pico / "firmware.bin").read_bytes())


@pytest.mark.slow
def test_parts_add_up_to_the_image(pico):
    uses = by_part(pico / "firmware.map")
    assert total(uses).flash == (pico / "firmware.bin").stat().st_size
    sizes = subprocess.check_output(["arm-none-eabi-size", "-A", pico / "firmware.elf"], text=True)
    ram = re.findall(r"^\.(?:ram_vector_table|data|bss|heap|stack\w*) +(\d+)", sizes, re.M)
    assert total(uses).ram == sum(map(int, ram))
    assert WEIGHTS <= uses["model"].flash < WEIGHTS + 4096  # plus the front end's tables
    assert uses["model"].ram >= 124 * 129 * 2  # the spectrogram's ring
    assert "other" not in uses
    expected = {"nn kernels", "features", "pdm", "wire", "board", "TinyUSB", "app"}
    assert expected <= set(uses)


@pytest.mark.slow
def test_image_has_neither_heap_nor_float_nor_printf(pico):
    names = subprocess.check_output(["arm-none-eabi-nm", pico / "firmware.elf"], text=True)
    symbols = {line.split()[-1] for line in names.splitlines()}
    assert "board_panic" in symbols  # so that a panic reports and reboots
    unwanted = (
        r"_?(malloc|calloc|realloc|sbrk|v?f?i?printf)(_r)?|__(wrap_)?aeabi_[df](add|sub|mul|div)"
    )
    assert not {name for name in symbols if re.fullmatch(unwanted, name)}


@pytest.mark.slow
def test_a_second_build_compiles_nothing(bench, pico):
    before = bench.outputs("pico")
    status, output = bench.run("pico", "quick")
    assert status == 0
    assert "Compiling" not in output and "Linking" not in output
    assert bench.outputs("pico") == before


@pytest.mark.slow
@pytest.mark.skipif(
    subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode != 0
    if shutil.which("unshare")
    else True,
    reason="this machine cannot take the network away from a process",
)
def test_builds_without_a_network(bench, pico):
    shutil.rmtree(pico / "sdk")
    environment = {"PLATFORMIO_BUILD_DIR": str(bench.folder / "build")}
    environment["OTOLITH_MODEL"] = str(bench.folder / "quick.tflite")
    command = ["unshare", "-rn", sys.executable, "-m", "platformio", "run", "-e", "pico"]
    done = subprocess.run(
        command,
        cwd=paths.ROOT,
        env={**os.environ, **environment, "HOME": str(bench.folder / "home")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def errors(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("Error:")]


@pytest.mark.slow
def test_without_a_toolchain_one_line_and_the_old_image(bench, pico, tmp_path):
    before = bench.outputs("pico")
    for name in ("sh", "env"):
        (tmp_path / name).symlink_to(shutil.which(name))
    status, output = bench.run("pico", "quick", PATH=str(tmp_path))
    assert status
    (line,) = errors(output)
    assert "no arm-none-eabi-gcc on PATH" in line and "host setup" in line
    old = tmp_path / "arm-none-eabi-gcc"
    old.write_text("#!/bin/sh\necho 9.3.1\n")
    old.chmod(0o755)
    status, output = bench.run("pico", "quick", PATH=str(tmp_path))
    assert status
    (line,) = errors(output)
    assert "version 9.3.1" in line and "12 or later" in line
    assert bench.outputs("pico") == before


@pytest.mark.slow
def test_a_network_without_front_end_or_file_is_one_line(bench, pico, tmp_path):
    before = bench.outputs("pico")
    for model, reason in (
        ("plain", "says nothing about its front end"),
        ("absent", "no such model"),
    ):
        status, output = bench.run("pico", model)
        assert status
        (line,) = errors(output)
        assert f"{model}.tflite" in line and reason in line
    (bench.folder / "torn.tflite").write_bytes(network(METADATA)[:900])
    status, output = bench.run("pico", "torn")
    assert status and len(errors(output)) == 1
    assert bench.outputs("pico") == before


@pytest.mark.slow
def test_a_network_too_big_says_by_how_much(bench):
    env = "sparkfun_micromod_rp2040-bench"  # another board and another app
    status, output = bench.run(env, "plain")
    assert status == 0, output
    before = bench.outputs(env)
    status, output = bench.run(env, "wide")
    assert status
    (line,) = errors(output)
    much = re.search(r"too big for SparkFun .* by ([\d,]+) bytes of RAM", line)
    # arena at least 300,000 + 75,000 bytes; 262,144 bytes of RAM
    assert 112_000 < int(much[1].replace(",", "")) < 140_000
    assert bench.outputs(env) == before


def test_code_stays_in_flash_where_ram_is_too_small_for_it(tmp_path):
    """The linker is asked again with the other script, and only if RAM is what is too small."""
    linker = tmp_path / "linker.py"
    linker.write_text(
        "import sys\n"
        "region, script = sys.argv[1], sys.argv[2]\n"
        "if script.endswith('/memmap.ld'):\n"
        '    sys.exit(f"ld: region `{region}\' overflowed by 12 bytes")\n'
        "open(sys.argv[4], 'w').write(script)\n"
    )

    def link(region):
        script = f"-T{tmp_path / 'memmap.ld'}"
        command = [sys.executable, linker, region, script, "-o", tmp_path / "firmware"]
        tool = paths.ROOT / "platform" / "builder" / "link.py"
        return subprocess.run(
            [sys.executable, tool, "Pico", *command], capture_output=True, text=True
        )

    done = link("FLASH")
    assert done.returncode and "too big for Pico by 12 bytes of flash" in done.stderr
    assert not (tmp_path / "firmware").exists()
    assert "too big for Pico by 12 bytes of RAM" in link("RAM").stderr  # there is no other script
    (tmp_path / "memmap_flash.ld").touch()
    done = link("RAM")
    assert done.returncode == 0 and "code stays in flash" in done.stdout
    assert (tmp_path / "firmware").read_text() == f"-T{tmp_path / 'memmap_flash.ld'}"
