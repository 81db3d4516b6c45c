"""The public data sets, by the name that `host data fetch` calls them. One line each."""

from __future__ import annotations

import difflib
import importlib

from otolith.data.fetch.base import Collection
from otolith.errors import UserError, shown

COLLECTIONS = {
    "speech-commands": "otolith.data.fetch.speech_commands:SpeechCommands",
    "esc-50": "otolith.data.fetch.esc50:Esc50",
    "fsdd": "otolith.data.fetch.fsdd:Fsdd",
    "librispeech-train-clean-5": "otolith.data.fetch.librispeech:TrainClean5",
    "librispeech-dev-clean": "otolith.data.fetch.librispeech:DevClean",
    "librispeech-dev-clean-2": "otolith.data.fetch.librispeech:DevClean2",
    "musan": "otolith.data.fetch.musan:Musan",
    "mit-ir": "otolith.data.fetch.mit_ir:MitIr",
    "kitchen20": "otolith.data.fetch.kitchen20:Kitchen20",
    "audio-mnist": "otolith.data.fetch.audio_mnist:AudioMnist",
    "mswc": "otolith.data.fetch.mswc:Mswc",
    "piper": "otolith.data.fetch.piper:PiperVoices",
}


def find(name: str) -> Collection:
    """The data set of a name.

    Raises:
        UserError: There is none.
    """
    if name not in COLLECTIONS:
        near = difflib.get_close_matches(name, list(COLLECTIONS), 1)
        hint = f"did you mean {near[0]}?" if near else "host data fetch --list shows all"
        raise UserError(f"no data set is called {shown(name)!r}: {hint}")
    module, attribute = COLLECTIONS[name].split(":")
    made: Collection = getattr(importlib.import_module(module), attribute)()
    return made
