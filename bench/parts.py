"""Which recordings may train, and which only test, in every benchmark and ready model.

Read speech by speaker: the first eight train and calibrate, the last eight test. ESC-10 by fold: 1
and 2 train, 3 and 4 test. kitchen20 by source: every second one. Speech Commands by speaker: three
of ten test. FSDD by speaker: george and jackson train.
"""

from __future__ import annotations

import zlib
from pathlib import Path

from otolith.paths import test_data

SC_LENT = 7  # of ten Speech Commands speakers
FSDD_LENT = ("george", "jackson")


def lent(name: str, first: int = 0, last: int = SC_LENT) -> bool:
    """Whether a speaker (or any other name) is in these tenths; by default, those that train."""
    return first <= zlib.crc32(name.encode()) % 10 < last


def speech_files(part: str) -> list[Path]:
    """Read speech: part is "train" or "test"."""
    files = sorted((test_data() / "read_speech").glob("*.ogg"))
    return files[:8] if part == "train" else files[8:]


def esc_files(part: str) -> list[Path]:
    """ESC-10: part is "train" or "test"."""
    folds = "12" if part == "train" else "34"
    return [f for f in sorted((test_data() / "esc10").rglob("*.ogg")) if f.name[0] in folds]


def kitchen_files(part: str) -> list[Path]:
    """kitchen20, cuts of one recording together: part is "train" or "test"."""
    files = sorted((test_data() / "kitchen20").glob("*.ogg"))
    return [f for f in files if lent(f.name.split("-")[1], 0, 5) == (part == "train")]


def fsdd_files(part: str) -> list[Path]:
    """FSDD: part is "train" or "test"."""
    files = sorted((test_data() / "fsdd").glob("*.wav"))
    return [f for f in files if (f.stem.split("_")[1] in FSDD_LENT) == (part == "train")]


def command_files(word: str, part: str) -> list[Path]:
    """Takes of a word of Speech Commands: part is "train" or "test"."""
    files = sorted((test_data() / "speech_commands" / word).glob("*.flac"))
    return [f for f in files if lent(f.stem.split("_")[0]) == (part == "train")]
