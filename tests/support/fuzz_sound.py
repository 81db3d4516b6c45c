"""Reads damaged sound files and label files as `host data import` and `host data cut` do.

    python -m support.fuzz_sound sounds|labels COUNT SEED FOLDER

Prints one line of JSON: counts, the slowest read, and the peak memory. Any exception other than
UserError ends the run, and the file that caused it stays in FOLDER. It runs in a separate process,
so that a crash inside a decoder fails one test instead of ending the test run.
"""

from __future__ import annotations

import io
import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from otolith.audio import read_pcm
from otolith.data.labels import read_track
from otolith.errors import UserError
from support.memory import peak_bytes

KINDS = (  # suffix, libsndfile's format and subtype, rate, channels
    *(("wav", "WAV", s, 16_000, 1) for s in ("PCM_16", "PCM_24", "FLOAT", "ULAW", "IMA_ADPCM")),
    *(("wav", "WAV", "MS_ADPCM", 16_000, 1), ("wav", "WAV", "GSM610", 16_000, 1)),
    *(("wav", "WAVEX", "PCM_16", 16_000, 2), ("wav", "RF64", "PCM_16", 16_000, 1)),
    *(("w64", "W64", "PCM_16", 16_000, 1), ("flac", "FLAC", "PCM_16", 16_000, 1)),
    *(("flac", "FLAC", "PCM_24", 48_000, 2), ("ogg", "OGG", "VORBIS", 16_000, 1)),
    *(("opus", "OGG", "OPUS", 48_000, 1), ("aiff", "AIFF", "PCM_16", 16_000, 1)),
    *(("caf", "CAF", "PCM_16", 16_000, 1), ("au", "AU", "PCM_16", 16_000, 1)),
    ("mp3", "MP3", "MPEG_LAYER_III", 16_000, 1),
)
NUMBERS = (0, 1, 2, 3, 0xFF, 0xFFFF, 0x7FFF, 0x8000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 10**6)
LABELS = {
    "track.txt": "0.5\t1.25\tknock\n\\\t200\t4000\n2.0\t3.5\tdog bark\n",
    "table.csv": "file,start,end,label\nroom.wav,0.5,1.25,knock\nroom.wav,2,3.5,dog bark\n",
    "raven.txt": "Selection\tView\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)"
    "\tAnnotation\n1\tW\t0.5\t1.25\t200\t4000\tknock\n",
    "studio.json": json.dumps(
        [
            {
                "audio": "/data/1-room.wav",
                "label": [{"start": 0.5, "end": 1.25, "labels": ["knock"]}],
            }
        ]
    ),
    "praat.TextGrid": 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n5\n<exists>\n1\n'
    '"IntervalTier"\n"sounds"\n0\n5\n3\n0\n0.5\n""\n0.5\n1.25\n"knock"\n1.25\n5\n""\n',
}


def sounds() -> list[tuple[str, bytes]]:
    """Half a second of sound in every format: (suffix, file)."""
    found = []
    for suffix, container, subtype, rate, channels in KINDS:
        tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(rate // 2) / rate)
        file = io.BytesIO()
        pcm = np.stack([tone] * channels, 1)
        soundfile.write(file, pcm, rate, format=container, subtype=subtype)
        found.append((suffix, file.getvalue()))
    return found


def damaged(rng: random.Random, data: bytes) -> bytes:
    """A damaged copy: truncated, or with bits, numbers or stretches changed."""
    if rng.random() < 0.1:
        return data[: rng.randrange(len(data))]
    bad = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 4, 10, 50])):
        end = len(bad) if rng.random() < 0.4 else min(len(bad), 160)
        at, kind = rng.randrange(max(1, end - 4)), rng.random()
        if kind < 0.4 and at < len(bad):
            bad[at] ^= 1 << rng.randrange(8)
        elif kind < 0.7:
            bad[at : at + 4] = rng.choice(NUMBERS).to_bytes(4, rng.choice(["little", "big"]))
        elif kind < 0.8:
            bad[at : at + 2] = (rng.choice(NUMBERS) & 0xFFFF).to_bytes(2, "little")
        elif kind < 0.9:
            del bad[at : at + rng.randrange(1, 40)]
        else:
            bad[at:at] = rng.randbytes(rng.randrange(1, 40))
    return bytes(bad)


def read_sound(path: Path) -> list[str]:
    lines: list[str] = []
    pcm = read_pcm(path, resample=True, warn=lines.append)
    assert pcm.dtype == np.int16 and pcm.ndim == 1
    return lines


def read_labels(path: Path) -> list[str]:
    labels, problems = read_track(path, 5.0, "room.wav")
    assert all(0 <= label.start <= label.end <= 5.0 and label.label for label in labels)
    return problems


def run(
    originals: list[tuple[str, bytes]], read: Callable[[Path], list[str]], count: int, seed: int,
    folder: Path,
) -> dict[str, float]:  # fmt: skip
    rng = random.Random(seed)
    taken, messages, slowest = 0, set(), 0.0
    for _ in range(count):
        name, data = rng.choice(originals)
        path = folder / (name if "." in name else f"sound.{name}")
        path.write_bytes(damaged(rng, data))
        start = time.process_time()
        try:
            lines = read(path)
            taken += 1
        except UserError as error:
            lines = [error.message]
        slowest = max(slowest, time.process_time() - start)
        assert all("\n" not in line and line.isprintable() for line in lines), lines
        messages |= set(lines)
        path.unlink()
    most = peak_bytes() // 1000
    return {"taken": taken, "messages": len(messages), "slowest": slowest, "kilobytes": most}


def main() -> None:
    kind, count, seed, folder = sys.argv[1:]
    text = [(name, content.encode()) for name, content in LABELS.items()]
    originals, read = (sounds(), read_sound) if kind == "sounds" else (text, read_labels)
    print(json.dumps(run(originals, read, int(count), int(seed), Path(folder))))


if __name__ == "__main__":
    main()
