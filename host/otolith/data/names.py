"""Rules for labels, for folders of labels, and for paths in a dataset. All commands use them."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from pathlib import Path, PurePosixPath

from otolith.errors import UserError, short, shown

LONGEST = 64  # characters of a label
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
# file names reserved by Windows
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)


def as_label(name: str) -> str:
    """Turn any name into a label.

    A label consists of letters and digits of any script, _ and -. It has at most LONGEST characters
    and does not begin with -. All other characters become _.

    Returns:
        The label. "" if no character of the name is left.
    """
    kept = "".join(
        c if c in "_-" or unicodedata.category(c)[0] in "LNM" else " "
        for c in unicodedata.normalize("NFC", name).strip()
    )
    return re.sub(r" +", "_", kept).lstrip("-")[:LONGEST]


def is_reserved(name: str) -> bool:
    """Whether Windows keeps a name, with or without a suffix, for a device."""
    return _DEVICES.fullmatch(name.partition(".")[0]) is not None


def check_label(label: str) -> str:
    """Return `label` in Unicode's composed form (NFC). Raises UserError if it is not a label."""
    composed = unicodedata.normalize("NFC", label)
    if not composed or as_label(composed) != composed:
        raise UserError(
            f"label {short(shown(label))!r}: use letters, digits, _ and - "
            f"(up to {LONGEST}, no - in front)"
        )
    return composed


def folder_of(label: str) -> str:
    """The name of the folder for the clips of a label.

    A label of ASCII letters, digits, _ and - names its own folder. Any other label gets a unique
    name that is valid on every file system: its ASCII letters and a hash.
    """
    if _PLAIN.fullmatch(label) and not _DEVICES.fullmatch(label):
        return label
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", plain).strip("_-")[:40] or "label"
    digest = hashlib.sha256(label.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{plain}-{digest[:8]}"


def inside(dataset: Path, file: str) -> Path:
    """The path of a file in a dataset.

    Args:
        dataset: Folder of the dataset. It may be a link.
        file: Path relative to it, with /.

    Raises:
        UserError: The path is absolute, contains .., or leads out of the dataset through a link.
    """
    below = PurePosixPath(file)
    if not below.name or below.is_absolute() or ".." in below.parts or "\0" in file:
        raise UserError(f"{short(shown(file))} is not a path below the dataset")
    path = dataset / file
    try:
        root, folder = dataset.resolve(), path.parent.resolve()
    except (OSError, RuntimeError) as error:
        raise UserError(f"{shown(path)}: its folder is a broken link") from error
    if folder != root and root not in folder.parents:
        raise UserError(f"{shown(path)} leads out of the dataset: its folder is a link")
    return path
