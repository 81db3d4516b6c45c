"""MIT's survey of impulse responses of everyday places."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from otolith.audio.reading import read_pcm
from otolith.audio.wav import write_wav
from otolith.data.fetch.base import FOLDER, Archive, Collection, Wanted, WrongArchive, sounds_in


class MitIr(Collection):
    """Impulse responses are no clips: they land as 16 kHz WAV files in one folder."""

    name = "mit-ir"
    about = "about 270 impulse responses of rooms and places, for [augment.impulse_response]"
    licence = "none stated; cite Traer and McDermott 2016 (doi 10.1073/pnas.1612524113)"
    page = "https://mcdermottlab.mit.edu/Reverb/IR_Survey.html"
    makes = FOLDER
    files = (
        Archive(
            "mit-ir-survey.zip",
            ("https://mcdermottlab.mit.edu/Reverb/IRMAudio/Audio.zip",),
            12_000_000,
        ),
    )

    def takes(self, file: PurePosixPath, wanted: Wanted) -> bool:
        return file.suffix.lower() == ".wav" and "__MACOSX" not in file.parts

    def place(self, folder: Path, to: Path, wanted: Wanted) -> int:
        paths = sounds_in(folder, lambda line: None)
        if not paths:
            raise WrongArchive("the archive has no sounds: it is another data set")
        for path in paths:
            write_wav(to / f"{path.stem}.wav", read_pcm(path, resample=True))
        return len(paths)
