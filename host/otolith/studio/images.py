"""Firmware images that Studio has built: kept, so that a virtual board boots at once."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from otolith import __version__
from otolith.files import disk_errors, make_folder, replacing
from otolith.firmware import build as firmware
from otolith.paths import BOARDS, LIB, ROOT
from otolith.virtual import class_for

KEPT = 3
_SOURCES = (ROOT / "firmware", ROOT / "platform", LIB, BOARDS)


def path_of(folder: Path, board: str, tflite: Path) -> Path:
    """Where the image of a network is kept. It may not exist yet.

    Args:
        folder: Of the project.
        board: Name of a board in boards/.
        tflite: The network.
    """
    newest = max(
        (f.stat().st_mtime_ns for top in _SOURCES for f in top.rglob("*") if f.is_file()), default=0
    )
    made_of = f"{__version__} {board} {newest} ".encode() + tflite.read_bytes()
    key = hashlib.sha256(made_of).hexdigest()[:16]
    return folder / ".studio" / "images" / f"{board}-{key}.{class_for(board).IMAGE}"


def build(folder: Path, board: str, tflite: Path) -> Path:
    """The image of a network for a virtual board, built if there is none yet.

    Raises:
        UserError: It can't be built.
    """
    path = path_of(folder, board, tflite)
    return path if path.exists() else keep(path, firmware.build(board, tflite).folder)


def keep(path: Path, built: Path) -> Path:
    """Keep an image that was built.

    Args:
        path: Of path_of().
        built: Folder with firmware.*.

    Raises:
        UserError: The disk is full.
    """
    board, image = path.stem.rpartition("-")[0], built / f"firmware{path.suffix}"
    make_folder(path.parent)
    with disk_errors(path), replacing(path) as temporary:
        shutil.copyfile(image, temporary)
    mine = sorted(path.parent.glob(f"{board}-*"), key=lambda file: file.stat().st_mtime)
    for old in mine[:-KEPT]:
        old.unlink(missing_ok=True)
    return path
