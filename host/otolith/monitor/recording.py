"""Records what a board hears and says: files that are valid at any time and can be replayed."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from otolith import __version__
from otolith.audio import RATE
from otolith.audio.wav import MAX_SECONDS, WavWriter
from otolith.device.client import Message
from otolith.device.frames import Frame
from otolith.device.records import Detect, Gap, Hello, Line, ScoresLine
from otolith.errors import UserError, shown
from otolith.files import disk_errors, write_text
from otolith.growing import Growing

AUDIO, FEATURES, EVENTS, SESSION = "audio.wav", "features.npy", "events.jsonl", "session.json"
_HEADER = 128  # bytes of a .npy file before its data


class _Rows:
    """An .npy file of int16 rows, as wide as the first of them."""

    def __init__(self, path: Path) -> None:
        self.width = 0
        self.count = 0
        self._file = Growing(path, self._header)
        self.close = self._file.close
        self.finish = self._file.finish

    def _header(self, size: int) -> bytes:
        shape = (size // (2 * self.width), self.width) if self.width else (0, 0)
        about = f"{{'descr': '<i2', 'fortran_order': False, 'shape': {shape}, }}"
        text = about.ljust(_HEADER - 11) + "\n"
        return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()

    def write(self, rows: np.ndarray) -> None:
        """Append rows: (n, width) int16."""
        if self.width not in (0, rows.shape[1]):
            raise UserError(f"a frame of {rows.shape[1]} features after frames of {self.width}")
        self.width = self.width or rows.shape[1]
        self._file.append(rows.astype("<i2").tobytes())
        self.count += len(rows)

    def shorten(self, count: int) -> None:
        """Keep the first `count` rows."""
        self._file.shorten(count * 2 * self.width)
        self.count = count


class Numbered:
    """Numbered frames of one kind; counts those that are missing."""

    def __init__(self) -> None:
        self._due = 0

    def missing(self, frame: Frame) -> int:
        """Number of frames lost before `frame`. Sequence numbers wrap at 2^16."""
        gap = (frame.sequence - self._due) & 0xFFFF
        if gap >= 0x8000:
            raise UserError("the board's stream began anew while it was recorded")
        self._due = (frame.sequence + 1) & 0xFFFF
        return gap


class Recording:
    """audio.wav, features.npy, events.jsonl and session.json in a new folder.

    The board's streams must begin at zero (command `restart`). Missing samples become silence and
    missing frames become rows of zeros, so that times stay right; take() reports them. Errors are
    UserError, and what was written stays valid.
    """

    def __init__(self, folder: Path, hello: Hello, settings: dict[str, Any]) -> None:
        """Make the folder and open its files.

        Args:
            folder: a new folder, or an empty one.
            hello: of a board with the inference app.
            settings: more for session.json.
        """
        if hello.app != "inference":
            raise UserError(
                "--record is for boards that run the inference app, not "
                f"{shown(hello.app or 'another app')}: see `host record`"
            )
        if hello.hop is None:
            raise UserError("the board's hello has no hop: is its firmware of this version?")
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError(f"{folder} is not empty: name a new folder for --record")
        self.folder = folder
        self._hop = hello.hop
        self._pcm, self._features = Numbered(), Numbered()
        self._missing = {"samples": 0, "frames": 0}
        self._hop_end = (-1, 0)  # of the last scores: time, rows of features before them
        self._detections = self._lines = 0
        self._session = {
            "format": 1,
            "otolith": __version__,
            "started": datetime.now().astimezone().isoformat(timespec="seconds"),
            **settings,
            "hello": hello.told,
        }
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._save(None)
            self._wav = WavWriter(folder / AUDIO)
            self._rows = _Rows(folder / FEATURES)
            self._events = Growing(folder / EVENTS)

    def take(self, message: Message) -> Gap | None:
        """Write `message`; return a line about samples or frames that are missing before it."""
        if isinstance(message, Line):
            if isinstance(message, Hello):
                raise UserError("the board was reset while it was recorded from")
            self._detections += isinstance(message, Detect)
            if isinstance(message, ScoresLine):
                self._hop_end = message.t_ms, self._rows.count
            self._write(message)
            return None
        values = np.frombuffer(message.data[: len(message.data) // 2 * 2], "<i2")
        with disk_errors(self.folder):
            if message.type == "P":
                return self._take_pcm(self._pcm.missing(message), values)
            if message.type == "F":
                return self._take_features(self._features.missing(message), values)
        return None

    def _take_pcm(self, blocks: int, pcm: np.ndarray) -> Gap | None:
        lost = blocks * len(pcm)
        if self._wav.samples + lost + len(pcm) > MAX_SECONDS * RATE:
            raise UserError(f"a recording holds {MAX_SECONDS // 3600} hours: start another")
        at = self._wav.samples
        self._wav.write(np.concatenate([np.zeros(lost, np.int16), pcm]))
        return self._gap("samples", lost, 1000 * at // RATE)

    def _take_features(self, lost: int, row: np.ndarray) -> Gap | None:
        self._rows.write(np.concatenate([np.zeros((lost, len(row)), np.int16), row[None]]))
        return self._gap("frames", lost, 1000 * self._wav.samples // RATE)

    def _gap(self, of: str, count: int, t_ms: int) -> Gap | None:
        if not count:
            return None
        self._missing[of] += count
        told = {"event": "gap", "t_ms": t_ms, "of": of, "count": count}
        gap = Gap(event="gap", t_ms=t_ms, of=of, count=count, told=told)
        self._write(gap)
        return gap

    def _write(self, message: Line) -> None:
        with disk_errors(self.folder):
            self._events.append(json.dumps(message.told).encode() + b"\n")
        self._lines += 1

    def _save(self, ended: dict[str, Any] | None) -> None:
        text = json.dumps({**self._session, "ended": ended}, indent=2) + "\n"
        write_text(self.folder / SESSION, text)

    def finish(self, why: str) -> str:
        """Complete the files, sound and features with the last whole hop; describe them in a line.

        A board sends frames of features as they come, those of a hop before its scores.
        """
        with disk_errors(self.folder):
            self._wav.shorten(self._wav.samples // self._hop * self._hop)
            t_ms, rows = self._hop_end
            if t_ms == 1000 * self._wav.samples // RATE:
                self._rows.shorten(rows)
            seconds = self._wav.samples / RATE
            for file in (self._wav, self._rows, self._events):
                file.finish()
            self._save(
                {
                    "why": why,
                    "seconds": seconds,
                    "missing_samples": self._missing["samples"],
                    "frames": self._rows.count,
                    "missing_frames": self._missing["frames"],
                    "lines": self._lines,
                    "detections": self._detections,
                }
            )
        return (
            f"{self.folder}: {seconds:.1f} s of audio, {self._rows.count} frames of features, "
            f"{self._detections} detections; missing: {self._missing['samples']} samples, "
            f"{self._missing['frames']} frames"
        )
