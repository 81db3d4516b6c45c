"""`host data cut`: cuts the labelled parts of a long recording into clips."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import click
import numpy as np

from otolith.audio import RATE
from otolith.audio.reading import length_of
from otolith.audio.recordings import Span, cut_out
from otolith.data.adding import Batch, batch
from otolith.data.labels import Label, read_track
from otolith.data.metadata import SETS, Row
from otolith.data.names import as_label, folder_of
from otolith.data.options import dataset_option
from otolith.data.tracks import cut_before, source_of
from otolith.errors import UserError, shown
from otolith.progress import bar


def spans_of(label: Label, seconds: float | None, hop: float | None, total: int) -> list[Span]:
    """Decide which clips to cut for a label.

    Args:
        label: The labelled stretch.
        seconds: Length of every clip. None makes one clip of the whole stretch.
        hop: Seconds between the starts of clips in a stretch longer than a clip. None: `seconds`.
        total: Length of the recording in samples.

    Returns:
        Spans in samples at 16 kHz. For a stretch shorter than `seconds`, one span of full length
        around its middle, which takes in the sound around the label. Empty for a point without
        `seconds`.
    """
    start, stop = round(label.start * RATE), min(round(label.end * RATE), total)
    if seconds is None:
        return [Span(start, stop, label)] if stop > start else []
    size = round(seconds * RATE)
    if stop - start <= size:
        first = (start + stop - size) // 2
        first = max(0, min(first, total - size)) if total >= size else first
        return [Span(first, first + size, label)]
    step = max(1, round((hop or seconds) * RATE))
    return [Span(at, at + size, label) for at in range(start, stop - size + 1, step)]


_TRACKS = (".txt", ".TextGrid", ".csv", ".json", ".Table.1.selections.txt")


def find_track(recording: Path) -> Path:
    """Find the label file beside a recording: same name, other suffix. Raises UserError."""
    for suffix in _TRACKS:
        track = recording.with_name(recording.stem + suffix)
        if track.is_file():
            return track
    track = recording.with_suffix(".txt")
    raise UserError(f"{shown(track)}: no such label track: name one with --labels")


class Cutter:
    """Adds stretches of a recording to a batch.

    Attributes:
        source: Name of the recording in the column source, with a part of its hash.
        silent: Number of stretches left out because they are digital silence.
        counts: Number of clips of each label.
        date: Time the file was last changed, ISO 8601. Empty if its time stamp is invalid.
    """

    def __init__(self, recording: Path, to: Batch, about: dict[str, str]) -> None:
        self.source = source_of(recording)
        self.to, self.about = to, about
        self.silent = 0
        self.counts: dict[str, int] = {}
        self.date = ""
        with contextlib.suppress(ValueError, OverflowError, OSError):  # invalid time stamp
            at = datetime.fromtimestamp(recording.stat().st_mtime).astimezone()
            self.date = at.isoformat(timespec="seconds")

    def take(self, span: Span, pcm: np.ndarray) -> None:
        """Add a stretch. Its label is in span.about."""
        label: Label = span.about  # type: ignore[assignment]
        if not pcm.any():
            self.silent += 1
            return
        name = as_label(label.label)
        self.counts[name] = self.counts.get(name, 0) + 1
        start, end = span.start / RATE, span.stop / RATE
        stem = folder_of(as_label(self.source))
        row = Row(
            file=f"{folder_of(name)}/{stem}-{round(1000 * start):09}.wav",
            label=name,
            date=self.date,
            gain="0",
            source=self.source,
            extra={"start": f"{start:.4f}", "end": f"{end:.4f}"},
            **self.about,
        )
        self.to.add(pcm, row)


def _ms(seconds: float) -> int:
    return round(1000 * seconds)  # rows have four decimals: less than a sample


def _place(span: Span) -> tuple[int, int, str]:
    label: Label = span.about  # type: ignore[assignment]
    return _ms(span.start / RATE), _ms(span.stop / RATE), as_label(label.label)


@dataclass
class Cut:
    """What was cut.

    Attributes:
        counts: Number of clips of each label.
        rows: The rows of the new clips.
        already: Number of stretches left out because they were cut before.
        problems: A line for each thing that was left out.
    """

    counts: dict[str, int] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    already: int = 0
    problems: list[str] = field(default_factory=list)


def cut_labels(
    recording: Path,
    labels: Sequence[Label],
    dataset: Path,
    *,
    seconds: float | None = None,
    hop: float | None = None,
    about: dict[str, str] | None = None,
    again: bool = True,
) -> Cut:
    """Cut the labelled stretches of a recording into clips of a dataset.

    Args:
        recording: A sound file of any format.
        labels: Its labels. They become classes: "Dog bark" becomes Dog_bark.
        dataset: Folder of the dataset.
        seconds: Length of every clip, as for spans_of().
        hop: Seconds between the starts of clips, as for spans_of().
        about: Values of the columns set, speaker, note and device.
        again: Whether stretches that were cut before are cut again.

    Returns:
        What was cut. A recording that can't be read to its end is one of the problems; what was
        read before counts.

    Raises:
        UserError: The recording can't be read, or the dataset can't be written.
    """
    found = Cut()
    total = length_of(recording)
    spans: list[Span] = []
    for label in labels:
        if not as_label(label.label):
            found.problems.append(
                f"label {label.label!r} at {label.start:g} s can't be made a class: left out"
            )
            continue
        mine = spans_of(label, seconds, hop, total)
        if not mine:
            found.problems.append(f"{label.label} at {label.start:g} s is a point: give --seconds")
        spans += mine
    if not again:
        known = {(_ms(b.start), _ms(b.end), b.label) for b in cut_before(recording, dataset)}
        new = [span for span in spans if _place(span) not in known]
        found.already, spans = len(spans) - len(new), new
    with batch(dataset) as to:
        filled = {"set": "", "speaker": "", "note": "", "device": "", **(about or {})}
        cutter = Cutter(recording, to, filled)
        with bar("seconds", round(total / RATE)) as step:
            read = 0

            def progress(samples: int) -> None:
                nonlocal read
                for _ in range((read + samples) // RATE - read // RATE):
                    step()
                read += samples

            try:
                cut_out(recording, spans, cutter.take, progress)
            except UserError as error:  # keep what was read before
                found.problems.append(error.message)
        found.rows = to.save()
    found.counts = cutter.counts
    if cutter.silent:
        found.problems.append(f"{cutter.silent} stretches contain only zeros: left out")
    with contextlib.suppress(OSError):
        dataset.rmdir()  # only succeeds if nothing was added
    return found


@click.command(
    epilog="""\b
Examples:
  host data segment evening.flac -o evening.txt   find the sounds, then label them in Audacity
  host data cut evening.flac                      cut along evening.txt
  host data cut evening.flac --labels hand.txt --seconds 1 --hop 0.5 --set test"""
)
@click.argument("recording", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--labels", "track", type=click.Path(path_type=Path), help="Label file.")
@click.option("--tier", default="", help="Tier of a TextGrid. [the first with labels]")
@dataset_option
@click.option("--seconds", type=click.FloatRange(0.05, 3600), help="Length of every clip.")
@click.option(
    "--hop",
    type=click.FloatRange(0.01, 3600),
    help="Seconds between the starts of clips. [--seconds]",
)
@click.option("--set", "set_", type=click.Choice(SETS), default=None, help="Set of the clips.")
@click.option("--speaker", default="", help="Who is heard.")
@click.option("--note", default="", help="Any remark.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
def cut(
    recording: Path,
    track: Path | None,
    dataset: Path,
    seconds: float | None,
    hop: float | None,
    set_: str | None,
    speaker: str,
    note: str,
    tier: str,
    as_json: bool,
) -> None:
    """Cut the labelled parts of RECORDING into clips of a dataset.

    Labels come from Audacity, Praat (TextGrid), Raven, Label Studio (JSON) or a CSV file with
    start, end and label. Labels become classes: "Dog bark" becomes Dog_bark. The row of each clip
    says where in the recording it was cut.
    """
    if hop is not None and seconds is None:
        raise UserError("--hop goes with --seconds")
    total = length_of(recording)
    labels, problems = read_track(
        track or find_track(recording), total / RATE, recording.name, tier
    )
    about = {"set": set_ or "", "speaker": speaker, "note": note}
    found = cut_labels(recording, labels, dataset, seconds=seconds, hop=hop, about=about)
    problems += found.problems
    for problem in problems:
        click.echo(problem, err=True)
    if as_json:
        click.echo(json.dumps({"clips": found.counts, "problems": problems}))
    else:
        each = ", ".join(f"{count} {name}" for name, count in sorted(found.counts.items()))
        click.echo(f"{len(found.rows)} clips in {dataset}: {each or 'none'}")
    if problems or not found.rows:
        raise SystemExit(1)
