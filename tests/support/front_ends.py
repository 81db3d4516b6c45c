"""Front ends and metadata for tests, valid and invalid."""

import dataclasses
import json

from otolith.compile.metadata import embed, read_metadata
from otolith.settings.features import front_end

SPECTROGRAM = front_end(kind="spectrogram")
LINEAR = front_end(kind="spectrogram", compress="linear")


def changed(settings, fe=None, **changes):
    """A copy of a front end (default: MLTK's) with some settings changed, optionally unchecked."""
    if fe is not None:
        changes["fe"] = dataclasses.replace(settings.fe, **fe)
    return dataclasses.replace(settings, **changes)


def told(tflite: bytes) -> dict:
    """A model's metadata as a JSON object."""
    return read_metadata(tflite).to_json()


def with_metadata(tflite: bytes, table: dict) -> bytes:
    """A model with this JSON object as its metadata, valid or not."""
    return embed(tflite, json.dumps(table, sort_keys=True).encode())


def gated(tflite: bytes, gate: int = 500, **detect) -> bytes:
    """A model with a gate, and other settings of the decision layer."""
    metadata = told(tflite)
    metadata["detect"] = {**metadata["detect"], "gate": gate, **detect}
    return with_metadata(tflite, metadata)
