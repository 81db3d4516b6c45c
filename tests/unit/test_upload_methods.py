"""Upload methods: which one is chosen, the arguments of each program, messages if none works."""

from __future__ import annotations

import io
import json
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otolith import paths
from otolith.deploy import bootsel, dfu
from otolith.deploy.upload import METHODS, pyocd, upload
from otolith.device.boards import load_boards
from otolith.errors import UserError

PICO, PICO2 = "pico", "pico2"
XIAO, NANO, DK = "seeed_xiao_nrf52840_sense", "arduino_nano33ble_sense", "nrf52840_dk"
KIT = "xg24_dev_kit"
INFO = "UF2 Bootloader 0.6.1\nModel: Seeed XIAO nRF52840\nBoard-ID: nRF52840-SeeedXiaoSense-v1\n"


@pytest.fixture
def built(tmp_path):
    folder = tmp_path / "build"
    folder.mkdir()
    for suffix in ("bin", "hex", "uf2", "zip"):
        (folder / f"firmware.{suffix}").write_bytes(suffix.encode())
    return folder


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Simulated programs that log their arguments: tools(name, output, status).

    tools.log() returns the logged lines.
    """
    folder = tmp_path / "tools"
    folder.mkdir()
    log = tmp_path / "log"
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(bootsel, "mounts", lambda: [])

    def add(name, output="", status=0):
        program = folder / name
        program.write_text(
            "#!/bin/sh\n"
            f'echo "{name} $*" >> {log}\n'
            f'if [ ! -t 0 ]; then while read -r line; do echo "< $line" >> {log}; done; fi\n'
            f"echo '{output}'\nexit {status}\n"
        )
        program.chmod(0o755)

    add.log = lambda: log.read_text().splitlines() if log.exists() else []
    return add


def test_probes_and_drives_are_listed(tools, tmp_path):
    assert pyocd.probes() == []  # no pyOCD
    # as pyOCD's own tools/lists.py writes it
    board = {"unique_id": "0240", "product_name": "DAPLink CMSIS-DAP", "vendor_name": "Arm"}
    tools("pyocd", json.dumps({"pyocd_version": "0.36.0", "status": 0, "boards": [board]}))
    assert pyocd.probes() == ["DAPLink CMSIS-DAP 0240"]
    assert tools.log()[0] == "pyocd json --probes"
    for broken in ("no", '{"boards": 1}', '{"boards": [{}]}', "{"):
        tools("pyocd", broken)
        assert pyocd.probes() == []
    for name, text in (("rp2", "Model: Raspberry Pi RP2\n"), ("xiao", INFO), ("odd", "\xff\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "INFO_UF2.TXT").write_text(text, encoding="latin-1")
    folders = [tmp_path / name for name in ("none", "rp2", "xiao", "odd")]
    names = [drive.board for drive in bootsel.drives(folders)]
    assert names == ["Raspberry Pi RP2", "Seeed XIAO nRF52840", "unknown board"]


def test_the_uf2_drive_of_the_board_is_taken_and_no_other(built, tools, tmp_path, monkeypatch):
    for name, text in (("rp2", "Model: Raspberry Pi RP2\n"), ("xiao", INFO)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "INFO_UF2.TXT").write_text(text)
    monkeypatch.setattr(bootsel, "mounts", lambda: [tmp_path / "rp2", tmp_path / "xiao"])
    assert upload(XIAO, built) == f"copied to {tmp_path / 'xiao'}"
    assert (tmp_path / "xiao" / "firmware.uf2").read_bytes() == b"uf2"
    assert not (tmp_path / "rp2" / "firmware.uf2").exists()


def test_boot_roms_of_raspberry_pis_chips_are_told_apart(built, tools, tmp_path, monkeypatch):
    for name in ("RPI-RP2", "RP2350"):  # as the boot ROMs write it
        (tmp_path / name).mkdir()
        text = f"UF2 Bootloader v3.0\nModel: Raspberry Pi {name}\nBoard-ID: {name}\n"
        (tmp_path / name / "INFO_UF2.TXT").write_text(text)
    monkeypatch.setattr(bootsel, "mounts", lambda: [tmp_path / "RPI-RP2", tmp_path / "RP2350"])
    assert upload(PICO, built) == f"copied to {tmp_path / 'RPI-RP2'}"
    assert upload(PICO2, built) == f"copied to {tmp_path / 'RP2350'}"


def test_without_a_drive_picotool_is_next(built, tools):
    tools("picotool", status=1)
    with pytest.raises(UserError, match=r"no Raspberry Pi Pico found: .*hold its BOOTSEL button"):
        upload(PICO, built)
    tools("picotool")
    assert upload(PICO, built) == "loaded by picotool"
    assert tools.log()[-1] == f"picotool load -x {built / 'firmware.uf2'}"


def test_every_boards_methods_are_known():
    for about in load_boards():
        assert set(about.upload.protocols) <= set(METHODS), about.id
        assert "uf2" not in about.upload.protocols or about.upload.settings["uf2_board"], about.id


def test_without_a_drive_the_boot_loaders_port_is_next(built, tools, monkeypatch):
    asked = []
    monkeypatch.setattr(bootsel, "ask_for_bootsel", asked.append)
    monkeypatch.setattr(bootsel, "APPEAR_SECONDS", 0.0)
    tools("adafruit-nrfutil")
    tools("pyocd")
    assert upload(XIAO, built, "/dev/ttyACM7") == "sent to /dev/ttyACM7 by adafruit-nrfutil"
    (told, *_) = tools.log()
    assert told.split()[1:3] == ["dfu", "serial"] and str(built / "firmware.zip") in told
    assert asked == ["/dev/ttyACM7"]


def test_arduinos_boot_loader_gets_the_flat_image(built, tools):
    tools("bossac")
    assert "by bossac" in upload(NANO, built, "/dev/ttyACM0")
    (told, *_) = tools.log()
    assert "--port=/dev/ttyACM0" in told and f"-w {built / 'firmware.bin'}" in told


def test_a_probe_by_pyocd(built, tools):
    tools("pyocd", "0   J-Link   000683000000   nrf52840")
    assert upload(DK, built) == "flashed by pyOCD"
    assert f"pyocd flash -t nrf52840 {built / 'firmware.hex'}" in tools.log()


def test_a_boards_options_of_pyocd_are_given(built, tools):
    tools("pyocd", "0   Seeed CMSIS-DAP   1234   n/a")
    assert upload("seeed_xiao_mg24_sense", built) == "flashed by pyOCD"
    options = "-Oadi.v5.max_invalid_ap_count=0 -t efr32mg24b220f1536im48"
    assert f"pyocd flash {options} {built / 'firmware.hex'}" in tools.log()


def test_a_j_link_where_pyocd_sees_no_probe(built, tools):
    tools("pyocd", "No available debug probes are connected")
    tools("JLinkExe")
    assert upload(DK, built) == "flashed by J-Link"
    lines = tools.log()
    assert any("-device nRF52840_xxAA" in line for line in lines)
    assert f"< loadfile {built / 'firmware.hex'}" in lines


def test_commander_flashes_and_sets_the_ports_speed(built, tools):
    tools("commander", "DONE")
    assert upload(KIT, built) == "flashed by Simplicity Commander"
    lines = [line for line in tools.log() if line[0] != "<"]
    assert lines == [
        f"commander flash {built / 'firmware.hex'} --device EFR32MG24B310F1536IM48",
        "commander vcom config --baudrate 921600 --handshake none --store",
    ]


def test_where_commander_sees_no_kit_the_other_programs_are_next(built, tools):
    tools("commander", "ERROR: Could not open J-Link connection.", 1)
    tools("JLinkExe", "O.K.")
    assert upload(KIT, built) == "flashed by J-Link"
    assert any("-device EFR32MG24BxxxF1536" in line for line in tools.log())


@pytest.mark.parametrize("board", [DK, NANO, XIAO, KIT])
def test_with_nothing_there_one_line_says_what_to_connect(board, built, tools):
    tools("pyocd", "No available debug probes are connected")
    tools("JLinkExe", "Connecting to J-Link via USB...FAILED: Cannot connect to J-Link.", 1)
    with pytest.raises(UserError) as caught:
        upload(board, built)
    message = caught.value.message
    about = json.loads((paths.BOARDS / f"{board}.json").read_text())
    assert message.startswith(f"no {about['name']} found: ") and "\n" not in message
    assert "connect its debugger" in message and "J-Link" in message
    assert ("twice" in message) == (board not in (DK, KIT))


def test_a_program_that_fails_is_told_in_one_line(built, tools):
    tools("pyocd", "target is locked", 1)
    with pytest.raises(UserError, match=r"^pyocd: target is locked$"):
        upload(DK, built)


def test_an_image_that_was_not_built_is_told(built, tools):
    (built / "firmware.hex").unlink()
    with pytest.raises(UserError, match=r"firmware\.hex is missing: run pio run -e nrf52840_dk"):
        upload(DK, built)


def test_a_board_file_with_an_unknown_method_is_told(built, tools, tmp_path, monkeypatch):
    about = json.loads((paths.BOARDS / f"{DK}.json").read_text())
    about["upload"]["protocols"] = ["carrier pigeon"]
    (tmp_path / "mine.json").write_text(json.dumps(about))
    monkeypatch.setattr(paths, "BOARDS", tmp_path)
    with pytest.raises(UserError, match=r"carrier pigeon: write some of uf2"):
        upload("mine", built)
    assert set(METHODS) >= {"uf2", "nrfutil", "bossac", "pyocd", "jlink"}


# ---- the DFU package ----


def test_crc_has_the_published_check_value():
    assert dfu.crc16(b"123456789") == 0x29B1  # CRC-16/CCITT-FALSE
    assert dfu.crc16(b"") == 0xFFFF


@given(st.binary(min_size=1, max_size=2000))
def test_package_holds_image_and_init_packet(binary):
    """As adafruit-nrfutil 0.5.3 makes it. Its files were compared byte by byte."""
    with zipfile.ZipFile(io.BytesIO(dfu.encode(binary))) as package:
        assert package.read("firmware.bin") == binary
        packet = package.read("firmware.dat")
        about = json.loads(package.read("manifest.json"))["manifest"]
    crc = dfu.crc16(binary)
    assert struct.unpack("<2HI3H", packet) == (0x52, 0xFFFF, 0xFFFFFFFF, 1, 0xFFFE, crc)
    assert about["dfu_version"] == 0.5
    assert about["application"]["init_packet_data"]["firmware_crc16"] == crc
    assert dfu.encode(binary) == dfu.encode(binary)
