"""`host data synth keyword --voices`: words by several speech engines, checked, as a dataset."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np

from otolith.audio import RATE
from otolith.data.adding import batch
from otolith.data.metadata import Row
from otolith.data.names import as_label, folder_of
from otolith.errors import UserError, shown
from otolith.farm import map_tasks
from otolith.synth.base import UNKNOWN
from otolith.synth.espeak import place
from otolith.voices import registry
from otolith.voices.alike import near_misses, phonemes
from otolith.voices.base import check_text
from otolith.voices.check import Clip, Verdict, judges, verdicts

SPEEDS = (0.75, 1.35)  # factors that are drawn
PITCHES = (0.84, 1.19)  # a quarter of an octave each way
FASTEST = 2.0
ROUNDS = 3  # in which clips that were dropped are made again with other voices
AROUND = 0.3  # share of the clips in a sentence
PAUSE = 0.15  # share of texts of several words with a pause between two of them
SENTENCES = (  # before and after the word
    *(("could you", "please"), ("I said", "to her"), ("and then", "it was late"), ("okay", "now")),
    *(("when he heard", "he left"), ("tell me about", "again"), ("well", "thank you")),
)


@dataclass(frozen=True)
class Job:
    """A clip to speak.

    Attributes:
        text: The word or words.
        label: Label of the clip.
        number: Number of the clip among those of its text.
        engine: Name of the engine.
        voice: One of its voices.
        speed: Factor on its rate.
        pitch: Factor on its frequency.
        pause: Whether there is a pause after the first word.
        sentence: What is said before and after it; empty: nothing.
        piper: More voice files for Piper.
    """

    text: str
    label: str
    number: int
    engine: str
    voice: str
    speed: float
    pitch: float
    pause: bool = False
    sentence: tuple[str, str] = ("", "")
    piper: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Spoken:
    """The result of a job: its samples, or why there are none.

    Attributes:
        pcm: The word, float32 at 16 kHz; None if the voice failed.
        around: What is said before and after it, same format.
        problem: Why the voice failed.
    """

    pcm: np.ndarray | None
    around: tuple[np.ndarray, np.ndarray] = field(
        default_factory=lambda: (np.zeros(0, np.float32), np.zeros(0, np.float32))
    )
    problem: str = ""


@dataclass(frozen=True)
class Made:
    """What was added to a dataset.

    Attributes:
        rows: The rows of the clips.
        dropped: Clips that said something else, by engine.
        warnings: One line for each engine left out, voice that failed, and text with few clips.
    """

    rows: list[Row]
    dropped: Mapping[str, int]
    warnings: list[str]


def speak(job: Job) -> Spoken:
    """Do a job. Runs in a worker."""
    registry.add_piper(job.piper)
    engine = registry.find(job.engine)
    text = job.text.replace(" ", ", ", 1) if job.pause else job.text
    try:
        word = engine.say(text, job.voice, job.speed, job.pitch)
    except UserError as error:
        return Spoken(None, problem=error.message)
    around = []
    for said in job.sentence:
        try:
            around.append(engine.say(said, job.voice, job.speed, job.pitch) if said else word[:0])
        except UserError:
            around.append(word[:0])
    return Spoken(word, (around[0], around[1]))


def plan(
    text: str,
    label: str,
    numbers: Sequence[int],
    engines: Sequence[str],
    seed: int,
    files: tuple[Path, ...],
) -> list[Job]:
    """Choose engine, voice and manner for clips of a text.

    Engines with many voices speak more often. An engine's voices take turns in random order.

    Args:
        text: What to say.
        label: Its label.
        numbers: Numbers of the clips.
        engines: Names of the engines.
        seed: The option --seed.
        files: More voice files for Piper.
    """
    rng = np.random.default_rng((seed, zlib.crc32(text.encode()), numbers[0]))
    voices = {name: rng.permutation(registry.find(name).voices()) for name in engines}
    weights = np.sqrt([len(voices[name]) for name in engines])
    turn: Counter[str] = Counter()
    jobs = []
    for number in numbers:
        name = str(rng.choice(list(engines), p=weights / weights.sum()))
        voice = str(voices[name][turn[name] % len(voices[name])])
        turn[name] += 1
        speed, pitch = rng.uniform(*SPEEDS), 2 ** rng.uniform(*np.log2(PITCHES))
        pause = " " in text and rng.random() < PAUSE
        around = SENTENCES[rng.integers(len(SENTENCES))] if rng.random() < AROUND else ("", "")
        jobs.append(
            Job(
                text,
                label,
                number,
                name,
                voice,
                round(float(speed), 3),
                round(float(pitch), 3),
                bool(pause),
                around,
                files if name == "piper" else (),
            )
        )
    return jobs


def compose(spoken: Spoken, samples: int, rng: np.random.Generator) -> np.ndarray:
    """Put a word, and what is said around it, into a clip; int16. The word stays whole."""
    assert spoken.pcm is not None
    word = spoken.pcm
    if not any(len(part) for part in spoken.around):
        return place(word, samples, rng)
    start = int(rng.integers(0, samples - len(word) + 1))
    clip = np.zeros(samples)
    clip[start : start + len(word)] = word
    before, after = spoken.around
    gaps = (rng.uniform(0.02, 0.2, 2) * RATE).astype(int)
    end = max(0, start - gaps[0])
    piece = before[len(before) - min(len(before), end) :]
    clip[end - len(piece) : end] = piece
    begin = min(samples, start + len(word) + gaps[1])
    clip[begin : begin + len(after)] += after[: samples - begin]
    return place(clip, samples, rng)


def check_clips(
    jobs: Sequence[Job], spoken: Sequence[Spoken], references: Sequence[Clip]
) -> list[Verdict | None]:
    """Verdicts for the clips that were spoken; None for the others."""
    present = [n for n, result in enumerate(spoken) if result.pcm is not None]
    clips = []
    for n in present:
        pcm = spoken[n].pcm
        assert pcm is not None
        speaker = registry.find(jobs[n].engine).speaker(jobs[n].voice)
        clips.append(Clip(jobs[n].text, speaker, jobs[n].engine, pcm))
    told: list[Verdict | None] = [None] * len(jobs)
    if clips:
        for n, verdict in zip(present, verdicts(clips, references), strict=True):
            told[n] = verdict
    return told


def write_spoken(
    words: Mapping[str, str],
    out: Path,
    count: int,
    samples: int,
    seed: int,
    voices: str,
    *,
    near: int = 0,
    check: bool = True,
    piper: Sequence[Path] = (),
    scheduler: str | None = None,
) -> Made:
    """Let speech engines say words, check what they say, and add the clips to a dataset.

    Args:
        words: The label of each word.
        out: Folder of the dataset. It is created if it does not exist.
        count: Number of clips of each word.
        samples: Length of a clip at 16 kHz.
        seed: Seed of every choice.
        voices: Names of engines with commas, or "all".
        near: Number of near misses of each word, added as "unknown", `count` clips together.
        check: Whether clips that say something else are dropped.
        piper: More voice files for Piper.
        scheduler: Address of a Dask scheduler; None: processes of this computer.

    Returns:
        What was made.

    Raises:
        UserError: No engine can be used, or none says a word. The dataset is unchanged then.
    """
    registry.add_piper(piper)
    texts = {check_text(word): label for word, label in words.items()}
    engines, warnings = registry.choose(voices)
    sounds = {text: phonemes(text) for text in texts}  # fails before anything is made
    assert all(sounds.values())
    counts = dict.fromkeys(texts, count)
    for word in list(texts) if near else []:
        others = [other for other in texts if other != word and texts[other] != UNKNOWN]
        missed = [text for text in near_misses(word, near, others) if text not in texts]
        for k, text in enumerate(missed):
            texts[text] = UNKNOWN
            counts[text] = count // len(missed) + (k < count % len(missed))
    references = judges([text for text in texts if counts[text]]) if check else []
    files = tuple(piper)
    wanted = {text: list(range(n)) for text, n in counts.items() if n}
    kept: list[tuple[Job, Spoken]] = []
    dropped: Counter[str] = Counter()
    failed: dict[str, str] = {}
    for attempt in range(ROUNDS):
        jobs = [
            job
            for text, numbers in wanted.items()
            for job in plan(text, texts[text], numbers, engines, seed + attempt * 0x10001, files)
        ]
        if not jobs:
            break
        results = list(map_tasks(speak, jobs, scheduler=scheduler, progress="speaking"))
        told = check_clips(jobs, results, references) if check else [None] * len(jobs)
        again: dict[str, list[int]] = {}
        for job, result, verdict in zip(jobs, results, told, strict=True):
            if result.pcm is None:
                failed.setdefault(f"{job.engine} {job.voice}", result.problem)
            elif verdict is not None and verdict.wrong:
                dropped[job.engine] += 1
            elif len(result.pcm) > samples:
                failed.setdefault(job.text, f"some voices need over {samples / RATE:g} s for it")
            else:
                kept.append((job, result))
                continue
            again.setdefault(job.text, []).append(job.number)
        wanted = again
    warnings += [f"{shown(who)}: {why}" for who, why in list(failed.items())[:10]]
    have = Counter(job.text for job, _ in kept)
    for text in words:
        if not have[check_text(text)]:
            why = next(iter(failed.values()), "every clip said something else")
            raise UserError(f"no voice says {shown(text)!r}: {why}")
    for text, n in counts.items():
        if have[text] < n:
            warnings.append(f"{shown(text)}: {have[text]} of {n} clips, the others said it wrong")
    return Made(_save(kept, out, samples, seed), dropped, warnings)


def _save(kept: Sequence[tuple[Job, Spoken]], out: Path, samples: int, seed: int) -> list[Row]:
    """Add clips to a dataset, all or none."""
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    with batch(out) as to:
        for job, spoken in sorted(kept, key=lambda pair: (pair[0].text, pair[0].number)):
            key = zlib.crc32(f"{job.text}/{job.engine}/{job.voice}".encode())
            rng = np.random.default_rng((seed, job.number, key))
            stem = folder_of(as_label(job.text) or job.label)
            to.add(
                compose(spoken, samples, rng),
                Row(
                    file=f"{folder_of(job.label)}/{stem}-{job.engine}-{seed}-{job.number:05}.wav",
                    label=job.label,
                    speaker=registry.find(job.engine).speaker(job.voice),
                    device=job.engine,
                    date=now,
                    gain="0",
                    note=f"{job.text}, {job.voice}, speed {job.speed:g}, pitch {job.pitch:g}",
                ),
            )
        return to.save()
