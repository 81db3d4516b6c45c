"""Long recordings of a project: found, opened, labelled, cut.

A recording is a file in the project's folder recordings. Its labels stand beside it, as an Audacity
label track of the same name, where `host data cut` looks for them. What takes long is computed once
and kept in .studio/recordings: the samples as PCM, the peaks of the waveform, and the features that
the chip computes, in tiles of several resolutions.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import unicodedata
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from otolith.audio import RATE, SOUNDS, pcm_blocks
from otolith.audio.reading import length_of
from otolith.audio.wav import WavWriter
from otolith.audio.wav_header import BadWav, Header, blocks, read_header
from otolith.data.clips import is_ours
from otolith.data.cut import cut_labels, find_track
from otolith.data.labels import LONGEST, Label, format_track, read_track
from otolith.data.metadata import SETS
from otolith.data.tracks import cut_before
from otolith.errors import UserError, short, shown
from otolith.features import extract
from otolith.files import (
    disk_errors,
    make_folder,
    owner_tag,
    remove_orphans,
    write_bytes,
    write_text,
)
from otolith.progress import Step, tell
from otolith.settings.features import FrontEnd
from otolith.settings.spec import load
from otolith.studio.answers import confined
from otolith.studio.projects import STATE, Project

FOLDER = "recordings"
MOST_HOURS = 12  # of a recording; what is beyond stays out
PEAK = RATE // 100  # samples of a value of the waveform
TILE = 512  # columns of a tile
POOL = 4  # columns of a level that become one of the next
KEPT = 8  # recordings whose samples and tiles are kept
_CHUNK_S = 300  # of sound whose features are computed at a time
_LEAD_S = 20  # of sound before it: front ends follow the noise of the room
_SAMPLED_S = 40  # of sound that sets the darkest and the brightest value
MOST_LABELS = 8000
LONGEST_LABEL = 64  # characters

Options = dict[str, Any]


@dataclass(frozen=True)
class Sound:
    """The samples of an opened recording: a WAV file of 16 kHz, 16 bit, mono."""

    path: Path
    start: int  # of the samples, in bytes
    samples: int

    @classmethod
    def of(cls, path: Path) -> Sound:
        """Of a file that is ours. Raises UserError."""
        try:
            with path.open("rb") as file:
                header = read_header(file)
        except (BadWav, OSError) as error:
            raise UserError(f"{shown(path.name)}: {error}: open the recording again") from error
        if not is_ours(header):
            raise UserError(f"{shown(path.name)}: {header}: open the recording again")
        return cls(path, header.start, header.length // 2)

    def read(self, first: int, stop: int) -> np.ndarray:
        """Samples first..stop as int16; fewer at the end."""
        first, stop = max(0, first), min(stop, self.samples)
        if stop <= first:
            return np.empty(0, np.int16)
        data = np.fromfile(self.path, "<i2", stop - first, offset=self.start + 2 * first)
        return data.astype(np.int16)


@dataclass(frozen=True)
class Opened:
    """What the page needs to know of an opened recording.

    Attributes:
        seconds: Its length.
        problem: Why not all of it could be read, or "".
        columns: Columns of the finest level of the picture.
        bands: Values of a column.
        levels: Number of levels; each has POOL times fewer columns than the one before.
        rate: Columns a second of the finest level.
        picture: Which front end the picture shows: part of the tiles' addresses.
    """

    seconds: float
    problem: str
    columns: int
    bands: int
    levels: int
    rate: float
    picture: str


def folder(project: Project) -> Path:
    """The folder of a project's recordings, which may not exist yet."""
    return _folder_in(project.folder)


def _folder_in(project: Path) -> Path:
    found = project / FOLDER
    if found.is_symlink():
        raise UserError(f"{FOLDER} is a link: Studio opens only what is in the project's folder")
    return found


def find(project: Project, name: str) -> Path:
    """A recording.

    Args:
        project: The project.
        name: Its file name, as a page sent it.

    Raises:
        UserError: There is none, or the name leads elsewhere.
    """
    return find_in(project.folder, name)


def find_in(project: Path, name: str) -> Path:
    """As find(), in a project's folder."""
    if "/" in name or "\\" in name or name.startswith("."):
        raise UserError(f"{short(shown(name))}: no such recording: choose one of the list")
    if Path(name).suffix.lower() not in SOUNDS:
        raise UserError(f"{short(shown(name))} is no sound file")
    return confined(_folder_in(project), name)


def names(project: Project) -> list[str]:
    """File names of the recordings, sorted. Names that no page can show are left out."""
    top = folder(project)
    if not top.is_dir():
        return []
    return sorted(
        file.name
        for file in top.iterdir()
        if file.suffix.lower() in SOUNDS
        and not file.name.startswith(".")
        and _can_be_shown(file.name)
        and file.is_file()
        and not file.is_symlink()
    )


def _can_be_shown(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def free_name(project: Project, name: str) -> str:
    """The name that a new recording gets: its own, with a number if that is taken.

    Raises:
        UserError: It is no name of a sound file.
    """
    kept = unicodedata.normalize("NFC", name)
    stem, suffix = os.path.splitext(kept)
    if suffix.lower() not in SOUNDS:
        raise UserError(f"{short(shown(name))}: no sound file: drop WAV, FLAC, MP3, M4A, Ogg, ...")
    stem = re.sub(r"[^\w .()+-]+", "_", stem).strip(" .")[:100]
    if not stem:
        raise UserError(f"{short(shown(name))}: give the file a name first")
    top = folder(project)
    there = os.listdir(top) if top.is_dir() else []  # links and label tracks too
    taken = {Path(known).stem.casefold() for known in there}
    found, number = stem, 1
    while found.casefold() in taken:
        number += 1
        found = f"{stem}-{number}"
    return found + suffix.lower()


# ---- what is kept of a recording ----


def _kept(project: Path, path: Path) -> Path:
    """The folder of what is kept. Another one once the file has changed."""
    about = path.stat()
    text = f"{path.name}\0{about.st_size}\0{about.st_mtime_ns}"
    name = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return project / STATE / FOLDER / name


def _shown_front_end(project: Path) -> FrontEnd:
    """The front end of the picture. A range that follows each window has no place in a picture."""
    front_end = load(project).features
    return replace(front_end, compress="linear") if front_end.compress == "dynamic" else front_end


def _picture_name(front_end: FrontEnd) -> str:
    text = json.dumps(front_end.to_json(), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def opened(project: Project, name: str) -> Opened | None:
    """What is kept of a recording. None: prepare() has not seen it, or with another front end."""
    path = find(project, name)
    top = _kept(project.folder, path)
    picture = _picture_name(_shown_front_end(project.folder))
    try:
        about = json.loads((top / "about.json").read_text("utf-8"))
        drawn = json.loads((top / picture / "about.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    os.utime(top)  # used last
    return Opened(about["samples"] / RATE, about["problem"], **drawn, picture=picture)


def sound_of(project: Project, name: str) -> Path:
    """The WAV file of an opened recording, for playing. Raises UserError."""
    return prepared(project.folder, find(project, name)).path


def prepared(project: Path, path: Path) -> Sound:
    """The samples of an opened recording. Raises UserError."""
    copy = _kept(project, path) / "sound.wav"
    return Sound.of(copy if copy.exists() else path)


def peaks(project: Project, name: str) -> bytes:
    """The waveform: for each PEAK samples a byte, 255 at full scale. Raises UserError."""
    return _read(_kept(project.folder, find(project, name)) / "peaks.u8")


def tile(project: Project, name: str, picture: str, level: int, number: int) -> bytes:
    """A tile of the picture, as clips.picture() gives one.

    Args:
        project: The project.
        name: The recording.
        picture: Opened.picture.
        level: 0 has a column for each frame.
        number: Which TILE columns.

    Raises:
        UserError: There is no such tile.
    """
    top = _kept(project.folder, find(project, name)) / picture
    if not picture.isalnum() or not picture.isascii() or not (top / "about.json").is_file():
        raise UserError("the picture is not kept any more: reload the page")
    about = json.loads((top / "about.json").read_text("utf-8"))
    if not 0 <= level < about["levels"] or not 0 <= number <= about["columns"] // TILE:
        raise UserError("no such part of the picture")
    bands = about["bands"]
    data = _read(top / f"{level}.u8", number * TILE * bands, TILE * bands)
    return np.array([len(data) // bands, bands], "<u2").tobytes() + data


def _read(path: Path, start: int = 0, size: int = -1) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(size)
    except OSError as error:
        raise UserError("the recording is not open any more: reload the page") from error


# ---- jobs ----


def prepare(project: Path, options: Options) -> Options:
    """Compute what is kept of a recording. A job.

    Args:
        project: Its folder.
        options: name: The recording.
    """
    path = find_in(project, str(options["name"]))
    top = _kept(project, path)
    make_folder(top.parent)
    remove_orphans(top.parent)
    _forget(top)
    with disk_errors(top.parent):
        if not (top / "about.json").exists():
            _replace(top, lambda work: _decode(path, work))
        sound = prepared(project, path)
        front_end = _shown_front_end(project)
        picture = top / _picture_name(front_end)
        if not (picture / "about.json").exists():
            for old in top.iterdir():  # of the front end as it was before
                if old.is_dir():
                    shutil.rmtree(old, ignore_errors=True)
            _replace(picture, lambda work: _draw(sound, front_end, work))
    return {"name": path.name}


def _forget(mine: Path) -> None:
    """Remove what is kept of the recordings that were opened longest ago."""
    others = [f for f in mine.parent.iterdir() if f.is_dir() and f != mine and f.name[0] != "."]
    for old in sorted(others, key=lambda f: f.stat().st_mtime)[: -(KEPT - 1)]:
        shutil.rmtree(old, ignore_errors=True)


def _replace(target: Path, make: Any) -> None:
    """Make a folder, complete or not at all."""
    work = target.parent / f".{target.name}{owner_tag()}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        make(work)
        shutil.rmtree(target, ignore_errors=True)
        work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _own_blocks(path: Path) -> Iterator[np.ndarray] | None:
    """The samples of a WAV file that needs no decoding; None for all other files."""
    try:
        with path.open("rb") as file:
            if not is_ours(read_header(file)):
                return None
    except BadWav:
        return None
    return (np.frombuffer(b, "<i2") for b in blocks(path) if not isinstance(b, Header))


def _decode(path: Path, work: Path) -> None:
    """Write samples and peaks of a recording. A copy of a file that is ours is not made."""
    problems: list[str] = []
    most = MOST_HOURS * 3600 * RATE
    own = _own_blocks(path)
    total = min(most, length_of(path)) or 1
    writer = None if own is not None else WavWriter(work / "sound.wav", sync=False)
    rest: np.ndarray = np.empty(0, np.int16)
    samples = 0
    try:
        with (work / "peaks.u8").open("wb") as file:
            for block in own if own is not None else pcm_blocks(path, warn=problems.append):
                block = block[: most - samples]
                samples += len(block)
                if writer is not None:
                    writer.write(block)
                rest = np.concatenate([rest, block])
                whole = len(rest) // PEAK * PEAK
                file.write(_loudest(rest[:whole]))
                rest = rest[whole:]
                tell(Step("reading the recording", min(1.0, samples / total)))
                if samples >= most:
                    problems.append(f"only its first {MOST_HOURS} hours are shown")
                    break
            if len(rest):
                file.write(_loudest(np.pad(rest, (0, PEAK - len(rest)))))
    finally:
        if writer is not None:
            writer.close()
    if not samples:
        raise UserError(f"{shown(path.name)}: no samples in it")
    about = {"samples": samples, "problem": "; ".join(problems)}
    (work / "about.json").write_text(json.dumps(about), encoding="utf-8")


def _loudest(pcm: np.ndarray) -> bytes:
    if not len(pcm):
        return b""
    groups = pcm.reshape(-1, PEAK).astype(np.int32)
    loud = np.maximum(groups.max(1), -groups.min(1))
    return np.minimum(255, (loud * 255 + 32767) // 32768).astype(np.uint8).tobytes()


def _limits(sound: Sound, front_end: FrontEnd) -> tuple[int, int]:
    """The darkest and the brightest value, from parts of the whole recording."""
    piece = max(RATE, front_end.samples)
    count = max(1, _SAMPLED_S * RATE // piece)
    starts = np.linspace(0, max(0, sound.samples - piece), count).astype(int)
    parts = [extract(sound.read(int(s), int(s) + piece), front_end) for s in np.unique(starts)]
    values = np.concatenate([p.ravel() for p in parts])
    if not len(values):
        return 0, 1
    low, high = np.percentile(values, [2, 99.9])
    return int(low), max(int(high), int(low) + 1)


def _draw(sound: Sound, front_end: FrontEnd, work: Path) -> None:
    """Write the picture in all resolutions, a byte for each value."""
    hop, bands = front_end.hop, front_end.bands
    total = front_end.frames_in(sound.samples)
    low, high = _limits(sound, front_end)
    step, lead = max(1, _CHUNK_S * RATE // hop), _LEAD_S * RATE // hop
    levels = 1
    while total > TILE * POOL ** (levels - 1):
        levels += 1
    pooled: list[list[np.ndarray]] = [[] for _ in range(levels)]
    rests: list[np.ndarray] = [np.empty((0, bands), np.uint8) for _ in range(levels)]
    with (work / "0.u8").open("wb") as file:
        for first in range(0, total, step):
            tell(Step("computing the chip's spectrogram", first / max(1, total)))
            stop = min(total, first + step)
            before = min(first, lead)
            pcm = sound.read((first - before) * hop, (stop - 1) * hop + front_end.window)
            values = extract(pcm, front_end)[before : before + stop - first].astype(np.int32)
            column = (np.clip((values - low) * 255 // (high - low), 0, 255)).astype(np.uint8)
            file.write(column.tobytes())
            last = stop == total
            for level in range(1, levels):
                rests[level] = np.concatenate([rests[level], column])
                whole = len(rests[level]) // POOL * POOL
                column = rests[level][:whole].reshape(-1, POOL, bands).max(1)
                rests[level] = rests[level][whole:]
                if last and len(rests[level]):
                    column = np.concatenate([column, rests[level].max(0, keepdims=True)])
                pooled[level].append(column)
    for level in range(1, levels):
        (work / f"{level}.u8").write_bytes(b"".join(part.tobytes() for part in pooled[level]))
    rate = front_end.sample_rate / hop
    about = {"columns": total, "bands": bands, "levels": levels, "rate": rate}
    (work / "about.json").write_text(json.dumps(about), encoding="utf-8")


def cut(project: Path, options: Options) -> Options:
    """Cut the saved labels of a recording into the dataset, as `host data cut` does. A job.

    Args:
        project: Its folder.
        options: name: The recording. seconds: Of every clip, or None for the labels' own lengths.
            hop, set, speaker: As for `host data cut`.
    """
    path = find_in(project, str(options["name"]))
    labels, _ = saved(path)
    if not labels:
        raise UserError("no labels yet: draw one, or let Studio suggest some")
    set_ = str(options.get("set") or "")
    if set_ and set_ not in SETS:
        raise UserError(f"set: one of {', '.join(SETS)}")
    done = cut_labels(
        path,
        labels,
        project / "dataset",
        seconds=options.get("seconds") or None,
        hop=options.get("hop") or None,
        about={"set": set_, "speaker": str(options.get("speaker") or "")},
        again=False,
    )
    return {
        "clips": len(done.rows),
        "counts": done.counts,
        "already": done.already,
        "problems": done.problems,
    }


# ---- labels ----


def track_of(path: Path) -> Path:
    """Where the labels of a recording are saved."""
    return path.with_suffix(".txt")


def _version(path: Path) -> str:
    """Which state of the labels this is. "" without a track."""
    try:
        return hashlib.sha256(track_of(path).read_bytes()).hexdigest()[:16]
    except OSError:
        return ""


def saved(path: Path) -> tuple[list[Label], list[str]]:
    """The labels that stand beside a recording, and what is wrong with them. None: no labels."""
    try:
        track = find_track(path)
    except UserError:
        return [], []
    if track.is_symlink():
        raise UserError(f"{shown(track.name)} is a link: Studio opens only the project's files")
    return read_track(track, recording=path.name)


@dataclass(frozen=True)
class Track:
    """The labels of a recording. version: For save(). problems: What could not be read."""

    labels: list[Label]
    version: str
    problems: list[str]


def track(project: Project, name: str) -> Track:
    """The labels of a recording; before the first is saved, where its clips were cut.

    Raises:
        UserError: A file can't be read.
    """
    path = find(project, name)
    version = _version(path)
    labels, problems = saved(path)
    if not labels and not version:
        labels = cut_before(path, project.dataset)
    return Track(labels, version, problems)


def save(project: Project, name: str, labels: list[Label], version: str) -> str:
    """Save the labels of a recording, for Audacity and `host data cut`.

    Args:
        project: The project.
        name: The recording.
        labels: All labels.
        version: What track() or the last save() said.

    Returns:
        The new version.

    Raises:
        UserError: Another program, or another tab, has changed the labels meanwhile; a label is
            wrong; or the disk can't be written.
    """
    path = find(project, name)
    if len(labels) > MOST_LABELS:
        raise UserError(f"more than {MOST_LABELS} labels: cut some into the dataset first")
    for label in labels:
        text = label.label.strip()
        good = 0 <= label.start <= label.end <= LONGEST  # NaN never is
        if not good or not text or len(text) > LONGEST_LABEL or not text.isprintable():
            raise UserError("a label has no time or no name: reload the page")
    if version != _version(path):
        raise UserError("the labels were changed in another tab or program: reload the page")
    _keep_notes(track_of(path))
    ordered = sorted(labels, key=lambda one: (one.start, one.end))
    write_text(track_of(path), format_track(ordered))
    return _version(path)


def _keep_notes(track: Path) -> None:
    """Keep a copy of a text that holds more than labels: saving them would lose it."""
    kept = track.with_name(f"{track.stem}.before.txt")
    if not track.is_file() or kept.exists():
        return
    _, problems = read_track(track)
    if any(problem.endswith("passed over") for problem in problems):
        write_bytes(kept, track.read_bytes())


def read_labels(project: Project, name: str, file: Path) -> Track:
    """Read a label file of any program for a recording. Nothing is saved. Raises UserError."""
    known = opened(project, name)
    labels, problems = read_track(file, known.seconds if known else None, recording=name)
    return Track(labels, "", [problem.replace(str(file), file.name) for problem in problems])


def listing(project: Project) -> list[dict[str, Any]]:
    """The recordings of a project: name, bytes, and labels or None if they can't be read."""
    found = []
    for name in names(project):
        path = folder(project) / name
        try:
            count: int | None = len(saved(path)[0])
        except UserError:
            count = None
        found.append({"name": name, "bytes": path.stat().st_size, "labels": count})
    return found


def as_table(labels: list[Label]) -> list[dict[str, Any]]:
    """Labels for the page."""
    return [asdict(label) for label in labels]
