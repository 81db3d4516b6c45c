"""Turns windows of PCM into features, in the chip's arithmetic.

Several threads or processes work at it, and the results are cached on disk. Augmented windows are
made in several variants, which the epochs take in turn.
"""

from __future__ import annotations

import hashlib
import os
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from otolith import paths
from otolith.augment.pipeline import Augmenter
from otolith.data.windows import Windows
from otolith.farm import map_tasks
from otolith.features import window
from otolith.files import replacing
from otolith.settings.features import FrontEnd
from otolith.settings.spec import Spec

CACHE = paths.cache(paths.TOOLS / "cache" / "features")
CACHE_BYTES = 4 << 30  # the oldest files go beyond that
_CHUNK = 256  # windows a process is given at a time


@dataclass(frozen=True)
class Examples:
    """One set of windows, or one variant of it.

    values: int16 (count, frames, bands) features. labels: (count,) class numbers. clips: (count,)
    the number of the clip each window is from.
    """

    values: np.ndarray
    labels: np.ndarray
    clips: np.ndarray

    def rows(self, kept: np.ndarray) -> Examples:
        """The windows with these indices."""
        return Examples(self.values[kept], self.labels[kept], self.clips[kept])


def code_digest() -> bytes:
    """A digest of the code that the values depend on."""
    digest = hashlib.sha256()
    host = Path(__file__).parent.parent
    for folder in (host / "augment", host / "features", paths.LIB / "features" / "src"):
        for file in sorted(folder.rglob("*.[pch]*")):
            if file.suffix in (".py", ".c", ".h"):
                digest.update(file.read_bytes())
    return digest.digest()


def _work(job: tuple) -> tuple[np.ndarray, np.ndarray]:
    pcm, labels, first, front_end, augmenter, key = job
    values = np.empty((len(pcm), *front_end.shape), np.int16)
    labels = labels.copy()
    for i, sound in enumerate(pcm):
        if augmenter is not None:
            sound, labels[i] = augmenter.audio(sound, int(labels[i]), (key[0], first + i, key[1]))
        row = window(sound, front_end)
        if augmenter is not None:
            row = augmenter.features(row, (key[0], first + i, key[1]))
        values[i] = row
    return values, labels


def store(file: Path, **arrays: np.ndarray) -> None:
    """Writes arrays to the cache, whose oldest files go beyond CACHE_BYTES.

    Errors are ignored: the values are there anyway.
    """
    try:
        with replacing(file) as temporary, temporary.open("wb") as out:
            np.savez(out, allow_pickle=False, **arrays)
        files = sorted(file.parent.glob("*.npz"), key=lambda f: f.stat().st_mtime, reverse=True)
        total = 0
        for kept in files:
            total += kept.stat().st_size
            if total > CACHE_BYTES and kept != file:
                kept.unlink(missing_ok=True)
    except Exception:  # a full disk, another process that cleans up
        file.unlink(missing_ok=True)


class Maker:
    """Computes features, with as many threads or processes as there are cores.

    Args:
        front_end: The front end.
        cache: Folder that keeps results; the oldest are deleted beyond CACHE_BYTES.
        scheduler: Address of a Dask scheduler to use instead of this computer.
    """

    def __init__(
        self, front_end: FrontEnd, cache: Path = CACHE, scheduler: str | None = None
    ) -> None:
        self.front_end, self.cache, self.scheduler = front_end, cache, scheduler
        self._code = code_digest()
        self._pool: ProcessPoolExecutor | None = None
        self._threads = ThreadPoolExecutor(os.cpu_count())

    def _file(self, windows: Windows, augmenter: Augmenter | None, key: tuple[int, int]) -> Path:
        digest = hashlib.sha256(self._code)
        digest.update(np.ascontiguousarray(windows.pcm).data)
        digest.update(np.ascontiguousarray(windows.labels).data)
        digest.update(repr(self.front_end).encode())
        if augmenter is not None:
            digest.update(repr((augmenter.settings, key)).encode())
            for sound in augmenter.stock.backgrounds:
                digest.update(np.ascontiguousarray(sound).data)
        return self.cache / f"{digest.hexdigest()[:32]}.npz"

    def make(
        self,
        windows: Windows,
        augmenter: Augmenter | None = None,
        key: tuple[int, int] = (0, 0),
        progress: Callable[[float], None] = lambda share: None,
    ) -> Examples:
        """Computes the features of windows, or takes them from the cache.

        Args:
            windows: PCM, labels and clips.
            augmenter: Changes the windows first; None leaves them as they are.
            key: Seed and number of the variant, for the augmenter.
            progress: Called with the share done, 0 to 1.
        """
        file = self._file(windows, augmenter, key)
        if file.exists():
            try:
                with np.load(file) as stored:
                    values, labels = stored["values"], stored["labels"]
                os.utime(file)
                progress(1.0)
                return Examples(values, labels, windows.clips)
            except (OSError, ValueError, KeyError, zipfile.BadZipFile):
                file.unlink(missing_ok=True)  # cut short: make it again
        count = len(windows.pcm)
        jobs = [
            (
                windows.pcm[at : at + _CHUNK],
                windows.labels[at : at + _CHUNK],
                at,
                self.front_end,
                augmenter,
                key,
            )
            for at in range(0, count, _CHUNK)
        ]
        parts = []
        for number, part in enumerate(self._map(jobs)):
            parts.append(part)
            progress((number + 1) / len(jobs))
        values = np.concatenate([v for v, _ in parts])
        labels = np.concatenate([n for _, n in parts])
        store(file, values=values, labels=labels)
        return Examples(values, labels, windows.clips)

    def _map(self, jobs: list[tuple]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        if self.scheduler is not None:
            return map_tasks(_work, jobs, scheduler=self.scheduler)
        if len(jobs) < 2:
            return map(_work, jobs)
        if jobs[0][4] is None:  # nothing but C, which runs without the interpreter's lock
            return self._threads.map(_work, jobs)
        if self._pool is None:
            # Not forked: TensorFlow's threads may be running in this process.
            self._pool = ProcessPoolExecutor(os.cpu_count(), get_context("spawn"))
        return self._pool.map(_work, jobs)

    def close(self) -> None:
        """Stops threads and processes."""
        self._threads.shutdown(cancel_futures=True)
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


class Variants:
    """Augmented training examples, epoch by epoch.

    Epoch e takes variant e modulo [train] variants. The next variant is made while the network
    trains on this one. `waited` lists how many seconds each epoch waited for its data.

    Args:
        maker: Computes the features.
        windows: The training set.
        augmenter: Changes the windows.
        spec: Seed and count of variants.
        keep: Labels -> indices of the windows that are used.
        first: The first epoch, counted from 0.
    """

    def __init__(
        self,
        maker: Maker,
        windows: Windows,
        augmenter: Augmenter,
        spec: Spec,
        keep: Callable[[np.ndarray], np.ndarray],
        first: int = 0,
    ) -> None:
        self._maker, self._windows, self._augmenter, self._spec = maker, windows, augmenter, spec
        self._keep = keep
        self._thread = ThreadPoolExecutor(1)
        self._made: dict[int, Future] = {}
        self.waited: list[float] = []
        self._ask(first % spec.train.variants)

    def _ask(self, variant: int) -> Future:
        if variant not in self._made:
            key = (self._spec.train.seed, variant)
            self._made[variant] = self._thread.submit(
                self._maker.make, self._windows, self._augmenter, key
            )
        return self._made[variant]

    def epoch(self, number: int) -> Examples:
        """Returns the examples of an epoch, counted from 0; waits for them if need be."""
        count = self._spec.train.variants
        started = time.monotonic()
        made = self._ask(number % count).result()
        self.waited.append(time.monotonic() - started)
        if (number + 1) % count not in self._made:
            self._ask((number + 1) % count)
        if number >= count - 1 and number % count in self._made and count > 2:
            self._made.pop((number - 1) % count, None)  # from the cache next time
        return made.rows(self._keep(made.labels))

    def close(self) -> None:
        """Stops making variants."""
        self._thread.shutdown(cancel_futures=True)


@dataclass
class Same:
    """The same examples in every epoch, where only their batches differ (mixup)."""

    examples: Examples

    def epoch(self, number: int) -> Examples:
        """As Variants.epoch."""
        return self.examples
