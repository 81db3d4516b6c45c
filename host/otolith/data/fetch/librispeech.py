"""Parts of LibriSpeech: people reading books aloud, as one long recording for each of them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import ClassVar

from otolith.audio.reading import pcm_blocks
from otolith.audio.wav import WavWriter
from otolith.data.fetch.base import Archive, Collection, Wanted, only_folder, sounds_in
from otolith.data.layouts import Item
from otolith.errors import UserError, shown

_UTTERANCE = re.compile(r"(\d+)-(\d+)-(\d+)")
_ABOUT = "SPEAKERS.TXT"


class LibriSpeech(Collection):
    """All utterances of a speaker are joined in the order of chapters and numbers.

    A detector has to keep silent on such streams, and a stream must not be torn apart between sets.
    """

    licence = "CC BY 4.0"
    part: ClassVar[str]

    def takes(self, file: PurePosixPath, wanted: Wanted) -> bool:
        return file.suffix == ".flac" or file.name == _ABOUT

    def items(self, folder: Path, wanted: Wanted, report: Callable[[str], None]) -> list[Item]:
        root = only_folder(folder, self.part)
        people = _people(root / _ABOUT)
        spoken: dict[str, list[tuple[int, int, Path]]] = defaultdict(list)
        for path in sounds_in(root / self.part, report):
            match = _UTTERANCE.fullmatch(path.stem)
            if match is None:
                report(f"{shown(path.name)}: not named speaker-chapter-number: left out")
                continue
            spoken[match[1]].append((int(match[2]), int(match[3]), path))
        joined = folder / "joined"
        joined.mkdir()
        found = []
        for speaker, utterances in sorted(spoken.items()):
            file = joined / f"{speaker}.wav"
            _join([path for _, _, path in sorted(utterances)], file, report)
            name = f"librispeech-{speaker}"
            extra = {"gender": people[speaker]} if speaker in people else {}
            found.append(Item(file, "speech", speaker=name, source=name, extra=extra))
        return found


def _join(paths: list[Path], file: Path, report: Callable[[str], None]) -> None:
    """Write recordings as one. Those that can't be read are reported."""
    writer = WavWriter(file, sync=False)
    try:
        for path in paths:
            try:
                for block in pcm_blocks(path):
                    writer.write(block)
            except UserError as error:
                report(error.message)
    finally:
        writer.close()


def _people(table: Path) -> dict[str, str]:
    """The gender of each speaker, F or M, from lines such as "14 | F | dev-clean | 8.1 | Name"."""
    if not table.exists():
        return {}
    lines = table.read_text("utf-8", "replace").splitlines()
    rows = [[field.strip() for field in line.split("|")] for line in lines if line[:1] != ";"]
    return {row[0]: row[1] for row in rows if len(row) > 2 and row[1] in ("F", "M")}


def _archive(number: int, part: str, size: int, checksum: str) -> Archive:
    path = f"resources/{number}/{part}.tar.gz"
    mirrors = ("https://www.openslr.org", "https://openslr.trmal.net", "https://us.openslr.org")
    return Archive(f"{part}.tar.gz", tuple(f"{m}/{path}" for m in mirrors), size, checksum)


class TrainClean5(LibriSpeech):
    """Part of Mini LibriSpeech."""

    name = "librispeech-train-clean-5"
    part = "train-clean-5"
    about = "5.3 h of read English, a recording for each of 28 speakers"
    page = "https://www.openslr.org/31"
    source = "md5sum.txt of openslr.org/resources/31"
    files = (_archive(31, part, 332_954_390, "md5:5df7d4e78065366204ca6845bb08f490"),)


class DevClean2(LibriSpeech):
    """Part of Mini LibriSpeech."""

    name = "librispeech-dev-clean-2"
    part = "dev-clean-2"
    about = "2 h of read English, a recording for each speaker"
    page = "https://www.openslr.org/31"
    source = "md5sum.txt of openslr.org/resources/31"
    files = (_archive(31, part, 126_046_265, "md5:6d7ab67ac6a1d2c993d050e16d61080d"),)


class DevClean(LibriSpeech):
    """The development part of LibriSpeech."""

    name = "librispeech-dev-clean"
    part = "dev-clean"
    about = "5.4 h of read English, a recording for each of 40 speakers"
    page = "https://www.openslr.org/12"
    source = "torchaudio.datasets.LIBRISPEECH"
    files = (
        _archive(
            12,
            part,
            337_926_286,
            "sha256:76f87d090650617fca0cac8f88b9416e0ebf80350acb97b343a85fa903728ab3",
        ),
    )
