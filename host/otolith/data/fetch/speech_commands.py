"""Google's Speech Commands: 35 words by 2,618 people, and noises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from otolith.data.fetch.base import Archive, Collection, Wanted, only_folder
from otolith.data.layouts import Item, items_of


class SpeechCommands(Collection):
    """Speakers come from the file names, sets from validation_list.txt and testing_list.txt."""

    name = "speech-commands"
    about = "105,829 clips of 35 English words, 1 s each, and minutes of noise (v0.02)"
    licence = "CC BY 4.0"
    page = "https://arxiv.org/abs/1804.03209"
    source = "torchaudio.datasets.SPEECHCOMMANDS; size: TensorFlow Datasets"
    files = (
        Archive(
            "speech_commands_v0.02.tar.gz",
            (
                "https://storage.googleapis.com/download.tensorflow.org/data/"
                "speech_commands_v0.02.tar.gz",
                "http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
            ),
            2_428_923_189,
            "sha256:af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
        ),
    )

    def items(self, folder: Path, wanted: Wanted, report: Callable[[str], None]) -> list[Item]:
        root = only_folder(folder, "validation_list.txt", "testing_list.txt")
        return items_of(root, "speech-commands", "", None, report)[0]
