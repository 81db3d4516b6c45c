"""Reads any sound file as 16 kHz mono samples."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from otolith.audio.rate import RATE, RATES
from otolith.errors import UserError

BLOCK = 1 << 18  # samples read at a time


def bytes_missing(path: Path | str) -> int:
    """How many bytes of samples a WAV file announces but does not have: libsndfile keeps quiet
    about a cut file. 0 for other formats and for streams, whose writers could not know the size.
    """
    with open(path, "rb") as file:
        start = file.read(12)
        if start[:4] != b"RIFF" or start[8:] != b"WAVE":
            return 0
        size = os.fstat(file.fileno()).st_size
        while len(chunk := file.read(8)) == 8:
            length = int.from_bytes(chunk[4:], "little")
            if chunk[:4] == b"data":
                streamed = length >= 0x7F000000
                return 0 if streamed else max(0, length - (size - file.tell()))
            file.seek(length + length % 2, os.SEEK_CUR)
    return 0


def read_pcm(path: Path | str, resample: bool = False) -> np.ndarray:
    """A sound file as int16 mono at 16 kHz; with `resample`, from any rate and channel count.

    Without it, anything but 16 kHz, 16 bit, mono is refused: what is trained on must be what was
    recorded.
    """
    import soundfile

    blocks = []
    try:
        with soundfile.SoundFile(path) as file:
            rate, channels, subtype, announced = (
                file.samplerate,
                file.channels,
                file.subtype,
                file.frames,
            )
            if not resample and (rate, channels, subtype) != (RATE, 1, "PCM_16"):
                raise UserError(
                    f"{path}: {rate} Hz, {channels} channel(s), {subtype}: need {RATE} Hz, mono, "
                    "PCM_16 (or ask for resampling)"
                )
            if not RATES[0] <= rate <= RATES[1]:
                raise UserError(f"{path}: {rate} Hz: {RATES[0]} to {RATES[1]} Hz are taken")
            # in blocks: a damaged header may announce more than memory holds
            kind = "float64" if resample else "int16"
            while len(block := file.read(BLOCK, dtype=kind, always_2d=True)):
                blocks.append(block.mean(axis=1) if resample else block[:, 0])
        missing = bytes_missing(path)
    except (soundfile.LibsndfileError, OSError, RuntimeError) as error:
        reason = str(error).partition(": ")[2] or str(error)
        raise UserError(f"{path}: not a sound file that can be read: {reason}") from error
    if not blocks:
        raise UserError(f"{path}: no samples in it")
    samples = np.concatenate(blocks)
    if missing or len(samples) < announced:
        lost = f"{missing} bytes" if missing else f"{announced - len(samples)} samples"
        raise UserError(f"{path}: cut short: {lost} of what it announces are missing")
    if not resample:
        return samples
    if rate != RATE:
        import soxr

        samples = soxr.resample(samples, rate, RATE, quality="VHQ")
    return np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)
