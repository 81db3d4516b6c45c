"""Long recordings to judge a detector on: files and folders, heard in one pass on all cores."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from otolith.audio import RATE, SOUNDS
from otolith.audio.reading import length_of, pcm_blocks, read_pcm
from otolith.augment.fill import room_tone
from otolith.data.labels import read_track
from otolith.data.metadata import NAME, load
from otolith.errors import UserError
from otolith.farm import map_tasks
from otolith.listen.chain import Chain
from otolith.listen.ending import Ending, ending, is_complete, memory_ms
from otolith.listen.heard import Heard, score
from otolith.places import local, portable

SHORT_S = 60  # files of a folder that are shorter are heard one after another
JOINED_S = 600  # as many of them as reach this length
WORTH_S = 120  # of sound: less is heard in this process, because others take a while to start

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Span:
    """A stretch of a recording that sounds like `label`; ms from the recording's start."""

    start_ms: float
    end_ms: float
    label: str


@dataclass(frozen=True)
class Source:
    """Sound that a chain hears without a break.

    files: One recording, or short ones that follow each other. track: Label track of the one
    recording; None: nothing in it should be heard. labels: What each file is in a dataset; empty
    without one. speaker: Who or what is heard, empty where nobody says.
    """

    files: tuple[Path, ...]
    track: Path | None = None
    labels: tuple[str, ...] = ()
    speaker: str = ""

    @property
    def name(self) -> str:
        """For people."""
        first = str(self.files[0])
        return first if len(self.files) == 1 else f"{first} and {len(self.files) - 1} more"


@dataclass(frozen=True)
class Stream:
    """A source that has been heard.

    heard: Its scores. spans: What should be heard in it, in the order of time. ends_ms: Where each
    of its files ends. ignored: Labels of its track that make no event, with counts. notes,
    problems: What to say about it.
    """

    source: Source
    heard: Heard = field(repr=False)
    spans: list[Span]
    ends_ms: list[float]
    ignored: dict[str, int]
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Take:
    """A clip of one class, heard with room tone before and after it."""

    file: Path
    label: str
    heard: Heard = field(repr=False)


def track_beside(recording: Path) -> Path:
    """The label track that belongs to a recording: the same name with .txt, as Audacity does."""
    return recording.with_suffix(".txt")


def sources(paths: Sequence[Path]) -> list[Source]:
    """Finds recordings.

    Args:
        paths: Sound files, folders with sound files at any depth, and datasets. A label track
            beside a file says what in it should be heard; so do the labels of a dataset. Nothing
            should be heard in any other file.

    Raises:
        UserError: A path does not exist, or holds no sound.
    """
    found: list[Source] = []
    for path in paths:
        if path.is_dir():
            found += _of_dataset(path) if (path / NAME).exists() else _of_folder(path)
        elif path.exists():
            found.append(_of_file(path))
        else:
            raise UserError(f"{path}: no such file or folder: give long recordings")
    return found


def _of_file(path: Path) -> Source:
    track = track_beside(path)
    return Source((path,), track if track.exists() else None)


def _of_folder(folder: Path) -> list[Source]:
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in SOUNDS and f.is_file())
    if not files:
        raise UserError(f"{folder}: no sound file in it: give a folder of long recordings")
    one = [_of_file(file) for file in files]
    return _joined(one)


def _of_dataset(folder: Path) -> list[Source]:
    rows = load(folder).rows
    if not rows:
        raise UserError(f"{folder}: no clip in its {NAME}: give a folder of long recordings")
    one = [Source((folder / r.file,), None, (r.label,), r.speaker) for r in rows]
    return _joined(sorted(one, key=lambda s: (s.speaker, s.files[0].parent)))


def _seconds(path: Path) -> float:
    """Length of a file; one that can't be read is told of when it is heard."""
    try:
        return length_of(path) / RATE
    except UserError:
        return 0.0


def _joined(one: Sequence[Source]) -> list[Source]:
    """Short files of a folder follow each other, so that a front end's noise estimate settles."""
    found: list[Source] = []
    group: list[Source] = []
    length = 0.0

    def end() -> None:
        nonlocal length
        if group:
            files = tuple(f for s in group for f in s.files)
            labels = tuple(name for s in group for name in s.labels)
            found.append(Source(files, group[0].track, labels, group[0].speaker))
        group.clear()
        length = 0.0

    for source in one:
        seconds = _seconds(source.files[0])
        alone = source.track is not None or not 0 < seconds < SHORT_S
        like = group and (group[0].speaker, group[0].files[0].parent, bool(group[0].labels)) == (
            source.speaker,
            source.files[0].parent,
            bool(source.labels),
        )
        if alone or not like or length + seconds > JOINED_S:
            end()
        group.append(source)
        length += seconds
        if alone:
            end()
    end()
    return found


# ---- one pass ----


@dataclass(frozen=True)
class _Job:
    model: bytes
    places: tuple[str, ...]  # of the files, for otolith.places.local()
    lead: bool  # room tone before it: a take

    @classmethod
    def of(cls, model: bytes, files: Sequence[Path], lead: bool, scheduler: str | None) -> _Job:
        """A job for this computer, or for any computer of a cluster."""
        place = portable if scheduler else str
        return cls(model, tuple(place(file) for file in files), lead)


@dataclass(frozen=True)
class _Done:
    heard: Heard | None
    ends: tuple[int, ...]  # samples heard up to the end of each file
    problems: tuple[str, ...]


@functools.lru_cache(maxsize=4)
def _chain(model: bytes) -> Chain:
    return Chain(model)


def _pass(job: _Job) -> _Done:
    """Hears the files of a job one after another; a worker's task."""
    chain = _chain(job.model)
    try:
        files = [local(place) for place in job.places]
    except UserError as error:
        return _Done(None, (), (error.message,))
    return _take(chain, files[0]) if job.lead else _stream(chain, files)


def _take(chain: Chain, file: Path) -> _Done:
    try:
        pcm = read_pcm(file, resample=True)
    except UserError as error:
        return _Done(None, (), (error.message,))
    if not len(pcm):
        return _Done(None, (), (f"{file}: no samples in it",))
    lead = room_tone(pcm, round(memory_ms(chain.metadata) * RATE / 1000))
    parts = [lead, pcm, ending(chain.metadata, pcm)]
    return _Done(score(chain, parts, len(pcm) / RATE), (len(pcm),), ())


def _stream(chain: Chain, files: Sequence[Path]) -> _Done:
    tail = Ending(chain.metadata)
    problems: list[str] = []
    ends: list[int] = []
    samples = 0

    def played() -> Iterator[np.ndarray]:
        nonlocal samples
        for file in files:
            before = samples
            try:
                for block in pcm_blocks(file):
                    samples += len(block)
                    tail.add(block)
                    yield block
                if samples == before:
                    problems.append(f"{file}: no samples in it")
            except UserError as error:
                problems.append(error.message)
            ends.append(samples)
        if not is_complete(files[-1]):
            yield tail.pcm()

    heard = score(chain, played())
    if not samples:
        return _Done(None, (), tuple(problems))
    return _Done(replace(heard, seconds=samples / RATE), tuple(ends), tuple(problems))


def _workers(jobs: Sequence[_Job], scheduler: str | None) -> int | None:
    """One where the sound is short, else as many as there are cores."""
    if scheduler:
        return None
    seconds = 0.0
    for job in jobs:
        for place in job.places:
            seconds += _seconds(Path(place))
            if seconds >= WORTH_S:
                return None
    return 1


def hear(
    model: bytes,
    found: Sequence[Source],
    labels: Sequence[str],
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> tuple[list[Stream], list[str]]:
    """Hears recordings once, on all cores.

    Args:
        model: The .tflite's bytes.
        found: The recordings.
        labels: Labels that can make an event.
        scheduler: Address of a Dask scheduler; None for this computer's cores.
        progress: Called with a text and the share done.

    Returns:
        What was heard, and what could not be read, a line each.

    Raises:
        UserError: Nothing could be read.
    """
    jobs = [_Job.of(model, source.files, False, scheduler) for source in found]
    streams: list[Stream] = []
    problems: list[str] = []
    done = map_tasks(_pass, jobs, scheduler=scheduler, workers=_workers(jobs, scheduler))
    for number, (source, result) in enumerate(zip(found, done, strict=True), 1):
        if progress:
            progress("listening", number / len(found))
        problems += result.problems
        if result.heard is not None:
            streams.append(_labelled(source, result.heard, result.ends, labels))
    if not streams:
        raise UserError(problems[0] if problems else "no recording given")
    return streams, problems


def _labelled(source: Source, heard: Heard, ends: Sequence[int], labels: Sequence[str]) -> Stream:
    ends_ms = [1000 * end / RATE for end in ends]
    if source.track is not None:
        spans, ignored, bad = truth(source.track, labels)
        notes = [line for line in bad if not line.endswith("passed over")]
        problems = [line for line in bad if line.endswith("passed over")]
        late = [s for s in spans if s.start_ms > ends_ms[-1]]
        if late:
            problems.append(f"{source.track}: {len(late)} labels start after the recording ends")
            spans = [s for s in spans if s.start_ms <= ends_ms[-1]]
        return Stream(source, heard, spans, ends_ms, ignored, notes, problems)
    spans, ignored = [], {}
    starts = [0.0, *ends_ms]
    for label, start, end in zip(source.labels, starts, ends_ms, strict=False):
        if label in labels:
            spans.append(Span(start, end, label))
    return Stream(source, heard, spans, ends_ms, ignored)


def truth(track: Path, heard: Sequence[str]) -> tuple[list[Span], dict[str, int], list[str]]:
    """Reads a label track.

    Args:
        track: The file.
        heard: Labels that can make an event.

    Returns:
        Spans of those labels, counts of the other labels, and problems, one line each.
    """
    labels, problems = read_track(track)
    spans: list[Span] = []
    ignored: dict[str, int] = {}
    for label in labels:
        if label.label in heard:
            spans.append(Span(1000 * label.start, 1000 * label.end, label.label))
        else:
            ignored[label.label] = ignored.get(label.label, 0) + 1
    spans.sort(key=lambda s: (s.start_ms, s.end_ms))
    return spans, ignored, problems


def hear_takes(
    model: bytes,
    clips: Sequence[tuple[Path, str]],
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> tuple[list[Take], list[str]]:
    """Hears clips, each with room tone before and after it, so that the chain has settled.

    Args:
        model: The .tflite's bytes.
        clips: File and label of each.
        scheduler: Address of a Dask scheduler; None for this computer's cores.
        progress: Called with a text and the share done.

    Returns:
        What was heard, and what could not be read, a line each.
    """
    jobs = [_Job.of(model, (file,), True, scheduler) for file, _ in clips]
    takes: list[Take] = []
    problems: list[str] = []
    done = map_tasks(_pass, jobs, scheduler=scheduler, workers=_workers(jobs, scheduler))
    for number, ((file, label), result) in enumerate(zip(clips, done, strict=True), 1):
        if progress:
            progress("takes", number / len(clips))
        problems += result.problems
        if result.heard is not None:
            takes.append(Take(file, label, result.heard))
    return takes, problems
