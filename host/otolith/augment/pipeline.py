"""Applies augmentations to windows.

Random draws depend only on the seed, the clip, the epoch and the name of the augmentation. So the
order of worker processes does not matter, and switching off one augmentation does not change the
draws of the others.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from otolith.audio import RATE, SOUNDS, read_pcm
from otolith.augment.base import FULL, Augmentation, Stock, Take
from otolith.augment.registry import AUDIO, NAMES
from otolith.errors import UserError
from otolith.paths import test_data

FARTHEST = 0.25  # s around a window: more is not worth its cost
LIMITS = np.iinfo(np.int16)

Key = Sequence[int]


def read_folder(folder: Path) -> list[np.ndarray]:
    """Reads the sounds below a folder.

    Returns:
        float32 sounds at 16 kHz with full scale 1, sorted by path.

    Raises:
        UserError: There is no such folder or no sound in it, or a file can't be read.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SOUNDS)
    if not files:
        raise UserError(f"{folder}: no sound files in it")
    return [read_pcm(file, resample=True).astype(np.float32) / np.float32(FULL) for file in files]


def _saturated(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), LIMITS.min, LIMITS.max).astype(np.int16)


class Augmenter:
    """Applies all augmentations of a spec. It can be pickled for worker processes.

    Args:
        settings: The augmentations.
        classes: The model's classes.
        backgrounds: int16 sounds at 16 kHz of any length, to mix in.
        unknown: Name of the class for all sounds of no other class. None: there is none.

    Raises:
        UserError: An augmentation lacks something it needs.
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
        # "crop" must not pick part of another sound from the margin.
        crops = any(setting.name == "crop" for setting in self.settings)
        reach = max((setting.reach_s() for setting in self.settings), default=0.0)
        self.margin = 0 if crops else round(min(reach, FARTHEST) * RATE)  # samples
        self._audio = [(s, _number(s)) for s in self.settings if s.name in AUDIO]
        self._features = [(s, _number(s)) for s in self.settings if s.name not in AUDIO]

    def _read(self, name: str, folder: str) -> None:
        if folder not in self.stock.folders:
            try:
                self.stock.folders[folder] = read_folder(test_data() / folder)
            except UserError as error:
                raise UserError(f"[augment.{name}] folder: {error.message}") from error

    def around(
        self, pcm: np.ndarray, start: int, samples: int
    ) -> tuple[np.ndarray, tuple[int, int]]:
        """Cuts out a window of a clip, with the margin that can shift or reverberate into it.

        Args:
            pcm: int16 samples of the clip.
            start: First sample of the window.
            samples: Length of the window.

        Returns:
            The samples, and the window's position in them as (first sample, length) for `audio`.
        """
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
        """Augments one window of sound.

        Args:
            pcm: int16 samples at 16 kHz.
            label: Number of the window's class.
            key: Seed, clip and epoch, each 0 or more. The same key gives the same random draws.
            window: First sample and length of the window in `pcm`. None: all of `pcm`.
            hits: Receives the drawn values of each applied augmentation, by its name.

        Returns:
            The int16 window, and the number of its class, which "crop" may change.

        Raises:
            UserError: `pcm` is not mono int16.
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
        """Augments the features of one window.

        Args:
            values: int16 features of shape (frames, bands).
            key: As for `audio`.
            hits: As for `audio`.

        Returns:
            int16 features of the same shape. If `values` has no negative values, like those of a
            spectrogram, the result has none either.
        """
        if not self._features or not values.size:
            return values
        x, _ = self._run(self._features, values.astype(np.int32), 0, key, hits)
        out = _saturated(x)
        return np.maximum(out, 0) if values.min() >= 0 else out


def _number(setting: Augmentation) -> int:
    """A number per augmentation, so that each has its own random draws."""
    return zlib.crc32(setting.name.encode())
