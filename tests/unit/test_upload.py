"""Upload to a BOOTSEL drive, and the UF2 file for it."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otolith.deploy import bootsel, uf2
from otolith.errors import UserError
from otolith.virtual.rp2350.uf2 import decode

FLASH = range(0x10000000, 0x10400000)


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


@given(st.binary(min_size=1, max_size=600))
def test_uf2_for_an_rp2350_begins_with_the_block_for_erratum_e10(binary):
    blocks = uf2.encode(binary, family=uf2.RP2350_ARM)
    # as picotool writes it (elf2uf2.cpp, gen_abs_block)
    head = struct.unpack("<8I", blocks[:32])
    assert head[:2] == (0x0A324655, 0x9E5D5157)
    assert head[2:] == (0xA000, 0x10FFFF00, 256, 0, 2, 0xE48BFF57)
    assert blocks[32:292] == b"\xef" * 256 + bytes.fromhex("04e35799")
    assert blocks[512 - 4 : 512] == struct.pack("<I", 0x0AB16F30)
    rest = [struct.unpack("<8I", blocks[at : at + 32]) for at in range(512, len(blocks), 512)]
    assert [(words[5], words[6], words[7]) for words in rest] == [
        (number, len(rest), 0xE48BFF59) for number in range(len(rest))
    ]
    parts = decode(blocks, FLASH)
    assert b"".join(data for _, data in parts)[: len(binary)] == binary
    assert [address for address, _ in parts] == [0x10000000 + 256 * n for n in range(len(parts))]


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda data: data[:-1], "not whole UF2 blocks"),
        (lambda data: b"\0" + data[1:], "block 0 is no UF2 block"),
        (lambda data: data[:512] + data[1024:], "blocks are missing"),
        (lambda data: data[:-512], "2 of 3 blocks"),
        (lambda data: data[:524] + bytes(4) + data[528:], "outside flash"),
        (lambda data: uf2.encode(b"x"), "for another chip"),
    ],
)
def test_damaged_uf2_is_refused(damage, told):
    with pytest.raises(UserError, match=told):
        decode(damage(uf2.encode(bytes(700), family=uf2.RP2350_ARM)), FLASH)


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


def test_an_image_goes_to_the_drive_of_its_own_chip(tmp_path):
    image = tmp_path / "firmware.uf2"
    image.write_bytes(b"image")
    pico = drive(tmp_path / "pico")
    pico2 = drive(
        tmp_path / "pico2", "UF2 Bootloader v1.0\nModel: Raspberry Pi RP2350\nBoard-ID: RP2350\n"
    )
    assert "pico2" in bootsel.upload(image, drives=[pico, pico2], name="RP2350")
    assert not (pico / image.name).exists() and (pico2 / image.name).exists()


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
