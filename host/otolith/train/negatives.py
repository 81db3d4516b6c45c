"""Negatives for learning from few takes: windows of continuous streams, drawn anew in each batch.

The front end runs through each stream once. A window is a stretch of its frames, so a noise
estimate has settled as it has on the board.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from otolith.audio import RATE
from otolith.augment.base import FULL, Stock, Take, decibels, rms
from otolith.augment.microphone import Microphone
from otolith.augment.room import Room
from otolith.augment.speed import Speed
from otolith.data.streams import Stream
from otolith.features import extract
from otolith.settings.features import FrontEnd
from otolith.synth.backgrounds import BACKGROUNDS, coloured
from otolith.train.examples import CACHE, code_digest, store

SETTLE_S = 2.0  # of a stream are heard before its first window
ANOTHER_HOURS = 1.5  # of the streams come a second time, changed
GENERATED = 60  # generated streams
GENERATED_S = 10.0
GENERATED_SOURCE = "generated noises"
NEEDS_PROGRAMS = ("speech",)  # of BACKGROUNDS: espeak-ng may be absent, and results would differ
HARD_EACH = 3000  # windows found by mining that are kept
_PIECE = 30 * RATE


def generated(seed: int, label: int) -> list[Stream]:
    """Streams of every generated background, at many levels."""
    streams = []
    names = [name for name in BACKGROUNDS if name not in NEEDS_PROGRAMS]
    for number in range(GENERATED):
        rng = np.random.default_rng((seed, number, 0x9E4E))
        name = names[number % len(names)]
        x = BACKGROUNDS[name](rng, round(GENERATED_S * RATE)) * decibels(rng.uniform(-60, -15))
        pcm = np.clip(np.rint(x * FULL), -32768, 32767).astype(np.int16)
        streams.append(Stream(pcm, label, GENERATED_SOURCE))
    return streams


def changed(streams: Sequence[Stream], seed: int) -> list[Stream]:
    """Another version of streams: other speed, microphone, room, noise and level."""
    stock = Stock([])
    tools = ((Speed(), 0.6), (Microphone(eq_db=(-8, 8)), 0.7), (Room(), 0.4))
    out: list[Stream] = []
    left = ANOTHER_HOURS * 3600 * RATE
    for number, stream in enumerate(streams):
        for start in range(0, len(stream.pcm), _PIECE):
            if left <= 0:
                return out
            piece = stream.pcm[start : start + _PIECE]
            left -= len(piece)
            rng = np.random.default_rng((seed, number, start, 0xC4A6))
            take = Take(rng, stock)
            x = piece.astype(np.float32) / np.float32(FULL)
            for tool, chance in tools:
                if rng.random() < chance:
                    resized = getattr(tool, "resized", None)
                    x = tool.apply(x, take) if resized is None else resized(x, take)
            if rng.random() < 0.5:
                noise = coloured(rng, len(x)).astype(np.float32)
                x = x + noise * np.float32(rms(x) / decibels(rng.uniform(5, 35)))
            level = rms(x)
            if level > 0:
                x = x * np.float32(decibels(rng.uniform(-44, -14)) / level)
            pcm = np.clip(np.rint(x * FULL), -32768, 32767).astype(np.int16)
            out.append(Stream(pcm, stream.label, stream.source))
    return out


@dataclass
class Negatives:
    """Windows of streams.

    frames: int16 (frames, bands) of each stream. labels: Its class. first: The first frame a window
    may begin at. sources: Where it is from.
    """

    front_end: FrontEnd
    frames: list[np.ndarray] = field(default_factory=list, repr=False)
    labels: list[int] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        front_end: FrontEnd,
        streams: Sequence[Stream],
        progress: Callable[[float], None] = lambda share: None,
    ) -> Negatives:
        """Runs the front end through streams. Those too short for a window are left out."""
        found = cls(front_end)
        lead = min(round(SETTLE_S * RATE), 64 * front_end.samples) // front_end.hop
        for number, stream in enumerate(streams):
            progress((number + 1) / len(streams))
            values = extract(stream.pcm, front_end)
            if len(values) > lead + front_end.frames:
                values = values[lead:]
            if len(values) >= front_end.frames:
                found.frames.append(values)
                found.labels.append(stream.label)
                found.sources.append(stream.source)
        return found

    @classmethod
    def cached(
        cls,
        front_end: FrontEnd,
        streams: Sequence[Stream],
        rest: int,
        seed: int,
        progress: Callable[[float], None] = lambda share: None,
    ) -> Negatives:
        """Windows of streams, of another version of the recorded ones, and of generated noises.

        The features are kept on disk: the same streams need seconds the next time.

        Args:
            front_end: Computes the features.
            streams: Recordings.
            rest: Number of the class of generated noises.
            seed: Of the changes and of the generated noises.
            progress: Called with the share done.
        """
        digest = hashlib.sha256(code_digest())
        digest.update(repr((front_end, rest, seed, GENERATED, ANOTHER_HOURS)).encode())
        for stream in streams:
            digest.update(repr((stream.label, stream.source)).encode())
            digest.update(np.ascontiguousarray(stream.pcm).data)
        file = CACHE / f"{digest.hexdigest()[:32]}.npz"
        found = _stored(file, front_end)
        if found is None:
            every = [*streams, *generated(seed, rest), *changed(streams, seed)]
            found = cls.of(front_end, every, progress)
            store(
                file,
                values=np.concatenate(found.frames),
                lengths=np.array([len(values) for values in found.frames]),
                labels=np.array(found.labels),
                sources=np.array(found.sources),
            )
        return found

    @property
    def seconds(self) -> float:
        """Length of all streams."""
        return sum(len(f) for f in self.frames) * self.front_end.hop / RATE

    def draw(self, count: int, label: int, rng: np.random.Generator) -> np.ndarray:
        """Random windows of a class: streams by length, short ones as likely as longer ones.

        Args:
            count: Windows.
            label: Number of the class.
            rng: Draws them.

        Returns:
            int16 (count, frames, bands).
        """
        numbers, shares = self._shares(label)
        chosen = rng.choice(len(numbers), count, p=shares)
        size = self.front_end.frames
        out = np.empty((count, *self.front_end.shape), np.int16)
        for row, index in enumerate(chosen):
            values = self.frames[numbers[index]]
            start = int(rng.integers(len(values) - size + 1))
            out[row] = values[start : start + size]
        return out

    def _shares(self, label: int) -> tuple[list[int], np.ndarray]:
        """Streams of a class, and the probability of each: sources of any size count by the root
        of their length, so that an hour of one does not drown minutes of another."""
        cached = self.__dict__.setdefault("_cache", {})
        if label not in cached:
            numbers = [n for n, own in enumerate(self.labels) if own == label]
            lengths = np.array([len(self.frames[n]) for n in numbers], float)
            total: dict[str, float] = {}
            for n, length in zip(numbers, lengths, strict=True):
                total[self.sources[n]] = total.get(self.sources[n], 0.0) + length
            weight = np.array(
                [
                    length / total[self.sources[n]] ** 0.5
                    for n, length in zip(numbers, lengths, strict=True)
                ]
            )
            cached[label] = numbers, weight / weight.sum()
        found: tuple[list[int], np.ndarray] = cached[label]
        return found

    def classes(self) -> list[int]:
        """Numbers of the classes that have windows."""
        return sorted(set(self.labels))

    def pieces(self, stride: int, batch: int = 1024) -> Iterator[tuple[int, np.ndarray]]:
        """Number of a stream and first frames of up to `batch` windows of it, for all windows."""
        for number, values in enumerate(self.frames):
            starts = np.arange(0, len(values) - self.front_end.frames + 1, stride)
            for at in range(0, len(starts), batch):
                yield number, starts[at : at + batch]

    def scored(
        self, score: Callable[[np.ndarray], np.ndarray], stride: int, batch: int = 1024
    ) -> tuple[np.ndarray, np.ndarray]:
        """Scores every window at a stride.

        Args:
            score: int16 windows -> (count,) how much each is like a sound that makes an event.
            stride: Frames between windows.
            batch: Windows scored at a time.

        Returns:
            (count,) scores, and (count, 2) stream and first frame of each window.
        """
        scores, places = [], []
        size = self.front_end.frames
        for number, starts in self.pieces(stride, batch):
            views = np.lib.stride_tricks.sliding_window_view(self.frames[number], size, axis=0)
            scores.append(score(views[starts].transpose(0, 2, 1)))
            places.append(np.stack([np.full(len(starts), number), starts], 1))
        if not scores:
            return np.empty(0), np.empty((0, 2), int)
        return np.concatenate(scores), np.concatenate(places)

    def at(self, places: np.ndarray) -> np.ndarray:
        """The windows at places that `scored` gave."""
        size = self.front_end.frames
        out = np.empty((len(places), *self.front_end.shape), np.int16)
        for row, (number, start) in enumerate(places):
            out[row] = self.frames[number][start : start + size]
        return out


def _stored(file: Path, front_end: FrontEnd) -> Negatives | None:
    """What `Negatives.cached` kept; None if there is nothing, or it is damaged."""
    try:
        with np.load(file) as kept:
            ends = np.cumsum(kept["lengths"])[:-1]
            frames = np.split(kept["values"], ends)
            labels = [int(label) for label in kept["labels"]]
            sources = [str(source) for source in kept["sources"]]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    return Negatives(front_end, frames, labels, sources)


@dataclass
class Hard:
    """Windows found by mining: int16 windows and the class of each."""

    values: np.ndarray
    labels: np.ndarray
    places: set[tuple[int, int]] = field(default_factory=set)

    def add(
        self, negatives: Negatives, scores: np.ndarray, places: np.ndarray, least: float
    ) -> int:
        """Takes the windows with the highest scores from `least` on; returns how many are new."""
        above = np.flatnonzero(scores >= least)
        above = above[np.argsort(-scores[above], kind="stable")][:HARD_EACH]
        chosen = [(int(places[i][0]), int(places[i][1])) for i in above]
        new = sum(place not in self.places for place in chosen)
        fresh = [place for place in chosen if place not in self.places]
        if fresh:
            at = np.array(fresh)
            self.values = np.concatenate([negatives.at(at), self.values])[: 2 * HARD_EACH]
            labels = np.array([negatives.labels[n] for n, _ in fresh], int)
            self.labels = np.concatenate([labels, self.labels])[: 2 * HARD_EACH]
            self.places.update(fresh)
        return new
