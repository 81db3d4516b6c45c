"""AudioMNIST: spoken digits by 60 people."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from otolith.data.fetch.base import (
    Archive,
    Collection,
    Wanted,
    WrongArchive,
    only_folder,
    sounds_in,
)
from otolith.data.layouts import Item
from otolith.errors import shown
from otolith.untrusted import load_json, read_text

_CLIP = re.compile(r"(\d)_(\d+)_(\d+)")
_ABOUT = "audioMNIST_meta.txt"


class AudioMnist(Collection):
    """Speakers come from the file names, their gender and accent from audioMNIST_meta.txt."""

    name = "audio-mnist"
    about = "30,000 clips of the digits 0 to 9 in English by 60 speakers, 48 kHz"
    licence = "MIT"
    page = "https://github.com/soerenab/AudioMNIST"
    files = (
        Archive(
            "AudioMNIST-master.zip",
            ("https://github.com/soerenab/AudioMNIST/archive/master.zip",),
            1_000_000_000,
        ),
    )

    def takes(self, file: PurePosixPath, wanted: Wanted) -> bool:
        return "data" in file.parts

    def items(self, folder: Path, wanted: Wanted, report: Callable[[str], None]) -> list[Item]:
        root = only_folder(folder, "data") / "data"
        people = load_json(read_text(root / _ABOUT)) if (root / _ABOUT).exists() else {}
        if not isinstance(people, dict):
            raise WrongArchive(f"{_ABOUT}: no table of speakers: the archive is another data set")
        found = []
        for path in sounds_in(root, report):
            match = _CLIP.fullmatch(path.stem)
            if match is None:
                report(f"{shown(path.name)}: not named digit_speaker_take: left out")
                continue
            digit, speaker, take = match.groups()
            person = people.get(speaker)
            about = person if isinstance(person, dict) else {}
            extra = {key: str(about[key]) for key in ("gender", "accent") if about.get(key)}
            found.append(
                Item(path, digit, speaker=f"audiomnist-{speaker}", extra={"take": take, **extra})
            )
        return found
