"""The sounds a network got wrong, small enough to stand in a page."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from otolith.errors import UserError
from otolith.features import RATE
from otolith.report.results import WrongClip

MOST = 20  # clips in a page
SECONDS = 10  # of each clip
BYTES = 4_000_000  # of all clips, as FLAC


def flac(pcm: np.ndarray) -> bytes:
    """Encodes int16 mono PCM of 16 kHz as a FLAC file."""
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, pcm, RATE, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def nameable(wrong: Sequence[WrongClip]) -> list[WrongClip]:
    """Shortens names to folder and file, for a page that may be shared."""
    return [dataclasses.replace(w, name="/".join(Path(w.name).parts[-2:])) for w in wrong]


def sounds_of(
    wrong: Sequence[WrongClip], read: Callable[[int], Sequence[np.ndarray]]
) -> dict[int, bytes]:
    """Encodes the worst clips, as many as a page takes.

    Args:
        wrong: The worst first.
        read: Gives the parts (int16, 16 kHz) of a clip by its number. A UserError leaves it out.

    Returns:
        FLAC bytes by the clip's number: of at most MOST clips, the first SECONDS of each, BYTES in
        all.
    """
    found: dict[int, bytes] = {}
    left = BYTES
    for clip in wrong[:MOST]:
        try:
            parts = read(clip.clip)
        except UserError:
            continue
        data = flac(np.concatenate(parts)[: SECONDS * RATE])
        if len(data) > left:
            break
        left -= len(data)
        found[clip.clip] = data
    return found
