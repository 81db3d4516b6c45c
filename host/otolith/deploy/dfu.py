"""DFU packages for Adafruit's boot loader: a zip with the image, an init packet and a manifest.

The format is Nordic's legacy DFU, version 0.5 (nRF5 SDK 11, "Device Firmware Update"). The init
packet has device type, device revision, application version, the SoftDevices that the image runs
with, and the image's CRC-16.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path

from otolith.errors import UserError
from otolith.files import write_bytes

DEVICE_TYPE = 0x0052  # what Adafruit's boot loader asks for
ANY_REVISION, ANY_VERSION, ANY_SOFTDEVICE = 0xFFFF, 0xFFFFFFFF, 0xFFFE
_WHEN = (1980, 1, 1, 0, 0, 0)  # one image gives one package


def crc16(data: bytes) -> int:
    """CRC-16/CCITT-FALSE: polynomial 0x1021, initial value 0xFFFF."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8 | crc << 8) & 0xFFFF ^ byte
        crc ^= (crc & 0xFF) >> 4
        crc ^= crc << 12 & 0xFFFF
        crc ^= (crc & 0xFF) << 5
    return crc


def encode(binary: bytes) -> bytes:
    """Make the package for a flat image; the same image gives the same bytes."""
    crc = crc16(binary)
    packet = struct.pack("<2HI3H", DEVICE_TYPE, ANY_REVISION, ANY_VERSION, 1, ANY_SOFTDEVICE, crc)
    about = {
        "bin_file": "firmware.bin",
        "dat_file": "firmware.dat",
        "init_packet_data": {
            "application_version": ANY_VERSION,
            "device_revision": ANY_REVISION,
            "device_type": DEVICE_TYPE,
            "firmware_crc16": crc,
            "softdevice_req": [ANY_SOFTDEVICE],
        },
    }
    manifest = {"manifest": {"application": about, "dfu_version": 0.5}}
    files = {
        "firmware.bin": binary,
        "firmware.dat": packet,
        "manifest.json": json.dumps(manifest, indent=4).encode(),
    }
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in files.items():
            package.writestr(zipfile.ZipInfo(name, _WHEN), data)
    return whole.getvalue()


def write(binary: Path, package: Path) -> None:
    """Write `package` from the flat image `binary`."""
    data = binary.read_bytes()
    if not data:
        raise UserError(f"{binary}: empty image: build the firmware again")
    write_bytes(package, encode(data))
