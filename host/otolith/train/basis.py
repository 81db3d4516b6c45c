"""What each class of a trained network rests on: takes, people, places, minutes."""

from __future__ import annotations

from pathlib import Path

from otolith.audio import RATE
from otolith.audio.reading import length_of
from otolith.data.clips import open_rows
from otolith.data.synthetic import folder_of
from otolith.data.windows import recordings
from otolith.errors import UserError
from otolith.report.results import Rests
from otolith.train.prepare import Prepared
from otolith.train.takes import learned_sets


def basis(prepared: Prepared) -> list[Rests]:
    """Counts what trained each class, and what streams the network learned to ignore."""
    spec = prepared.spec
    learned = learned_sets(spec) if prepared.takes is not None else ("train",)
    folder = folder_of(spec)
    rows = {folder / row.file: row for row in open_rows(folder).rows}
    files = [one for one in recordings(spec) if one.set in learned]
    found = []
    for number, label in enumerate(spec.model.classes):
        own = [one.file for one in files if one.label == number]
        told = [rows[file] for file in own if file in rows]
        found.append(
            Rests(
                label,
                len(own),
                round(sum(_seconds(file) for file in own) / 60, 1),
                len({row.speaker for row in told if row.speaker}),
                len({row.source for row in told if row.source}),
                len({row.device for row in told if row.device}),
            )
        )
    if prepared.takes is not None:
        for source, minutes in sorted(prepared.takes.sources.items()):
            found.append(Rests(f"streams: {source}", 0, round(minutes, 1), 0, 0, 0))
    return found


def _seconds(file: Path) -> float:
    try:
        return length_of(file) / RATE
    except UserError:
        return 0.0
