"""Upload to a BOOTSEL drive, and the UF2 file for it."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otolith.deploy import bootsel, uf2
from otolith.errors import UserError


@given(st.binary(min_size=1, max_size=3000))
def test_uf2_blocks_carry_the_image_in_order(binary):
    blocks = uf2.encode(binary)
    assert len(blocks) % 512 == 0
    image = b""
    count = len(blocks) // 512
    for number in range(count):
        block = blocks[512 * number : 512 * (number + 1)]
        head = struct.unpack("<8I", block[:32])
        assert head[:2] == (0x0A324655, 0x9E5D5157)
        assert head[2:] == (0x2000, 0x10000000 + 256 * number, 256, number, count, 0xE48BFF56)
        assert struct.unpack("<I", block[508:])[0] == 0x0AB16F30
        image += block[32:288]
    assert image[: len(binary)] == binary
    assert not any(image[len(binary) :])


def drive(folder, info="UF2 Bootloader v3.0\nModel: Raspberry Pi RP2\nBoard-ID: RPI-RP2\n"):
    folder.mkdir()
    (folder / "INFO_UF2.TXT").write_text(info)
    return folder


def test_upload_copies_to_the_boot_drive_and_to_no_other(tmp_path):
    image = tmp_path / "firmware.uf2"
    image.write_bytes(b"image")
    other = drive(tmp_path / "other", "UF2 Bootloader\nModel: some other board\n")
    boot = drive(tmp_path / "boot")
    assert "boot" in bootsel.upload(image, drives=[tmp_path / "absent", other, boot])
    assert (boot / "firmware.uf2").read_bytes() == b"image"
    assert not (other / "firmware.uf2").exists()


def test_upload_without_a_board_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(UserError, match="hold BOOTSEL"):
        bootsel.upload(tmp_path / "firmware.uf2", drives=[])


def test_upload_uses_picotool_where_there_is_no_drive(tmp_path, monkeypatch):
    image = tmp_path / "firmware.uf2"
    image.write_bytes(b"image")
    log = tmp_path / "log"
    tool = tmp_path / "picotool"
    tool.write_text(f'#!/bin/sh\necho "$@" > {log}\n')
    tool.chmod(0o755)
    monkeypatch.setattr("shutil.which", lambda name: str(tool))
    assert bootsel.upload(image, drives=[]) == "loaded by picotool"
    assert log.read_text().split() == ["load", "-x", str(image)]
