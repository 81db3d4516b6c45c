"""Augmentations applied to windows: what is drawn follows from (seed, clip, epoch) and their names
alone, so switching one off changes nothing about the others, and no worker's order matters."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from otolith.audio import RATE, SOUNDS
from otolith.augment.base import FULL, Augmentation, Stock, Take
from otolith.augment.registry import AUDIO, NAMES
from otolith.errors import UserError

FARTHEST = 0.25  # s around a window: more costs more than it gives
LIMITS = np.iinfo(np.int16)

Key = Sequence[int]


def read_folder(folder: Path) -> list[np.ndarray]:
    """Sounds below a folder, float32 at 16 kHz, in the order of their paths. UserError."""
    from otolith.audio import read_pcm

    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SOUNDS)
    if not files:
        raise UserError(f"{folder}: no sound files in it")
    return [read_pcm(file, resample=True).astype(np.float32) / np.float32(FULL) for file in files]


def _saturated(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), LIMITS.min, LIMITS.max).astype(np.int16)


class Augmenter:
    """Goes to spawned workers by pickle.

    settings: from otolith.augment.settings.parse. classes: the model's. backgrounds: int16 sounds
    at 16 kHz of any length. unknown: the name of the class for what is none of the others, or None.
    UserError if an augmentation lacks what it needs.
    """

    def __init__(
        self,
        settings: Iterable[Augmentation],
        classes: Sequence[str],
        backgrounds: Sequence[np.ndarray] = (),
        unknown: str | None = None,
    ) -> None:
        self.settings = sorted(settings, key=lambda setting: NAMES.index(setting.name))
        if unknown is not None and unknown not in classes:
            raise UserError(f"unknown = {unknown!r}: is no class of the model")
        self.stock = Stock(
            list(classes),
            [sound.astype(np.float32) / np.float32(FULL) for sound in backgrounds if len(sound)],
            None if unknown is None else list(classes).index(unknown),
        )
        for setting in self.settings:
            if folder := getattr(setting, "folder", ""):
                self._read(setting.name, folder)
            setting.check(self.stock)
        # A part of another sound beside the window must not become the one that is cropped.
        crops = any(setting.name == "crop" for setting in self.settings)
        reach = max((setting.reach_s() for setting in self.settings), default=0.0)
        self.margin = 0 if crops else round(min(reach, FARTHEST) * RATE)  # samples
        self._audio = [(s, _number(s)) for s in self.settings if s.name in AUDIO]
        self._features = [(s, _number(s)) for s in self.settings if s.name not in AUDIO]

    def _read(self, name: str, folder: str) -> None:
        from otolith.paths import test_data

        if folder not in self.stock.folders:
            try:
                self.stock.folders[folder] = read_folder(test_data() / folder)
            except UserError as error:
                raise UserError(f"[augment.{name}] folder: {error.message}") from error

    def around(
        self, pcm: np.ndarray, start: int, samples: int
    ) -> tuple[np.ndarray, tuple[int, int]]:
        """A window of a clip and what lies around it, and where the window is in that, for `audio`:
        what is shifted in, or still sounds in a room, is then the clip's own."""
        first = max(0, start - self.margin)
        return pcm[first : start + samples + self.margin], (start - first, samples)

    def _run(
        self, steps: list, x: np.ndarray, label: int, key: Key, hits: dict | None
    ) -> tuple[np.ndarray, int]:
        for setting, number in steps:
            rng = np.random.default_rng((number, *key))
            if rng.random() >= setting.probability:
                continue
            take = Take(rng, self.stock, label)
            x = setting.apply(x, take)
            label = take.label
            if hits is not None and (take.notes or setting.name != "crop"):
                hits[setting.name] = take.notes
        return x, label

    def audio(
        self,
        pcm: np.ndarray,
        label: int,
        key: Key,
        window: tuple[int, int] | None = None,
        hits: dict | None = None,
    ) -> tuple[np.ndarray, int]:
        """A window as it might have been, int16, and the number of its class.

        pcm: int16, 16 kHz. key: whole numbers from 0 up: seed, clip, epoch. window: first sample
        and length of the result, if `pcm` has more around it (see `around`).
        hits: gets what was drawn, by the name of each augmentation that was applied.
        """
        if pcm.dtype != np.int16 or pcm.ndim != 1:
            raise UserError(f"augmentations need mono int16 samples, not {pcm.dtype} {pcm.shape}")
        if len(pcm):
            x, label = self._run(
                self._audio, pcm.astype(np.float32) / np.float32(FULL), label, key, hits
            )
            pcm = _saturated(x * np.float32(FULL))
        if window is not None:
            pcm = pcm[window[0] : window[0] + window[1]]
        return pcm, label

    def features(self, values: np.ndarray, key: Key, hits: dict | None = None) -> np.ndarray:
        """Features as they might have been, int16 (frames, bands).

        Those that are never negative, as a spectrogram's, stay so. key, hits: as for `audio`.
        """
        if not self._features or not values.size:
            return values
        x, _ = self._run(self._features, values.astype(np.int32), 0, key, hits)
        out = _saturated(x)
        return np.maximum(out, 0) if values.min() >= 0 else out


def _number(setting: Augmentation) -> int:
    """What tells its draws from the others'."""
    return zlib.crc32(setting.name.encode())
