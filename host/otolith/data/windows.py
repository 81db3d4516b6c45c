"""A spec's [data] -> network windows: PCM, label, source, for each set."""

from __future__ import annotations

import dataclasses
import os
import re
import zlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from otolith.audio import SOUNDS, read_pcm
from otolith.augment.fill import floor_noise
from otolith.data.clips import open_rows
from otolith.data.sets import assign, held_out
from otolith.data.synthetic import folder_of
from otolith.errors import UserError
from otolith.paths import test_data
from otolith.settings.spec import Spec
from otolith.synth.alarm import alarm_clip, background_clip

SETS = ("train", "validate", "test")


@dataclass
class Windows:
    """One set: int16 (count, samples), class numbers, and which clip each window is from."""

    pcm: np.ndarray
    labels: np.ndarray
    clips: np.ndarray


def _generate(job: tuple[int, int, bool, int]) -> np.ndarray:
    seed, number, is_alarm, samples = job
    rng = np.random.default_rng((seed, number))
    return alarm_clip(rng, samples) if is_alarm else background_clip(rng, samples)


def _alarm_windows(spec: Spec, progress: Callable[[str, float], None]) -> dict[str, Windows]:
    sets, samples = {}, spec.features.samples
    # Not forked: TensorFlow's threads may be running in this process.
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        for place, name in enumerate(SETS):
            count = getattr(spec.data, f"{name}_clips")
            labels = np.arange(count) % 2
            seed = spec.data.seed * len(SETS) + place
            jobs = [(seed, number, bool(label), samples) for number, label in enumerate(labels)]
            clips = np.empty((count, samples), np.int16)
            for number, clip in enumerate(pool.map(_generate, jobs, chunksize=32)):
                clips[number] = clip
                progress(f"sounds ({name})", (number + 1) / count)
            sets[name] = Windows(clips, labels, np.arange(count))
    return sets


def esc_folder(spec: Spec) -> Path:
    """Where the recordings are."""
    folder = test_data() / spec.data.path
    if not folder.is_dir():
        raise UserError(f"{folder}: no recordings there: set OTOLITH_DATA to their parent folder")
    return folder


def esc_files(spec: Spec) -> list[tuple[Path, int, int, str]]:
    """(file, class, fold, source) of an ESC layout: <class folder>/<fold>-<source>-<take>.ogg.

    A class folder may carry a number before its name; names are compared in lower case with _.
    """
    found = []
    folder = esc_folder(spec)
    for child in sorted(folder.iterdir()):
        name = re.sub(r"^\d+\s*-\s*", "", child.name).strip().lower().replace(" ", "_")
        if not child.is_dir() or name not in spec.model.classes:
            continue
        for file in sorted(child.iterdir()):
            match = re.match(r"(\d+)-([^-]+)-", file.name)
            if match and file.suffix.lower() in SOUNDS:
                found.append((file, spec.model.classes.index(name), int(match[1]), match[2]))
    for number, label in enumerate(spec.model.classes):
        if not any(entry[1] == number for entry in found):
            raise UserError(f"{folder}: no recordings of class {label}")
    return found


def _room_noise(pcm: np.ndarray, samples: int) -> np.ndarray:
    """int16 noise like the clip's quietest part, the same for the same clip."""
    rng = np.random.default_rng(zlib.crc32(np.ascontiguousarray(pcm)))
    noise = floor_noise(pcm.astype(np.float32), samples, rng)
    return np.clip(np.rint(noise), -32768, 32767).astype(np.int16)


def _cut(pcm: np.ndarray, samples: int, starts: list[int]) -> list[np.ndarray]:
    """Windows that begin at `starts`; below 0: so long before the clip does. Around a clip that is
    shorter the room it was recorded in goes on, as it does at a microphone."""
    if len(pcm) >= samples:
        return [pcm[s : s + samples] for s in starts]
    room = _room_noise(pcm, 2 * samples)
    padded = np.concatenate([room[:samples], pcm, room[samples:]])
    return [padded[s + samples : s + 2 * samples] for s in starts]


def cover(pcm: np.ndarray, samples: int) -> list[np.ndarray]:
    """Windows that a clip is judged by: they overlap by half, the last reaches its end unless next
    to nothing is left. A clip that is shorter lies in the middle of one."""
    last = len(pcm) - samples
    if last < 0:
        return _cut(pcm, samples, [last // 2])
    starts = list(range(0, last + 1, max(1, samples // 2)))
    if last - starts[-1] > samples // 8:
        starts.append(last)
    return _cut(pcm, samples, starts)


@dataclass(frozen=True)
class Recorded:
    """A sound file, its class and its set."""

    file: Path
    label: int
    set: str


def _esc_recordings(spec: Spec) -> list[Recorded]:
    data = spec.data
    files = [e for e in esc_files(spec) if e[2] in {*data.train_folds, *data.test_folds}]
    learn = [(str(label), source) for _, label, fold, source in files if fold in data.train_folds]
    kept_out = held_out(learn, data.validate_share, data.seed)

    def chosen(fold: int, source: str) -> str:
        if fold in data.test_folds:
            return "test"
        return "validate" if source in kept_out else "train"

    return [Recorded(file, label, chosen(fold, source)) for file, label, fold, source in files]


OTHERS = "unknown"  # the class that takes what the network is not to tell apart


def _dataset_recordings(spec: Spec) -> list[Recorded]:
    """What metadata.csv lists, parted as [data] split says; labels that are no class are "unknown"
    if that is one, and left out otherwise."""
    dataset = folder_of(spec)
    classes = spec.model.classes
    others = classes.index(OTHERS) if OTHERS in classes else None
    rows = open_rows(dataset).rows
    if spec.data.split != "set":  # what is left out fills no fold
        rows = [row for row in rows if others is not None or row.label in classes]
    found = []
    for row, chosen in zip(rows, assign(spec.data, rows), strict=True):
        label = classes.index(row.label) if row.label in classes else others
        if label is not None and chosen:
            found.append(Recorded(dataset / row.file, label, chosen))
    for number, name in enumerate(classes):
        count = sum(entry.label == number for entry in found)
        if count < len(SETS):
            has = f"{count} clip{'s' * (count != 1)}" if count else "no clips"
            raise UserError(
                f"{dataset}: {has} of class {name}: training, validation and test need one each: "
                f"host record {name} makes some"
            )
    return found


def recordings(spec: Spec) -> list[Recorded]:
    """The sound files of a spec whose data are recordings, in a fixed order."""
    kinds = {"esc": _esc_recordings, "dataset": _dataset_recordings}
    return kinds[spec.data.kind](spec)


def _recorded_windows(
    spec: Spec, progress: Callable[[str, float], None], clips: int | None
) -> dict[str, Windows]:
    samples, augment = spec.features.samples, spec.augment
    if spec.data.kind == "dataset":
        folder_of(spec, progress)
    files = recordings(spec)
    if clips is not None:
        seen: Counter[tuple[str, int]] = Counter()
        few = []
        for entry in files:
            seen[entry.set, entry.label] += 1
            if seen[entry.set, entry.label] <= clips:
                few.append(entry)
        files = few
    rows: dict[str, list] = {name: [] for name in SETS}
    for number, entry in enumerate(files):
        progress("recordings", (number + 1) / len(files))
        pcm = read_pcm(entry.file, resample=True)
        last = len(pcm) - samples  # below 0: the clip is shorter, and lies somewhere in its window
        if entry.set == "train":
            rng = np.random.default_rng((spec.data.seed, number))
            starts = rng.integers(min(0, last), max(0, last) + 1, augment.windows_a_clip)
            windows = [_augment(w, rng, spec) for w in _cut(pcm, samples, list(starts))]
        else:
            windows = cover(pcm, samples)
        # ESC clips are padded with digital silence: a window of it teaches nothing.
        loud = [w for w in windows if np.abs(w).max() > 30] or windows[:1]
        rows[entry.set] += [(w, entry.label, number) for w in loud]
    sets = {}
    for name, entries in rows.items():
        if not entries:
            todo = "check folds and validate_share" if spec.data.kind == "esc" else "record more"
            raise UserError(f"no recordings for the {name} set: {todo}")
        pcm, labels, clips = zip(*entries, strict=True)
        sets[name] = Windows(np.array(pcm, np.int16), np.array(labels), np.array(clips))
    return sets


def _augment(pcm: np.ndarray, rng: np.random.Generator, spec: Spec) -> np.ndarray:
    """Gain, white noise: [augment] of the spec."""
    x = pcm.astype(float)
    a = spec.augment
    if a.gain_db:
        x *= 10 ** (rng.uniform(-a.gain_db, a.gain_db) / 20)
    if a.noise_snr_db:
        rms = np.sqrt(np.mean(x * x)) + 1e-9
        snr = rng.uniform(a.noise_snr_db, a.noise_snr_db + 20)
        x += rng.normal(0, rms * 10 ** (-snr / 20), len(x))
    return np.clip(np.round(x), -32768, 32767).astype(np.int16)


def load_windows(
    spec: Spec, progress: Callable[[str, float], None], clips: int | None = None
) -> dict[str, Windows]:
    """Train, validate and test windows; `progress` gets what is done and its share, 0..1.
    clips: at most so many of a class in a set."""
    if spec.data.kind != "alarm":
        return _recorded_windows(spec, progress, clips)
    if clips is not None:
        names = [f"{name}_clips" for name in SETS]
        most = clips * len(spec.model.classes)
        few = {name: min(most, getattr(spec.data, name)) for name in names}
        spec = dataclasses.replace(spec, data=dataclasses.replace(spec.data, **few))
    return _alarm_windows(spec, progress)


def count_training(spec: Spec) -> int:
    """About how many windows there are to train on."""
    if spec.data.kind == "alarm":
        return spec.data.train_clips
    return spec.augment.windows_a_clip * sum(r.set == "train" for r in recordings(spec))
