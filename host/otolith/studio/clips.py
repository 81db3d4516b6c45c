"""What the Sounds page shows and changes: rows, findings, hints, pictures."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import numpy as np

from otolith.audio import RATE
from otolith.audio.wav import write_wav
from otolith.audio.wav_header import BadWav, Header, blocks
from otolith.data import metadata
from otolith.data.check import Finding, findings
from otolith.data.clips import is_ours, read_dataset
from otolith.data.split import split_dataset
from otolith.errors import UserError, shown
from otolith.features import extract
from otolith.files import replacing
from otolith.listen.chain import Chain
from otolith.listen.ending import ending
from otolith.settings.features import FrontEnd
from otolith.settings.filling import BACKGROUNDS
from otolith.studio import basket
from otolith.studio.answers import confined
from otolith.studio.projects import Project

GOOD_TAKES = 20  # of a sound: what a new project's README.md asks for
GOOD_MINUTES = 3.0  # of background
LEAST_S = 0.1  # of a clip that is left after a cut
MOST_PICTURE_S = 600.0
MOST_FINDINGS = 200  # that the page gets; errors come first
MOST_CLIP = 256 << 20  # bytes of a clip that is read: two hours
_HEADER_BYTES = 44

# kind of finding -> what the button does, in words. The others can only be fixed by a person.
FIXES = {
    "leak-speaker": "split again",
    "leak-source": "split again",
    "leak-duplicate": "split again",
    "no-set": "split",
    "duplicate": "remove the copies",
    "silence": "remove the silent clips",
    "missing": "remove the rows",
}


@dataclass(frozen=True)
class ClipRow:
    """A clip in the list. seconds: from the file's size."""

    file: str
    label: str
    set: str
    speaker: str
    source: str
    date: str
    seconds: float


@dataclass(frozen=True)
class ClassCount:
    """Clips and minutes of a class, and what is missing. background: it is what to ignore."""

    label: str
    clips: int
    minutes: float
    background: bool
    hint: str
    sets: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Listing:
    """The Sounds page. problems: Rows that can't be read."""

    classes: list[ClassCount]
    clips: list[ClipRow]
    problems: list[str]
    hint: str


@dataclass(frozen=True)
class Advice:
    """A finding of `host data check`, and what its button does, or ""."""

    finding: Finding
    fix: str


def _seconds(path: str) -> float:
    try:
        return max(0, os.stat(path).st_size - _HEADER_BYTES) / (2 * RATE)
    except OSError:
        return 0.0


def _hint(label: str, clips: int, minutes: float) -> str:
    if label in BACKGROUNDS:
        if not clips:
            return f"nothing yet: {GOOD_MINUTES:g} minutes are a good start"
        if minutes < GOOD_MINUTES:
            return f"{minutes:.1f} minutes: {GOOD_MINUTES:g} are a good start"
        return ""
    if not clips:
        return f"no takes yet: {GOOD_TAKES} are a good start"
    if clips < GOOD_TAKES:
        word = "take" if clips == 1 else "takes"
        return f"{clips} {word}: {GOOD_TAKES} are a good start"
    return ""


def listing(project: Project) -> Listing:
    """Rows and counts of a project's dataset.

    Raises:
        UserError: The spec or metadata.csv can't be read.
    """
    classes = list(project.spec().model.classes)
    rows = project.rows()
    top = str(project.dataset)
    found = [
        ClipRow(r.file, r.label, r.set, r.speaker, r.source, r.date, _seconds(f"{top}/{r.file}"))
        for r in rows.rows
    ]
    extra = sorted({clip.label for clip in found} - set(classes))
    counts = []
    for label in (*classes, *extra):
        mine = [clip for clip in found if clip.label == label]
        minutes = sum(clip.seconds for clip in mine) / 60
        sets = {name: sum(c.set == name for c in mine) for name in (*metadata.SETS, "")}
        hint = _hint(label, len(mine), minutes) if label in classes else "no class of the model"
        counts.append(
            ClassCount(label, len(mine), minutes, label in BACKGROUNDS, hint, sets),
        )
    return Listing(
        counts, found, rows.problems, _missing([c for c in counts if c.label in classes])
    )


def _missing(counts: list[ClassCount]) -> str:
    """What a good start still needs, in words; "" if nothing."""
    missing = []
    for count in counts:
        minutes, takes = GOOD_MINUTES - count.minutes, GOOD_TAKES - count.clips
        if count.background and minutes > 0:
            missing.append(f"{max(0.1, minutes):.1f} minutes of {count.label}")
        elif not count.background and takes > 0:
            missing.append(f"{takes} {'take' if takes == 1 else 'takes'} of {count.label}")
    return f"Still missing for a good start: {', '.join(missing)}" if missing else ""


def advice(project: Project) -> list[Advice]:
    """What `host data check` finds. Empty without clips. Raises UserError."""
    rows = project.rows()
    if not rows.rows and not rows.problems:
        return []
    found = findings(project.dataset, read_dataset(project.dataset, rows, lambda: None))
    return [Advice(finding, FIXES.get(finding.kind, "")) for finding in found]


def shown_advice(project: Project) -> list[Advice]:
    """The first findings, errors first: as many as a page shows."""
    return advice(project)[:MOST_FINDINGS]


def fix(project: Project, kind: str) -> str:
    """Do what the button of a kind of finding says.

    Returns:
        What basket.put_back() takes, or "" if nothing was removed.

    Raises:
        UserError: Only a person can fix it, or the disk can't be written.
    """
    if kind not in FIXES:
        raise UserError("only you can fix this: listen to the clips and decide")
    mine = [a.finding for a in advice(project) if a.finding.kind == kind]
    if kind.startswith("leak") or kind == "no-set":
        split_dataset(project.dataset, again=kind.startswith("leak"))
        return ""
    first = 1 if kind == "duplicate" else 0  # one of the copies stays
    gone = sorted({file for finding in mine for file in finding.files[first:]})
    return basket.remove(project, gone) if gone else ""


def pcm_of(project: Project, file: str) -> np.ndarray:
    """The samples of a clip, int16 at 16 kHz. Only the format of datasets is read.

    Raises:
        UserError: There is no such clip, or it has another format.
    """
    path = confined(project.dataset, file)
    if path.stat().st_size > MOST_CLIP:
        raise UserError(f"{shown(file)}: too long for a clip: cut it on the Label page")
    parts: list[bytes] = []
    try:
        for block in blocks(path):
            if not isinstance(block, Header):
                parts.append(block)
            elif not is_ours(block):
                raise UserError(f"{shown(file)}: {block}: host data import converts it")
    except (BadWav, OSError) as error:
        raise UserError(f"{shown(file)}: {error}") from error
    data = b"".join(parts)
    return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.int16)


def cut(project: Project, file: str, start: float, stop: float) -> str:
    """Keep a part of a clip.

    Args:
        project: The project.
        file: Path as in metadata.csv.
        start: Seconds.
        stop: Seconds.

    Returns:
        What basket.put_back() takes.

    Raises:
        UserError: Too little is left, or the disk can't be written.
    """
    pcm = pcm_of(project, file)
    first, end = max(0, round(start * RATE)), min(len(pcm), round(stop * RATE))
    if end - first < LEAST_S * RATE:
        raise UserError(f"a clip is at least {LEAST_S:g} s long: choose a longer part")
    id = basket.keep_copies(project, [file])
    path = confined(project.dataset, file)
    with metadata.lock(project.dataset), replacing(path) as temporary:
        write_wav(temporary, pcm[first:end])
    return id


def picture(pcm: np.ndarray, front_end: FrontEnd, columns: int = 0) -> bytes:
    """The chip's own features of a sound, for drawing.

    Args:
        pcm: int16 samples at 16 kHz.
        front_end: Of the spec.
        columns: Most columns; the strongest of several frames is drawn. 0 draws all.

    Returns:
        Number of frames and of bands (uint16, little endian), then a byte for each value, frame by
        frame, 0 for the lowest value in the sound and 255 for the highest.
    """
    pcm = pcm[: round(MOST_PICTURE_S * RATE)]
    values = extract(pcm, front_end).astype(np.int32)
    if columns and len(values) > columns:
        edges = np.linspace(0, len(values), columns, endpoint=False).astype(int)
        values = np.maximum.reduceat(values, edges, axis=0)
    if values.size:
        low, high = int(values.min()), int(values.max())
        values = (values - low) * 255 // max(1, high - low)
    head = np.array(values.shape, "<u2").tobytes()
    return head + values.astype(np.uint8).tobytes()


def window(pcm: np.ndarray, chain: Chain) -> bytes:
    """What a network saw of a sound: the window at which its best score was highest.

    Args:
        pcm: int16 samples at 16 kHz.
        chain: The network's.

    Returns:
        As picture(): a byte for each value of the network's input, -128 as 0.
    """
    chain.reset()
    best, found = -1, np.zeros(chain.metadata.features.shape, np.int8)
    for hop in chain.run(np.concatenate([pcm, ending(chain.metadata, pcm)])):
        if hop.scores is not None and int(hop.scores.max()) > best:
            best, found = int(hop.scores.max()), chain.window()
    head = np.array(found.shape, "<u2").tobytes()
    return head + (found.astype(np.int16) + 128).astype(np.uint8).tobytes()


def picture_of(project: Project, file: str, columns: int) -> bytes:
    """picture() of a clip with the project's front end. Raises UserError."""
    return picture(pcm_of(project, file), project.spec().features, columns)


def peaks(pcm: np.ndarray, columns: int) -> list[list[float]]:
    """The lowest and highest sample of each of some columns, -1 to 1."""
    if not len(pcm):
        return []
    edges = np.unique(np.linspace(0, len(pcm), min(columns, len(pcm)), endpoint=False).astype(int))
    pairs = np.stack([np.minimum.reduceat(pcm, edges), np.maximum.reduceat(pcm, edges)], 1)
    return [[round(float(v) / 32768, 4) for v in pair] for pair in pairs]
