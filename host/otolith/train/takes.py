"""Learning from few takes: chooses the method and the base, and prepares takes and streams."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from otolith import paths
from otolith.audio import RATE, read_pcm
from otolith.data.sets import place
from otolith.data.streams import Stream, joined, read_negatives
from otolith.data.synthetic import is_synthetic
from otolith.data.takes import Found, check_takes, find_take
from otolith.data.unlike import UNLIKE, unlikeness
from otolith.data.windows import OTHERS, Recorded, Windows, cover, recordings
from otolith.errors import UserError
from otolith.features import extract, room_of
from otolith.settings.spec import Spec, load
from otolith.settings.train import NO_BASE
from otolith.train.examples import Examples
from otolith.train.mixes import SETTLE, Mixer, Sample, recipe
from otolith.train.negatives import GENERATED, GENERATED_S, GENERATED_SOURCE, Negatives
from otolith.train.progress import Report, silent
from otolith.train.transfer import heard_front_end
from otolith.train.weights import read_weights, weights_file

FEW = 100  # recorded takes of a class, up to which `auto` chooses this method
SOUND = "sound"  # kind of model that stands on a ready base
LEAST = 3  # different takes of a class
ENOUGH = 15  # fewer are worth a warning
ENOUGH_MINUTES = 30.0  # of recorded negatives
MOST_TESTED = 4000  # windows of the other classes
SHOWN = 1500  # negative windows that set the ranges of int8
ONE_PLACE_DB = 1.5  # spread of the takes' noise floors in one room by one microphone


def targets_of(spec: Spec) -> list[int]:
    """Numbers of the classes that make an event."""
    return [n for n, name in enumerate(spec.model.classes) if name in spec.detect.thresholds]


def others_of(spec: Spec) -> list[int]:
    """Numbers of the classes that never make an event."""
    return [n for n in range(len(spec.model.classes)) if n not in targets_of(spec)]


def learned_sets(spec: Spec) -> tuple[str, ...]:
    """Sets whose takes are learned from: validation keeps its own where thresholds need them."""
    return ("train",) if spec.detect.streams else ("train", "validate")


def learns_from_takes(spec: Spec) -> bool:
    """Whether a spec is trained by this method (see [train] method)."""
    train = spec.train
    if train.method != "auto":
        return train.method == "takes"
    word = spec.model.kind == "word" or (not spec.model.kind and spec.features.kind == "logmel")
    if (
        train.epochs
        or not word
        or is_synthetic(spec)
        or not others_of(spec)
        or not targets_of(spec)
    ):
        return False
    try:
        files = recordings(spec)
    except UserError:
        return False  # told where the sounds are read
    counts = Counter(one.label for one in files if one.set == "train")
    return 0 < min(counts[n] for n in targets_of(spec)) <= FEW


def resolved(spec: Spec) -> Spec:
    """A spec whose method and base are settled: no "auto", and a base by folder or none.

    A base in models/ is used for few takes, and for kind = "sound", if its architecture and
    features are the spec's.
    """
    takes = learns_from_takes(spec)
    base = spec.train.base
    if not base and (takes or spec.model.kind == SOUND):
        base = _ready_base(spec) or NO_BASE
    train = dataclasses.replace(spec.train, base=base, method="takes" if takes else "clips")
    return dataclasses.replace(spec, train=train)


def _ready_base(spec: Spec) -> str:
    """The folder of the base in models/ with a spec's architecture and features; empty: none."""
    for file in sorted(paths.MODELS.glob("base_*/**/spec.toml")):
        folder = file.parent
        try:
            base = load(folder)
            blueprint, _ = read_weights(weights_file(folder, base.model.name))
        except UserError:
            continue
        if (
            heard_front_end(base) == heard_front_end(spec)
            and blueprint.architecture == spec.model.architecture
        ):
            return str(folder)
    return ""


@dataclass(frozen=True)
class Takes:
    """What learning from few takes needs besides the sets.

    positives: int16 windows of variants by class. negatives: What the network must not answer to.
    held: Streams that have no part in training. plain: Windows of unchanged training takes by
    class. sources: Minutes of negatives by where they are from.
    """

    positives: dict[int, np.ndarray] = field(repr=False)
    negatives: Negatives = field(repr=False)
    held: list[Stream] = field(repr=False)
    plain: dict[int, np.ndarray] = field(repr=False)
    sources: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Loaded:
    """The sets as examples, the takes, the test set's sounds, and lines worth a warning."""

    train: Examples
    validate: Examples
    test: Examples
    takes: Takes
    sounds: Windows
    notes: list[str]


def load_takes(spec: Spec, progress: Report = silent, clips: int | None = None) -> Loaded:
    """Reads the takes and streams of a spec and makes variants of the takes.

    No epoch is chosen by validation, so its takes are learned from too (see `learned_sets`).

    Args:
        spec: The model's settings.
        progress: Called as the work proceeds.
        clips: At most so many clips of a class in each set; None for all.

    Raises:
        UserError: A class has too few usable takes, or no class may be answered to with silence.
    """
    classes, targets, others = spec.model.classes, targets_of(spec), others_of(spec)
    if not others:
        raise UserError(
            '[train] method = "takes" needs a class without a threshold, such as "unknown"'
        )
    files = _few(recordings(spec, progress), clips)
    notes: list[str] = []
    samples: dict[str, list[tuple[int, Sample]]] = {"learn": [], "validate": [], "test": []}
    for label in targets:
        own = [(n, one) for n, one in enumerate(files) if one.label == label]
        _read_takes(classes[label], own, samples, notes, spec)
    streams, held, sources = _streams(spec, files, others, notes, progress)
    mixer = Mixer(spec.features, streams, recipe(spec.augment.sections), classes, spec.train.seed)
    learned = [sample for _, sample in samples["learn"]]
    values, owners = mixer.variants(learned, lambda share: progress("variants of takes", share))
    labels = np.array([learned[n].label for n in owners])
    rest = classes.index(OTHERS) if OTHERS in classes else others[0]
    negatives = Negatives.cached(
        spec.features,
        streams,
        rest,
        spec.data.seed,
        lambda share: progress("negatives' features", share),
    )
    rng = np.random.default_rng((spec.train.seed, 0x5E7))
    each = max(1, SHOWN // len(negatives.classes()))
    shown = [negatives.draw(each, label, rng) for label in negatives.classes()]
    train = Examples(
        np.concatenate([values, *shown]),
        np.concatenate([labels, *(np.full(each, label) for label in negatives.classes())]),
        np.concatenate([owners, np.full(each * len(shown), -1)]),
    )
    plain = {
        label: np.array([mixer.window_of(mixer.plain(s)) for s in learned if s.label == label])
        for label in targets
    }
    test, sounds = _judged(spec, mixer, samples["test"], files, others, "test")
    validate, _ = _judged(spec, mixer, samples["validate"], files, others, "validate")
    takes = Takes(
        {label: values[labels == label] for label in targets}, negatives, held, plain, sources
    )
    return Loaded(train, validate, test, takes, sounds, notes)


def _few(files: list[Recorded], clips: int | None) -> list[Recorded]:
    """At most so many of each class and set; the others keep their places, without a set."""
    if clips is None:
        return files
    seen: Counter[tuple[str, int]] = Counter()
    found = []
    for one in files:
        seen[one.set, one.label] += 1
        few = seen[one.set, one.label] <= clips
        found.append(one if few else dataclasses.replace(one, set=""))
    return found


def _read_takes(
    name: str,
    own: Sequence[tuple[int, Recorded]],
    samples: dict[str, list[tuple[int, Sample]]],
    notes: list[str],
    spec: Spec,
) -> None:
    """Reads the takes of a class into `samples`, and notes what is wrong with them."""
    own = [(n, one) for n, one in own if one.set]
    pcms = [read_pcm(one.file, resample=True) for _, one in own]
    found = [find_take(pcm) for pcm in pcms]
    checked = check_takes(pcms, found)
    teaching = learned_sets(spec)
    learn = [i for i in checked.takes if own[i][1].set in teaching]
    count = len(own)
    if len(learn) < LEAST:
        reasons = []
        if checked.silent:
            reasons.append(f"{len(checked.silent)} of {count} clips hold no sound")
        if checked.copies:
            reasons.append(f"{len(checked.copies)} of {count} are copies of others")
        why = f" ({', '.join(reasons)})" if reasons else ""
        raise UserError(
            f"class {name}: {len(learn)} different take{'s' * (len(learn) != 1)} to learn from"
            f"{why}: record at least {LEAST}, better 20: host record {name}"
        )
    if checked.silent:
        quiet = ", ".join(own[i][1].file.name for i in checked.silent[:3])
        notes.append(
            f"class {name}: {len(checked.silent)} of {count} clips hold no sound and are left out: "
            f"{quiet}"
        )
    if checked.copies:
        notes.append(
            f"class {name}: {len(checked.copies)} of {count} takes are copies of others and are "
            "left out: alike takes teach nothing new"
        )
    if len(learn) < ENOUGH:
        notes.append(
            f"class {name} rests on {len(learn)} takes: expect it to miss many: record 20 or more"
        )
    if checked.cut > max(1, count // 5):
        notes.append(
            f"class {name}: {checked.cut} of {count} takes begin or end at full level: part of the "
            "sound may be missing"
        )
    whole = [at for at in (found[i] for i in learn) if at is not None]
    _note_place(name, [pcms[i] for i in learn], whole, notes)
    apart = unlikeness([pcms[i] for i in learn], whole)
    if apart is not None and apart > UNLIKE:
        notes.append(
            f"class {name}: the takes are as unlike each other as different words are: is the same "
            "sound in all of them? The network can't learn what they have in common"
        )
    for i in checked.takes:
        number, one = own[i]
        at = found[i]
        assert at is not None
        sample = Sample(pcms[i], at, one.label, one.weight)
        if one.set in teaching:
            samples["learn"].append((number, sample))
        if one.set != "train":
            samples[one.set].append((number, sample))
    for part in ("validate", "test"):
        if not any(sample.label == own[0][1].label for _, sample in samples[part]):
            raise UserError(f"[data]: the {part} set has no usable take of class {name}")
    longest = np.percentile([s.found.samples for _, s in samples["learn"]], 80)
    if longest > spec.features.samples * 1.3:
        notes.append(
            f"class {name}: most takes last {longest / RATE:.1f} s, the network hears "
            f"{spec.features.samples / RATE:.1f} s at a time: more [features] frames"
        )


def _note_place(
    name: str, pcms: Sequence[np.ndarray], found: Sequence[Found], notes: list[str]
) -> None:
    """Notes if the takes' backgrounds are so alike that they come from one place."""
    floors = []
    for pcm, at in zip(pcms, found, strict=True):
        around = np.concatenate([pcm[: at.start], pcm[at.end :]]).astype(np.float64)
        if len(around) >= RATE // 5:
            floors.append(10 * np.log10(max(float(np.var(around)), 1e-3)))
    if len(floors) >= 5 and float(np.std(floors)) < ONE_PLACE_DB:
        notes.append(
            f"class {name}: the background of all takes is alike: they seem to be from one place. "
            "How it hears other rooms, microphones and people is not known"
        )


def _streams(
    spec: Spec,
    files: Sequence[Recorded],
    others: Sequence[int],
    notes: list[str],
    progress: Report,
) -> tuple[list[Stream], list[Stream], dict[str, float]]:
    """Streams to learn from and streams held out, and minutes by source."""
    classes = spec.model.classes
    rest = classes.index(OTHERS) if OTHERS in classes else others[0]
    found: list[Stream] = []
    held: list[Stream] = []
    for label in others:
        for part, into in (("train", found), ("validate", held)):
            clips = [
                read_pcm(one.file, resample=True)
                for one in files
                if one.label == label and one.set == part
                for _ in range(one.weight if part == "train" else 1)
            ]
            into += joined(clips, label, f"clips of {classes[label]}")
    read, more = read_negatives(spec.data.negatives, rest, progress)
    notes += more
    share, seed = spec.data.validate_share, spec.data.seed
    for number, stream in enumerate(read):
        kept = place(f"{stream.source}:{number}", seed) < share and len(read) > 1
        (held if kept else found).append(stream)
    recorded = sum(s.seconds for s in found) / 60
    made = GENERATED * GENERATED_S / 60
    sources = {GENERATED_SOURCE: made}
    for stream in found:
        sources[stream.source] = sources.get(stream.source, 0.0) + stream.seconds / 60
    if recorded < ENOUGH_MINUTES:
        notes.append(
            f"the model stays silent on what it learned from: {recorded:.0f} minutes of recordings "
            f"and {made:.0f} minutes of generated noise. Expect false "
            "accepts in speech and music: add hours with [data] negatives = [...] (host data fetch "
            "lists data sets)"
        )
    return found, held, sources


def clip_frames(pcm: np.ndarray, spec: Spec) -> tuple[np.ndarray, np.ndarray]:
    """Windows that cover a clip, after its room: PCM (count, samples) and features."""
    front_end = spec.features
    windows = cover(pcm, front_end.samples)
    rows = []
    for piece in windows:
        heard = np.concatenate([room_of(piece, SETTLE), piece])
        rows.append(extract(heard, front_end)[-front_end.frames :])
    return np.array(windows, np.int16), np.array(rows, np.int16)


def _judged(
    spec: Spec,
    mixer: Mixer,
    samples: Sequence[tuple[int, Sample]],
    files: Sequence[Recorded],
    others: Sequence[int],
    part: str,
) -> tuple[Examples, Windows]:
    """The validation or test set: each take in the middle of a window, others from end to end."""
    values, labels, clips, pcms = [], [], [], []
    size = spec.features.samples
    for number, sample in samples:
        mix = mixer.plain(sample)
        values.append(mixer.window_of(mix))
        pcms.append(mix[-size:])
        labels.append(sample.label)
        clips.append(number)
    wanted = [(n, one) for n, one in enumerate(files) if one.set == part and one.label in others]
    for number, one in wanted:
        pcm, rows = clip_frames(read_pcm(one.file, resample=True), spec)
        values += list(rows)
        pcms += list(pcm)
        labels += [one.label] * len(rows)
        clips += [number] * len(rows)
        if len(values) > MOST_TESTED:
            break
    missing = sorted(set(others) - set(labels))
    if missing and part == "test":
        label = spec.model.classes[missing[0]]
        raise UserError(f"[data]: the {part} set has no sound of class {label}")
    examples = Examples(np.array(values, np.int16), np.array(labels), np.array(clips))
    return examples, Windows(np.array(pcms, np.int16), examples.labels, examples.clips)
