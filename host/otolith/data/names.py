"""What a label is, and which paths a dataset may touch. Every command asks here."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from pathlib import Path, PurePosixPath

from otolith.errors import UserError, short, shown

LONGEST = 64  # characters of a label
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
# names that Windows keeps for devices
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)


def as_label(name: str) -> str:
    """Make a label of a folder's or a track's name.

    A label consists of letters and digits of any script, _ and -. It has at most LONGEST characters
    and does not begin with -. Everything else becomes _.

    Returns:
        The label; "" if nothing is left of the name.
    """
    kept = "".join(
        c if c in "_-" or unicodedata.category(c)[0] in "LNM" else " "
        for c in unicodedata.normalize("NFC", name).strip()
    )
    return re.sub(r" +", "_", kept).lstrip("-")[:LONGEST]


def check_label(label: str) -> str:
    """Return `label` in Unicode's composed form. Raises UserError if it is not a label."""
    composed = unicodedata.normalize("NFC", label)
    if not composed or as_label(composed) != composed:
        raise UserError(
            f"label {short(shown(label))!r}: use letters, digits, _ and - "
            f"(up to {LONGEST}, no - in front)"
        )
    return composed


def folder_of(label: str) -> str:
    """The name of the folder for the clips of a label.

    A label of plain letters, digits, _ and - is its own folder. Any other text gets a name that
    every file system takes and that no other label has: its plain letters and a hash.
    """
    if _PLAIN.fullmatch(label) and not _DEVICES.fullmatch(label):
        return label
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", plain).strip("_-")[:40] or "label"
    digest = hashlib.sha256(label.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{plain}-{digest[:8]}"


def inside(dataset: Path, file: str) -> Path:
    """The path of a file of a dataset.

    Args:
        dataset: Its folder. The folder itself may be a link.
        file: A path below it, with /.

    Raises:
        UserError: The path is absolute, has .. in it, or leads out of the dataset through a link.
    """
    below = PurePosixPath(file)
    if not below.name or below.is_absolute() or ".." in below.parts or "\0" in file:
        raise UserError(f"{short(shown(file))} is not a path below the dataset")
    path = dataset / file
    try:
        root, folder = dataset.resolve(), path.parent.resolve()
    except (OSError, RuntimeError) as error:
        raise UserError(f"{shown(path)}: its folder is a link to nowhere") from error
    if folder != root and root not in folder.parents:
        raise UserError(f"{shown(path)} leads out of the dataset: its folder is a link")
    return path
