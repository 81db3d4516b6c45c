"""Front ends and metadata for tests, good ones and broken ones."""

import dataclasses
import json

from otolith.compile.metadata import embed, read_metadata
from otolith.settings.features import front_end

SPECTROGRAM = front_end(kind="spectrogram")
LINEAR = front_end(kind="spectrogram", compress="linear")


def changed(settings, fe=None, **changes):
    """A front end with other settings, checked or not. fe: of MLTK's."""
    if fe is not None:
        changes["fe"] = dataclasses.replace(settings.fe, **fe)
    return dataclasses.replace(settings, **changes)


def told(tflite: bytes) -> dict:
    """The metadata of a model as its JSON object."""
    return read_metadata(tflite).to_json()


def with_metadata(tflite: bytes, table: dict) -> bytes:
    """A model with this JSON object as its metadata, whatever it holds."""
    return embed(tflite, json.dumps(table, sort_keys=True).encode())
